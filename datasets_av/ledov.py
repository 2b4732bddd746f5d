"""LEDOV: 538 videos of animals, people and things, with the eyes of 32 viewers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.beihang import fixations_of_rows
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.layout import subfolders, video_file
from datasets_av.matfile import mat_scalar, mat_value, read_mat
from datasets_av.split_tables import read_table
from datasets_av.video_facts import video_facts

__all__ = ["Ledov", "drop_first_centred"]

_NAME_LIST = "VideoNameList.mat"


class Ledov(Dataset):
    """LEDOV (Jiang et al., ECCV 2018).

    Cite: L. Jiang, M. Xu, T. Liu, M. Qiao, Z. Wang, "DeepVS: A Deep Learning Based Video Saliency Prediction
    Approach", ECCV 2018. Licence: free use with citation. Get it from
    github.com/remega/LEDOV-eye-tracking-database. The tree::

        VideoNameList.mat                       538 names, MATLAB v7.3
        animal_alpaca01/animal_alpaca01.mp4
                        Data.mat                struct `Data`: VideoFrames, VideoFrameRate, VideoSize (width,
                                                height), fixdata (N x 5: subject, start ms, duration ms, x, y
                                                in pixels of the video from its top left corner)

    Split: 461 train, 36 val, 41 test (`splits/ledov.csv`), by place in `VideoNameList.mat`; where that file
    is missing, recordings have no split and asking for one is an error. `category` is animal, human or
    manmade. Viewed with a Tobii TX300 from 65 cm; the screen's size is not in the release.

    A fixation is on the frames whose own stamps it covers. The authors instead count frames of 1000 / fps ms,
    from ceil(start / d) to ceil((start + duration) / d): one frame more at the start, and wrong where the
    stored rate is truncated (34 videos say 23 and 19 say 29 frames a second), which after 10 s is off by up
    to 0.4 s.

    Errata: the training list names video 538 twice (462 entries). The frames in `VideoInfo.mat` sum to
    179,275, the paper says 179,336. `animal_bat01` is listed as 640x480 at 15.2 frames a second, the paper
    says at least 720p and 24. The authors drop each viewer's first fixations near the centre cross
    (`drop_first`).
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="ledov",
        title="LEDOV",
        citation="Jiang, Xu, Liu, Qiao, Wang, DeepVS, ECCV 2018",
        licence="free use with citation",
        source="github.com/remega/LEDOV-eye-tracking-database",
        num_recordings=538,
        num_frames=179336,
        sound=True,
        sigma="33.97 px (full width at half maximum 80 px)",
    )

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        drop_first: bool = False,
    ) -> None:
        """Point at the data.

        Args:
            root: the folder whose tree the class draws.
            split: train, val or test; None for all.
            strict: raise on the first problem.
            drop_first: leave out each viewer's first fixations while they are near the centre cross, as the
                authors do; counted in `Fixations.dropped`.

        Raises:
            DatasetError: the folder holds no video with its `Data.mat`, or a split is asked for without the
            names.
        """
        super().__init__(root, split=split, strict=strict)
        self.drop_first = drop_first
        if not any((folder / "Data.mat").exists() for folder in subfolders(self.root)):
            raise DatasetError(
                f"{self.info.title}: expected videos with their `Data.mat` in {self.root} but found none; "
                f"give the folder that holds them as `root` (where to get it: {self.info.source})"
            )
        if split is not None and not (self.root / _NAME_LIST).exists():
            raise DatasetError(
                f"{self.info.title}: split {split!r} needs {self.root / _NAME_LIST}; take it from "
                f"{self.info.source}"
            )

    def _recordings(self) -> Iterator[Recording]:
        return self._usable(
            (name, split, partial(self._recording, name, split)) for name, split in self._names().items()
        )

    def _recording(self, name: str, split: Split | None) -> Recording:
        video, table = video_file(self.root / name, name), self.root / name / "Data.mat"
        return Recording(
            id=name,
            dataset=self.info.name,
            frames=video,
            num_frames=_read(table)[2],
            audio=video if video_facts(video).has_sound else None,
            split=split,
            category=name.partition("_")[0],
            load_fixations=partial(_load_fixations, video, table, self.drop_first),
        )

    def _names(self) -> dict[str, Split | None]:
        path = self.root / _NAME_LIST
        if not path.exists():
            return dict.fromkeys((folder.name for folder in subfolders(self.root)), None)
        names = mat_value(read_mat(path), "VideoNameList", path=path)
        splits = {int(row["index"]): cast(Split, row["split"]) for row in read_table("ledov")}
        if not isinstance(names, list) or len(names) != len(splits):
            found = len(names) if isinstance(names, list) else "something else"
            raise DatasetError(f"{path}: expected {len(splits)} names but found {found}; download it again")
        return {str(name): splits[index] for index, name in enumerate(names, 1)}


def drop_first_centred(
    rows: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Leave out each viewer's first fixations until one is inside the video and off the centre cross.

    Off the cross means further from the middle than height / 20 on both axes, as in the authors' demo.

    Args:
        rows: (N, 5): subject, start, duration, x, y.
        size: (height, width) of the video.

    Returns:
        The remaining rows in their order, and how many were dropped.
    """
    x, y = rows[:, 3], rows[:, 4]
    margin = round(size[0] / 20)
    inside = (x > 0) & (x < size[1]) & (y > 0) & (y < size[0])
    off_cross = inside & (np.abs(x - size[1] / 2) > margin) & (np.abs(y - size[0] / 2) > margin)
    kept = np.ones(len(rows), dtype=bool)
    for subject in np.unique(rows[:, 0]):
        own = np.flatnonzero(rows[:, 0] == subject)
        own = own[np.argsort(rows[own, 1], kind="stable")]
        begins = np.flatnonzero(off_cross[own])
        kept[own[: begins[0] if len(begins) else len(own)]] = False
    count = int((~kept).sum())
    return rows[kept], {"first fixations near the centre cross": count} if count else {}


def _load_fixations(video: Path, table: Path, drop_first: bool) -> Fixations:
    rows, size, _ = _read(table)
    dropped: Mapping[str, int] = {}
    if drop_first:
        rows, dropped = drop_first_centred(rows, size)
    return fixations_of_rows(rows, video, size, dropped=dropped)


def _read(path: Path) -> tuple[NDArray[np.float64], tuple[int, int], int]:
    """Rows (N, 5), (height, width) and the number of frames in one `Data.mat`."""
    content = read_mat(path)
    rows = np.asarray(mat_value(content, "Data", "fixdata", path=path)).astype(np.float64)
    size = np.asarray(mat_value(content, "Data", "VideoSize", path=path)).reshape(-1)
    num_frames = mat_scalar(mat_value(content, "Data", "VideoFrames", path=path))
    if rows.ndim != 2 or rows.shape[1] < 5 or len(size) != 2:
        raise DatasetError(
            f"{path}: expected `Data.fixdata` N x 5 and 2 numbers in `Data.VideoSize` but found "
            f"{rows.shape} and {len(size)}; extract it again"
        )
    return rows[:, :5], (int(size[1]), int(size[0])), int(num_frames)
