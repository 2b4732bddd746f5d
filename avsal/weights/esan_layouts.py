"""The layout of ESAN-VSP's released state dict (76 entries)."""

from __future__ import annotations

import torch
from torch import Tensor

from avsal.weights.layout import Layout
from avsal.weights.recipe import IMAGENET
from avsal.weights.torchvision_layouts import VGG16_CONVOLUTIONS

__all__ = ["ESAN", "reference_first"]

#: their names of the pyramid's levels, coarse to fine, and of the last alignment -> ours
ALIGNMENTS = {"L3": "levels.0", "L2": "levels.1", "L1": "levels.2", "cas": "cascade"}
GUIDED = ("L2", "L1")

LAST = {"L3": 2, "L2": 3, "L1": 3, "cas": 2}  # number of the last convolution before the offsets

ESAN = Layout(
    "cj4L/ESAN-VSP",
    {
        **{f"base.{index}": f"encoder.features.{index}" for index in VGG16_CONVOLUTIONS},
        "L1_conv.0": "project.2",
        **{f"pcd_align.{t}_offset_conv1": f"align.{o}.compare.convolution" for t, o in ALIGNMENTS.items()},
        **{f"pcd_align.{t}_offset_conv2": f"align.{ALIGNMENTS[t]}.join" for t in GUIDED},
        **{f"pcd_align.{t}_offset_conv{LAST[t]}": f"align.{o}.refine" for t, o in ALIGNMENTS.items()},
        **{f"pcd_align.{t}_dcnpack": f"align.{o}.sample.convolution" for t, o in ALIGNMENTS.items()},
        **{
            f"pcd_align.{t}_dcnpack.conv_offset_mask": f"align.{o}.sample.guidance"
            for t, o in ALIGNMENTS.items()
        },
        **{f"pcd_align.{t}_fea_conv": f"align.fuse.{number}" for number, t in enumerate(GUIDED)},
        "sc_fusion": "fuse",
        "lstm_forw.cell_list.0.conv": "recurrent.forward_lstm.gates",
        "final_conv.0": "decode",
    },
    IMAGENET,
    {"lstm_back.*": "backward LSTM, which the released code never runs"},
)


def reference_first(name: str, tensor: Tensor) -> Tensor:
    """A tensor with our input channels: they compare [neighbour, reference], we [reference, neighbour]."""
    if name.endswith(".compare.convolution.weight"):
        return torch.cat(tensor.chunk(2, 1)[::-1], 1)
    return tensor
