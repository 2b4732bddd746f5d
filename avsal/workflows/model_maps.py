"""A model as a source of maps for evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation import PredictedMap, VideoTruth
from avsal.media.frames import VideoInfo
from avsal.models import SaliencyModel
from avsal.prediction import Prediction, PredictionStream
from avsal.types import Recording
from avsal.workflows.cost import Meter

__all__ = ["Hearing", "ModelMaps", "Sounds", "Watch", "Watched"]

#: sounds by name of the row; the first is that of the model itself
Sounds = Mapping[str, NDArray[np.float32] | None]

#: what the model hears with a recording
Hearing = Callable[[Recording], Sounds]


class Watch(Protocol):
    """Takes all predictions of a video; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> None: ...

    def write(self, prediction: Prediction) -> None:
        """Take the next frame's."""


#: who watches the predictions of a video with its sounds
Watched = Callable[[Recording, VideoInfo, Sounds], Watch]


class ModelMaps:
    """Predicts the videos that are scored; each is decoded once.

    Attributes:
        name: the row's name in tables.
        meter: of what its maps cost.
    """

    def __init__(
        self,
        model: SaliencyModel,
        name: str,
        *,
        audio: str = "own",
        hearing: Hearing | None = None,
        watch: Watched | None = None,
        engine: str | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
    ) -> None:
        """Take a model on its device.

        Args:
            model: model that predicts.
            name: name of the row.
            audio: ``own``: the recording's sound; ``none``: as without sound; ``zero``: as silence.
            hearing: several sounds instead, whole and at the model's rate; maps with all but the first become
                rows of their own. The video is seen once.
            watch: gets every prediction that is made with `hearing`, interpolated ones too.
            engine: see `avsal.prediction.engines`; None: the model's default.
            batch_size: windows at once; None: the engine's own.
            precision: precision of the network.
        """
        self.name, self.meter = name, Meter(model)
        self._model, self._audio, self._hearing, self._watch = model, audio, hearing, watch
        self._engine, self._batch_size, self._precision = engine, batch_size, precision
        self._silent: str | None = None

    def listed(self, videos: Sequence[str]) -> str | None:
        """Told the list that is scored; where the model hears its last video as silence, says so.

        Args:
            videos: ids, in the list's order; of all of it, whether they are scored or not.
        """
        if self._model.spec.audio_rule != "stavis" or self._audio != "own" or self._hearing or not videos:
            return None
        self._silent = videos[-1]
        last = f"{videos[-1]}, the last of the list"
        return f"{self.name} hears silence with {last}, as STAViS's released code does"

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """The maps of a video up to the last frame that is scored.

        A map belongs to the frame shown at its time, so that pictures lost to damage shift nothing.

        Raises:
            MediaError: video or sound cannot be read.
        """
        recording = truth.recording
        audio = self._audio
        if audio == "own" and recording.audio is None:
            audio = "none"
        elif audio == "own" and recording.id == self._silent:
            audio = "zero"
        elif audio == "own" and recording.audio != recording.frames:
            audio = str(recording.audio)
        sounds = None if self._hearing is None else self._hearing(recording)
        stream = PredictionStream(
            self._model,
            recording.frames,
            audio=audio,
            sounds=sounds,
            frame_rate=recording.frame_rate if recording.frames.is_dir() else None,
            every=truth.settings.every,
            engine=self._engine,
            batch_size=self._batch_size,
            precision=self._precision,
        )
        made = self.meter.measured(stream, lambda prediction: not prediction.interpolated)
        if self._watch is None or sounds is None:
            yield from self._placed(made, stream, truth)
            return
        with self._watch(recording, stream.video.info, sounds) as watch:
            try:
                yield from self._placed(watched(made, watch), stream, truth)
            except GeneratorExit:  # no further frame is scored: what was watched is whole
                return

    @staticmethod
    def _placed(
        predictions: Iterable[Prediction], stream: PredictionStream, truth: VideoTruth
    ) -> Iterator[PredictedMap]:
        """Predictions with the numbers of the frames that they are scored on."""
        known = not np.isnan(truth.times).any()
        half = 0.5 / stream.video.info.frame_rate
        for prediction in predictions:
            if known:
                place = int(np.searchsorted(truth.times, prediction.time - half))
                if place == len(truth.times):
                    return
                if prediction.interpolated or abs(truth.times[place] - prediction.time) > half:
                    continue
                number = int(truth.frames[place])
            else:
                number = prediction.index
                if number > truth.frames[-1]:
                    return
                if prediction.interpolated:
                    continue
            more = dict(list(prediction.condition_maps.items())[1:])  # the first is the map itself
            yield PredictedMap(number, prediction.time, prediction.map, condition_maps=more)

    def unused(self, videos: Sequence[str]) -> list[str]:
        """None: a model predicts what it is asked for."""
        return []


def watched(predictions: Iterable[Prediction], watch: Watch) -> Iterator[Prediction]:
    """The predictions, each shown first."""
    for prediction in predictions:
        watch.write(prediction)
        yield prediction
