"""Models whose weights are filled by their authors' keys and came in through the converter."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from avsal.models import SaliencyModel
from avsal.weights import convert_state
from avsal.weights.published import NETWORKS
from avsal.weights.published_file import model_of
from tests.key_filled import filled

#: weights a tenth of what they would be, so that maps do not saturate
SMALLER = {
    "stavis": r"score_dsn\.\d\.score_dsn\.weight|fuse(av)?\.weight|upscale_",
    "vinet_a": r"convtsp6\.\d+\.weight",
}


def authors_state(name: str) -> dict[str, Tensor]:
    """A state dict under the authors' names; kernels of SoundNet have the axis that they gave them."""
    network = NETWORKS[name]
    layout = network.layouts[0]
    shapes = {}
    for ours, tensor in network.tensors.items():
        flat = tensor.ndim == 3 and ours.startswith(("soundnet.", "classifiers."))
        shapes[layout.theirs(ours)] = (*tensor.shape, 1) if flat else tuple(tensor.shape)
    return filled(shapes, SMALLER.get(name, "nothing"))


def loaded(name: str) -> SaliencyModel:
    """The model with key-filled weights."""
    return model_of(convert_state(authors_state(name), name), Path("filled.pth"))
