"""What a video or sound file says of itself at its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avsal.errors import DatasetError, MediaError
from avsal.media.images import is_still
from avsal.media.probe import probe
from avsal.media.video import open_frames

__all__ = ["VideoFacts", "sound_seconds", "video_facts"]


@dataclass(frozen=True)
class VideoFacts:
    """What a video says of itself.

    Attributes:
        size: (height, width) in pixels on display.
        num_frames: as the container states it, None where it does not.
        has_sound: whether there is a sound stream.
    """

    size: tuple[int, int]
    num_frames: int | None
    has_sound: bool


def video_facts(path: Path) -> VideoFacts:
    """Look at the beginning of a video, or at an image, which is a video of one frame.

    Raises:
        DatasetError: the video is missing, damaged or without pictures.
    """
    if not path.is_file():
        raise DatasetError(f"expected a video at {path} but there is none; extract it from the release")
    try:
        info = open_frames(path).info if is_still(path) else probe(path).info
    except MediaError as error:
        raise DatasetError(f"{error}; extract or download the video again") from error
    return VideoFacts(info.size, info.num_frames, info.sound)


def sound_seconds(path: Path) -> float:
    """How long a WAV (or FLAC, OGG) file lasts.

    Raises:
        DatasetError: the file is missing, damaged or holds no sample.
    """
    import soundfile

    if not path.is_file():
        raise DatasetError(
            f"expected the sound at {path} but there is none; extract it from the release's sound archive"
        )
    try:
        header = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise DatasetError(
            f"{path} is no readable sound file ({error.error_string}); extract or download it again"
        ) from error
    if header.frames == 0:
        raise DatasetError(f"{path} holds no sample; extract or download it again")
    return float(header.frames / header.samplerate)
