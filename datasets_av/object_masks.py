"""Sequences of images with a mask of the salient object on every frame: what the object sets share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.types import Recording, Split
from datasets_av.dataset import Dataset
from datasets_av.frame_images import image_files, read_grey
from datasets_av.layout import expect_same_count, images_in, subfolders

__all__ = ["MaskImages", "ObjectMaskDataset"]


@dataclass(frozen=True)
class MaskImages:
    """Masks as images, one or several a frame: a `Recording.load_mask`.

    Attributes:
        objects: for each object, its masks in the order of the frames.
    """

    objects: Sequence[Sequence[Path]]

    def __call__(self, frame: int) -> NDArray[np.bool_]:
        """The mask of the 0-based `frame` as (H, W) bool: the union of all objects, every label above 0.

        Raises:
            DatasetError: there is no mask of that frame, a file is damaged, or two objects' masks differ in
            size.
        """
        union: NDArray[np.bool_] | None = None
        for paths in self.objects:
            if not 0 <= frame < len(paths):
                raise DatasetError(f"expected a mask of frame {frame} (from 0) but there are {len(paths)}")
            mask = _mask(paths[frame])
            if union is not None and mask.shape != union.shape:
                raise DatasetError(
                    f"{paths[frame]} is of another size than the mask of the sequence's first object"
                )
            union = mask if union is None else union | mask
        if union is None:
            raise DatasetError("expected at least one object's masks but there are none")
        return union


class ObjectMaskDataset(Dataset):
    """A data set of object masks: sequences that are pairs of a frame folder and a mask folder.

    The mask goes into `Recording.load_mask`; there is no gaze. No release states times: `frame_rate` only
    spaces the frames.

    Attributes:
        role: the split that all sequences are of.
        places: folders of the frames and of the masks, in which a sequence has a folder each.
    """

    role: ClassVar[Split]
    frame_rate: ClassVar[float]
    places: tuple[str, str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.splits = (cls.role,)
        super().__init_subclass__(**kwargs)

    def _recordings(self) -> Iterator[Recording]:
        frames, masks = (self.root / place for place in self.places)
        names = {folder.name for folder in (*subfolders(frames), *subfolders(masks))}
        return self._usable(
            (name, self.role, partial(self._recording, frames / name, masks / name)) for name in sorted(names)
        )

    def _recording(self, frames: Path, masks: Path) -> Recording:
        images, objects = images_in(frames, "frames"), _objects(masks)
        for number, paths in enumerate(objects, 1):
            expect_same_count(masks, **{"frames": len(images), f"masks_of_object_{number}": len(paths)})
        return Recording(
            id=frames.name,
            dataset=self.info.name,
            frames=frames,
            frame_rate=self.frame_rate,
            num_frames=len(images),
            split=self.role,
            load_mask=MaskImages(objects),
        )


def _objects(folder: Path) -> list[list[Path]]:
    """The masks in `folder`, or in each of its folders where there is one an object."""
    masks = image_files(folder)
    if masks:
        return [masks]
    return [images_in(part, "masks of one object") for part in subfolders(folder)] or [
        images_in(folder, "masks")
    ]


def _mask(path: Path) -> NDArray[np.bool_]:
    values = read_grey(path)
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        return values > values.max() / 2 if values.max() > 0 else values > 0
    return values > 0
