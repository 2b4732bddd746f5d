"""What a network does with a window, operation by operation, recorded as it runs on no windows at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import get_ident
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.framewise import is_framewise
from avsal.models import SaliencyModel

__all__ = ["Graph", "Node", "Ref", "Untraceable", "filled", "frozen", "refs_in"]

#: functions that look at values, and those that are told a shape
READING = {"__bool__", "__int__", "__float__", "__index__", "item", "tolist", "numpy", "equal", "is_nonzero"}
SHAPING = {
    *(
        "view",
        "reshape",
        "unflatten",
        "expand",
        "broadcast_to",
        "repeat",
        "tile",
        "zeros",
        "ones",
        "full",
        "empty",
    ),
    *("new_zeros", "new_ones", "new_full", "new_empty"),
}

#: modules that only call others
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Untraceable(Exception):  # noqa: N818
    """The network cannot be recorded; the message says why."""


class Ref(NamedTuple):
    """A tensor of the record: of a node, and where a node gives several, which."""

    node: Node
    item: int | None = None


@dataclass(eq=False)
class Node:
    """One operation, or an input of the network.

    Attributes:
        target: a function or module; None of an input.
        args: with `Ref`s for tensors that are computed.
        kwargs: the same.
        shapes: of the result, or of each of the results.
        several: whether it gives several results.
        number: nodes are numbered as they come.
    """

    target: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    number: int = 0
    several: bool = False

    def refs(self) -> list[Ref]:
        """What it depends on."""
        return refs_in((self.args, self.kwargs))


@dataclass(eq=False)
class Graph(TorchFunctionMode):
    """The operations of a model.

    What is recorded twice, such as the picture's part of the map with sound and of that without, is one node:
    it is computed once, and its results are the same to the last bit.

    Args:
        model: in evaluation mode.

    Attributes:
        nodes: all of them; a node comes after those that it depends on.
        frames: the input (B, 3, T, H, W).
        audio: the input (B, 1, A).
    """

    model: SaliencyModel
    nodes: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._refs: dict[int, Ref] = {}
        self._alive: list[Tensor] = []  # so that no other tensor gets their ids
        self._known: dict[Any, Node] = {}
        self._inside, self._thread = 0, get_ident()
        self.frames, self.audio = self._add(("frames",), None, (), {}), self._add(("audio",), None, (), {})

    def record(self, method: str, frames: Sequence[int], audio: Sequence[int] | None) -> Ref:
        """Record a method of the model.

        Args:
            method: its name; it takes frames and sound.
            frames: shape of the frames.
            audio: shape of the sound, None without.

        Raises:
            Untraceable: what it does cannot be recorded.
        """
        inputs: list[Tensor | None] = []
        device = next((one.device for one in self.model.parameters()), torch.device("cpu"))
        for node, shape in ((self.frames, frames), (self.audio, audio)):
            inputs.append(None if shape is None else torch.zeros(*shape, device=device))
            if shape is not None:
                node.shapes = (tuple(shape),)
                self._remember(inputs[-1], Ref(node))
        self._thread = get_ident()
        before = register_module_forward_pre_hook(self._enter)
        after = register_module_forward_hook(self._leave, with_kwargs=True)
        try:
            with torch.no_grad(), self:
                result = getattr(self.model, method)(*inputs)
            return self._refs[id(result)]
        except Untraceable:
            raise
        except Exception as error:  # whatever a third party's model does
            raise Untraceable(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}") from error
        finally:
            before.remove()
            after.remove()
            self._inside = 0
            self._refs.clear()
            self._alive.clear()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a function and record it, unless it is part of an operation."""
        if self._inside:
            return func(*args, **(kwargs or {}))
        self._inside += 1
        result = func(*args, **(kwargs or {}))
        self._inside -= 1
        name = getattr(func, "__name__", "")
        if name in ("__setitem__", "__delitem__") or "out" in (kwargs or {}):
            raise Untraceable(f"it writes into a tensor ({name})")
        if name in READING:
            raise Untraceable(f"what it does depends on values ({name})")
        self._record(func, args, dict(kwargs or {}), result)
        return result

    def _enter(self, module: nn.Module, _inputs: Any) -> None:
        if get_ident() == self._thread:  # hooks see what networks do in other threads, too
            self._inside += is_operation(module)

    def _leave(self, module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
        if get_ident() == self._thread and is_operation(module):
            self._inside -= 1
            if not self._inside:
                self._record(module, args, kwargs, result)

    def _record(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        results = [result] if isinstance(result, Tensor) else result
        if not isinstance(results, list | tuple) or not any(isinstance(one, Tensor) for one in results):
            return
        name = getattr(target, "__name__", "")
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place and id(getattr(result, "_base", None)) in self._refs:
            raise Untraceable("it writes into a part of a tensor")
        args, kwargs = self._replaced(args), self._replaced(kwargs)
        node = self._add((id(target), frozen(args), frozen(kwargs)), target, args, kwargs)
        node.several = not isinstance(result, Tensor)
        node.shapes = tuple(tuple(one.shape) if isinstance(one, Tensor) else () for one in results)
        for item, one in enumerate(results):
            if isinstance(one, Tensor):
                self._remember(one, Ref(node, None if isinstance(result, Tensor) else item))

    def _add(self, key: Any, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Node:
        if key not in self._known:
            self._known[key] = Node(target, args, kwargs, (), len(self.nodes))
            self.nodes.append(self._known[key])
        return self._known[key]

    def _remember(self, tensor: Tensor | None, ref: Ref) -> None:
        assert tensor is not None
        self._alive.append(tensor)
        self._refs[id(tensor)] = ref

    def _replaced(self, value: Any) -> Any:
        """Arguments with references."""
        if isinstance(value, Tensor):
            return self._refs.get(id(value), value)
        if type(value) in (list, tuple, torch.Size):
            return type(value)([self._replaced(one) for one in value])
        if type(value) is dict:
            return {key: self._replaced(one) for key, one in value.items()}
        return value

    def counts_batch(self, outputs: Iterable[Ref]) -> bool:
        """Whether results recorded of no windows are shaped by that number."""
        return any(
            getattr(node.target, "__name__", "") in SHAPING and 0 in numbers_in((node.args, node.kwargs))
            for node in self.needed(outputs)
        )

    def needed(self, outputs: Iterable[Ref]) -> list[Node]:
        """What results depend on, in order."""
        found: set[Node] = set()
        waiting = [ref.node for ref in outputs]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += [ref.node for ref in node.refs()]
        return sorted(found, key=lambda node: node.number)


def is_operation(module: nn.Module) -> bool:
    """Whether a module is recorded as one operation."""
    known = isinstance(module, Conv3d | MaxPool3d) or is_framewise(module)
    return known or (type(module).__module__.startswith("torch.nn.") and not isinstance(module, CONTAINERS))


def frozen(value: Any) -> Any:
    """Something to compare arguments by."""
    if isinstance(value, Ref):
        return value
    if isinstance(value, list | tuple):
        return (type(value), *map(frozen, value))
    if isinstance(value, dict):
        return tuple((key, frozen(one)) for key, one in value.items())
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, Tensor | nn.Module):
        return id(value)
    return (type(value), value)


def filled(value: Any, tensor_of: Callable[[Ref], Any]) -> Any:
    """Arguments with tensors in the places of their references."""
    if isinstance(value, Ref):
        return tensor_of(value)
    if type(value) in (list, tuple):
        return type(value)([filled(one, tensor_of) for one in value])
    if type(value) is dict:
        return {key: filled(one, tensor_of) for key, one in value.items()}
    return value


def numbers_in(value: Any) -> list[int]:
    """The whole numbers in arguments."""
    if isinstance(value, list | tuple) and not isinstance(value, Ref):
        return [number for one in value for number in numbers_in(one)]
    if isinstance(value, dict):
        return numbers_in(tuple(value.values()))
    return [value] if type(value) is int else []


def refs_in(value: Any) -> list[Ref]:
    """The references in arguments."""
    found: list[Ref] = []
    filled(value, found.append)
    return found
