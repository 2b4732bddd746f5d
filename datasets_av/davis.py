"""DAVIS: 50 sequences with a mask of the moving object on every frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from avsal.types import Split
from datasets_av.dataset import DatasetInfo
from datasets_av.layout import expect_in_root
from datasets_av.object_masks import ObjectMaskDataset

__all__ = ["Davis"]


class Davis(ObjectMaskDataset):
    """DAVIS (Perazzi et al., CVPR 2016), a test set of the Conv3D paper.

    Cite: F. Perazzi, J. Pont-Tuset, B. McWilliams, L. Van Gool, M. Gross, A. Sorkine-Hornung, "A Benchmark
    Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016. Licence: unverified. Get it
    from davischallenge.org (edition 2016). The usual tree, unverified against the edition that the paper
    used::

        JPEGImages/480p/bear/00000.jpg       or 1080p; frames from 0
        Annotations/480p/bear/00000.png      255 on the object, 0 elsewhere

    All 50 sequences (3,455 frames) are `test` here, as in the Conv3D paper; DAVIS's own 30 / 20 division is
    not used. Where an edition gives several objects their own labels, the mask is their union.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="davis",
        title="DAVIS",
        citation="Perazzi et al., A Benchmark Dataset for Video Object Segmentation, CVPR 2016",
        licence="unverified",
        source="davischallenge.org",
        num_recordings=50,
        num_frames=3455,
        sound=False,
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "test"
    frame_rate: ClassVar[float] = 24.0

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        resolution: Literal["480p", "1080p"] = "480p",
    ) -> None:
        """Point at the folder that holds `JPEGImages/` and `Annotations/`; see `Dataset`.

        Args:
            root: of the data.
            split: only `test` has recordings.
            strict: raise on the first problem.
            resolution: which of the two sizes.

        Raises:
            DatasetError: the folder does not hold that resolution.
        """
        super().__init__(root, split=split, strict=strict)
        expect_in_root(self, f"JPEGImages/{resolution}")
        self.resolution = resolution

    def _sequences(self) -> Iterator[tuple[str, Path, Path]]:
        return self._beside(
            self.root / "JPEGImages" / self.resolution, self.root / "Annotations" / self.resolution
        )
