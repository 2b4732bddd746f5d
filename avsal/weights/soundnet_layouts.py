"""Published layouts of SoundNet, conv1 to conv7. Their kernels are two-dimensional: (k, 1) or (1, k)."""

from __future__ import annotations

from torch import Tensor

from avsal.weights.layout import Layout, same_names, under
from avsal.weights.recipe import SOUNDNET

__all__ = ["LAYOUTS", "one_dimensional"]

NUMBERS = range(1, 8)
CLASSIFIERS = "object and scene classifiers"
STAVIS_CONVOLUTIONS = (0, 4, 8, 11, 14, 18, 21)  # the batch norm follows at once

KEUNHONG = same_names(*(f"{layer}{n}" for n in NUMBERS for layer in ("conv", "batchnorm")))
SMALLFLYINGPIG = {
    f"conv{n}.{index}": f"{layer}{n}" for n in NUMBERS for index, layer in ((0, "conv"), (1, "batchnorm"))
}
STAVIS = {
    f"soundnet8.{first + offset}": f"{layer}{n}"
    for n, first in zip(NUMBERS, STAVIS_CONVOLUTIONS, strict=True)
    for offset, layer in ((0, "conv"), (1, "batchnorm"))
}

LAYOUTS = (
    Layout(
        "keunhong/pytorch-soundnet",
        KEUNHONG,
        SOUNDNET,
        {"conv8_objs.*": CLASSIFIERS, "conv8_scns.*": CLASSIFIERS},
    ),
    Layout(
        "smallflyingpig/SoundNet_Pytorch",
        SMALLFLYINGPIG,
        SOUNDNET,
        {"conv8.*": CLASSIFIERS, "conv8_2.*": CLASSIFIERS},
    ),
    Layout(
        "STAViS",
        STAVIS,
        SOUNDNET,
        {
            "conv1.*": "visual network",
            "bn1.*": "visual network",
            "layer[1-4].*": "visual network",
            "score_dsn.*": "side outputs",
            "fuse.*": "fusion",
            "fuseav.*": "fusion",
            "fusion3.*": "fusion",
        },
    ),
    Layout(
        "AViNet",
        under("audionet", KEUNHONG),
        SOUNDNET,
        {
            "audionet.conv8_objs.*": CLASSIFIERS,
            "audionet.conv8_scns.*": CLASSIFIERS,
            "visual_model.*": "visual network",
            "bilinear.*": "fusion",
            "transformer.*": "fusion",
            "conv_in_1x1.*": "fusion",
            "conv_out_1x1.*": "fusion",
            "audio_conv_1x1.*": "fusion",
        },
    ),
)


def one_dimensional(name: str, tensor: Tensor) -> Tensor:
    """A (C', C, k, 1) or (C', C, 1, k) kernel as (C', C, k); every other tensor as it is."""
    if tensor.ndim == 4 and 1 in tensor.shape[2:]:
        return tensor.flatten(2)
    return tensor
