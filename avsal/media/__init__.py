"""Videos and sounds: reading both on one clock, and writing videos."""

from typing import TYPE_CHECKING

from avsal.lazy import lazy_names

if TYPE_CHECKING:
    from avsal.media.atomic import atomic_path
    from avsal.media.audio import RESAMPLER, SoundReader, has_sound, load_sound, resample
    from avsal.media.damage import Damage
    from avsal.media.frames import Frame, FrameReader, VideoInfo
    from avsal.media.images import ImageFolderReader
    from avsal.media.video import VideoReader, open_frames
    from avsal.media.writer import VideoWriter
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "atomic": "atomic_path",
            "audio": "RESAMPLER SoundReader has_sound load_sound resample",
            "damage": "Damage",
            "frames": "Frame FrameReader VideoInfo",
            "images": "ImageFolderReader",
            "video": "VideoReader open_frames",
            "writer": "VideoWriter",
        },
    )

__all__ = [
    "RESAMPLER",
    "Damage",
    "Frame",
    "FrameReader",
    "ImageFolderReader",
    "SoundReader",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "atomic_path",
    "has_sound",
    "load_sound",
    "open_frames",
    "resample",
]
