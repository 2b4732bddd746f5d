"""The networks whose weights are published, in which layouts: parts that models take from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from avsal.layers.resnet3d import VideoResNet
from avsal.layers.resnet50_3d import ResNet50
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SoundNet
from avsal.layers.vgg import VGG16
from avsal.weights import s3d_layouts, soundnet_layouts, stavis_layouts, torchvision_layouts
from avsal.weights.layout import Layout

__all__ = ["BACKBONES", "Backbone", "one_dimensional", "unchanged"]


def unchanged(name: str, tensor: Tensor) -> Tensor:
    """The tensor itself."""
    return tensor


def one_dimensional(name: str, tensor: Tensor) -> Tensor:
    """SoundNet's kernels without the axis that publishers gave them."""
    return soundnet_layouts.one_dimensional(tensor)


@dataclass(frozen=True)
class Backbone:
    """A network whose weights are published.

    Attributes:
        name: what one types after ``--as``.
        part: of a model, ``encoder`` or ``audio``, or the whole ``model``.
        build: the network as published, without classifier.
        layouts: of its state dict; where several fit equally well, the first counts.
        adapt: brings a tensor, given our name of it, into our shape and order, where layouts differ in that.
    """

    name: str
    part: Literal["encoder", "audio", "model"]
    build: Callable[[], nn.Module]
    layouts: tuple[Layout, ...]
    adapt: Callable[[str, Tensor], Tensor] = unchanged

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The network's state dict with names, shapes and types, but without memory."""
        with torch.device("meta"):
            return self.build().state_dict()


BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone("s3d", "encoder", S3D, s3d_layouts.LAYOUTS),
        Backbone("soundnet", "audio", SoundNet, soundnet_layouts.LAYOUTS, one_dimensional),
        Backbone("vgg16", "encoder", VGG16, (torchvision_layouts.VGG16,)),
        Backbone("r3d_18", "encoder", lambda: VideoResNet("r3d_18"), (torchvision_layouts.R3D_18,)),
        Backbone("mc3_18", "encoder", lambda: VideoResNet("mc3_18"), (torchvision_layouts.MC3_18,)),
        Backbone(
            "r2plus1d_18", "encoder", lambda: VideoResNet("r2plus1d_18"), (torchvision_layouts.R2PLUS1D_18,)
        ),
        Backbone("resnet50_3d", "encoder", ResNet50, (stavis_layouts.RESNET50,)),
    )
}
