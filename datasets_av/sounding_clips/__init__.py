"""Sounding clips: composites of real footage in which one of several alike sources is heard.

`SoundingClips` makes them on the fly from short clips, one visible source each, that a folder holds.

Best scores on composites of talking heads, without -> with sound, and how often the heard one is picked by
hand (`motion_against_loudness`) under its own sound, another one's (`swapped`) and its own of another moment
(`shifted`). Last frame, 192x256, gaze EXPECTED by `datasets_av.sounding_objects`' rule, not measured; 300
composites a row (standard error of a share: .03 at most), everybody, clips of one source together;
``python scripts/measure_sounding_clips.py CLIPS``:

    K  frames  NSS           CC            by hand: original, swapped, shifted
    2      32  4.84 -> 6.21  0.774 -> 1    .66  .32  .53
    3      32  3.95 -> 6.21  0.626 -> 1    .53  .25  .32
    4      32  3.38 -> 6.19  0.529 -> 1    .41  .18  .23
    2      64  4.88 -> 6.26  0.774 -> 1    .75  .25  .45
    3      64  3.95 -> 6.20  0.626 -> 1    .60  .17  .28
    4      64  3.37 -> 6.17  0.529 -> 1    .53  .13  .20

The ceilings are those of the formula in `datasets_av.sounding_objects.ceilings`, which `ceilings` gives here
as there.
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
