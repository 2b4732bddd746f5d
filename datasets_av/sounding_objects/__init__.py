"""Sounding objects: a benchmark in which sound is needed, or provably is not.

`SoundingObjects` makes videos on the fly, `write_videos` writes them out, `SoundingObjectVideos` reads those.
"""

from datasets_av.sounding_objects.ceilings import Ceilings, ceilings
from datasets_av.sounding_objects.expected_gaze import ExpectedGaze, Setting
from datasets_av.sounding_objects.generator import SoundingObjects, SyntheticClip
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.reader import SoundingObjectVideos
from datasets_av.sounding_objects.scene import Cue, Scene
from datasets_av.sounding_objects.writer import write_videos

__all__ = [
    "Ceilings",
    "Cue",
    "ExpectedGaze",
    "Observers",
    "Scene",
    "Setting",
    "SoundingObjectVideos",
    "SoundingObjects",
    "SyntheticClip",
    "ceilings",
    "write_videos",
]
