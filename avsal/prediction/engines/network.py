"""A network over a video, frames in and maps out: what windows share once, the rest for each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from avsal.models import SaliencyModel
from avsal.prediction.engines.memory import Memory, run
from avsal.prediction.engines.plan import Plan
from avsal.prediction.engines.stage import Call, Edges
from avsal.prediction.engines.trace import Graph, Node, Ref, Untraceable, refs_in

__all__ = ["SharedNetwork", "Sounds"]

#: of a window, (1, A) each, None where nothing is heard
Sounds = Sequence[Tensor | None]


class Program(NamedTuple):
    """What runs on whole windows.

    Attributes:
        shared: what it takes of what windows share.
        constants: what depends on no input, such as a prior's grid.
        silent: operations that no sound reaches, which run once for all sounds.
        heard: the others.
    """

    shared: list[Ref]
    constants: dict[Ref, Tensor]
    silent: list[Call]
    heard: list[Call]


class SharedNetwork:
    """A recorded network and its memory of one video.

    Args:
        model: on its device, in evaluation mode.
        edges: of the windows.
        heard: whether there are windows with sound, too.
        attention: whether the attention of each sound follows the maps.

    Attributes:
        memory: of the video.
        reason: where sharing ends, in words.

    Raises:
        Untraceable: nothing can be shared; the message says why.
    """

    def __init__(self, model: SaliencyModel, edges: Edges, *, heard: bool, attention: bool = False) -> None:
        self.spec = model.spec
        self.attention = attention
        self._outputs: dict[tuple[str, int], Ref] = {}
        self._programs: dict[tuple[Ref, ...], Program] = {}
        names = ["silent"] + ["forward"] * heard + ["attention_map"] * (heard and attention)
        usual = 0 if self.spec.sample_rate is None else self.spec.audio_samples(self.spec.num_frames / 25)
        # no windows at all cost nothing; where their number shapes what is done, each goes alone
        self._batch = 0
        try:
            self._graph = Graph(model)
            first = {name: self._record(name, usual) for name in names}
            counts = self._graph.counts_batch(first.values())
        except Untraceable:
            counts = True
        if counts:
            self._batch = 1
            self._graph = Graph(model)
            first = {name: self._record(name, usual) for name in names}
        self._any_length = first == {name: self._record(name, usual + 1000) for name in names}
        self._outputs = {(name, 0 if self._any_length else usual): ref for name, ref in first.items()}
        self.plan = Plan(self._graph, edges, first.values())
        if len(self.plan.stages) == 1:
            raise Untraceable("no operation acts on single moments: " + ", ".join(self.plan.ends[:3]))
        self.reason = f"windows share what comes before {', '.join(dict.fromkeys(self.plan.ends))}"
        self.memory = Memory(self.plan, first.values(), dense=not (edges.left and edges.right))

    def _record(self, name: str, samples: int) -> Ref:
        frames = (self._batch, 3, self.spec.num_frames, *self.spec.size)
        method = "forward" if name == "silent" else name
        return self._graph.record(method, frames, None if name == "silent" else (self._batch, 1, samples))

    def _output(self, name: str, samples: int) -> Ref:
        known = (name, 0 if self._any_length else samples)
        if known not in self._outputs:
            self._outputs[known] = self._record(name, samples)
            self.plan.extend([self._outputs[known]])
        return self._outputs[known]

    def push(
        self,
        windows: Mapping[int, Sounds | None],
        frames: Callable[[list[int]], Tensor],
        total: int | None = None,
    ) -> dict[int, Tensor]:
        """Go on by some windows.

        Args:
            windows: by first frame, ascending: the sounds of those whose maps are wanted.
            frames: gives (P, H, W, 3) of the model's input of some frames.
            total: frames of the video, once known.

        Returns:
            of each window whose maps are wanted, (sounds, T', H, W), with attention twice as many rows.
        """
        self.memory.advance(
            {start: sounds is not None for start, sounds in windows.items()},
            lambda numbers: frames(numbers).unsqueeze(1).contiguous(),
            total,
        )
        wanted = [(start, sounds) for start, sounds in windows.items() if sounds is not None]
        found: dict[int, Tensor] = {}
        for _, group in groupby(wanted, lambda pair: [None if s is None else s.shape for s in pair[1]]):
            together = list(group)
            for one in [together] if self._batch == 0 else [[pair] for pair in together]:
                maps = self._maps([start for start, _ in one], [sounds for _, sounds in one])
                found |= {start: maps[:, row] for row, (start, _) in enumerate(one)}
        self.memory.forget()
        return found

    def _program(self, outputs: tuple[Ref, ...]) -> Program:
        """How to come to some results."""
        if outputs not in self._programs:
            plan = self.plan
            calls = self.memory.calls_of(outputs)
            refs = {call: [plan.final(ref) for ref in refs_in((call.args, call.kwargs))] for call in calls}
            shared = dict.fromkeys(ref for call in calls for ref in refs[call] if ref in plan.series)
            hears, fixed = {plan.graph.audio}, set[Node]()
            program = Program(list(shared), {}, [], [])
            for call in calls:
                nodes = {ref.node for ref in refs[call]}
                if not hears.isdisjoint(nodes):
                    hears.add(call.node)
                    program.heard.append(call)
                elif nodes <= fixed:
                    fixed.add(call.node)
                    self._run([call], program.constants, program.constants)
                else:
                    program.silent.append(call)
            self._programs[outputs] = program
        return self._programs[outputs]

    def _maps(self, starts: list[int], sounds: Sequence[Sounds]) -> Tensor:
        """(sounds, n, T', H, W) of windows whose sounds are equally long."""
        heard = [None if one[0] is None else torch.stack(list(one)) for one in zip(*sounds, strict=True)]
        names = [
            ("silent",) if audio is None else ("forward", *["attention_map"] * self.attention)
            for audio in heard
        ]
        outputs = [
            [self._output(name, 0 if audio is None else audio.shape[-1]) for name in some]
            for some, audio in zip(names, heard, strict=True)
        ]
        everything = self._program(tuple(dict.fromkeys(ref for some in outputs for ref in some)))
        values = {ref: self.memory.windows(self.plan.series[ref], starts) for ref in everything.shared}
        values |= everything.constants
        kept = dict(values)
        self._run(everything.silent, values, kept)
        maps: list[Tensor] = []
        attention: list[Tensor | None] = []
        for some, audio in zip(outputs, heard, strict=True):
            own = values if audio is None else {**values, Ref(self.plan.graph.audio): audio}
            if audio is not None:
                self._run(self._program(tuple(some)).heard, own, kept)
            found = [own[self.plan.final(ref)].float() for ref in some]
            maps.append(found[0])
            attention.append(found[1].unsqueeze(1) if len(found) > 1 else None)
        if self.attention:
            maps += [torch.zeros_like(maps[0]) if one is None else one for one in attention]
        return torch.stack(maps)

    def _run(self, calls: Sequence[Call], values: dict[Ref, Tensor], kept: Mapping[Ref, Tensor]) -> None:
        def tensor_of(ref: Ref) -> Tensor:
            return values[self.plan.final(ref)]

        for call in calls:
            result = run(call, tensor_of, kept)
            if isinstance(result, Tensor):
                values[Ref(call.node)] = result
            else:
                values |= {Ref(call.node, item): one for item, one in enumerate(result)}
