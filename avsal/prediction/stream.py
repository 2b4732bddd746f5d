"""Maps of a video, one after the other, in memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import content_size, crop_to_content, waveform
from avsal.clips.soundtrack import LONGEST_HOLD, excerpt
from avsal.clips.windows import WindowPlan
from avsal.errors import AvsalRuntimeError, ConfigError, MediaError
from avsal.media.arrays import mono_samples
from avsal.media.audio import SoundReader
from avsal.media.cuts import CutDetector
from avsal.media.damage import Damage
from avsal.media.frames import Frame, FrameReader
from avsal.media.resampling import resample
from avsal.media.sources import WindowedSound, as_source
from avsal.models import SaliencyModel, require_model
from avsal.prediction.engines import Engine, WindowJob, WindowMaps, create_engine
from avsal.prediction.finish import finished
from avsal.prediction.prediction import Prediction, SoundOption, interpolated
from avsal.prediction.prefetch import Prefetcher
from avsal.prediction.read_sound import ReadSound, read_from, reading, silence

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["PRECISIONS", "PredictionStream"]

#: what the network computes in; maps are float32 always
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

#: windows whose frames and sound are decoded that may wait for the network
DECODED_AHEAD = 8

#: bytes that pictures may take while they wait for their maps; beyond, the video is decoded again
PICTURE_BYTES = 512 * 2**20


class PredictionStream:
    """Iterates over the predictions of one video. See `predict`.

    Attributes:
        model: that predicts.
        source: what is predicted.
        video: the opened frames; its `info` says what the video is, its `damage` (when done) what was lost.
        sound: what the model hears: ``own``, ``none``, ``zero``, the name of a file, or those of `sounds`.
        sound_names: of `sounds`.
        num_windows: how many windows were computed so far.
        engine: that computes them.
        pictures: whether predictions carry pictures: asked for, and small enough to wait for their maps.
        cut_times: seconds of the frames that begin a shot, where `shots` were asked for; known of a frame
            before its prediction is given out.
    """

    def __init__(
        self,
        model: SaliencyModel,
        source: Any,
        *,
        audio: SoundOption = "own",
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
        pictures: bool = False,
        at_once: bool = False,
        shots: bool = False,
    ) -> None:
        if every < 1 or (batch_size is not None and batch_size < 1):
            raise ConfigError(f"`every` and `batch_size` must be at least 1 but are {every} and {batch_size}")
        if precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
        if start is not None and end is not None and end <= start:
            raise ConfigError(f"`end` must come after `start` but they are {end} and {start} seconds")
        self.model = require_model(model)
        self.start, self.end, self.every, self.at_once = start, end, every, at_once
        self.engine: Engine = create_engine(
            model, engine, batch_size=batch_size, precision=PRECISIONS[precision]
        )
        if attention and (sounds is None or not hasattr(model, "attention_map")):
            expected = "expected `attention` with `sounds`, of a tsfpnet_av or tsfpnet_av_mobile"
            raise ConfigError(f"{expected}; this is {model.name}")
        self.engine.attention = attention
        self.num_windows = 0
        self._ahead: Prefetcher[WindowJob] | None = None
        self._sound_seconds = 0.0
        self._detector = CutDetector() if shots else None
        self.cut_times: list[float] = []
        self._predictions = self._predict()
        self._pending: deque[WindowMaps] = deque()
        self.source = as_source(
            source, frame_rate=frame_rate, video_stream=video_stream, audio_stream=audio_stream
        )
        info = self.source.info
        if batch_size is None and self.engine.name == "exact" and sounds is None and self.source.path:
            self.engine.batch_size = model.windows_at_once  # maps of a camera come one by one
        reach = 2 * self.engine.spec.num_frames + self.engine.past
        waiting = self.engine.spec.num_frames + self.engine.future + self.engine.batch_size + every
        num_bytes = (waiting + DECODED_AHEAD) * info.size[0] * info.size[1] * 3 // 2
        self.pictures = pictures and (self.source.path is None or num_bytes <= PICTURE_BYTES)
        margin = reach / info.frame_rate  # seconds of video a map can depend on before its own
        begin = None if start is None else max(0.0, start - margin)
        self.sound_names = () if sounds is None else tuple(sounds)
        self._sound_reader: WindowedSound | None = None
        self._reads: list[ReadSound | None]
        if sounds is None:
            self.sound, read = self._open_sound(audio, audio_stream, 2 * margin + 1.0)
            self._reads = [read]
        else:
            rate = model.spec.sample_rate
            if rate is None or not sounds:
                raise ConfigError(f"expected `sounds` for a model that takes sound; {model.name} takes none")
            self.sound = ", ".join(sounds)
            self._reads = [None if a is None else reading(a, rate) for a in sounds.values()]
        self.video: FrameReader = self.source.frames(
            content_size(model.spec, info.size),
            start=begin or None,
            threads=threads,
            scaling=model.spec.scaling,
            pictures=self.pictures,
        )

    def _open_sound(
        self, audio: SoundOption, stream: int | None, keep: float
    ) -> tuple[str, ReadSound | None]:
        """What the model hears, in words, and how it is read."""
        rate = self.model.spec.sample_rate
        if isinstance(audio, tuple):
            samples, own_rate = mono_samples(*audio) if len(audio) == 2 else mono_samples(audio, None)
            return (
                ("none", None)
                if rate is None
                else ("samples", reading(resample(samples, own_rate, rate), rate))
            )
        if rate is None or audio == "none":
            return "none", None
        if audio == "zero":
            return "zero", silence
        if audio == "own":
            self._sound_reader = self.source.sound(rate, keep)
            return (
                ("none", None)
                if self._sound_reader is None
                else ("own", partial(read_from, self._sound_reader))
            )
        self._sound_reader = SoundReader(audio, rate, stream=stream, keep=keep)
        return Path(audio).name, partial(read_from, self._sound_reader)

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

    def decode_ahead(self) -> None:
        """Begin to decode picture and sound, in a thread, before the first prediction is asked for."""
        if self._ahead is None and self.source.ahead:
            self._ahead = Prefetcher(self.jobs(iter(self.video)), DECODED_AHEAD)
            self._ahead.__enter__()

    def close(self) -> None:
        """End early: let go of the video, its sound and the thread that decodes."""
        self._predictions.close()
        if self._ahead is not None:
            self._ahead.close()

    def _predict(self) -> Generator[Prediction]:
        with ExitStack() as stack:
            frames = stack.enter_context(self.video)
            self.decode_ahead()
            if self._ahead is None:
                jobs = self.jobs(iter(frames))
            else:
                jobs = iter(self._ahead)
                stack.callback(self._ahead.close)
            yield from self._filled(self._computed(jobs))

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that parts were at work so far; ``decoding`` and ``sound`` go on beside the others."""
        ahead = self._ahead
        decoding, waiting = (0.0, 0.0) if ahead is None else (ahead.busy - self._sound_seconds, ahead.waited)
        return {"decoding": decoding, "waiting": waiting, "sound": self._sound_seconds}

    def jobs(self, frames: Iterator[Frame]) -> Iterator[WindowJob]:
        """The windows to compute, with the maps that are wanted of each, for `Engine.predict`.

        An engine that looks beyond windows also gets those around the part asked for and those of frames that
        are left out, with no map wanted.

        Args:
            frames: those of `video`.

        Raises:
            MediaError: there is no frame to predict.
        """
        plan = WindowPlan(self.engine.spec, at_once=self.at_once)
        buffer: dict[int, Frame] = {}
        pictures: dict[int, VideoFrame | NDArray[np.uint8] | None] = {}  # let go of as soon as they are shown
        around = self.engine.past > 0
        count, number, ended, beyond = 0, 0, False, 0
        left_out: WindowJob | None = None
        while not ended:
            frame = next(frames, None)
            if frame is None:
                ended = True
            else:
                if self._detector is not None and self._detector.push(frame.image):
                    self.cut_times.append(frame.time)
                buffer[count], pictures[count] = replace(frame, picture=None), frame.picture
                count += 1
            for window in plan.take(count, ended):
                held = left_out
                shown = [buffer[i] if i >= 0 else shown_before(buffer[0], i) for i in window.frames]
                job = WindowJob(window, shown, (None,) * len(self._reads), [])
                for slot, index in window.outputs:
                    seen = buffer[index]
                    if self.end is not None and seen.time >= self.end:
                        beyond += 1
                        break
                    if self.start is not None and seen.time < self.start:
                        continue
                    output = WindowMaps(slot, number, seen.time, seen.duration, pictures.pop(index, None))
                    self._pending.append(output)
                    if number % self.every == 0:
                        job.wanted.append(output)
                        left_out = None
                    else:
                        left_out = replace(job, wanted=[output])
                    number += 1
                if around and held is not None and not beyond:
                    yield replace(held, wanted=[])
                # the last frame is always computed: none is extrapolated
                if beyond and left_out is not None and left_out.window is window:
                    job.wanted.extend(left_out.wanted)
                    left_out = None
                if job.wanted:
                    yield self._heard(job)
                if beyond and left_out is not None:
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
                pictures.pop(index, None)
        if count == 0 or number == 0:
            part = "" if self.start is None and self.end is None else " in the part asked for"
            raise MediaError(f"{self.source}: expected frames but none could be decoded{part}")
        if left_out is not None:
            yield self._heard(left_out)

    def _heard(self, job: WindowJob) -> WindowJob:
        """The job with the sounds of its window's seconds."""
        if not any(self._reads):
            return job
        began = perf_counter()
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
            samples = excerpt(
                job.window, spans, spec.sample_rate, usual, read, spec.audio_lead, spec.audio_rule
            )
            samples = np.ascontiguousarray(samples)
            sounds.append(waveform(samples, spec))
        self._sound_seconds += perf_counter() - began
        return replace(job, sounds=tuple(sounds))

    def _computed(self, jobs: Iterator[WindowJob]) -> Iterator[Prediction]:
        """Predictions of the frames that the network computes."""
        attended = self.engine.attention
        for job, computed in self.engine.predict(jobs):
            maps = crop_to_content(computed, self.model.spec, self.video.info.size).cpu().numpy()
            self.num_windows += 1
            for output in job.wanted:
                saliency = np.array(maps[:, output.slot])
                if not np.isfinite(saliency).all():
                    raise AvsalRuntimeError(
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
                    video_size=self.video.info.size,
                    frame=output.picture,
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
                    **interpolated(before, after, share),
                    video_size=after.video_size,
                    frame=output.picture,
                    look=self._look(output),
                )
            yield replace(after, look=self._look(self._pending.popleft()))
            before = after

    def _look(self, output: WindowMaps) -> Callable[[], NDArray[np.uint8] | None] | None:
        """How the frame of a map is read again."""
        return None if self.source.path is None else partial(self.source.picture_at, output.time)


def shown_before(first: Frame, number: int) -> Frame:
    """The first frame as if it had been shown earlier, by as many durations as `number` is below 0."""
    return replace(first, time=first.time + number * first.duration)
