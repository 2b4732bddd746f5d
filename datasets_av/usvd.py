"""USVD: 18 unconstrained videos with masks of the salient object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.layout import expect_in_root
from datasets_av.object_masks import ObjectMaskDataset

__all__ = ["Usvd"]


class Usvd(ObjectMaskDataset):
    """USVD, a training set of the Conv3D paper.

    Cite: Z. Liu, J. Li, L. Ye, G. Sun, L. Shen, "Saliency Detection for Unconstrained Videos Using
    Superpixel-Level Graph and Spatiotemporal Propagation", TCSVT 2017 (the Conv3D paper's reference 13, of
    which it names the method SGSP; we take its data set, elsewhere called UVSD, to be the one meant).
    Licence: unverified. How the archive unpacks is unverified; arrange (or link) it so::

        frames/<sequence>/*.jpg         in name order
        masks/<sequence>/*.png          binary, in name order

    All 18 sequences (3,550 frames) are `train`, as in the Conv3D paper.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="usvd",
        title="USVD",
        citation="Liu et al., Saliency Detection for Unconstrained Videos, TCSVT 2017 (unverified)",
        licence="unverified",
        source="its authors; no page is known here",
        num_recordings=18,
        num_frames=3550,
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
