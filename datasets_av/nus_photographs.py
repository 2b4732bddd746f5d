"""Photographs with the eyes of free viewers from Singapore's NUS VIP laboratory: OSIE, EyeCrowd, Scene."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.matfile import mat_value, read_mat
from datasets_av.photographs import Photograph, PhotographDataset, gaze_of_viewers

__all__ = ["EyeCrowd", "Osie", "Scene"]


class _NusPhotographs(PhotographDataset):
    """A set in this laboratory's form; the subclasses draw their trees."""

    gaze_file: ClassVar[str]
    splits: ClassVar[tuple[Split, ...] | None] = ()
    expects: ClassVar[tuple[str, ...]] = ("data",)

    def __init__(
        self, root: str | Path, *, split: Split | None = None, strict: bool = False, keep_first: bool = False
    ) -> None:
        """Point at the folder that holds `data/`; gaze is read here, pictures are not.

        Args:
            root: the folder.
            split: the release has none; anything but None is refused.
            strict: raise on the first missing picture.
            keep_first: keep each viewer's first fixation, which is left out by default: viewing began at a
                cross in the centre.

        Raises:
            ConfigError: a split was asked for.
            DatasetError: the .mat file is missing, damaged or of another form.
        """
        super().__init__(root, split=split, strict=strict)
        self.keep_first = keep_first
        self._gaze = list(self._read(self.root / self.gaze_file))

    @abstractmethod
    def _read(self, path: Path) -> Iterator[tuple[str, tuple[int, int], list[NDArray[np.float64]]]]:
        """Of each picture its file's name, (height, width), and (N, 2) x and y of each viewer."""

    def _photographs(self) -> Iterator[Photograph]:
        for name, size, viewers in self._gaze:
            path = self.root / "data" / "stimuli" / name
            gaze = partial(gaze_of_viewers, viewers, path, size, self.keep_first)
            yield Photograph(Path(name).stem, path, load_fixations=gaze)


class _StructPhotographs(_NusPhotographs):
    """`fixations` is a cell of structs `img` and `subjects`, the latter a cell of structs with `fix_x`,
    `fix_y` and `fix_duration`."""

    gaze_file: ClassVar[str] = "data/eye/fixations.mat"
    size: ClassVar[tuple[int, int]]

    def _read(self, path: Path) -> Iterator[tuple[str, tuple[int, int], list[NDArray[np.float64]]]]:
        for picture in _cells(mat_value(read_mat(path), "fixations", path=path)):
            viewers = [_points(viewer, path) for viewer in _cells(mat_value(picture, "subjects", path=path))]
            yield str(mat_value(picture, "img", path=path)), self.size, viewers


class Osie(_StructPhotographs):
    """OSIE: 700 photographs of everyday scenes with several objects each, 15 viewers of 3 s.

    Cite: J. Xu, M. Jiang, S. Wang, M. S. Kankanhalli, Q. Zhao, "Predicting human gaze beyond pixels", Journal
    of Vision 14(1), 2014. Licence: MIT. The tree is the repository's::

        data/eye/fixations.mat       cell of 700 structs img, subjects (15): fix_x, fix_y, fix_duration in ms
        data/stimuli/1001.jpg        to 1700.jpg, 800x600

    Positions are pixels of the picture. Viewing began at the centre: the first fixations lie there (mean .46
    and .45 of width and height, standard deviation .14 and .12) and are left out unless `keep_first`.
    """

    size: ClassVar[tuple[int, int]] = (600, 800)
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="osie",
        title="OSIE",
        citation="Xu et al., Predicting human gaze beyond pixels, J. Vision 14(1), 2014",
        licence="MIT",
        source="github.com/NUS-VIP/predicting-human-gaze-beyond-pixels",
        num_recordings=700,
        num_frames=700,
        sigma="no maps released; choose a density recipe",
    )


class EyeCrowd(_StructPhotographs):
    """EyeCrowd: 500 photographs of few to very many people, 16 viewers of 5 s.

    Cite: M. Jiang, J. Xu, Q. Zhao, "Saliency in Crowd", ECCV 2014. Licence: MIT. The tree is the
    repository's::

        data/eye/fixations.mat       cell of 500 structs as in `Osie`, 16 viewers
        data/stimuli/001.jpg         to 500.jpg, 1024x768

    Three of the 8,000 pairs of picture and viewer hold no fixation, and three fixations lie outside the
    picture. The first fixations lie at the centre (mean .48 and .44, standard deviation .12 and .10) and are
    left out unless `keep_first`.
    """

    size: ClassVar[tuple[int, int]] = (768, 1024)
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="eyecrowd",
        title="EyeCrowd",
        citation="Jiang, Xu, Zhao, Saliency in Crowd, ECCV 2014",
        licence="MIT",
        source="github.com/NUS-VIP/saliency-in-crowd",
        num_recordings=500,
        num_frames=500,
        sigma="no maps released; choose a density recipe",
    )


class Scene(_NusPhotographs):
    """Scene: 500 photographs of the SUN2012 set in 130 sizes, 12 viewers.

    Cite: H. Liang, Q. Zhao, Scene Saliency Dataset, 2015. Licence: MIT. The tree is the repository's::

        data/tidy/fixations.mat      cell of pictures x viewers (500 x 12), rows: row, column, onset s,
                                     duration s, in pixels of the picture
        data/tidy/imgInfo.mat        struct with size (500 x 2): height, width
        data/stimuli/001.jpg         to 500.jpg, in the order of the cell's rows

    The release's text says 15 viewers; the cell holds 12, and 52 of its 6,000 entries are empty. The first
    fixations lie at the centre (mean .51 and .51, standard deviation .15 and .10) and are left out unless
    `keep_first`. Half of the pictures are 256x256.
    """

    gaze_file: ClassVar[str] = "data/tidy/fixations.mat"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="scene",
        title="Scene (SUN2012)",
        citation="Liang, Zhao, Scene Saliency Dataset, 2015",
        licence="MIT",
        source="github.com/Yanakz/Scene",
        num_recordings=500,
        num_frames=500,
        sigma="no maps released; choose a density recipe",
    )

    def _read(self, path: Path) -> Iterator[tuple[str, tuple[int, int], list[NDArray[np.float64]]]]:
        sizes_path = path.with_name("imgInfo.mat")
        sizes = np.asarray(mat_value(read_mat(sizes_path), "imgInfo", "size", path=sizes_path), np.int64)
        table = _cells(mat_value(read_mat(path), "fixations", path=path))
        if sizes.ndim != 2 or sizes.shape[1] != 2 or len(table) % len(sizes):
            raise DatasetError(
                f"{path}: expected a cell of {len(sizes)} pictures x viewers, the pictures as in "
                f"{sizes_path.name}, but found {len(table)} entries; are both from one release?"
            )
        for number, (height, width) in enumerate(sizes.tolist()):
            rows = [np.asarray(entry, np.float64) for entry in table[number :: len(sizes)]]
            if any(entry.size and (entry.ndim != 2 or entry.shape[1] < 2) for entry in rows):
                raise DatasetError(
                    f"{path}: expected rows of row, column, onset and duration for picture {number + 1}; "
                    "is this the release's file?"
                )
            viewers = [entry[:, 1::-1] if entry.size else np.empty((0, 2)) for entry in rows]
            yield f"{number + 1:03d}.jpg", (height, width), viewers


def _cells(value: Any) -> list[Any]:
    """The entries of a cell array; one struct alone is a cell of one."""
    return value if isinstance(value, list) else [value]


def _points(viewer: Any, path: Path) -> NDArray[np.float64]:
    x, y = (
        np.asarray(mat_value(viewer, name, path=path), np.float64).reshape(-1) for name in ("fix_x", "fix_y")
    )
    if len(x) != len(y):
        raise DatasetError(f"{path}: expected as many `fix_x` as `fix_y` but found {len(x)} and {len(y)}")
    return np.stack([x, y], axis=1)
