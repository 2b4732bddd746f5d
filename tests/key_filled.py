"""State dicts, frames and sound filled by key and shape alone: the same numbers on every machine."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from math import prod, sqrt

import numpy as np
import torch
from torch import Tensor


def uniform(key: str, shape: Sequence[int]) -> Tensor:
    """Numbers in [-1, 1), by the SplitMix64 generator begun with the key's checksum."""
    with np.errstate(over="ignore"):
        count = np.arange(1, prod(shape) + 1, dtype=np.uint64)
        z = (count + np.uint64(zlib.crc32(key.encode()) << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    values = (z >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)
    return torch.from_numpy(values).reshape(tuple(shape))


def tensor_named(key: str, shape: Sequence[int]) -> Tensor:
    """A plausible tensor of a network: signals keep their power, batch norms differ between channels."""
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    values = uniform(key, shape)
    if key.endswith("running_var"):
        return 1 + 0.5 * values
    if key.endswith(("running_mean", "bias")):
        return 0.1 * values
    if len(shape) == 1:  # gain of a norm
        return 1 + 0.3 * values
    return values * sqrt(6 / prod(shape[1:]))


def filled(shapes: Mapping[str, Sequence[int]], smaller: str = "nothing") -> dict[str, Tensor]:
    """A state dict of these shapes; weights whose name matches `smaller` are a tenth of that."""
    return {
        key: tensor_named(key, shape) * (0.1 if re.search(smaller, key) else 1)
        for key, shape in shapes.items()
    }


def frames_of(shape: Sequence[int], scale: float = 1.0) -> Tensor:
    """(B, 3, T, H, W) that move: coarse patterns, interpolated."""
    B, C, T, H, W = shape
    coarse = uniform("frames", (B, C, max(2, T // 4), 4, 5))
    return torch.nn.functional.interpolate(coarse, (T, H, W), mode="trilinear", align_corners=True) * scale
