"""Sounding objects: a benchmark in which sound is needed, or provably is not.

`SoundingObjects` makes films on the fly, `write_films` writes them out, `SoundingObjectFilms` reads those.
"""

from datasets_av.sounding_objects.ceilings import Ceilings, ceilings
from datasets_av.sounding_objects.expected_gaze import ExpectedGaze, Setting
from datasets_av.sounding_objects.generator import Clip, SoundingObjects
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.reader import SoundingObjectFilms
from datasets_av.sounding_objects.scene import Cue, Scene
from datasets_av.sounding_objects.writer import write_films

__all__ = [
    "Ceilings",
    "Clip",
    "Cue",
    "ExpectedGaze",
    "Observers",
    "Scene",
    "Setting",
    "SoundingObjectFilms",
    "SoundingObjects",
    "ceilings",
    "write_films",
]
