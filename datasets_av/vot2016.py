"""VOT2016: 60 tracking sequences with pixel masks of the tracked object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.layout import expect_in_root
from datasets_av.object_masks import ObjectMaskDataset

__all__ = ["Vot2016"]


class Vot2016(ObjectMaskDataset):
    """VOT2016 with pixel masks, a training set of the Conv3D paper.

    Cite: M. Kristan et al., "The Visual Object Tracking VOT2016 Challenge Results", ECCV Workshops 2016
    (taken for reference 18 of the Conv3D paper); masks by T. Vojir and J. Matas. Licence: unverified. Frames
    come with the VOT toolkit, masks from the page that votchallenge.net/vot2016/dataset.html names. How the
    two archives unpack is unverified; arrange (or link) them so::

        frames/bag/00000001.jpg         the toolkit's folder of that sequence
        masks/bag/00000001.png          not 0 on the object

    All 60 sequences (21,646 frames) are `train`, as in the Conv3D paper. A sequence whose frames and masks
    differ in number is a problem.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="vot2016",
        title="VOT2016",
        citation="Kristan et al., The Visual Object Tracking VOT2016 Challenge Results, ECCV Workshops 2016",
        licence="unverified",
        source="votchallenge.net/vot2016/dataset.html",
        num_recordings=60,
        num_frames=21646,
        sound=False,
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "train"
    frame_rate: ClassVar[float] = 30.0

    def __init__(self, root: str | Path, *, split: Split | None = None, strict: bool = False) -> None:
        """Point at the folder that holds `frames/` and `masks/`; see `Dataset`."""
        super().__init__(root, split=split, strict=strict)
        expect_in_root(self, "masks")

    def _sequences(self) -> Iterator[tuple[str, Path, Path]]:
        return self._beside(self.root / "frames", self.root / "masks")
