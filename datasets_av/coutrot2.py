"""Coutrot2: 15 meetings of four people with sound, in the tree that STAViS prepared."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from datasets_av.dataset import DatasetInfo
from datasets_av.layout import video_file
from datasets_av.stavis import PreparedTree

__all__ = ["Coutrot2"]


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
        gaze="eye",
        sigma="not stated",
    )

    def _video(self, videos: Path, name: str) -> Path:
        return video_file(videos, name.replace("clip", "clip_"))
