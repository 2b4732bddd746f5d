"""Positions in time: what they read, and which of them are the same function of the frames.

Every operation that acts on time locally gives its result position by position, and each position reads some
positions of other results. Following what is read down to the frames, two positions are the same function of
their frames, a `Kind`, or they are not; the same kind of the same frames, in whatever windows, is computed
once. A position whose reading meets an end of the window that is padded belongs to that window alone.
Strides, dilations, phases and look-ahead need no rules of their own: they follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from avsal.prediction.engines.combine import Combination
from avsal.prediction.engines.trace import Node, Ref

__all__ = ["Call", "Edges", "Key", "Kind", "Place", "Series", "Stage", "Tap"]


@dataclass(frozen=True)
class Edges:
    """Which ends of a window are padded as in training; the video goes on at the others."""

    left: bool
    right: bool


class Place(NamedTuple):
    """A position of a stage, of one of its results where it has several."""

    stage: Stage
    item: int | None
    position: int


class Tap(NamedTuple):
    """What a kind reads: a key of another stage, `offset` frames after its own, of moment `time` after it."""

    stage: Stage
    item: int | None
    kind: int
    offset: int
    time: int


#: (number of a kind, frame): a position in a video
Key = tuple[int, int]


@dataclass(frozen=True)
class Kind:
    """Positions of a stage that are the same function of frames.

    Attributes:
        edge: padding reaches it, so that it belongs to one window, whose first frame names it.
        taps: what it reads, None for padding.
        position: one such position, counted from a window's first.
    """

    edge: bool
    taps: tuple[Tap | None, ...]
    position: int


@dataclass(frozen=True, eq=False)
class Series:
    """A value along time, (B, C, T, H, W).

    Attributes:
        places: its positions in a window.
        beyond: where those before and after the window are, as (stage, item, first, step): position i is at
            first + step i. None where there are none, as with what was joined along time.
    """

    places: tuple[Place, ...]
    beyond: tuple[Stage, int | None, int, int] | None

    def at(self, index: int) -> Place | None:
        """A position, of the window or beyond."""
        if 0 <= index < len(self.places):
            return self.places[index]
        if self.beyond is None:
            return None
        stage, item, first, step = self.beyond
        return Place(stage, item, first + step * index)

    def picked(self, indices: Iterable[int], first: int = 0, step: int | None = None) -> Series:
        """Some positions; with `step`, those beyond are every so-many-th, too."""
        beyond = None
        if self.beyond is not None and step is not None:
            stage, item, begin, before = self.beyond
            beyond = (stage, item, begin + before * first, before * step)
        return Series(tuple(self.places[index] for index in indices), beyond)


@dataclass(frozen=True, eq=False)
class Call:
    """An operation to run: a node's, or what stands for it."""

    node: Node
    target: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(eq=False)
class Stage:
    """Operations whose results come position by position.

    Attributes:
        inputs: what a position reads of.
        window: kernel, stride, padding and dilation in time with which it reads.
        edges: of the windows.
        length: its positions in a window.
        span: frames of a window.
        end: frames from the video's end to that of its positions.
        stride: frames from one position to the next.
        offset: frames from the window's first to that of its first position.
        goes_on: whether there are positions before and after the window.
        combine: joins what lies in the window; None: the first call takes all inputs.
        calls: what runs then, one after the other.
        refs: for each input its references in the calls' arguments.
    """

    inputs: tuple[Series, ...]
    window: tuple[int, int, int, int]
    edges: Edges
    length: int
    span: int = 0
    end: int = 0
    stride: int = 1
    offset: int = 0
    goes_on: bool = True
    combine: Combination | None = None
    calls: list[Call] = field(default_factory=list)
    refs: tuple[Ref, ...] = ()
    tail: Node | None = None
    kinds: list[Kind] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)
    _known: dict[int, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.inputs:
            return
        kernel, stride, padding, dilation = self.window
        self.goes_on = all(series.beyond is not None for series in self.inputs)
        self.end = min(series.beyond[0].end if series.beyond else 0 for series in self.inputs)
        if self.goes_on:
            assert self.inputs[0].beyond is not None
            source, _, first, step = self.inputs[0].beyond
            self.offset = source.offset + source.stride * first
            self.end += (2 * padding - dilation * (kernel - 1)) * source.stride * step
            self.stride = source.stride * step * stride
        else:  # there while its window is
            self.stride, self.offset, self.end = 0, 0, 1 - self.span

    def reads(self, position: int) -> list[Place | None]:
        """What a position is computed from; None: padding."""
        kernel, stride, padding, dilation = self.window
        found: list[Place | None] = []
        for series in self.inputs:
            for tap in range(kernel):
                index = position * stride - padding + tap * dilation
                padded = (index < 0 and self.edges.left) or (index >= len(series.places) and self.edges.right)
                found.append(None if padded else series.at(index))
        return found

    def key(self, position: int) -> Key:
        """A position of the window that begins at frame 0."""
        if position not in self._known:
            self._known[position] = self._find(position)
        return self._known[position]

    def _find(self, position: int) -> Key:
        if not self.inputs:  # frames
            if not self.kinds:
                self.kinds.append(Kind(False, (), 0))
            return 0, position
        reads = self.reads(position)
        keys = [None if read is None else read.stage.key(read.position) for read in reads]
        edge = any(
            read is None or key is None or read.stage.kinds[key[0]].edge
            for read, key in zip(reads, keys, strict=True)
        )
        frame = 0 if edge else min(key[1] for key in keys if key is not None)
        taps = tuple(
            None
            if read is None or key is None
            else Tap(read.stage, read.item, key[0], key[1] - frame, read.stage.time(read.position) - frame)
            for read, key in zip(reads, keys, strict=True)
        )
        name = position if edge else tuple((tap.stage, *tap[1:4]) for tap in taps if tap)
        if name not in self._numbers:
            self._numbers[name] = len(self.kinds)
            self.kinds.append(Kind(edge, taps, position))
        return self._numbers[name], frame

    def time(self, position: int) -> int:
        """The frame that a position of the window stands for, which decides whether the video has it."""
        return self.offset + self.stride * position

    def series(self, item: int | None = None) -> Series:
        """Its result."""
        places = tuple(Place(self, item, position) for position in range(self.length))
        return Series(places, (self, item, 0, 1) if self.goes_on else None)
