"""ETMD and SumMe with the gaze of Tsiami et al. (2019) as released: one relative position a video frame."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo, expect_in_root
from datasets_av.frame_positions import fixations_from_cube
from datasets_av.layout import video_file
from datasets_av.matfile import kept_value, mat_value
from datasets_av.split_tables import ListedVideo, chosen_videos
from datasets_av.video_facts import sound_seconds, video_facts

__all__ = ["EtmdRaw", "SummeRaw", "read_gaze"]

_TREE = ("video", "audio_mono", "eyetracking/all_videos.mat")


class _AVEyeTracking(Dataset):
    """What both sets share; they may lie in one tree.

    Attributes:
        lists: the name under which the published lists have it.
    """

    lists: ClassVar[str]

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        fold: int | None = None,
    ) -> None:
        """Point at the release.

        Args:
            root: the folder that holds `video`, `audio_mono` and `eyetracking`.
            split: train or test of the fold; None for both.
            strict: raise on the first problem instead of leaving the recording out.
            fold: 1, 2 or 3 of the lists of STAViS; None for all clips.

        Raises:
            ConfigError: an impossible fold or split.
            DatasetError: a part of the tree is missing.
        """
        super().__init__(root, split=split, strict=strict)
        self._chosen = chosen_videos(self.lists, fold, split)
        for part in _TREE:
            expect_in_root(self, part)
        self._mat = self.root / _TREE[-1]

    def _recordings(self) -> Iterator[Recording]:
        return self._usable((one.id, role, partial(self._recording, one, role)) for one, role in self._chosen)

    def _recording(self, video: ListedVideo, role: Split | None) -> Recording:
        mat_value(kept_value(self._mat, "eye_data_all"), video.id, path=self._mat)
        path = video_file(self.root / "video", video.id)
        audio = self.root / "audio_mono" / f"{video.id}.wav"
        sound_seconds(audio)
        facts = video_facts(path)
        num_frames = facts.num_frames if facts.num_frames is not None else video.num_frames
        if num_frames is None:
            raise DatasetError(
                f"{path} does not say how many frames it has; write it anew with `ffmpeg -c copy`"
            )
        return Recording(
            id=video.id,
            dataset=self.info.name,
            frames=path,
            audio=audio,
            num_frames=num_frames,
            split=role,
            load_fixations=partial(read_gaze, self._mat, video.id, facts.size, num_frames),
        )


class EtmdRaw(_AVEyeTracking):
    """ETMD with its gaze as released by Tsiami et al. (2019).

    Cite: P. Koutras, P. Maragos, Signal Processing: Image Communication 2015 (videos); A. Tsiami, P. Koutras,
    A. Katsamanis, A. Vatakis, P. Maragos, Signal Processing: Image Communication 2019 (gaze). Licence: not
    stated. Get it from the project page "aveyetracking" at NTUA. The tree, which ETMD and SumMe share::

        video/<clip>.mp4
        audio_mono/<clip>.wav
        eyetracking/all_videos.mat        eye_data_all.<clip>

    `eye_data_all.<clip>` is 3 x frames x 10 observers: x and y as fractions of the video's width and height,
    and a third row whose meaning is not documented and which is left out. It was recorded at 1000 Hz
    (EyeLink, 1600x900 screen at 90 cm), but there is one position a frame and saccades are not marked, so
    they are in. The size of the screen in centimetres is not in the release, so fixations carry no geometry.

    Errata: an older recording of gaze on ETMD (2015) is another thing; do not mix the two.
    """

    lists: ClassVar[str] = "etmd"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="etmd_raw",
        title="ETMD (release)",
        citation="Koutras, Maragos, SPIC 2015; gaze: Tsiami et al., SPIC 2019",
        licence="not stated",
        source="project page aveyetracking at NTUA",
        num_recordings=12,
        sound=True,
        sigma="no maps; choose a density recipe",
    )


class SummeRaw(_AVEyeTracking):
    """SumMe with its gaze as released by Tsiami et al. (2019).

    Cite: M. Gygli, H. Grabner, H. Riemenschneider, L. Van Gool, "Creating Summaries from User Videos", ECCV
    2014 (videos); A. Tsiami, P. Koutras, A. Katsamanis, A. Vatakis, P. Maragos, Signal Processing: Image
    Communication 2019 (gaze). Licence: not stated. Get it from the project page "aveyetracking" at NTUA. Tree
    and gaze are those of `EtmdRaw`::

        video/<clip>.mp4
        audio_mono/<clip>.wav
        eyetracking/all_videos.mat        eye_data_all.<clip>
    """

    lists: ClassVar[str] = "summe"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="summe_raw",
        title="SumMe (release)",
        citation="Gygli et al., ECCV 2014; gaze: Tsiami et al., SPIC 2019",
        licence="not stated",
        source="project page aveyetracking at NTUA",
        num_recordings=25,
        sound=True,
        sigma="no maps; choose a density recipe",
    )


def read_gaze(mat: Path, clip: str, size: tuple[int, int], num_frames: int) -> Fixations:
    """Read the gaze of one clip.

    Args:
        mat: path of `all_videos.mat`.
        clip: clip as in the file.
        size: (height, width) of the video, which turns fractions into pixels.
        num_frames: number of frames of the video; later positions are counted and dropped.

    Returns:
        One row for each observer and frame with a position in the picture; observers are numbered from 0 in
        the file's order.

    Raises:
        DatasetError: the file is missing, damaged or not as described.
    """
    cube = mat_value(kept_value(mat, "eye_data_all"), clip, path=mat)
    return fixations_from_cube(cube, size, num_frames, mat, scale=(float(size[0]), float(size[1])))
