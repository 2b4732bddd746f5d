"""The networks whose weights are published, and in which layouts: one table, one entry a network.

A part is what models take from elsewhere to begin with (`encoder`, `audio`); whole models have our names.
To add one: a `Layout` in a file of layouts, and a row below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

import torch
from torch import Tensor, nn

from avsal.layers.mobilenet import MobileNetV2
from avsal.layers.resnet3d import VideoResNet
from avsal.layers.resnet50_3d import ResNet50
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SoundNet
from avsal.layers.vgg import VGG16
from avsal.models import ArgumentValue, create_model
from avsal.weights import (
    esan_layouts,
    mobilenet_layouts,
    s3d_layouts,
    soundnet_layouts,
    stavis_layouts,
    tased_layouts,
    torchvision_layouts,
    unisal_layouts,
    vinet_layouts,
)
from avsal.weights.layout import Layout
from avsal.weights.soundnet_layouts import one_dimensional

__all__ = ["BACKBONES", "MODELS", "NETWORKS", "PublishedNetwork"]


def unchanged(name: str, tensor: Tensor) -> Tensor:
    """The tensor itself."""
    return tensor


def sound_one_dimensional(name: str, tensor: Tensor) -> Tensor:
    """SoundNet's kernels likewise; 1x1 kernels of pictures keep theirs."""
    return one_dimensional(name, tensor) if name.startswith(("soundnet.", "classifiers.")) else tensor


@dataclass(frozen=True)
class PublishedNetwork:
    """A network whose weights are published.

    Attributes:
        name: what one types after ``--as``; of a whole model, its name in the registry.
        part: of a model, ``encoder`` or ``audio``, or the whole ``model``.
        build: the network, without a classifier.
        layouts: of its state dict; where several fit equally well, the first counts.
        adapt: brings a tensor, given our name of it, into our shape and order, where layouts differ in that.
        licence: of a whole model's weights, as far as their authors state one.
        source: where a whole model's weights are published.
        arguments: of a whole model's constructor, for what its authors' code does.
    """

    name: str
    part: Literal["encoder", "audio", "model"]
    build: Callable[[], nn.Module]
    layouts: tuple[Layout, ...]
    adapt: Callable[[str, Tensor], Tensor] = unchanged
    licence: str | None = None
    source: str | None = None
    arguments: Mapping[str, ArgumentValue] = field(default_factory=dict)

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """The network's state dict with names, shapes and types, but without memory."""
        with torch.device("meta"):
            return self.build().state_dict()


def encoder(name: str, build: Callable[[], nn.Module], *layouts: Layout) -> PublishedNetwork:
    """A visual backbone."""
    return PublishedNetwork(name, "encoder", build, layouts)


def model(
    name: str,
    layout: Layout,
    licence: str,
    source: str,
    adapt: Callable[[str, Tensor], Tensor] = unchanged,
    **arguments: ArgumentValue,
) -> PublishedNetwork:
    """The whole model that the registry calls `name`, with these arguments."""
    build = partial(create_model, name, **arguments)
    return PublishedNetwork(name, "model", build, (layout,), adapt, licence, source, arguments)


HOST = "https://github.com/"
NETWORKS = {
    network.name: network
    for network in (
        encoder("s3d", S3D, *s3d_layouts.LAYOUTS),
        PublishedNetwork("soundnet", "audio", SoundNet, soundnet_layouts.LAYOUTS, one_dimensional),
        encoder("vgg16", VGG16, torchvision_layouts.VGG16),
        encoder("mobilenet_v2", partial(MobileNetV2, last=True), *mobilenet_layouts.LAYOUTS),
        encoder("r3d_18", partial(VideoResNet, "r3d_18"), torchvision_layouts.R3D_18),
        encoder("mc3_18", partial(VideoResNet, "mc3_18"), torchvision_layouts.MC3_18),
        encoder("r2plus1d_18", partial(VideoResNet, "r2plus1d_18"), torchvision_layouts.R2PLUS1D_18),
        encoder("resnet50_3d", ResNet50, stavis_layouts.RESNET50),
        model(
            "esan",
            esan_layouts.ESAN,
            "not stated",
            f"{HOST}cj4L/ESAN-VSP",
            esan_layouts.reference_first,
            recurrent="released",
        ),
        model("unisal", unisal_layouts.UNISAL, "Apache-2.0", f"{HOST}rdroste/unisal"),
        model("tased", tased_layouts.TASED, "MIT", f"{HOST}MichiganCOG/TASED-Net"),
        model("vinet", vinet_layouts.VINET, "MIT", f"{HOST}samyak0210/ViNet"),
        model("vinet_s", vinet_layouts.VINET_S, "CC-BY-NC-SA-4.0", f"{HOST}ViNet-Saliency/vinet_v2"),
        model("vinet_a", vinet_layouts.VINET_A, "CC-BY-NC-SA-4.0", f"{HOST}ViNet-Saliency/vinet_v2"),
        model("avinet", vinet_layouts.AVINET, "MIT", f"{HOST}samyak0210/ViNet", sound_one_dimensional),
        model("stavis", stavis_layouts.STAVIS, "MIT", f"{HOST}atsiami/STAViS", sound_one_dimensional),
        model("stavis_visual", stavis_layouts.VISUAL, "MIT", f"{HOST}atsiami/STAViS", sound_one_dimensional),
    )
}
BACKBONES = {name: network for name, network in NETWORKS.items() if network.part != "model"}
MODELS = {name: network for name, network in NETWORKS.items() if network.part == "model"}
