"""Published layouts of MobileNetV2: torchvision's, whose names we share, and the older one."""

from __future__ import annotations

from avsal.weights.layout import Layout, same_names
from avsal.weights.recipe import IMAGENET

__all__ = ["EXPANDED", "LAYOUTS", "OLDER", "PLAIN"]

# modules with tensors of an inverted residual, without and with expansion -> torchvision's names, which are
# ours; tonylins/pytorch-mobilenet-v2, whose layout UNISAL's encoder has, numbers them through
PLAIN = {"conv.0": "conv.0.0", "conv.1": "conv.0.1", "conv.3": "conv.1", "conv.4": "conv.2"}
EXPANDED = {
    "conv.0": "conv.0.0", "conv.1": "conv.0.1", "conv.3": "conv.1.0", "conv.4": "conv.1.1",
    "conv.6": "conv.2", "conv.7": "conv.3",
}  # fmt: skip

#: the older layout of MobileNetV2 -> torchvision's
OLDER = {
    **{f"features.{stage}.{leaf}": f"features.{stage}.{leaf}" for stage in (0, 18) for leaf in (0, 1)},
    **{f"features.1.{theirs}": f"features.1.{ours}" for theirs, ours in PLAIN.items()},
    **{
        f"features.{stage}.{theirs}": f"features.{stage}.{ours}"
        for stage in range(2, 18)
        for theirs, ours in EXPANDED.items()
    },
}

CLASSIFIER = {"classifier.*": "ImageNet classifier"}
LAYOUTS = (
    Layout("torchvision mobilenet_v2", same_names(*OLDER.values()), IMAGENET, CLASSIFIER),
    Layout("tonylins/pytorch-mobilenet-v2", OLDER, IMAGENET, CLASSIFIER),
)
