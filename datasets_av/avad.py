"""AVAD: 45 short clips of things that move and sound, in the tree that STAViS prepared."""

from __future__ import annotations

from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.stavis import PreparedTree

__all__ = ["Avad"]


class Avad(PreparedTree):
    """AVAD, the audio-visual attention database (Min et al.).

    Cite: X. Min et al., on audio-visual attention, 2016 and 2020 (title and venue unverified); for lists and
    tree STAViS, CVPR 2020. Licence: not stated. Get it from the STAViS project page; `datasets_av.stavis`
    says more about the tree::

        video_frames/AVAD/V1_Speech1/img_%05d.jpg            numbered from 1
        video_audio/AVAD/V1_Speech1/V1_Speech1.wav
        annotations/AVAD/V1_Speech1/maps/eyeMap_%05d.jpg     density
        annotations/AVAD/V1_Speech1/fixMap_%05d.mat          binary, key `eyeMap`

    Clips of 5 to 10 seconds at 23.976 to 30 frames a second, 16 observers. The release has fixations by frame
    only, so observers cannot be told apart and no observer can be held out. The lists have 45 clips and 9,589
    frames, 30 for training and 15 for testing in each of three folds.

    Errata: the three test lists are no partition: `V3_Speech3`, `V39_Guitar4` and `V26_Piano2` are tested
    twice, `V28_Dog1`, `V33_Harp` and `V42_Violin2` never; a mean over the folds has 45 entries of 42 clips.
    The lists are kept as published. `V11_News4` has 125 frames in the list and 125 maps, while its video
    seems to have a frame 126: the first 125 are used, with a note.
    """

    folder: ClassVar[str] = "AVAD"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="avad",
        title="AVAD",
        citation="Min et al., 2016 and 2020 (unverified); tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="not stated",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=45,
        num_frames=9589,
        sound=True,
        gaze="eye",
        sigma="not stated",
    )
