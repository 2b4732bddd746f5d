"""Maps of a film, one after the other, in memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from avsal.clips import content_size, crop_to_content, normalise, waveform
from avsal.clips.soundtrack import excerpt
from avsal.clips.windows import Window, WindowPlan
from avsal.errors import ConfigError, MediaError
from avsal.media.audio import SoundReader
from avsal.media.frames import Frame, FrameReader
from avsal.media.video import open_frames
from avsal.models import SaliencyModel

__all__ = ["PRECISIONS", "Prediction", "PredictionStream", "predict"]

#: what the network computes in; maps are float32 always
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Sound = Literal["own", "none", "zero"]


@dataclass(frozen=True)
class Prediction:
    """One frame's saliency.

    Attributes:
        index: 0-based number of the frame among the predicted ones.
        time: seconds on the film's clock (its time stamp minus the film's origin).
        duration: seconds that the frame is shown.
        map: (H, W) float32, non-negative, of the model's size.
        interpolated: between neighbours in time, because the frame itself was left out.
    """

    index: int
    time: float
    duration: float
    map: NDArray[np.float32]
    interpolated: bool = False


class PredictionStream:
    """Iterates over the predictions of one film. See `predict`.

    Attributes:
        model: that predicts.
        film: the opened frames; its `info` says what the film is, its `damage` (when done) what was lost.
        sound: what the model hears: ``own``, ``none``, ``zero`` or the name of a file.
        num_windows: how many windows the network has seen so far.
    """

    def __init__(
        self,
        model: SaliencyModel,
        source: str | Path,
        *,
        audio: Sound | str | Path = "own",
        frame_rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
        every: int = 1,
        batch_size: int = 1,
        precision: str = "float32",
        threads: int | None = None,
    ) -> None:
        if every < 1 or batch_size < 1:
            raise ConfigError(f"`every` and `batch_size` must be at least 1 but are {every} and {batch_size}")
        if precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
        if start is not None and end is not None and end <= start:
            raise ConfigError(f"`end` must come after `start` but they are {end} and {start} seconds")
        self.model, self.source = model, Path(source)
        self.start, self.end, self.every, self.batch_size = start, end, every, batch_size
        self.precision = PRECISIONS[precision]
        self.num_windows = 0
        self._pending: deque[_Output] = deque()

        with open_frames(source, frame_rate=frame_rate, threads=threads) as probe:
            info = probe.info
        margin = 2 * model.spec.num_frames / info.frame_rate  # seconds of film a window can reach back
        begin = None if start is None else max(0.0, start - margin)
        size = content_size(model.spec, info.size)
        self.film: FrameReader = open_frames(
            source, size, frame_rate=frame_rate, start=begin or None, threads=threads
        )
        self.sound, self._sound_reader = self._open_sound(audio, margin)

    def _open_sound(self, audio: Sound | str | Path, margin: float) -> tuple[str, SoundReader | None]:
        info = self.film.info
        rate = self.model.spec.sample_rate
        if rate is None or audio == "none" or (audio == "own" and not info.sound):
            return "none", None
        if audio == "zero":
            return "zero", None
        keep = 2 * margin + 1.0
        if audio == "own":
            return "own", SoundReader(self.source, rate, origin=info.origin, keep=keep)
        return Path(audio).name, SoundReader(audio, rate, keep=keep)

    def __iter__(self) -> Iterator[Prediction]:
        """Predict; a stream is read once."""
        with self.film:
            yield from self._filled(self._computed())

    def _windows(self) -> Iterator[_Entry]:
        """The windows to compute, with the frames whose maps are wanted of each."""
        plan = WindowPlan(self.model.spec)
        buffer: dict[int, Frame] = {}
        count, number, ended = 0, 0, False
        left_out: _Entry | None = None
        frames = iter(self.film)
        while not ended:
            frame = next(frames, None)
            if frame is None:
                ended = True
            else:
                buffer[count] = frame
                count += 1
            for window in plan.take(count, ended):
                wanted = []
                for slot, index in window.outputs:
                    shown = buffer[index]
                    if self.end is not None and shown.time >= self.end:
                        ended = True
                        break
                    if self.start is not None and shown.time < self.start:
                        continue
                    output = _Output(slot, number, shown.time, shown.duration)
                    self._pending.append(output)
                    if number % self.every == 0:
                        wanted.append(output)
                        left_out = None
                    else:
                        left_out = _Entry(window, [buffer[i] for i in window.frames], [output])
                    number += 1
                if wanted:
                    yield _Entry(window, [buffer[i] for i in window.frames], wanted)
                if ended and frame is not None:
                    break
            for index in [index for index in buffer if index < plan.oldest]:
                del buffer[index]
        if count == 0 or number == 0:
            part = "" if self.start is None and self.end is None else " in the part asked for"
            raise MediaError(f"{self.source}: expected frames but none could be decoded{part}")
        if left_out is not None:  # the last frame is always computed, so that none is left to extrapolate
            yield left_out

    def _computed(self) -> Iterator[Prediction]:
        """Predictions of the frames that the network computes, in batches of equal shape."""
        batch: list[tuple[_Entry, torch.Tensor | None]] = []
        for entry in self._windows():
            sound = self._sound(entry)
            if batch and (len(batch) == self.batch_size or _kind(*batch[0]) != _kind(entry, sound)):
                yield from self._run(batch)
                batch = []
            batch.append((entry, sound))
        if batch:
            yield from self._run(batch)

    def _sound(self, entry: _Entry) -> torch.Tensor | None:
        """(1, A) of the window's seconds, or None where the model hears nothing."""
        if self.sound == "none":
            return None
        spec, info = self.model.spec, self.film.info
        assert spec.sample_rate is not None  # `_open_sound` saw to it
        rate = spec.sample_rate

        def read(first: float, samples: int) -> NDArray[np.float32]:
            if self._sound_reader is None:
                return np.zeros(samples, np.float32)
            return self._sound_reader.read(first, first + samples / rate)

        spans = [(frame.time, frame.time + frame.duration) for frame in entry.frames]
        usual = spec.audio_samples(spec.num_frames / info.frame_rate)
        return waveform(np.ascontiguousarray(excerpt(entry.window, spans, rate, usual, read)), spec)

    @torch.inference_mode()
    def _run(self, batch: list[tuple[_Entry, torch.Tensor | None]]) -> list[Prediction]:
        device = next(self.model.parameters()).device
        spec = self.model.spec
        images = [[frame.image for frame in entry.frames] for entry, _ in batch]
        clips = torch.stack([normalise(window, spec) for window in images]).to(device)
        sounds = [sound for _, sound in batch if sound is not None]
        audio = torch.stack(sounds).to(device) if sounds else None
        with torch.autocast(device.type, self.precision, enabled=self.precision != torch.float32):
            forward = self.model.forward_start if batch[0][0].window.start else self.model
            maps = forward(clips, audio)
        maps = crop_to_content(maps.float(), spec, self.film.info.size).cpu().numpy()
        self.num_windows += len(batch)
        predictions = []
        for (entry, _), window_maps in zip(batch, maps, strict=True):
            for output in entry.wanted:
                saliency = np.ascontiguousarray(window_maps[output.slot])
                if not np.isfinite(saliency).all():
                    raise ConfigError(
                        f"the map of frame {output.number} is not finite; try --precision float32, and check "
                        "that the weights belong to this model"
                    )
                predictions.append(Prediction(output.number, output.time, output.duration, saliency))
        return predictions

    def _filled(self, computed: Iterator[Prediction]) -> Iterator[Prediction]:
        """Computed predictions, and between them those interpolated linearly in time."""
        before: Prediction | None = None
        for after in computed:
            while self._pending and self._pending[0].number < after.index:
                output = self._pending.popleft()
                assert before is not None  # frame 0 is always computed
                share = (output.time - before.time) / (after.time - before.time)
                between = ((1 - share) * before.map + share * after.map).astype(np.float32)
                yield Prediction(output.number, output.time, output.duration, between, interpolated=True)
            self._pending.popleft()
            yield after
            before = after


@dataclass(frozen=True)
class _Output:
    """A map that is due: its slot in the window's output and the frame it belongs to."""

    slot: int
    number: int
    time: float
    duration: float


@dataclass(frozen=True)
class _Entry:
    """A window with its decoded frames and the maps wanted of it."""

    window: Window
    frames: list[Frame]
    wanted: list[_Output]


def _kind(entry: _Entry, sound: torch.Tensor | None) -> tuple[object, ...]:
    """What entries of one batch must have in common."""
    return entry.window.start, None if sound is None else tuple(sound.shape)


def predict(model: SaliencyModel, source: str | Path, **options: Any) -> PredictionStream:
    """Predict saliency on every frame of a film with its sound.

    Args:
        model: from `avsal.load_model`; its device is used.
        source: a film, or a folder of images (then `frame_rate` is needed).
        **options: of `PredictionStream`: ``audio`` ('own', 'none', 'zero' or a file), ``frame_rate``,
            ``start`` and ``end`` in seconds, ``every`` (N: each N-th frame is computed, the others
            interpolated), ``batch_size`` in windows, ``precision``, ``threads`` for decoding.

    Returns:
        an iterator of `Prediction` that decodes as it goes; its ``film.info`` and ``film.damage`` tell of the
        film.

    Raises:
        MediaError: the film or sound cannot be read.
        ConfigError: an option makes no sense.
    """
    return PredictionStream(model, source, **options)
