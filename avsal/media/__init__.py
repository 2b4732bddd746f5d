"""Videos and sounds: reading both on one clock, and writing videos."""

from avsal.media.atomic import atomic_path
from avsal.media.audio import RESAMPLER, SoundReader, has_sound, load_sound, resample
from avsal.media.damage import Damage
from avsal.media.frames import Frame, FrameReader, VideoInfo
from avsal.media.images import ImageFolderReader
from avsal.media.video import VideoReader, open_frames
from avsal.media.writer import VideoWriter

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
