"""MUFVET-I: videos of several people talking, with the eyes of 39 viewers."""

from __future__ import annotations

from typing import ClassVar

from datasets_av.beihang import BeihangDataset
from datasets_av.dataset import DatasetInfo

__all__ = ["Mufvet"]


class Mufvet(BeihangDataset):
    """MUFVET-I, multi-face videos (Liu, Zhang, Xu, He, CVPR 2017).

    Cite: Y. Liu, S. Zhang, M. Xu, X. He, "Predicting Salient Face in Multiple-face Videos", CVPR 2017.
    Licence: footage from the web, for research, not stated further. Get it from github.com/yufanLIU/find. The
    tree is `BeihangDataset`'s, videos 1280x720 as `videos/001.mp4` and so on, gaze in MATLAB v5.

    The gaze clock is not documented. Pictures start up to 2.3 s after the file does (clips cut by stream
    copy), so it matters whether its zero is the container's start or the first picture. The container's start
    is the default, measured on seven videos with the release's annotations of who speaks: of the gaze on
    frames with a speaking and a silent face, the share that is nearest to a speaking one. On the four videos
    whose picture starts a second or more late it is 0.724 on the container's clock and 0.681 on the
    picture's. Gaze follows speech a little late: on the three other videos the share is greatest with gaze
    taken back by 0.6 s, on the four by 0.4 s on the container's clock but by 1.9 s on the picture's, which no
    viewer needs.

    Errata: `video_names_list` has 75 names, the paper 65 videos. The stored frame rate is truncated (23 for
    23.976; the video's own stamps are used). Fixations run past the end of the video and up to 12 px below
    its edge. Video 071 has no sound. Whether viewers heard the sound is not established.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="mufvet",
        title="MUFVET-I",
        citation="Liu, Zhang, Xu, He, Predicting Salient Face in Multiple-face Videos, CVPR 2017",
        licence="footage from the web; not stated",
        source="github.com/yufanLIU/find",
        num_recordings=75,
        num_frames=44037,
        sound=True,
        gaze="eye",
        sigma="not stated",
    )
