"""Pictures to look at while training: a frame, where people looked, and where the model thinks they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.errors import MediaError
from avsal.media.atomic import atomic_path
from avsal.types import ClipSpec

__all__ = ["spotlight", "write_picture"]

_DARK = 0.2  # of the brightness is left where nobody looks


def spotlight(image: NDArray[np.uint8], saliency: Tensor) -> NDArray[np.uint8]:
    """The image lit by the map: as bright as it was at the map's peak, dark where the map is 0.

    Args:
        image: (H, W, 3) RGB.
        saliency: (H, W), non-negative.
    """
    peak = float(saliency.max())
    light = (saliency / peak if peak > 0 else torch.zeros_like(saliency)).numpy()[..., None]
    return np.round(image * (_DARK + (1 - _DARK) * light)).astype(np.uint8)


def write_picture(path: Path, pixels: Tensor, spec: ClipSpec, density: Tensor, predicted: Tensor) -> None:
    """Write the frame, the frame as people looked at it, and as the model predicts, side by side.

    Args:
        path: path of the PNG.
        pixels: (3, H, W) of one frame as the model is given it.
        spec: spec of the model.
        density: (H, W).
        predicted: (H, W).

    Raises:
        MediaError: the disk refuses.
    """
    from PIL import Image

    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    values = (pixels.cpu().float() * std + mean) * (255 / spec.value_range)
    if spec.channels == "bgr":
        values = values.flip(0)
    image = values.round().clamp(0, 255).permute(1, 2, 0).numpy().astype(np.uint8)
    panels = [image, spotlight(image, density), spotlight(image, predicted)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"cannot make {path.parent}: {error.strerror}; make room") from error
    with atomic_path(path) as partial:
        Image.fromarray(np.concatenate(panels, 1)).save(partial)
