"""Coutrot1: 60 dynamic natural scenes with sound, in the tree that STAViS prepared."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.layout import video_file
from datasets_av.stavis import PreparedTree

__all__ = ["Coutrot1"]


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
        gaze="eye",
        sigma="not stated",
    )

    def _video(self, videos: Path, name: str) -> Path:
        return video_file(videos, name.replace("clip", "clip_"))
