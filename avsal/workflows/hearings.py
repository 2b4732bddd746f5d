"""What a model hears with each recording of a data set under every condition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.audio_conditions import apply_conditions, video_audio
from avsal.ablation.conditions import Condition, derangement
from avsal.errors import ConfigError, MediaError
from avsal.media.audio import has_sound
from avsal.models import SaliencyModel
from avsal.types import Recording
from avsal.workflows.model_maps import Sounds

__all__ = ["Hearings", "sounds"]


class Hearings:
    """What a model hears with each recording of a data set under every condition.

    Args:
        model: model that listens.
        recordings: recordings that are scored; those with sound take part in the derangement of ``swapped``.
        conditions: which.
        seed: seed of all chance.

    Attributes:
        damage: what could not be read of the sounds so far.
    """

    def __init__(
        self,
        model: SaliencyModel,
        recordings: Iterable[Recording],
        conditions: Sequence[Condition],
        seed: int,
    ) -> None:
        self._model, self._conditions, self._seed = model, conditions, seed
        self.damage: list[str] = []
        self._recordings = {one.id: one for one in recordings if sounds(one)}
        self._others: dict[str, str] = {}
        if any(condition.needs_other for condition in conditions):
            self._others = derangement(list(self._recordings), seed)
        self._alike: dict[str, str] = {}
        if self._needs_alike:
            for ids in self._by_category().values():
                self._alike |= derangement(ids, seed) if len(ids) > 1 else {}
            if not self._alike:
                raise ConfigError("'swapped_category' needs two recordings of one category with sound")

    def __call__(self, recording: Recording) -> Sounds:
        """The whole sounds, by condition.

        Raises:
            MediaError: the recording has no sound, or it cannot be read.
        """
        if recording.id not in self._recordings:
            raise MediaError(f"{recording.id}: there is no sound to be heard")
        if self._needs_alike and recording.id not in self._alike:
            raise MediaError(f"{recording.id}: no other recording of its category has sound to be swapped")
        other, alike = (
            self._sound(self._recordings[pairs[recording.id]]) if recording.id in pairs else None
            for pairs in (self._others, self._alike)
        )
        rate = self._model.spec.sample_rate
        assert rate is not None  # or there would be no sound
        return apply_conditions(
            self._sound(recording),
            rate,
            self._conditions,
            seed=self._seed,
            video=recording.id,
            other=other,
            alike=alike,
        )

    @property
    def _needs_alike(self) -> bool:
        return any(condition.needs_alike for condition in self._conditions)

    def _by_category(self) -> dict[str, list[str]]:
        """The recordings' ids; those without a category are of none."""
        found: dict[str, list[str]] = {}
        for recording in self._recordings.values():
            if recording.category is not None:
                found.setdefault(recording.category, []).append(recording.id)
        return found

    def _sound(self, recording: Recording) -> NDArray[np.float32]:
        apart = None if recording.audio == recording.frames else recording.audio
        found = video_audio(self._model, recording.frames, apart)
        text = f"{recording.id}: {found.damage.describe()}"
        if found.damage and text not in self.damage:
            self.damage.append(text)
        return found.samples


def sounds(recording: Recording) -> bool:
    """Whether something can be heard with a recording; what cannot be opened is told when it is scored."""
    try:
        return recording.audio is not None and has_sound(recording.audio)
    except MediaError:
        return False
