"""What of a network windows share, and what each of them computes alone, from its recorded operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from avsal.prediction.engines.combine import Combination
from avsal.prediction.engines.rules import acts_framewise, changes_nothing, local_parts, time_index
from avsal.prediction.engines.stage import Call, Edges, Place, Series, Stage
from avsal.prediction.engines.trace import Graph, Node, Ref, filled, frozen, refs_in

__all__ = ["Plan"]


class Plan:
    """What of a network is computed position by position, and what for each window.

    Args:
        graph: the network.
        edges: of the windows.
        outputs: results of the graph that are wanted.

    Attributes:
        frames: the stage of the frames themselves.
        stages: all of them, in order.
        calls: what runs on whole windows, in order.
        series: of the graph's results that windows share positions of.
        ends: operations on whole windows where sharing ended, by name.
    """

    def __init__(self, graph: Graph, edges: Edges, outputs: Iterable[Ref]) -> None:
        self.graph, self.edges = graph, edges
        self.span = graph.frames.shapes[0][2]
        self.frames = Stage((), (1, 1, 0, 1), edges, self.span)
        self.stages = [self.frames]
        self.calls: list[Call] = []
        self.series: dict[Ref, Series] = {Ref(graph.frames): self.frames.series()}
        self.ends: list[str] = []
        self._seen = {graph.frames, graph.audio}
        self._same: dict[Ref, Ref] = {}  # results that are others, unchanged
        self._shared: dict[Any, Stage] = {}
        self.extend(outputs)

    def extend(self, outputs: Iterable[Ref]) -> None:
        """Take up further results of the graph."""
        order = self.graph.needed(outputs := list(outputs))
        for node in order:
            if node.target is not None and changes_nothing(node.target) and len(node.refs()) == 1:
                self._same[Ref(node)] = self.final(node.refs()[0])
        users = Counter(
            used
            for node in order
            if Ref(node) not in self._same
            for used in {self.final(ref).node for ref in node.refs()}
        )
        users.update(self.final(ref).node for ref in outputs)
        self._alone = {node for node, count in users.items() if count == 1}
        for node in order:
            if node not in self._seen and Ref(node) not in self._same:
                self._seen.add(node)
                self._take(node)

    def final(self, ref: Ref) -> Ref:
        """The result that one is unchanged."""
        return self._same.get(ref, ref)

    def roots(self, calls: Iterable[Call]) -> list[Series]:
        """What operations on whole windows take of what windows share."""
        refs = [self.final(ref) for call in calls for ref in refs_in((call.args, call.kwargs))]
        return [self.series[ref] for ref in dict.fromkeys(refs) if ref in self.series]

    def _take(self, node: Node) -> None:
        assert node.target is not None
        args, kwargs = (filled(value, self.final) for value in (node.args, node.kwargs))
        call = Call(node, node.target, args, kwargs)
        refs = list(dict.fromkeys(refs_in((args, kwargs))))
        inputs = [self.series.get(ref) for ref in refs]
        if inputs and None not in inputs and self._share(call, refs, inputs):  # type: ignore[arg-type]
            return
        if any(one is not None for one in inputs):
            self.ends.append(getattr(node.target, "__name__", type(node.target).__name__))
        self.calls.append(call)

    def _share(self, call: Call, refs: list[Ref], inputs: list[Series]) -> bool:
        """Take an operation as one on positions, if it is."""
        node, target, args, kwargs = call.node, call.target, call.args, call.kwargs
        name = getattr(target, "__name__", "")
        if name == "__getitem__":
            index = time_index(args[1])
            if index is not None:
                return self._pick(call, inputs[0], index)
        if name in ("cat", "concat") and len(args) + len(kwargs) == 2:
            dim = args[1] if len(args) == 2 else kwargs.get("dim")
            if dim in (2, -3):
                parts = [self.series[ref] for ref in args[0]]
                self.series[Ref(node)] = Series(tuple(place for one in parts for place in one.places), None)
                return True
            return dim in (1, -4) and self._framewise(call, refs, inputs)
        local = local_parts(call)
        if local is not None:
            return self._local(call, inputs[0], *local)
        return acts_framewise(call) and self._framewise(call, refs, inputs)

    def _pick(self, call: Call, series: Series, index: slice | list[int] | int) -> bool:
        every = range(len(series.places))
        node = call.node
        if isinstance(index, slice):
            chosen = every[index]
            self.series[Ref(node)] = series.picked(chosen, chosen.start, chosen.step)
        elif isinstance(index, list):
            self.series[Ref(node)] = series.picked([every[one] for one in index])
        else:  # without time: each window has its own
            alone = Ref(Node(None, (), {}, ()))
            self.series[alone] = series.picked([every[index]])
            self.calls.append(Call(node, torch.squeeze, (alone, 2), {}))
            self.ends.append("a single moment")
        return True

    def _framewise(self, call: Call, refs: list[Ref], inputs: list[Series]) -> bool:
        """A stage, or the next operation of the one before."""
        node, like = call.node, inputs[0]
        source, item, _ = like.places[0]
        if item is None and len(refs) == 1 and source.tail is refs[0].node and source.tail in self._alone:
            source.calls.append(call)
            source.tail = node
            self._name(node, source, like)
            return True
        places = [tuple((place.stage, place.position) for place in series.places) for series in inputs]
        known: Any = node
        if {stage for stage, _ in places[0]} == {source} and len(set(places)) == 1:
            # on all positions, of which some are picked afterwards: others may pick others
            items = [series.places[0].item for series in inputs]
            inputs = [source.series(item) for item in items]
            known = (
                source,
                *items,
                id(call.target),
                frozen(filled((call.args, call.kwargs), lambda _: None)),
            )
        elif len({len(series.places) for series in inputs}) > 1:
            return False
        stage = self._shared.get(known)
        if stage is None:
            stage = self._stage(tuple(inputs), (1, 1, 0, 1), len(inputs[0].places), self.edges)
            if stage is None:
                return False
            self._shared[known] = stage
            stage.calls.append(call)
            stage.refs, stage.tail = tuple(refs), node
        if known is node:
            like = stage.series()
        self._name(node, stage, like)
        return True

    def _name(self, node: Node, stage: Stage, like: Series) -> None:
        """Enter a stage's results, with the positions that `like` has."""
        places, beyond = like.places, like.beyond if stage.goes_on else None
        for item in range(len(node.shapes)) if node.several else (None,):
            self.series[Ref(node, item)] = Series(
                tuple(Place(stage, item, place.position) for place in places),
                None if beyond is None else (stage, item, *beyond[2:]),
            )

    def _local(
        self,
        call: Call,
        series: Series,
        before: Callable[[Tensor], Tensor] | None,
        combine: Combination,
        window: tuple[int, int, int, int],
    ) -> bool:
        kernel, stride, padding, dilation = window
        length = (len(series.places) + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        # sound is compared with a window's own moments, whatever an engine lets the picture's ends see
        edges = self.edges if getattr(call.target, "sees_beyond", True) else Edges(left=True, right=True)
        if self._edge_alone((series,), window, length, edges):
            return False
        if before is not None:  # what the operation does in space comes first, once for each position
            refs = refs_in(call.args)
            space = call.node if window == (1, 1, 0, 1) else Node(None, (), {}, call.node.shapes)
            if not self._framewise(Call(space, before, (refs[0],), {}), refs, [series]):
                return False
            if space is call.node:
                return True
            series = self.series[Ref(space)]
        stage = self._stage((series,), window, length, edges)
        assert stage is not None
        stage.combine, stage.tail = combine, call.node
        self.series[Ref(call.node)] = stage.series()
        return True

    def _edge_alone(
        self, inputs: tuple[Series, ...], window: tuple[int, int, int, int], length: int, edges: Edges
    ) -> bool:
        """Whether no position could be shared: whole windows do as well, by the network's own operations."""
        if not (edges.left and edges.right):
            return False
        stage = Stage(inputs, window, edges, length, self.span)
        return all(stage.kinds[stage.key(position)[0]].edge for position in range(length))

    def _stage(
        self, inputs: tuple[Series, ...], window: tuple[int, int, int, int], length: int, edges: Edges
    ) -> Stage | None:
        if self._edge_alone(inputs, window, length, edges):
            return None
        stage = Stage(inputs, window, edges, length, self.span)
        self.stages.append(stage)
        return stage

    def reach(self, roots: Iterable[Series], advance: float) -> dict[Stage, dict[int, tuple[int, int]]]:
        """Of every stage and kind the first and last frame that a window reads, as offsets to its first.

        Args:
            roots: what windows read.
            advance: frames from one window to the next; what an earlier window has read is not computed
                again, so that nothing is read for it.
        """
        read: dict[Stage, dict[int, None]] = {stage: {} for stage in self.stages}
        for series in roots:
            for place in series.places:
                read[place.stage][place.position] = None
        found: dict[Stage, dict[int, tuple[int, int]]] = {}
        for stage in reversed(self.stages):
            keys = {position: stage.key(position) for position in read[stage]}
            span: dict[int, tuple[int, int]] = {}
            for kind, frame in keys.values():
                first, last = span.get(kind, (frame, frame))
                span[kind] = min(first, frame), max(last, frame)
            found[stage] = span
            for position, (kind, frame) in keys.items():
                if stage.kinds[kind].edge or frame > span[kind][1] - advance:
                    for tap in stage.reads(position):
                        if tap is not None:
                            read[tap.stage][tap.position] = None
        return found
