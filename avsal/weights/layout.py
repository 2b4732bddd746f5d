"""A key layout: how one published state dict names the tensors of a network that we have too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from avsal.weights.recipe import InputRecipe

__all__ = ["Layout", "same_names", "under"]


@dataclass(frozen=True)
class Layout:
    """One published layout of a network.

    Attributes:
        name: whose it is.
        modules: their name of each module that holds tensors -> ours. The tensors within (`weight`, `bias`,
            `running_mean`, ...) are called the same everywhere.
        recipe: what the weights expect as input.
        dropped: patterns of keys that are left out on purpose -> what they are.
        assumed: the layout is also used with other input, so that the recipe is a guess worth a note.
        tensors: their name of each tensor that is called otherwise within its module -> ours.
        signs: keys of a part that this network does without -> the number that they all hold while that part
            is untrained: a file that has it so is this network, though a larger one has a place for all.
    """

    name: str
    modules: Mapping[str, str]
    recipe: InputRecipe
    dropped: Mapping[str, str] = field(default_factory=dict)
    assumed: bool = False
    tensors: Mapping[str, str] = field(default_factory=dict)
    signs: Mapping[str, float] = field(default_factory=dict)

    def ours(self, key: str) -> str | None:
        """Our name of the tensor that they call `key`; None where the table does not have it."""
        if key in self.tensors:
            return self.tensors[key]
        module, _, tensor = key.rpartition(".")
        return f"{self.modules[module]}.{tensor}" if module in self.modules else None

    def dropped_as(self, key: str) -> str | None:
        """What `key` is, where it is left out on purpose; else None."""
        return next((what for pattern, what in self.dropped.items() if fnmatchcase(key, pattern)), None)

    def theirs(self, key: str) -> str:
        """Their name of the tensor that we call `key`."""
        if key in self.tensors_by_ours:
            return self.tensors_by_ours[key]
        module, _, tensor = key.rpartition(".")
        return f"{self.modules_by_ours[module]}.{tensor}"

    @cached_property
    def modules_by_ours(self) -> dict[str, str]:
        """The table read the other way."""
        return {ours: theirs for theirs, ours in self.modules.items()}

    @cached_property
    def tensors_by_ours(self) -> dict[str, str]:
        """The table of single tensors read the other way."""
        return {ours: theirs for theirs, ours in self.tensors.items()}


def under(prefix: str, modules: Mapping[str, str]) -> dict[str, str]:
    """The same table for a network that is a part, named `prefix`, of a larger one."""
    return {f"{prefix}.{theirs}": ours for theirs, ours in modules.items()}


def same_names(*modules: str) -> dict[str, str]:
    """The table of a layout whose module names are ours."""
    return {name: name for name in modules}
