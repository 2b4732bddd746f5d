"""Several sources of clips that take turns, step by step: each step is of one of them, and of its domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.training.sources import ClipSource, StepShare

__all__ = ["AlternatingClips", "Turn"]


@dataclass(frozen=True)
class Turn:
    """One source of several.

    Attributes:
        clips: the source, as the model with `choices` takes them.
        batch_size: clips of a step of it, of all processes together.
        accumulation: groups into which such a step is divided at least.
        choices: arguments of the model, among its `choices`, that it is used with in these steps.
        forward: further arguments of its `forward` in these steps.
        supervised: which of the clips' target maps those of `forward` are; None: all.
    """

    clips: ClipSource
    batch_size: int
    accumulation: int = 1
    choices: Mapping[str, Any] = field(default_factory=dict)
    forward: Mapping[str, Any] = field(default_factory=dict)
    supervised: tuple[int, ...] | None = None


class AlternatingClips:
    """Every step is of one source; an epoch has all steps of all of them, in an order drawn anew.

    What a network keeps for each domain, such as UNISAL's batch norms, sees batches of its own domain alone,
    and stays as it is in the steps of the others (Droste et al., UNISAL, ECCV 2020, section 3.5).

    Args:
        turns: two or more, by name; each step's `StepShare.turn` is such a name.
        validation: name of the one that a model is validated on, whose gaze is that of the baselines.
        seed: seed of the order.

    Raises:
        ConfigError: fewer than two turns.
    """

    def __init__(self, turns: Mapping[str, Turn], validation: str, *, seed: int) -> None:
        if len(turns) < 2:
            raise ConfigError(f"expected two or more parts to take turns but found {list(turns)}")
        self.turns, self.seed = dict(turns), seed
        self._validation = validation

    def num_steps(self, epoch: int, batch_size: int) -> int:
        """See `ClipSource`; each turn has a batch size of its own, so that `batch_size` says nothing."""
        return sum(turn.clips.num_steps(epoch, turn.batch_size) for turn in self.turns.values())

    def order(self, epoch: int) -> list[str]:
        """Whose turn each step of a 0-based epoch is."""
        names = [
            name
            for name, turn in self.turns.items()
            for _ in range(turn.clips.num_steps(epoch, turn.batch_size))
        ]
        shuffled = np.random.default_rng([self.seed, epoch]).permutation(len(names))
        return [names[place] for place in shuffled]

    def steps(
        self, epoch: int, batch_size: int, groups: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[StepShare]:
        """See `ClipSource`; batch size and groups are the turn's own."""
        order = self.order(epoch)
        streams = {
            name: turn.clips.steps(
                epoch,
                turn.batch_size,
                turn.accumulation,
                start=order[:start].count(name),
                process=process,
                num_processes=num_processes,
            )
            for name, turn in self.turns.items()
            if name in order[start:]
        }
        for name in order[start:]:
            yield next(streams[name])._replace(turn=name)

    def gaze(self) -> NDArray[np.float64]:
        """See `ClipSource`; of the turn that is validated."""
        return self.turns[self._validation].clips.gaze()

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ClipSource`."""
        found = {
            name: {
                "batch_size": turn.batch_size,
                "accumulation": turn.accumulation,
                "choices": dict(turn.choices),
                "forward": dict(turn.forward),
                "supervised": _listed(turn.supervised),
                **turn.clips.fingerprint(),
            }
            for name, turn in self.turns.items()
        }
        return {"turns": found, "sha256": sha256(repr(found).encode()).hexdigest()[:16]}


def _listed(numbers: Sequence[int] | None) -> list[int] | None:
    return None if numbers is None else list(numbers)
