"""Whole models whose authors publish weights: in which layouts and on what terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from avsal.models import create_model
from avsal.weights import esan_layouts, stavis_layouts, tased_layouts, unisal_layouts, vinet_layouts
from avsal.weights.backbones import Backbone, one_dimensional, unchanged
from avsal.weights.layout import Layout

__all__ = ["MODELS", "PublishedModel"]


@dataclass(frozen=True, kw_only=True)
class PublishedModel(Backbone):
    """A model of ours, named as in the registry, whose authors publish weights.

    Attributes:
        licence: of the weights, as far as their authors state one.
        source: where they are published.
        arguments: of the model's constructor, for what their code does.
    """

    licence: str
    source: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def published(
    name: str,
    *layouts: Layout,
    licence: str,
    source: str,
    adapt: Callable[[str, Tensor], Tensor] = unchanged,
    **arguments: Any,
) -> PublishedModel:
    """The model that the registry calls `name`, in these layouts and with these arguments."""
    return PublishedModel(
        name=name,
        part="model",
        build=partial(create_model, name, **arguments),
        layouts=layouts,
        adapt=adapt,
        licence=licence,
        source=source,
        arguments=arguments,
    )


def flat_kernels_of_sound(name: str, tensor: Tensor) -> Tensor:
    """SoundNet's kernels without the axis that publishers gave them; 1x1 kernels of pictures keep theirs."""
    return one_dimensional(name, tensor) if name.startswith(("soundnet.", "classifiers.")) else tensor


ESAN = "https://github.com/cj4L/ESAN-VSP"
UNISAL = "https://github.com/rdroste/unisal"
TASED = "https://github.com/MichiganCOG/TASED-Net"
VINET = "https://github.com/samyak0210/ViNet"
VINET_V2 = "https://github.com/ViNet-Saliency/vinet_v2"
STAVIS = "https://github.com/atsiami/STAViS"

MODELS = {
    model.name: model
    for model in (
        published(
            "esan",
            esan_layouts.ESAN,
            licence="not stated",
            source=ESAN,
            adapt=esan_layouts.reference_first,
            recurrent="released",
        ),
        published("unisal", unisal_layouts.UNISAL, licence="Apache-2.0", source=UNISAL),
        published("tased", tased_layouts.TASED, licence="MIT", source=TASED),
        published("vinet", vinet_layouts.VINET, licence="MIT", source=VINET),
        published("vinet_s", vinet_layouts.VINET_S, licence="CC-BY-NC-SA-4.0", source=VINET_V2),
        published("avinet", vinet_layouts.AVINET, licence="MIT", source=VINET, adapt=flat_kernels_of_sound),
        published("stavis", stavis_layouts.STAVIS, licence="MIT", source=STAVIS, adapt=flat_kernels_of_sound),
        published(
            "stavis_visual", stavis_layouts.VISUAL, licence="MIT", source=STAVIS, adapt=flat_kernels_of_sound
        ),
    )
}
