"""ETMD: 12 clips of Hollywood videos with sound, in the tree that STAViS prepared."""

from __future__ import annotations

from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.stavis import PreparedTree

__all__ = ["Etmd"]


class Etmd(PreparedTree):
    """ETMD with the audio-visual gaze of Tsiami et al. (2019).

    Cite: P. Koutras, P. Maragos, on perceptually based video saliency, Signal Processing: Image Communication
    2015 (videos); A. Tsiami, P. Koutras, A. Katsamanis, A. Vatakis, P. Maragos, Signal Processing: Image
    Communication 2019 (gaze); for lists and tree STAViS, CVPR 2020. Licence: not stated. Get it from the
    STAViS project page; `datasets_av.stavis` says more about the tree::

        video_frames/ETMD_av/CHI_1_color/img_%05d.jpg            numbered from 1
        video_audio/ETMD_av/CHI_1_color/CHI_1_color.wav
        annotations/ETMD_av/CHI_1_color/maps/eyeMap_%05d.jpg     density
        annotations/ETMD_av/CHI_1_color/fixMap_%05d.mat          binary, key `eyeMap`

    About 200 seconds each at 25 frames a second, two clips a video, 10 observers (EyeLink, 1000 Hz) with
    stereo headphones. The lists have 12 clips and 61,668 frames, 8 for training and 4 for testing in each of
    three folds, each clip tested once; a clip of the same video may be in train and test.

    Errata: an older recording of gaze on ETMD (2015, one sample a frame) is another thing; do not mix the
    two. In the original list files a missing newline glues two rows of the third training list and there is a
    blank line.
    """

    folder: ClassVar[str] = "ETMD_av"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="etmd",
        title="ETMD",
        citation="Koutras, Maragos, SPIC 2015; gaze: Tsiami et al., SPIC 2019; "
        "tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="not stated",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=12,
        num_frames=61668,
        sound=True,
        gaze="eye",
        sigma="not stated",
    )
