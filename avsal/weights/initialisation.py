"""Published backbones into parts of a model, with the input they expect.

TSFP-Net starts from S3D of Kinetics and SoundNet, 3DSAL and ESAN-VSP from VGG-16 of ImageNet, UNISAL from
MobileNetV2 of ImageNet, 3D-ResNet from a network trained on video actions.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from avsal.errors import CheckpointError, ConfigError
from avsal.layers.mobilenet import MobileNetV2
from avsal.layers.resnet3d import VideoResNet
from avsal.layers.resnet50_3d import ResNet50
from avsal.layers.s3d import S3D
from avsal.layers.slowfast import SlowFast50
from avsal.layers.soundnet import SoundNet
from avsal.layers.vgg import VGG16
from avsal.models import SaliencyModel
from avsal.weights.catalogue import CATALOGUE, fetched
from avsal.weights.checkpoint import fill
from avsal.weights.conversion import Conversion
from avsal.weights.mismatch import describe_mismatch, shapes
from avsal.weights.published_file import read_backbone
from avsal.weights.recipe import InputRecipe

__all__ = ["Initialised", "initialise", "pretrained_parts"]

logger = logging.getLogger(__name__)

#: which class of part takes which published backbones
TAKES: dict[str, dict[type[nn.Module], tuple[str, ...]]] = {
    "encoder": {
        S3D: ("s3d",),
        VGG16: ("vgg16",),
        MobileNetV2: ("mobilenet_v2",),
        VideoResNet: ("r3d_18", "mc3_18", "r2plus1d_18"),
        ResNet50: ("resnet50_3d",),
    },
    "audio": {SoundNet: ("soundnet",)},
}
#: parts that were published pretrained, but for whose files there is no converter
WITHOUT_CONVERTER: dict[str, tuple[type[nn.Module], ...]] = {"encoder": (SlowFast50,), "audio": ()}
PROJECTION = "layer1.0.downsample"


@dataclass(frozen=True)
class Initialised:
    """What one part of a model was given.

    Attributes:
        part: ``encoder`` or ``audio``.
        module: name of the part within the model.
        file: the weights came from.
        backbone: which network they are of.
        layout: in which the file had them.
        recipe: the input they expect, now the model's.
        notes: what was left out, added or changed.
    """

    part: str
    module: str
    file: str
    backbone: str
    layout: str
    recipe: InputRecipe
    notes: tuple[str, ...]


def initialise(
    model: SaliencyModel,
    *,
    encoder: str | os.PathLike[str] | None = None,
    audio: str | os.PathLike[str] | None = None,
) -> list[Initialised]:
    """Fill a model's encoder, its audio encoder, or both, from published or converted files.

    The input recipe belongs to the weights: the model's `spec` is replaced by one with the recipe's mean,
    std, range, channel order, sample rate and scale, with a note to the log where it changes. Everything else
    of the model keeps its values, and `trained` stays as it is: a backbone is no trained model.

    A narrower network than the published one cannot be filled. A shorter one can: what lies behind its end is
    left out. A 3D-ResNet's trunk has one projection more than R3D-18; it becomes the identity, so that the
    trunk computes what R3D-18 does.

    Args:
        model: model to fill, in place.
        encoder: weight file of the visual backbone, or a name of the catalogue that was fetched.
        audio: weight file of the audio backbone, or a name of the catalogue that was fetched.

    Returns:
        One entry for each part that was filled.

    Raises:
        CheckpointError: a file cannot be read, is of another network, or does not fit.
        ConfigError: the model has no such part.
    """
    plan = []  # whole before anything is filled, so that an error leaves the model as it was
    for part, given in (("encoder", encoder), ("audio", audio)):
        if given is not None:
            name, module, takes = part_of(model, part)
            path = fetched(str(given)) if str(given) in CATALOGUE else Path(given)
            weights = read_backbone(path, takes)
            tensors, notes = fitted(module, weights, f"the {part} of {model.name}", path)
            notes = weights.notes + notes
            entry = Initialised(
                part, name, str(path), weights.backbone, weights.layout, weights.recipe, notes
            )
            plan.append((module, tensors, entry))
    for module, tensors, entry in plan:
        fill(module, tensors, entry.file)
        spec = entry.recipe.applied_to(model.spec)
        if spec != model.spec:
            logger.warning("%s: its input is now %s", model.name, entry.recipe.describe())
            model.spec = spec
    return [entry for _, _, entry in plan]


def part_of(model: SaliencyModel, part: str) -> tuple[str, nn.Module, tuple[str, ...]]:
    """Name and module of the part that takes published weights, and the backbones that it takes.

    Raises:
        ConfigError: the model has none.
    """
    name, takes = pretrained_parts(model).get(part, ("", ()))
    if takes:
        return name, model.get_submodule(name), takes
    what = " or ".join(backbone for names in TAKES[part].values() for backbone in names)
    raise ConfigError(f"model {model.name!r} has no {part} that takes published weights (of {what})")


def pretrained_parts(model: SaliencyModel) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The parts of a model that were published pretrained: name within the model, and the backbones it
    takes."""
    found = {}
    for part, kinds in TAKES.items():
        for name, module in model.named_modules():
            takes = next((takes for kind, takes in kinds.items() if isinstance(module, kind)), None)
            if isinstance(module, WITHOUT_CONVERTER[part]):
                takes = ()
            if takes is not None:
                found[part] = name, takes
                break
    return found


def fitted(
    module: nn.Module, weights: Conversion, part: str, path: Path
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors for a part: those behind its end left out, a projection that it has more added.

    Raises:
        CheckpointError: the part has other widths or is of another kind.
    """
    own = module.state_dict()
    tensors = dict(weights.tensors)
    notes = []
    behind = [name for name in tensors if name not in own]
    if behind and isinstance(module, SoundNet | VGG16 | MobileNetV2):
        tensors = {name: tensor for name, tensor in tensors.items() if name in own}
        notes.append(f"left out on purpose: {len(behind)} tensors behind the part's end")
    if isinstance(module, VideoResNet) and f"{PROJECTION}.0.weight" in own:
        tensors |= identity_projection(own)
        notes.append(f"{PROJECTION} is the identity")
    problem = describe_mismatch(shapes(own), shapes(tensors))
    if problem:
        raise CheckpointError(
            f"{path} ({weights.backbone}) does not fit {part}, which must be of that kind and of width 1: "
            f"{problem}"
        )
    return tensors, tuple(notes)


def identity_projection(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A projection whose convolution and batch norm pass their input on, in evaluation mode."""
    convolution, norm = f"{PROJECTION}.0", f"{PROJECTION}.1"
    channels = own[f"{convolution}.weight"].shape[0]
    ones = torch.ones(channels)
    return {
        f"{convolution}.weight": torch.eye(channels).reshape(own[f"{convolution}.weight"].shape),
        f"{norm}.weight": ones,
        f"{norm}.bias": torch.zeros(channels),
        f"{norm}.running_mean": torch.zeros(channels),
        f"{norm}.running_var": ones - nn.BatchNorm3d(1).eps,
        f"{norm}.num_batches_tracked": torch.zeros((), dtype=torch.int64),
    }
