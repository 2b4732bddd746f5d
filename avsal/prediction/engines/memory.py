"""A video on its way through a network: what its windows share, kept while it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from avsal.prediction.engines.combine import Row, gathered
from avsal.prediction.engines.plan import Plan
from avsal.prediction.engines.stage import Call, Key, Series, Stage
from avsal.prediction.engines.trace import Ref, filled, refs_in

__all__ = ["Memory", "run"]


class Batch(NamedTuple):
    """What was computed together.

    Attributes:
        size: P.
        results: of a stage, each (P, 1, H, W, C); None where nothing reads it.
    """

    size: int
    results: tuple[Tensor | None, ...]


class Memory:
    """The shared positions of one video, and what is computed from them.

    Args:
        plan: of the network.
        outputs: whose windows share; those asked for later need no others.
        dense: whether windows come without gaps, frame by frame from before the first: then only what is new
            in each is kept until it was read for the last time. Else all positions in a window are.

    Attributes:
        past: frames before a window that its maps depend on.
        future: frames after it.
    """

    def __init__(self, plan: Plan, outputs: Iterable[Ref], *, dense: bool) -> None:
        self.plan, self.dense = plan, dense
        self._roots = plan.roots(self.calls_of(outputs))
        whole = plan.reach(self._roots, float("inf"))
        first, last = whole[plan.frames].get(0, (0, 0))
        self.past, self.future = max(0, -first), max(0, last + 1 - plan.span)
        self._spans = plan.reach(self._roots, 1) if dense else whole
        last_reader = {stage: stage for stage in plan.stages}
        self._used = {stage: set[int]() for stage in plan.stages}
        for stage in plan.stages:
            for tap in (tap for kind in stage.kinds for tap in kind.taps if tap):
                last_reader[tap.stage] = stage
                self._used[tap.stage].add(tap.item or 0)
        for place in (place for series in self._roots for place in series.places):
            last_reader.pop(place.stage, None)  # windows read of it, after all stages
            self._used[place.stage].add(place.item or 0)
        self._done: dict[Stage, list[Stage]] = {stage: [] for stage in plan.stages}
        for stage, reader in last_reader.items():
            self._done[reader].append(stage)
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self._rows: dict[Stage, dict[Key, tuple[Batch, int]]] = {stage: {} for stage in self.plan.stages}

    @property
    def nbytes(self) -> int:
        """Bytes that are remembered."""
        batches = {id(batch): batch for rows in self._rows.values() for batch, _ in rows.values()}
        return sum(x.nbytes for batch in batches.values() for x in batch.results if x is not None)

    def oldest_frame(self, window: int) -> int:
        """No frame before this one is read by a window or those after it."""
        return window + self._spans[self.plan.frames].get(0, (0, 0))[0]

    def calls_of(self, outputs: Iterable[Ref]) -> list[Call]:
        """The operations on whole windows that results depend on, in order."""
        needed = {self.plan.final(ref).node for ref in outputs}
        found = []
        for call in reversed(self.plan.calls):
            if call.node in needed:
                found.append(call)
                needed |= {ref.node for ref in refs_in((call.args, call.kwargs))}
        return found[::-1]

    def advance(
        self,
        windows: Mapping[int, bool],
        frames: Callable[[list[int]], Tensor],
        total: int | None = None,
    ) -> None:
        """Compute all that some windows read of what windows share.

        Args:
            windows: by first frame, ascending: whether its maps are wanted.
            frames: gives (P, 1, H, W, 3) of some frames.
            total: frames of the video, once known.
        """
        todo = self._missing(windows, total)
        # in whichever way windows slide that are not dense, they overlap
        self._reach = (max(windows) + 1, max(windows) + 1) if self.dense else (min(windows), max(windows))
        for stage in self.plan.stages:
            if todo[stage]:
                self._compute(stage, todo[stage], frames)
            for done in self._done[stage]:
                self._forget(done)

    def forget(self) -> None:
        """Keep only what later windows read."""
        for stage in self.plan.stages:
            self._forget(stage)

    def _missing(self, windows: Mapping[int, bool], total: int | None) -> dict[Stage, list[Key]]:
        """The positions to compute, of each stage: shared ones first, then window by window."""
        checked = not (self.plan.edges.left and self.plan.edges.right)
        # by stage, and whether a position that is computed reads them: what one window alone reads waits for
        # its maps to be wanted. None where the video has no such position: what it would read is computed
        # nevertheless, as if windows had always been sliding
        needed: dict[Stage, dict[Key, bool | None]] = {stage: {} for stage in self.plan.stages}

        def need(stage: Stage, key: Key, time: int, computed: bool) -> None:
            if checked and (time < 0 or (total is not None and time >= total + stage.end)):
                needed[stage][key] = None
            else:
                needed[stage][key] = needed[stage].get(key) or computed

        for stage, _, position in (place for series in self._roots for place in series.places):
            kind, frame = stage.key(position)
            for window, wanted in windows.items():
                need(stage, (kind, window + frame), window + stage.time(position), wanted)
        todo: dict[Stage, list[Key]] = {}
        for stage in reversed(self.plan.stages):
            known, kinds, spans = self._rows[stage], stage.kinds, self._spans[stage]
            found = []
            for key, computed in needed[stage].items():
                number, frame = key
                first, last = spans[number]
                if key in known or (computed is None and frame - last not in windows):
                    continue  # what the video does not have is read for once, too
                if computed is False and first != last and not kinds[number].edge:
                    computed = True
                if computed:
                    found.append(key)
                for tap in kinds[number].taps:
                    if tap is not None:
                        need(tap.stage, (tap.kind, frame + tap.offset), frame + tap.time, bool(computed))
            found.sort(key=lambda key: (kinds[key[0]].edge, key[1], kinds[key[0]].position))
            todo[stage] = found
        return todo

    def _compute(self, stage: Stage, keys: list[Key], frames: Callable[[list[int]], Tensor]) -> None:
        if stage is self.plan.frames:
            results: tuple[Tensor | None, ...] = (frames([frame for _, frame in keys]),)
        else:
            of_keys = [[self._row(tap, frame) for tap in stage.kinds[kind].taps] for kind, frame in keys]
            results = run_stage(stage, list(zip(*of_keys, strict=True)), self._used[stage])
        batch = Batch(len(keys), results)
        self._rows[stage].update((key, (batch, row)) for row, key in enumerate(keys))

    def _row(self, tap: Any, frame: int) -> Row | None:
        if tap is None:
            return None
        found = self._rows[tap.stage].get((tap.kind, frame + tap.offset))
        if found is None:
            return None  # the video has no such position
        batch, row = found
        x = batch.results[tap.item or 0]
        assert x is not None
        return x, row

    def _forget(self, stage: Stage) -> None:
        """Keep the shared positions that later windows read, in no more than twice their memory."""
        rows, spans, (oldest, newest) = self._rows[stage], self._spans[stage], self._reach
        kept: dict[int, list[Key]] = {}
        for key, (batch, _) in rows.items():
            kind, frame = key
            if kind not in spans or stage.kinds[kind].edge or frame < oldest + spans[kind][0]:
                continue
            if self.dense or frame <= newest + spans[kind][1]:
                kept.setdefault(id(batch), []).append(key)
        found: dict[Key, tuple[Batch, int]] = {}
        for keys in kept.values():
            batch = rows[keys[0]][0]
            if 2 * len(keys) > batch.size:
                found |= {key: rows[key] for key in keys}
                continue
            copies = tuple(
                None if x is None else gathered([(x, rows[key][1]) for key in keys]).clone()
                for x in batch.results
            )
            smaller = Batch(len(keys), copies)
            found |= {key: (smaller, row) for row, key in enumerate(keys)}
        self._rows[stage] = found

    def windows(self, series: Series, starts: Sequence[int]) -> Tensor:
        """(n, C, T, H, W) of some windows."""
        rows: list[Row] = []
        for start in starts:
            for stage, item, position in series.places:
                kind, frame = stage.key(position)
                batch, row = self._rows[stage][kind, start + frame]
                x = batch.results[item or 0]
                assert x is not None
                rows.append((x, row))
        joined = gathered(rows)
        return joined.squeeze(1).unflatten(0, (len(starts), -1)).movedim(-1, 1)


def run_stage(
    stage: Stage, taps: Sequence[Sequence[Row | None]], used: set[int]
) -> tuple[Tensor | None, ...]:
    """The results of a stage that are used, from what its positions read."""
    given: dict[Ref, Tensor] = {}
    if stage.combine is not None:
        result: Any = stage.combine(taps).movedim(-1, 1)
    else:
        for ref, rows in zip(stage.refs, taps, strict=True):
            given[ref] = gathered([row for row in rows if row is not None]).movedim(-1, 1)
    for number, call in enumerate(stage.calls):
        if number == 0 and given:
            result = run(call, given.__getitem__, given)
        else:
            result = run(call, lambda _, x=result: x, given)  # type: ignore[misc]
    results = [result] if isinstance(result, Tensor) else result
    return tuple(x.movedim(1, -1).contiguous() if item in used else None for item, x in enumerate(results))


def run(call: Call, tensor_of: Callable[[Ref], Tensor], kept: Mapping[Ref, Tensor]) -> Any:
    """Run an operation; where it would write into what is kept, it writes into a copy."""
    tensor = tensor_of
    name = getattr(call.target, "__name__", "")
    if (name.endswith("_") and not name.endswith("__")) or getattr(call.target, "inplace", False):
        memory = {x.untyped_storage().data_ptr() for x in kept.values()}

        def tensor(ref: Ref) -> Tensor:
            x = tensor_of(ref)
            return x.clone() if x.untyped_storage().data_ptr() in memory else x

    return call.target(*filled(call.args, tensor), **filled(call.kwargs, tensor))
