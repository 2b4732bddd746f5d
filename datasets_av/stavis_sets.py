"""AVAD, Coutrot 1 and 2, ETMD and SumMe in the tree that STAViS prepared; see `datasets_av.stavis`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.layout import video_file
from datasets_av.stavis import PreparedTree

__all__ = ["Avad", "Coutrot1", "Coutrot2", "Etmd", "Summe"]


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
    )


class Coutrot1(PreparedTree):
    """Coutrot database 1 (Coutrot and Guyader, Journal of Vision 2014).

    Cite: A. Coutrot, N. Guyader, "How saliency, faces, and sound influence gaze in dynamic social scenes",
    Journal of Vision 14(8), 2014; for lists and tree STAViS, CVPR 2020. Licence: not stated. Get it from the
    STAViS project page; `datasets_av.stavis` says more about the tree::

        video_frames/Coutrot_db1/clip1/img_%05d.jpg            numbered from 1
        video_audio/Coutrot_db1/clip1/clip1.wav
        annotations/Coutrot_db1/clip1/maps/eyeMap_%05d.jpg     density
        annotations/Coutrot_db1/clip1/fixMap_%05d.mat          binary, key `eyeMap`

    720x576 at 25 frames a second, 18 observers a soundtrack. The lists have 60 clips
    and 25,192 frames, 40 for training and 20 for testing in each of three folds, each clip tested once.

    The original videos (`videos=`) are called `clip_1.avi` and so on. The gaze under other soundtracks on the
    same pictures is only in the original release: see `coutrot1_raw`.

    Errata: the lists say 24.99975 frames a second where the videos have 25.
    """

    folder: ClassVar[str] = "Coutrot_db1"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="coutrot1",
        title="Coutrot1",
        citation="Coutrot, Guyader, J. Vision 14(8), 2014; tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="not stated",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=60,
        num_frames=25192,
        sound=True,
    )

    def _video(self, videos: Path, name: str) -> Path:
        return video_file(videos, name.replace("clip", "clip_"))


class Coutrot2(PreparedTree):
    """Coutrot database 2 (Coutrot and Guyader, EUSIPCO 2015).

    Cite: A. Coutrot, N. Guyader, "An efficient audiovisual saliency model to infer eye positions when looking
    at conversations", EUSIPCO 2015; for lists and tree STAViS, CVPR 2020. Licence: not stated. Get it from
    the STAViS project page; `datasets_av.stavis` says more about the tree::

        video_frames/Coutrot_db2/clip1/img_%05d.jpg            numbered from 1
        video_audio/Coutrot_db2/clip1/clip1.wav
        annotations/Coutrot_db2/clip1/maps/eyeMap_%05d.jpg     density
        annotations/Coutrot_db2/clip1/fixMap_%05d.mat          binary, key `eyeMap`

    25 frames a second, 20 observers a condition. The lists have 15 clips and 16,983 frames, 10 for training
    and 5 for testing in each of three folds, each clip tested once. The original videos (`videos=`) are
    called `clip_1.avi` and so on.

    Errata: the lists say 24.99975 frames a second where the videos have 25.
    """

    folder: ClassVar[str] = "Coutrot_db2"
    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="coutrot2",
        title="Coutrot2",
        citation="Coutrot, Guyader, EUSIPCO 2015; tree and lists: Tsiami et al., STAViS, CVPR 2020",
        licence="not stated",
        source="STAViS project page at NTUA, linked from github.com/atsiami/STAViS",
        num_recordings=15,
        num_frames=16983,
        sound=True,
    )

    def _video(self, videos: Path, name: str) -> Path:
        return video_file(videos, name.replace("clip", "clip_"))


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
    )


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
    )
