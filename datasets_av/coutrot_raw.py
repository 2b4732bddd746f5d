"""Coutrot1 and Coutrot2 as released: videos, and one .mat file with the gaze of every condition."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from avsal.errors import ConfigError, DatasetError
from avsal.types import Fixations, Recording, Split
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.frame_positions import fixations_from_cube
from datasets_av.layout import video_file
from datasets_av.matfile import kept_value, mat_scalar, mat_value
from datasets_av.split_tables import ListedVideo, chosen_videos
from datasets_av.video_facts import video_facts

__all__ = ["Coutrot1Raw", "Coutrot2Raw", "read_gaze"]


class _CoutrotRaw(Dataset):
    """What both databases share; the sub-classes say where things lie.

    Attributes:
        number: of the database.
        videos: folder of the videos below the root.
        own_sound: the condition in which the videos were heard with their own sound.
        lists: the name under which the published lists have it.
    """

    number: ClassVar[int]
    videos: ClassVar[str]
    own_sound: ClassVar[str]
    lists: ClassVar[str]

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        fold: int | None = None,
        condition: str | None = None,
    ) -> None:
        """Point at the release.

        Args:
            root: the folder that holds the .mat file and the folder of videos.
            split: train or test of the fold; None for both.
            strict: raise on the first problem instead of leaving the recording out.
            fold: 1, 2 or 3 of the lists of STAViS; None for all clips.
            condition: whose gaze to read, by its name in the file; None for the videos' own sound.

        Raises:
            ConfigError: an impossible fold or split, or a condition that the file does not have.
            DatasetError: the .mat file is missing, damaged or another one.
        """
        super().__init__(root, split=split, strict=strict)
        self._fold = fold
        self._chosen = chosen_videos(self.lists, fold, split)
        self.condition = condition or self.own_sound
        self._mat = self.root / f"coutrot_database{self.number}.mat"
        self._conditions = kept_value(self._mat, f"Coutrot_Database{self.number}")
        if self.condition not in self._conditions:
            raise ConfigError(
                f"{self.info.title}: no condition {self.condition!r} in {self._mat}: expected one of "
                f"{', '.join(sorted(self._conditions))}"
            )

    def other_sounds(self) -> dict[str, Dataset]:
        """The other conditions in the file; none where this is one of them."""
        if self.condition != self.own_sound:
            return {}
        names = [name for name in sorted(self._conditions) if name != self.own_sound]
        return {
            name: type(self)(self.root, split=self.split, fold=self._fold, condition=name) for name in names
        }

    def _recordings(self) -> Iterator[Recording]:
        return self._usable((one.id, role, partial(self._recording, one, role)) for one, role in self._chosen)

    def _recording(self, video: ListedVideo, role: Split | None) -> Recording:
        clip = video.id.replace("clip", "clip_")
        info = mat_value(self._conditions, self.condition, clip, "info", path=self._mat)
        num_frames = round(mat_scalar(mat_value(info, "nframe", path=self._mat)))
        path = video_file(self.root / self.videos, clip)
        facts = video_facts(path)
        if facts.num_frames is not None and facts.num_frames != num_frames:
            self._note(
                f"{video.id}: {path} has {facts.num_frames} frames, its gaze {num_frames}; the fewer are used"
            )
            num_frames = min(num_frames, facts.num_frames)
        heard = self.condition == self.own_sound
        if heard and not facts.has_sound:
            raise DatasetError(f"{path} has no sound stream; use a video with its sound")
        return Recording(
            id=video.id,
            dataset=self.info.name,
            frames=path,
            audio=path if heard else None,
            num_frames=num_frames,
            split=role,
            category=self.condition,
            load_fixations=partial(read_gaze, self._mat, self.number, self.condition, clip, num_frames),
        )


class Coutrot1Raw(_CoutrotRaw):
    """Coutrot database 1, the release itself (Coutrot and Guyader, Journal of Vision 2014).

    Cite: A. Coutrot, N. Guyader, "How saliency, faces, and sound influence gaze in dynamic social scenes",
    Journal of Vision 14(8), 2014. Licence: not stated. Get it from A. Coutrot's page of databases. The tree::

        coutrot_database1.mat        Coutrot_Database1.<condition>.clip_K.{data, info}
        ERB3_Stimuli/clip_K.avi      720x576, 25 frames a second

    `data` is 3 x frames x observers: x, y in pixels of the video, and a third row whose meaning is not
    documented and which is left out. `info` has fps, vidwidth, vidheight, nframe. One position a frame with
    NaN where the eye was lost; saccades are not marked, so they are in.

    The same pictures were shown with several soundtracks, each to 18 observers: `condition="OriginalSounds"`
    (the default), and others whose names the file tells. The videos hold the original sound only. Gaze of
    another condition therefore comes with no sound at all (`audio` is None), never with a sound that nobody
    heard. `category` is the condition. This is the only one of the sets here in which sound was varied on
    purpose.

    Errata: another reader subtracts 20 from y without giving a reason; here y is as released.
    """

    number: ClassVar[int] = 1
    videos: ClassVar[str] = "ERB3_Stimuli"
    own_sound: ClassVar[str] = "OriginalSounds"
    lists: ClassVar[str] = "coutrot1"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="coutrot1_raw",
        title="Coutrot1 (release)",
        citation="Coutrot, Guyader, J. Vision 14(8), 2014",
        licence="not stated",
        source="A. Coutrot's page of databases, antoinecoutrot.magix.net/public/databases.html",
        num_recordings=60,
        sound=True,
        sigma="no maps; choose a density recipe",
    )


class Coutrot2Raw(_CoutrotRaw):
    """Coutrot database 2, the release itself (Coutrot and Guyader, EUSIPCO 2015).

    Cite: A. Coutrot, N. Guyader, "An efficient audiovisual saliency model to infer eye positions when looking
    at conversations", EUSIPCO 2015. Licence: not stated. Get it from A. Coutrot's page of databases. The
    tree::

        coutrot_database2.mat        Coutrot_Database2.<condition>.clip_K.{data, info}
        ERB4_Stimuli/clip_K.avi      25 frames a second

    As in `Coutrot1Raw`; the condition with the videos' own sound is called `AudioVisual`, 20 observers each.
    """

    number: ClassVar[int] = 2
    videos: ClassVar[str] = "ERB4_Stimuli"
    own_sound: ClassVar[str] = "AudioVisual"
    lists: ClassVar[str] = "coutrot2"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="coutrot2_raw",
        title="Coutrot2 (release)",
        citation="Coutrot, Guyader, EUSIPCO 2015",
        licence="not stated",
        source="A. Coutrot's page of databases, antoinecoutrot.magix.net/public/databases.html",
        num_recordings=15,
        sound=True,
        sigma="no maps; choose a density recipe",
    )


def read_gaze(mat: Path, number: int, condition: str, clip: str, num_frames: int) -> Fixations:
    """Read the gaze of one clip in one condition.

    Args:
        mat: the file of the database.
        number: number of the database, 1 or 2.
        condition: condition as in the file.
        clip: clip as in the file.
        num_frames: number of frames of the video; later positions are counted and dropped.

    Returns:
        One row for each observer and frame with a position in the picture; observers are numbered from 0 in
        the file's order.

    Raises:
        DatasetError: the file is missing, damaged or not as described.
    """
    content = mat_value(kept_value(mat, f"Coutrot_Database{number}"), condition, clip, path=mat)
    info = mat_value(content, "info", path=mat)
    width, height = (round(mat_scalar(mat_value(info, name, path=mat))) for name in ("vidwidth", "vidheight"))
    return fixations_from_cube(mat_value(content, "data", path=mat), (height, width), num_frames, mat)
