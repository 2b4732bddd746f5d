"""What making maps costs: measured while they are made, so that a table of scores can say it."""

from __future__ import annotations

import ctypes
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from avsal.models import SaliencyModel

__all__ = ["Counter", "Meter"]

Made = TypeVar("Made")

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # what the kernel takes as: forget the highest resident size
_MEGABYTE = 1e6


class Meter:
    """Adds up what one model's maps cost.

    CPU seconds are of all threads of the process while a map was waited for: decoding and resizing are
    included, scoring is not. Operations are counted by PyTorch on the first video, two a multiply-add, of
    convolutions and matrix products alone. Memory is that of the first video, of weights and of all that was
    held while maps were made, on the model's device; what the libraries take is not in it.
    """

    def __init__(self, model: SaliencyModel) -> None:
        self._model = model
        self._weights = sum(
            tensor.numel() * tensor.element_size() for tensor in [*model.parameters(), *model.buffers()]
        )
        self._maps = 0
        self._seconds = 0.0
        self._counted = 0
        self._operations = 0
        self._held = 0.0
        self._peak = 0.0
        self._videos = 0
        self._memory: _Resident | _Allocated | None = None

    def measured(self, made: Iterable[Made], counts: Callable[[Made], bool]) -> Iterator[Made]:
        """Give on what is made, each waited for with a watch on.

        Args:
            made: the maps of one video.
            counts: whether one is a map that was computed.
        """
        first = self._videos == 0
        self._videos += 1
        if first:
            self._memory = _memory_of(self._model)
        iterator = iter(made)
        while True:
            began = time.process_time()
            with self._counted_first() if first else nullcontext():
                one = next(iterator, None)
            self._seconds += time.process_time() - began
            if one is None:
                return
            if counts(one):
                self._maps += 1
                self._counted += first
            yield one

    @contextmanager
    def _counted_first(self) -> Iterator[None]:
        """Count operations and memory."""
        before = 0.0 if self._memory is None else self._memory.start()
        counter = Counter()
        with counter:
            yield
        self._operations += counter.operations
        if self._memory is not None:
            after, peak = self._memory.read()
            self._peak = max(self._peak, self._held + peak - before)
            self._held += after - before

    def costs(self) -> dict[str, float]:
        """By name, as tables call them; what could not be measured is left out."""
        found = {"parameters": self._model.num_parameters / 1e6}
        if self._counted:
            found["gflop"] = self._operations / self._counted / 1e9
        if self._maps:
            found["cpu_seconds"] = self._seconds / self._maps
        if self._memory is not None and self._counted:
            found["memory"] = (self._weights + self._peak) / _MEGABYTE
        return found


class Counter(TorchDispatchMode):
    """Counts operations of convolutions and matrix products as they are, two a multiply-add.

    PyTorch's `FlopCounterMode` takes operators apart to count them, which changes the last digits of what is
    computed; maps that are scored must not depend on being counted.

    Attributes:
        operations: so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator, count if it is one that counts."""
        made = func(*args, **(kwargs or {}))
        name = func._overloadpacket.__name__
        if name in _PRODUCTS:
            self.operations += 2 * made.numel() * args[_PRODUCTS[name]].shape[-1]
        elif name in _CONVOLUTIONS:
            image, weight = args[0], args[1]
            turned = name.startswith("conv_transpose") or (len(args) > 6 and args[6] is True)
            self.operations += 2 * (image if turned else made).numel() * math.prod(weight.shape[1:])
        elif name == "bilinear":
            self.operations += 2 * made.numel() * args[0].shape[-1] * args[1].shape[-1]
        elif name == "einsum" and len(args[1]) == 2:
            axes = zip(args[0].partition("->")[0].split(","), args[1], strict=True)
            sizes = {letter: size for letters, one in axes for letter, size in _sizes(letters, one)}
            self.operations += 2 * math.prod(sizes.values())
        return made


#: which argument's last axis is summed over
_PRODUCTS = {"mm": 0, "bmm": 0, "matmul": 0, "linear": 0, "addmm": 1, "baddbmm": 1, "mv": 0, "dot": 0}
_CONVOLUTIONS = frozenset(
    [f"{kind}{rank}d" for kind in ("conv", "conv_transpose") for rank in (1, 2, 3)]
    + ["convolution", "_convolution", "mkldnn_convolution", "_convolution_pointwise"]
)


def _sizes(letters: str, tensor: torch.Tensor) -> Iterator[tuple[str, int]]:
    """The size of each of a tensor's axes by its letter; axes that are left out as ``...`` count by place."""
    before, dots, after = (part.strip() for part in letters.partition("..."))
    number = tensor.ndim - len(before) - len(after) if dots else 0
    yield from zip([*before, *map(str, range(number)), *after], tensor.shape, strict=True)


def _memory_of(model: SaliencyModel) -> _Resident | _Allocated | None:
    device = next(model.parameters()).device
    if device.type == "cuda":
        return _Allocated(device)
    return _Resident() if device.type == "cpu" and _Resident.possible() else None


class _Resident:
    """Memory of the process: Linux tells the highest since it was last asked to forget."""

    def __init__(self) -> None:
        with suppress(AttributeError, OSError):  # what was freed and is kept would hide what a model takes
            ctypes.CDLL(None).malloc_trim(0)

    @staticmethod
    def possible() -> bool:
        try:
            _CLEAR.write_text(_RESET_PEAK)
            return "VmHWM" in _STATUS.read_text()
        except OSError:
            return False

    def start(self) -> float:
        """Begin to watch; bytes now."""
        _CLEAR.write_text(_RESET_PEAK)
        return self._sizes()[0]

    def read(self) -> tuple[float, float]:
        """Bytes now, and at the highest since `start`."""
        return self._sizes()

    @staticmethod
    def _sizes() -> tuple[float, float]:
        text = _STATUS.read_text()
        now, peak = (re.search(rf"{name}:\s+(\d+)", text) for name in ("VmRSS", "VmHWM"))
        assert now is not None
        assert peak is not None
        return 1024.0 * int(now[1]), 1024.0 * int(peak[1])


class _Allocated:
    """Memory of a CUDA device as PyTorch allocates it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def start(self) -> float:
        """Begin to watch; bytes now."""
        torch.cuda.reset_peak_memory_stats(self._device)
        return float(torch.cuda.memory_allocated(self._device))

    def read(self) -> tuple[float, float]:
        """Bytes now, and at the highest since `start`."""
        torch.cuda.synchronize(self._device)
        now = torch.cuda.memory_allocated(self._device)
        return float(now), float(torch.cuda.max_memory_allocated(self._device))
