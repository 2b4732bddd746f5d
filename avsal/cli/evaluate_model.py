"""A model as a source of maps for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation import PredictedMap, VideoTruth
from avsal.models import SaliencyModel
from avsal.prediction import PredictionStream
from avsal.types import Recording

__all__ = ["Hearing", "ModelMaps"]

#: what the model hears with a recording, by name of the row; the first is that of the model itself
Hearing = Callable[[Recording], Mapping[str, NDArray[np.float32] | None]]


class ModelMaps:
    """Predicts the films that are scored; each is decoded once.

    Attributes:
        name: the row's name in tables.
    """

    def __init__(
        self,
        model: SaliencyModel,
        name: str,
        *,
        audio: str = "own",
        hearing: Hearing | None = None,
        batch_size: int = 1,
        precision: str = "float32",
    ) -> None:
        """Take a model on its device.

        Args:
            model: that predicts.
            name: of the row.
            audio: ``own``: the recording's sound; ``none``: as without sound; ``zero``: as silence.
            hearing: several sounds instead, whole and at the model's rate; maps with all but the first become
                rows of their own. The film is seen once.
            batch_size: windows at once.
            precision: of the network.
        """
        self.name = name
        self._model, self._audio, self._hearing = model, audio, hearing
        self._batch_size, self._precision = batch_size, precision

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The maps of a film up to the last frame that is scored.

        A map belongs to the frame shown at its time, so that pictures lost to damage shift nothing.

        Raises:
            MediaError: film or sound cannot be read.
        """
        recording = truth.recording
        audio = self._audio
        if audio == "own" and recording.audio is None:
            audio = "none"
        elif audio == "own" and recording.audio != recording.frames:
            audio = str(recording.audio)
        stream = PredictionStream(
            self._model,
            recording.frames,
            audio=audio,
            sounds=None if self._hearing is None else self._hearing(recording),
            frame_rate=recording.frame_rate if recording.frames.is_dir() else None,
            every=truth.settings.every,
            batch_size=self._batch_size,
            precision=self._precision,
        )
        known = not np.isnan(truth.times).any()
        half = 0.5 / stream.film.info.frame_rate
        for prediction in stream:
            if known:
                place = int(np.searchsorted(truth.times, prediction.time - half))
                if place == len(truth.times):
                    return
                if prediction.interpolated or abs(truth.times[place] - prediction.time) > half:
                    continue
                number = int(truth.frames[place])
                yield PredictedMap(number, prediction.time, prediction.map, heard=others(prediction.heard))
            elif prediction.index > truth.frames[-1]:
                return
            elif not prediction.interpolated:
                number = prediction.index
                yield PredictedMap(number, prediction.time, prediction.map, heard=others(prediction.heard))

    def unused(self, videos: Sequence[str]) -> list[str]:
        """None: a model predicts what it is asked for."""
        return []


def others(heard: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """All but the first, which is the map itself."""
    return dict(list(heard.items())[1:])
