"""Published state dicts in, ours out: recognised, mapped key by key, nothing left over, nothing missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from avsal.errors import CheckpointError, ConfigError
from avsal.weights.layout import Layout
from avsal.weights.mismatch import check_numbers, describe_mismatch, listed, shapes
from avsal.weights.published import NETWORKS, PublishedNetwork
from avsal.weights.recipe import InputRecipe

__all__ = ["Conversion", "convert_state", "names_of", "network_named", "without_wrapper_prefix"]

WRAPPER_PREFIXES = ("module.", "_orig_mod.", "model.")  # DataParallel, torch.compile, Lightning
#: of a batch norm: not used in evaluation, and absent from files of PyTorch before 0.4.1
COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Conversion:
    """A published state dict in our names.

    Attributes:
        backbone: which network, of a part or of a whole model.
        layout: in which it came.
        tensors: all of the network's, by our names, in single precision.
        recipe: what the weights expect as input.
        notes: what was left out or changed, for people.
    """

    backbone: str
    layout: str
    tensors: dict[str, Tensor]
    recipe: InputRecipe
    notes: tuple[str, ...] = ()


def network_named(name: str) -> PublishedNetwork:
    """The network called `name`.

    Raises:
        ConfigError: there is none.
    """
    if name not in NETWORKS:
        raise ConfigError(f"unknown network {name!r}: expected one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def names_of(name: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """One name, several, or all of them, as a tuple.

    Raises:
        ConfigError: there is no such network.
    """
    names = tuple(NETWORKS) if name is None else (name,) if isinstance(name, str) else name
    return tuple(network_named(one).name for one in names)


def convert_state(
    state: Mapping[str, Tensor], name: str | tuple[str, ...] | None = None, *, source: str = "the state dict"
) -> Conversion:
    """Convert a published state dict to our names; the input is not changed.

    Args:
        state: state as published, with or without ``module.`` before every key.
        name: name of the network it must be, or several that it may be; None takes whichever it is.
        source: source of the state dict, for messages.

    Raises:
        CheckpointError: the layout is not recognised, or a tensor is left over, missing, of another shape,
            not of numbers or not finite.
        ConfigError: there is no such backbone.
    """
    state, notes = without_wrapper_prefix(state)
    wanted = [network_named(one) for one in names_of(name)]
    backbone, layout = recognise(state, wanted, source)
    kept: dict[str, Tensor] = {}
    dropped: Counter[str] = Counter()
    for key, tensor in state.items():
        ours = layout.ours(key)
        what = None if ours else layout.dropped_as(key)
        if what is None:
            kept[key] = backbone.adapt(ours, tensor) if ours else tensor
        else:
            dropped[what] += 1
    notes += [f"left out on purpose: {count} tensors of the {what}" for what, count in dropped.items()]
    expected = {layout.theirs(ours): tensor for ours, tensor in backbone.tensors.items()}
    counters = [key for key in expected if key.endswith(COUNTER) and key not in kept]
    kept |= {key: torch.zeros((), dtype=torch.int64) for key in counters}
    if counters:
        notes.append(f"{len(counters)} absent batch counters set to 0")

    problem = describe_mismatch(shapes(expected), shapes(kept))
    if problem:
        raise CheckpointError(f"{source} is {backbone.name} in the layout of {layout.name}, but {problem}")
    types = check_numbers(kept, expected, source)
    if types:
        notes.append(f"converted from {', '.join(sorted(types))}")
    if layout.assumed:
        notes.append(f"the file does not tell its input recipe; assumed: {layout.recipe.describe()}")
    tensors = {}
    for ours, like in backbone.tensors.items():
        tensors[ours] = kept[layout.theirs(ours)].to(like.dtype, copy=True).contiguous()
    return Conversion(backbone.name, layout.name, tensors, layout.recipe, tuple(notes))


def without_wrapper_prefix(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict without ``module.`` and the like before every key, and a note where there was one."""
    notes: list[str] = []
    found = dict(state)
    while prefix := next(
        (p for p in WRAPPER_PREFIXES if found and all(k.startswith(p) for k in found)), None
    ):
        found = {key.removeprefix(prefix): tensor for key, tensor in found.items()}
        notes.append(f"the prefix {prefix!r} of every name was taken off")
    return found, notes


def recognise(
    state: Mapping[str, Tensor], wanted: Iterable[PublishedNetwork], source: str
) -> tuple[PublishedNetwork, Layout]:
    """The backbone and layout that a state dict has; one that misses a few keys is still recognised.

    Raises:
        CheckpointError: none of those wanted.
    """
    wanted = list(wanted)
    fits = [fit for backbone in NETWORKS.values() for fit in fits_of(state, backbone)]
    best = max((fit for fit in fits if fit.backbone in wanted), key=lambda fit: fit.score)
    other = max(fits, key=lambda fit: fit.score)
    names = " or ".join(backbone.name for backbone in wanted)
    better = other.names >= 0.5 and (other.names, other.shapes) > (best.names, best.shapes)
    # a larger network may well hold both, and be the only one that has a place for all keys
    rivals = best.keys & other.keys and other.strangers <= best.strangers
    if better and (best.names < 0.5 or rivals):
        raise CheckpointError(
            f"{source} is {other.backbone.name} in the layout of {other.layout.name}, not {names}"
        )
    if best.names >= 0.5:
        return best.backbone, best.layout
    if len(wanted) == 1:
        names += f" in a layout of {', '.join(layout.name for layout in wanted[0].layouts)}"
    found = f"found {len(state)} tensors: {listed(state)}" if state else "found no tensors"
    raise CheckpointError(f"{source} has no layout that is known: expected {names}; {found}")


@dataclass(frozen=True)
class Fit:
    """How well a layout describes a state dict.

    Attributes:
        backbone: the network.
        layout: of its state dict.
        names: share of the network's tensors that are there.
        shapes: share of them that are there in the right shape.
        signed: whether the layout's `signs` are there.
        strangers: how many keys the layout has no place for.
        keys: that it has a place for.
    """

    backbone: PublishedNetwork
    layout: Layout
    names: float
    shapes: float
    signed: bool
    strangers: int
    keys: frozenset[str]

    @property
    def score(self) -> tuple[float, float, bool, int, int]:
        """Larger is better; a whole model is better than the backbone within it."""
        return self.names, self.shapes, self.signed, -self.strangers, len(self.keys)


def fits_of(state: Mapping[str, Tensor], backbone: PublishedNetwork) -> list[Fit]:
    """How well each layout of a backbone describes a state dict."""
    expected = {key: tensor for key, tensor in backbone.tensors.items() if not key.endswith(COUNTER)}
    fits = []
    for layout in backbone.layouts:
        named = {key: ours for key in state if (ours := layout.ours(key)) in expected}
        shaped = sum(
            backbone.adapt(ours, state[key]).shape == expected[ours].shape for key, ours in named.items()
        )
        strangers = sum(layout.ours(key) is None and layout.dropped_as(key) is None for key in state)
        share, right = len(named) / len(expected), shaped / len(expected)
        signed = bool(layout.signs) and all(
            key in state and bool((state[key] == number).all()) for key, number in layout.signs.items()
        )
        fits.append(Fit(backbone, layout, share, right, signed, strangers, frozenset(named)))
    return fits
