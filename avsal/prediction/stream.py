"""Maps of a video, one after the other, in memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import content_size, crop_to_content, waveform
from avsal.clips.soundtrack import LONGEST_HOLD, excerpt
from avsal.clips.windows import WindowPlan
from avsal.errors import ConfigError, MediaError
from avsal.media.audio import SoundReader
from avsal.media.damage import Damage
from avsal.media.frames import Frame, FrameReader
from avsal.media.video import open_frames
from avsal.models import SaliencyModel, require_model
from avsal.models.tsfpnet import TSFPNetAV
from avsal.models.tsfpnet_mobile import TSFPNetMobileAV
from avsal.prediction.engines import Engine, WindowJob, WindowMaps, create_engine
from avsal.prediction.finish import finished
from avsal.prediction.prefetch import Prefetcher

__all__ = ["PRECISIONS", "Prediction", "PredictionStream", "predict"]

#: what the network computes in; maps are float32 always
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

Sound = Literal["own", "none", "zero"]
ReadSound = Callable[[float, int], NDArray[np.float32]]

#: decoded frames that may wait for the network
DECODED_AHEAD = 8


@dataclass(frozen=True)
class Prediction:
    """One frame's saliency.

    Attributes:
        index: 0-based number of the frame among the predicted ones.
        time: seconds on the video's clock (its time stamp minus the video's origin).
        duration: seconds that the frame is shown.
        map: (H, W) float32, non-negative, of the model's size.
        interpolated: between neighbours in time, because the frame itself was left out.
        condition_maps: by name, the maps with each of the stream's `sounds`, of which `map` is the first;
            empty where none were given.
        attention: by name, what each of the stream's `sounds` adds to the features, (H, W) float32 above -1,
            0 without sound; empty unless asked for.
    """

    index: int
    time: float
    duration: float
    map: NDArray[np.float32]
    interpolated: bool = False
    condition_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    attention: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


class PredictionStream:
    """Iterates over the predictions of one video. See `predict`.

    Attributes:
        model: that predicts.
        video: the opened frames; its `info` says what the video is, its `damage` (when done) what was lost.
        sound: what the model hears: ``own``, ``none``, ``zero``, the name of a file, or those of `sounds`.
        sound_names: of `sounds`.
        num_windows: how many windows were computed so far.
        engine: that computes them.
    """

    def __init__(
        self,
        model: SaliencyModel,
        source: str | Path,
        *,
        audio: Sound | str | Path = "own",
        sounds: Mapping[str, NDArray[np.float32] | None] | None = None,
        attention: bool = False,
        frame_rate: float | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
        start: float | None = None,
        end: float | None = None,
        every: int = 1,
        engine: str | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        threads: int | None = None,
    ) -> None:
        if every < 1 or (batch_size is not None and batch_size < 1):
            raise ConfigError(f"`every` and `batch_size` must be at least 1 but are {every} and {batch_size}")
        if precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
        if start is not None and end is not None and end <= start:
            raise ConfigError(f"`end` must come after `start` but they are {end} and {start} seconds")
        self.model, self.source = require_model(model), Path(source)
        self.start, self.end, self.every = start, end, every
        self.engine: Engine = create_engine(
            model, engine, batch_size=batch_size, precision=PRECISIONS[precision]
        )
        if attention and (sounds is None or not isinstance(model, TSFPNetAV | TSFPNetMobileAV)):
            expected = "expected `attention` with `sounds`, of a tsfpnet_av or tsfpnet_av_mobile"
            raise ConfigError(f"{expected}; this is {model.name}")
        self.engine.attention = attention
        self.num_windows = 0
        self._predictions = self._predict()
        self._pending: deque[WindowMaps] = deque()

        with open_frames(source, frame_rate=frame_rate, stream=video_stream, threads=threads) as probe:
            info = probe.info
        reach = 2 * self.engine.spec.num_frames + self.engine.past
        margin = reach / info.frame_rate  # seconds of video a map can depend on before its own
        begin = None if start is None else max(0.0, start - margin)
        size = content_size(model.spec, info.size)
        self.video: FrameReader = open_frames(
            source,
            size,
            frame_rate=frame_rate,
            stream=info.stream if video_stream is None else video_stream,
            start=begin or None,
            threads=threads,
            scaling=model.spec.scaling,
        )
        self.sound_names = () if sounds is None else tuple(sounds)
        self._audio_stream = audio_stream
        self._sound_reader: SoundReader | None = None
        self._reads: list[ReadSound | None]
        if sounds is None:
            self.sound, self._sound_reader = self._open_sound(audio, margin)
            self._reads = [self._read_one if self.sound != "none" else None]
        else:
            rate = model.spec.sample_rate
            if rate is None or not sounds:
                raise ConfigError(f"expected `sounds` for a model that takes sound; {model.name} takes none")
            self.sound = ", ".join(sounds)
            self._reads = [None if a is None else reading(a, rate) for a in sounds.values()]

    def _open_sound(self, audio: Sound | str | Path, margin: float) -> tuple[str, SoundReader | None]:
        info = self.video.info
        rate = self.model.spec.sample_rate
        if rate is None or audio == "none" or (audio == "own" and not info.sound):
            return "none", None
        if audio == "zero":
            return "zero", None
        keep = 2 * margin + 1.0
        if audio == "own":
            return "own", SoundReader(
                self.source, rate, stream=self._audio_stream, origin=info.origin, keep=keep
            )
        return Path(audio).name, SoundReader(audio, rate, stream=self._audio_stream, keep=keep)

    @property
    def damage(self) -> list[Damage]:
        """What could not be read so far of the picture and of the sound heard; complete at the end."""
        found = [self.video.damage]
        if self._sound_reader is not None:
            found.append(self._sound_reader.damage)
        return [damage for damage in found if damage]

    def __iter__(self) -> Iterator[Prediction]:
        """The predictions; a stream is read once: who iterates again goes on where it was left."""
        return self

    def __next__(self) -> Prediction:
        """The next prediction."""
        return next(self._predictions)

    def close(self) -> None:
        """End early: let go of the video, its sound and the thread that decodes."""
        self._predictions.close()

    def _predict(self) -> Generator[Prediction]:
        with self.video, Prefetcher(self.video, DECODED_AHEAD) as frames:
            yield from self._filled(self._computed(self.jobs(iter(frames))))

    def jobs(self, frames: Iterator[Frame]) -> Iterator[WindowJob]:
        """The windows to compute, with the maps that are wanted of each, for `Engine.predict`.

        An engine that looks beyond windows also gets those around the part asked for and those of frames that
        are left out, with no map wanted.

        Args:
            frames: those of `video`.

        Raises:
            MediaError: there is no frame to predict.
        """
        plan = WindowPlan(self.engine.spec)
        buffer: dict[int, Frame] = {}
        around = self.engine.past > 0
        count, number, ended, beyond = 0, 0, False, 0
        left_out: WindowJob | None = None
        while not ended:
            frame = next(frames, None)
            if frame is None:
                ended = True
            else:
                buffer[count] = frame
                count += 1
            for window in plan.take(count, ended):
                held = left_out
                job = WindowJob(window, [buffer[i] for i in window.frames], (None,) * len(self._reads), [])
                for slot, index in window.outputs:
                    shown = buffer[index]
                    if self.end is not None and shown.time >= self.end:
                        beyond += 1
                        break
                    if self.start is not None and shown.time < self.start:
                        continue
                    output = WindowMaps(slot, number, shown.time, shown.duration)
                    self._pending.append(output)
                    if number % self.every == 0:
                        job.wanted.append(output)
                        left_out = None
                    else:
                        left_out = replace(job, wanted=[output])
                    number += 1
                if around and held is not None and not beyond:
                    yield replace(held, wanted=[])
                if job.wanted:
                    yield self._heard(job)
                if beyond and left_out is not None:  # the last frame is always computed: none is extrapolated
                    if left_out.window is window:
                        job.wanted.extend(left_out.wanted)
                    else:
                        yield self._heard(left_out)
                    left_out = None
                if around and not job.wanted and left_out is None:
                    yield job
                # windows of the video's start are computed from the last one on
                enough = not around or (beyond > self.engine.future and plan.next >= len(job.frames))
                if beyond and enough:
                    ended = True
                    break
            for index in [index for index in buffer if index < plan.oldest]:
                del buffer[index]
        if count == 0 or number == 0:
            part = "" if self.start is None and self.end is None else " in the part asked for"
            raise MediaError(f"{self.source}: expected frames but none could be decoded{part}")
        if left_out is not None:
            yield self._heard(left_out)

    def _heard(self, job: WindowJob) -> WindowJob:
        """The job with the sounds of its window's seconds."""
        if not any(self._reads):
            return job
        spec, info = self.model.spec, self.video.info
        assert spec.sample_rate is not None  # or nothing would be read
        spans = [(frame.time, frame.time + frame.duration) for frame in job.frames]
        if (
            self._sound_reader is not None
        ):  # windows go back to what was heard before a frame that stands long
            longest = max(frame.duration for frame in job.frames)
            heard = [(first - 1, min(last, first + LONGEST_HOLD) + 1) for first, last in spans]
            self._sound_reader.hold(heard if longest > 1 else ())
        usual = spec.audio_samples(spec.num_frames / info.frame_rate)
        sounds: list[Tensor | None] = []
        for read in self._reads:
            if read is None:
                sounds.append(None)
                continue
            samples = excerpt(job.window, spans, spec.sample_rate, usual, read, spec.audio_lead)
            samples = np.ascontiguousarray(samples)
            sounds.append(waveform(samples, spec))
        return replace(job, sounds=tuple(sounds))

    def _read_one(self, first: float, samples: int) -> NDArray[np.float32]:
        """Samples of the one sound from a second on."""
        if self._sound_reader is None:
            return np.zeros(samples, np.float32)
        return self._sound_reader.read(first, first + samples / self._sound_reader.sample_rate)

    def _computed(self, jobs: Iterator[WindowJob]) -> Iterator[Prediction]:
        """Predictions of the frames that the network computes."""
        attended = self.engine.attention
        for job, computed in self.engine.predict(jobs):
            maps = crop_to_content(computed, self.model.spec, self.video.info.size).cpu().numpy()
            self.num_windows += 1
            for output in job.wanted:
                saliency = np.array(maps[:, output.slot])
                if not np.isfinite(saliency).all():
                    raise ConfigError(
                        f"the map of frame {output.number} is not finite; try --precision float32, and check "
                        "that the weights belong to this model"
                    )
                count = len(self.sound_names)
                for one in saliency[: max(count, 1)]:
                    one[:] = finished(one, self.model.spec, self.video.info.size)
                condition_maps = dict(zip(self.sound_names, saliency[:count], strict=True))
                attention = dict(zip(self.sound_names, saliency[count:], strict=True)) if attended else {}
                yield Prediction(
                    output.number,
                    output.time,
                    output.duration,
                    saliency[0],
                    condition_maps=condition_maps,
                    attention=attention,
                )

    def _filled(self, computed: Iterator[Prediction]) -> Iterator[Prediction]:
        """Computed predictions, and between them those interpolated linearly in time."""
        before: Prediction | None = None
        for after in computed:
            while self._pending and self._pending[0].number < after.index:
                output = self._pending.popleft()
                assert before is not None  # frame 0 is always computed
                share = (output.time - before.time) / (after.time - before.time)
                yield Prediction(
                    output.number,
                    output.time,
                    output.duration,
                    mixed(before.map, after.map, share),
                    interpolated=True,
                    condition_maps=mixed_by_name(before.condition_maps, after.condition_maps, share),
                    attention=mixed_by_name(before.attention, after.attention, share),
                )
            self._pending.popleft()
            yield after
            before = after


def mixed(before: NDArray[np.float32], after: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Between two maps, `share` of the second."""
    return ((1 - share) * before + share * after).astype(np.float32)


def mixed_by_name(
    before: Mapping[str, NDArray[np.float32]], after: Mapping[str, NDArray[np.float32]], share: float
) -> dict[str, NDArray[np.float32]]:
    """`mixed` for each name."""
    return {name: mixed(before[name], after[name], share) for name in after}


def reading(samples: NDArray[np.float32], sample_rate: int) -> ReadSound:
    """Reads from (A,) samples that begin at 0 of the video's clock; zeros beyond their ends."""

    def read(first: float, length: int) -> NDArray[np.float32]:
        begin = round(first * sample_rate)
        piece = np.zeros(length, np.float32)
        low, high = max(begin, 0), min(begin + length, len(samples))
        if low < high:
            piece[low - begin : high - begin] = samples[low:high]
        return piece

    return read


def predict(model: SaliencyModel, source: str | Path, **options: Any) -> PredictionStream:
    """Predict saliency on every frame of a video with its sound.

    Args:
        model: from `avsal.load_model`; its device is used.
        source: a video, or a folder of images (then `frame_rate` is needed).
        **options: of `PredictionStream`: ``audio`` ('own', 'none', 'zero' or a file), or ``sounds`` (by name,
            (A,) samples at the model's rate from 0 of the video's clock, or None: a map is made with each and
            the video is seen once for all of them), ``attention`` (of each of the sounds, beside the maps),
            ``frame_rate``, ``video_stream`` and ``audio_stream`` (numbers of streams in the file),
            ``start`` and ``end`` in seconds, ``every`` (N: each N-th frame is computed, the others
            interpolated), ``engine`` (see `avsal.prediction.engines`; the model's default), ``batch_size`` in
            windows, ``precision``, ``threads`` for decoding.

    Returns:
        an iterator of `Prediction` that decodes as it goes; its ``video.info`` and ``video.damage`` tell of
        the video.

    Raises:
        MediaError: the video or sound cannot be read.
        ConfigError: an option makes no sense.
    """
    return PredictionStream(model, source, **options)
