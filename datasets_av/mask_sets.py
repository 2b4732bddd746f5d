"""Sets of videos with a mask of the moving object on every frame: DAVIS, SegTrack v2, USVD, VOT2016."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from avsal.types import Split
from datasets_av.dataset import DatasetInfo, expect_in_root
from datasets_av.object_masks import ObjectMaskDataset

__all__ = ["Davis", "SegTrackV2", "Usvd", "Vot2016"]


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
            root: folder of the data.
            split: only `test` has recordings.
            strict: raise on the first problem.
            resolution: which of the two sizes.

        Raises:
            DatasetError: the folder does not hold that resolution.
        """
        super().__init__(root, split=split, strict=strict)
        self.places = (f"JPEGImages/{resolution}", f"Annotations/{resolution}")
        expect_in_root(self, self.places[0])


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
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "test"
    frame_rate: ClassVar[float] = 24.0
    expects: ClassVar[tuple[str, ...]] = ("GroundTruth",)
    places = ("JPEGImages", "GroundTruth")


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
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "train"
    frame_rate: ClassVar[float] = 30.0
    expects: ClassVar[tuple[str, ...]] = ("masks",)
    places = ("frames", "masks")


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
        gaze="object masks",
        sigma="none: masks",
    )
    role: ClassVar[Split] = "train"
    frame_rate: ClassVar[float] = 30.0
    expects: ClassVar[tuple[str, ...]] = ("masks",)
    places = ("frames", "masks")
