"""SumMe: 25 user videos with sound, in the tree that STAViS prepared."""

from __future__ import annotations

from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.stavis import PreparedTree

__all__ = ["Summe"]


class Summe(PreparedTree):
    """SumMe with the audio-visual gaze of Tsiami et al. (2019).

    Cite: M. Gygli, H. Grabner, H. Riemenschneider, L. Van Gool, "Creating Summaries from User Videos", ECCV
    2014 (videos); A. Tsiami, P. Koutras, A. Katsamanis, A. Vatakis, P. Maragos, Signal Processing: Image
    Communication 2019 (gaze); for lists and tree STAViS, CVPR 2020. Licence: not stated. Get it from the
    STAViS project page; `datasets_av.stavis` says more about the tree::

        video_frames/SumMe/Air_Force_One/img_%05d.jpg            numbered from 1
        video_audio/SumMe/Air_Force_One/Air_Force_One.wav
        annotations/SumMe/Air_Force_One/maps/eyeMap_%05d.jpg     density
        annotations/SumMe/Air_Force_One/fixMap_%05d.mat          binary, key `eyeMap`

    Unedited videos of 15 to 30 frames a second, 10 observers (EyeLink, 1000 Hz) with stereo headphones. The
    lists have 25 videos and 109,788 frames: 17 for training and 8 for testing in fold 1, 17 and 7 in fold 2,
    16 and 8 in fold 3.

    Errata: `St_Maarten_Landing` is missing from fold 2 and `Scuba` from fold 3, and neither is ever tested.
    The lists are kept as published; without `fold` all 25 videos are read.
    """

    folder: ClassVar[str] = "SumMe"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="summe",
        title="SumMe",
        citation="Gygli et al., ECCV 2014; gaze: Tsiami et al., SPIC 2019; "
        "tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="not stated",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=25,
        num_frames=109788,
        sound=True,
        gaze="eye",
        sigma="not stated",
    )
