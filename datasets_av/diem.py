"""DIEM: 84 videos of many kinds with sound, in the tree that STAViS prepared."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from avsal.errors import ConfigError
from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.layout import video_file
from datasets_av.split_tables import ListedVideo, chosen_videos, diem_videos, listed_videos
from datasets_av.stavis import PreparedTree

__all__ = ["Diem", "DiemProtocol", "protocol_videos"]

DiemProtocol = Literal["stavis", "diem20"]

#: frames a second of every video in the lists, taken for the three videos outside them too
_FRAME_RATE = 29.9997


def protocol_videos(
    protocol: DiemProtocol, split: Split | None
) -> tuple[tuple[ListedVideo, Split | None], ...]:
    """The videos of a protocol, each with its role; see `Diem`.

    Raises:
        ConfigError: an unknown protocol, or a split that it does not have.
    """
    if protocol not in get_args(DiemProtocol):
        raise ConfigError(f"`protocol` must be {' or '.join(get_args(DiemProtocol))} but is {protocol!r}")
    if protocol == "stavis":
        return chosen_videos("diem", 1, split)
    if split not in (None, "test"):
        raise ConfigError(f"protocol diem20 has only test videos but split={split!r} was asked for")
    listed = {video.id: video for video in listed_videos("diem")}
    return tuple(
        (listed.get(entry.id) or ListedVideo("diem", entry.id, None, _FRAME_RATE, (None, None, None)), "test")
        for entry in diem_videos()
        if entry.first300
    )


class Diem(PreparedTree):
    """DIEM, Dynamic Images and Eye Movements (Mital et al., Cognitive Computation 2011).

    Cite: P. K. Mital, T. J. Smith, R. L. Hill, J. M. Henderson, "Clustering of Gaze During Dynamic Scene
    Viewing is Predicted by Motion", Cognitive Computation 3(1), 2011; for lists and tree STAViS, CVPR 2020.
    Licence: CC BY-NC-SA 3.0. Get the videos and raw gaze from thediemproject.wordpress.com, the tree from the
    STAViS project page; `datasets_av.stavis` says more about the tree::

        video_frames/DIEM/<video>_<width>x<height>/img_%05d.jpg          numbered from 1
        video_audio/DIEM/<video>_.../<video>_....wav
        annotations/DIEM/<video>_.../maps/eyeMap_%05d.jpg                density
        annotations/DIEM/<video>_.../fixMap_%05d.mat                     binary, key `eyeMap`

    Videos of 27 to 217 seconds at 30 frames a second with many cuts, about 50 observers each. The lists have
    81 videos and 236,459 frames, 64 for training and 17 for testing. There is one list, so folds 1 to 3 are
    the same: three models, trained on three folds of the other sets, are scored on the same 17 videos.
    `videos=` takes a folder of videos or the release's folders `<video>/video/<video>.mp4`.

    `protocol="diem20"` is the older test of Borji (2013), STRA-Net and ESAN: the first 300 frames of 20
    videos, the 17 and `ami_ib4010_closeup_720x576`, `ami_ib4010_left_720x576`,
    `news_tony_blair_resignation_720x540`. STAViS did not prepare those three, so in its tree they are
    reported missing; `diem_raw` reads all 20 from the release.

    Errata: the lists say 29.9997 frames a second where the videos have 30. A public copy of the lists
    shortens one name to `planet_earth_jungles_monkeys_1280x70`.
    """

    folder: ClassVar[str] = "DIEM"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="diem",
        title="DIEM",
        citation="Mital et al., Cognitive Computation 3(1), 2011; "
        "tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="CC BY-NC-SA 3.0",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=81,
        num_frames=236459,
        sound=True,
    )

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        fold: int | None = None,
        videos: str | Path | None = None,
        protocol: DiemProtocol = "stavis",
    ) -> None:
        """Point at the tree; see `PreparedTree`.

        Args:
            root: as there.
            split: as there.
            strict: as there.
            fold: as there; 1, 2 and 3 are alike.
            videos: as there.
            protocol: ``stavis`` for the lists, ``diem20`` for the first 300 frames of 20 test videos.

        Raises:
            ConfigError: an impossible fold, split or protocol.
            DatasetError: the folders are not there.
        """
        self.protocol: DiemProtocol = protocol
        super().__init__(root, split=split, strict=strict, fold=fold, videos=videos)
        if protocol == "diem20":
            self.first_frames = 300

    def _choose(self) -> tuple[tuple[ListedVideo, Split | None], ...]:
        if self.protocol == "stavis":
            return super()._choose()
        return protocol_videos(self.protocol, self.split)

    def _video(self, videos: Path, name: str) -> Path:
        released = videos / name / "video"
        return video_file(released if released.is_dir() else videos, name)
