"""Sounding clips: composites of real footage in which one of several alike sources is heard.

`SoundingClips` makes them on the fly from short clips, one visible source each, that a folder holds.
"""

from datasets_av.sounding_clips.generator import CONDITIONS, Composite, SoundingClips
from datasets_av.sounding_clips.material import Material, Source
from datasets_av.sounding_clips.mouth_motion import motion_against_loudness
from datasets_av.sounding_objects.ceilings import Ceilings, ceilings

__all__ = [
    "CONDITIONS",
    "Ceilings",
    "Composite",
    "Material",
    "SoundingClips",
    "Source",
    "ceilings",
    "motion_against_loudness",
]
