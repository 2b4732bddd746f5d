"""SegTrack v2: 14 short sequences with masks of the moving objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.layout import expect_in_root
from datasets_av.object_masks import ObjectMaskDataset

__all__ = ["SegTrackV2"]


class SegTrackV2(ObjectMaskDataset):
    """SegTrack v2 (Li et al., ICCV 2013), a test set of the Conv3D paper.

    Cite: F. Li, T. Kim, A. Humayun, D. Tsai, J. M. Rehg, "Video Segmentation by Tracking Many Figure-Ground
    Segments", ICCV 2013 (taken for reference 21 of the Conv3D paper). Licence: unverified. The usual tree,
    unverified against the authors' archive::

        JPEGImages/birdfall/*.png               frames, in name order; any image format
        GroundTruth/birdfall/*.png              masks, in name order
        GroundTruth/bmx/1/*.png                 one folder an object where there are several
        GroundTruth/bmx/2/*.png

    The mask of a frame is the union of its objects (our choice). All 14 sequences (1,066 frames) are `test`.
    Frames and masks pair by order, because their names differ in some sequences.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="segtrack_v2",
        title="SegTrack v2",
        citation="Li et al., Video Segmentation by Tracking Many Figure-Ground Segments, ICCV 2013",
        licence="unverified",
        source="the project page of SegTrack v2",
        num_recordings=14,
        num_frames=1066,
        sound=False,
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "test"
    frame_rate: ClassVar[float] = 24.0

    def __init__(self, root: str | Path, *, split: Split | None = None, strict: bool = False) -> None:
        """Point at the folder that holds `JPEGImages/` and `GroundTruth/`; see `Dataset`."""
        super().__init__(root, split=split, strict=strict)
        expect_in_root(self, "GroundTruth")

    def _sequences(self) -> Iterator[tuple[str, Path, Path]]:
        return self._beside(self.root / "JPEGImages", self.root / "GroundTruth")
