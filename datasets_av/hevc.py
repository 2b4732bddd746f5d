"""HEVC test sequences with the eyes of 32 viewers."""

from __future__ import annotations

from typing import ClassVar

from datasets_av.beihang import BeihangDataset
from datasets_av.dataset import DatasetInfo

__all__ = ["Hevc"]


class Hevc(BeihangDataset):
    """Gaze on 33 standard sequences of video coding (Xu et al., TIP 2017).

    Cite: M. Xu, L. Jiang, X. Sun, Z. Ye, Z. Wang, "Learning to Detect Video Saliency with HEVC Features", TIP
    2017. Licence: gaze free to use with citation; the sequences keep their owners' research terms. Get it
    from github.com/remega/video_database. The tree is `BeihangDataset`'s, videos as `videos/Kimono.avi` and
    so on, 416x240 to 1920x1080 at 20 to 60 frames a second, gaze in MATLAB v7.3. `category` is the sequence's
    class (A to F, the coding tests' own).

    Errata: one row's video is NaN; it belongs to no video and is counted in `notes`. The file `Basketball
    Drive.avi` is `BasketballDrive` in the list. BQTerrace has 601 frames, the list says 600. The time stamps
    in these AVI files begin one frame late, and decoders hand them over out of order. No sound.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="hevc",
        title="HEVC sequences",
        citation="Xu, Jiang, Sun, Ye, Wang, Learning to Detect Video Saliency with HEVC Features, TIP 2017",
        licence="gaze: free use with citation; sequences: their owners' research terms",
        source="github.com/remega/video_database",
        num_recordings=33,
        num_frames=13020,
        sound=False,
        gaze="eye",
        sigma="not stated",
    )
