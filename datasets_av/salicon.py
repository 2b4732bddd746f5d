"""SALICON: 20,000 photographs with the mouse of people who explored them through a moving window."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from avsal.errors import DatasetError
from avsal.types import Fixations, Split
from datasets_av.dataset import DatasetInfo
from datasets_av.frame_images import DensityImages
from datasets_av.layout import images_in
from datasets_av.matfile import mat_value, read_mat
from datasets_av.photographs import Photograph, PhotographDataset, gaze_of_viewers

__all__ = ["Salicon", "read_mouse"]

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


class Salicon(PhotographDataset):
    """SALICON, 10,000 / 5,000 / 5,000 photographs of MS COCO (Jiang et al., CVPR 2015), either edition.

    Cite: M. Jiang, S. Huang, J. Duan, Q. Zhao, "SALICON: Saliency in Context", CVPR 2015. Licence: CC BY 4.0
    for the annotations, unverified; photographs are COCO's. The layout follows the documentation and the
    public readers; it was checked on trees made after them, not on the release. The tree::

        images/train/COCO_train2014_000000000009.jpg     and val/, test/; 640x480
        fixations/train/<name>.mat                       and val/; image, resolution, gaze
        maps/train/<name>.png                            and val/; density

    `gaze` is a struct array, one entry a viewer: `location` (samples of the mouse), `timestamp`, `fixations`
    (those found in them, read here), x and y counted from 1. Mouse, not eye: the window starts where the
    viewer puts it, so no first fixation is dropped. Viewers are numbered within a picture; the same number
    on another picture is somebody else. The gaze of `test` is held out: its recordings have none.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="salicon",
        title="SALICON",
        citation="Jiang, Huang, Duan, Zhao, SALICON: Saliency in Context, CVPR 2015",
        licence="CC BY 4.0 (annotations, unverified); photographs: MS COCO's terms",
        source="salicon.net",
        num_recordings=20000,
        num_frames=20000,
        gaze="mouse",
        sigma="19 px",
    )
    expects: ClassVar[tuple[str, ...]] = ("images",)

    def _photographs(self) -> Iterator[Photograph]:
        for split in _SPLITS if self.split is None else (self.split,):
            folder = self.root / "images" / split
            if self.split is None and not folder.is_dir():
                continue
            for path in images_in(folder, "photographs"):
                if split == "test":
                    yield Photograph(path.stem, path, split)
                    continue
                gaze = self.root / "fixations" / split / f"{path.stem}.mat"
                density = self.root / "maps" / split / f"{path.stem}.png"
                yield Photograph(
                    path.stem,
                    path,
                    split,
                    None,
                    partial(read_mouse, gaze, path),
                    DensityImages([density]) if density.parent.is_dir() else None,
                )


def read_mouse(path: Path, picture: Path) -> Fixations:
    """Read the fixations of one photograph.

    Args:
        path: path of the .mat file.
        picture: the photograph.

    Raises:
        DatasetError: a file is missing, damaged or not as described.
    """
    content = read_mat(path)
    resolution = np.asarray(mat_value(content, "resolution", path=path)).reshape(-1)
    if len(resolution) != 2:
        raise DatasetError(f"{path}: expected `resolution` as height, width but found {resolution.tolist()}")
    viewers = mat_value(content, "gaze", path=path)
    points = []
    for viewer in viewers if isinstance(viewers, list) else [viewers]:
        pixels = np.asarray(mat_value(viewer, "fixations", path=path), np.float64)
        if pixels.size and (pixels.ndim != 2 or pixels.shape[1] != 2):
            raise DatasetError(f"{path}: expected `fixations` N x 2 but found {pixels.shape}")
        # pixel 1 is the first, and its middle lies half a pixel from the edge
        points.append(pixels.reshape(-1, 2) - 0.5)
    return gaze_of_viewers(points, picture, (int(resolution[0]), int(resolution[1])), keep_first=True)
