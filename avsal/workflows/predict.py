"""Predicting a video to files, and what is written of it."""

from __future__ import annotations

import contextlib
import json
import os
import time
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avsal import __version__
from avsal.errors import ConfigError
from avsal.media.arrays import mono_samples
from avsal.media.atomic import sweep, write_text
from avsal.media.audio import RESAMPLER
from avsal.media.sources import Source, as_source
from avsal.models import SaliencyModel
from avsal.prediction import Prediction, PredictionStream
from avsal.prediction.engines import supported_engines
from avsal.prediction.prediction import SoundOption
from avsal.prediction.prefetch import Prefetcher
from avsal.render import BY_SHOTS, Output, OutputRequest, output_of
from avsal.workflows.results import ScratchFolder, model_facts
from avsal.workflows.video_settings import PredictSettings

__all__ = [
    "PredictSettings",
    "PredictedVideo",
    "network_threads",
    "open_video",
    "predict_video",
    "write_video",
]

#: maps that may wait to be painted and written
COMPUTED_AHEAD = 4

#: gives a stream's predictions on, with progress shown
Progress = Callable[[PredictionStream], Iterator[Prediction]]


#: frames a second above which a model sees far less of a video's time than it was trained on
FAST = 70.0


@dataclass(frozen=True)
class PredictedVideo:
    """What became of one video.

    Attributes:
        source: the video or folder of images.
        outputs: what was written, by kind.
        summary: what the JSON file beside them holds.
        warnings: one line each: what was lost or had no effect.
        skipped: whether it had been done before.
    """

    source: Path
    outputs: dict[str, Path]
    summary: dict[str, Any]
    warnings: tuple[str, ...] = ()
    skipped: bool = False

    @property
    def damaged(self) -> bool:
        """Whether a part of the video could not be read."""
        return bool(self.summary.get("damage"))

    @property
    def low_contrast(self) -> str | None:
        """How many maps its overlay shows faintly or not at all, in words; None where there are none."""
        remarks = self.summary.get("remarks", {}).values()
        return next((found["low contrast"] for found in remarks if "low contrast" in found), None)

    @property
    def num_maps(self) -> int:
        """Maps that were written."""
        return int(self.summary.get("frames", 0))


def network_threads(settings: PredictSettings) -> int | None:
    """The CPU threads of the network: where a video is painted and encoded beside it, one is left to that.

    On two cores two threads of the network and the encoder wait for each other: 34 s become 29 s for 20 s of
    1280x720. What a person chose, by `threads` or ``OMP_NUM_THREADS``, stands.
    """
    beside = {"overlay", "map"} & set(settings.save)
    if settings.threads is not None or "OMP_NUM_THREADS" in os.environ or not beside:
        return settings.threads
    return max(1, torch.get_num_threads() - 1)


def predict_video(
    model: SaliencyModel,
    source: Any,
    base: str | Path,
    settings: PredictSettings | None = None,
    *,
    audio: SoundOption | None = None,
    progress: Progress | None = None,
    opened: Callable[[PredictionStream], None] | None = None,
) -> PredictedVideo:
    """Predict one video and write the outputs that are asked for.

    A camera or live stream is read until it ends, `settings.end` is reached, or Ctrl-C is pressed: then the
    outputs hold what was seen until then.

    Examples:
        >>> avsal.predict_video(avsal.load_model(), "clip.mp4", "out/clip").outputs["overlay"]

    Args:
        model: model on its device.
        source: a video, or whatever else `avsal.predict` takes.
        base: path of the outputs up to their suffix.
        settings: how; None: the defaults. Those of the model itself are not looked at.
        audio: instead of the settings': a word or file as there, or (samples, rate).
        progress: gives the predictions on; a place to show progress.
        opened: told of the stream once the video is open.

    Raises:
        MediaError: the video cannot be read or an output cannot be written.
        ConfigError: outputs are there and neither replacing nor skipping was asked for.
    """
    found = open_video(model, source, base, settings, audio=audio)
    return (
        found if isinstance(found, PredictedVideo) else write_video(found, progress=progress, opened=opened)
    )


@dataclass(frozen=True)
class OpenedVideo:
    """A video that is about to be predicted; see `open_video`.

    Attributes:
        stream: of its predictions.
        source: that it reads.
        base: path of the outputs up to their suffix.
        paths: of the outputs, by kind.
        settings: how it is predicted.
        audio: that the model is given.
        began: when opening began, on `time.perf_counter`.
    """

    stream: PredictionStream
    source: Source
    base: Path
    paths: dict[str, Path]
    settings: PredictSettings
    audio: SoundOption
    began: float


def open_video(
    model: SaliencyModel,
    source: Any,
    base: str | Path,
    settings: PredictSettings | None = None,
    *,
    audio: SoundOption | None = None,
) -> OpenedVideo | PredictedVideo:
    """Open a video for `write_video`, or find that it was predicted before; see `predict_video`."""
    told, base = settings or PredictSettings(), Path(base)
    audio = told.audio if audio is None else audio
    summary_path = summary_of(base)
    paths = {kind: base.with_name(base.name + output_of(kind, source).suffix) for kind in told.save}
    there = [path for path in (*paths.values(), summary_path) if path.exists()]
    if told.skip_existing and len(there) == len(paths) + 1:
        return PredictedVideo(Path(str(source)), paths, {}, skipped=True)
    if there and not (told.overwrite or told.skip_existing):
        raise ConfigError(
            f"{there[0]} exists: replace it with --overwrite, leave finished videos alone with "
            "--skip-existing, or write elsewhere with -o"
        )
    began = time.perf_counter()
    source = as_source(
        source,
        frame_rate=told.frame_rate,
        video_stream=told.video_stream,
        audio_stream=told.audio_stream,
    )
    stream = PredictionStream(
        model,
        source,
        audio=audio,
        audio_stream=told.audio_stream,
        start=told.start,
        end=told.end,
        every=told.every,
        threads=told.threads,
        pictures="overlay" in told.save,
        shots=not BY_SHOTS.isdisjoint(told.save),
        **{**told.running, "engine": told.engine or _least_waiting(model, source)},
    )
    return OpenedVideo(stream, source, base, paths, told, audio, began)


def write_video(
    video: OpenedVideo,
    *,
    progress: Progress | None = None,
    opened: Callable[[PredictionStream], None] | None = None,
) -> PredictedVideo:
    """Predict an opened video; see `predict_video`."""
    stream, source, paths, told, audio = video.stream, video.source, video.paths, video.settings, video.audio
    model = stream.model
    warnings = []
    if audio != "own" and not model.info.sound:
        warnings.append(f"{model.name} takes no sound, so --audio changes nothing")
    if told.video_stream is None and stream.video.info.stream > 0:
        warnings.append(
            f"{source}: its first picture stream is a still, so stream {stream.video.info.stream} is taken: "
            "--video-stream says otherwise"
        )
    rate, span = stream.video.info.frame_rate, stream.engine.spec.num_frames
    if rate > FAST:
        warnings.append(
            f"{source}: at {rate:g} frames a second a window of {span} frames spans {span / rate:.2f} s; "
            "models learn from 25 to 30 frames a second: better maps come from ffmpeg -i VIDEO -r 30 OTHER"
        )
    if opened is not None:
        opened(stream)
    about = _about(stream, told)
    scratch = ScratchFolder()
    request = OutputRequest(
        source.path,
        stream.video.info,
        sound_from=_audio_file(source, audio, scratch.path),
        sound_stream=told.audio_stream,
        frame_rate=told.frame_rate,
        start=told.start,
        end=told.end,
        colormap=told.colormap,
        alpha=told.alpha,
        style=told.style,
        caption=model.name if told.caption else None,
        bits=told.bits,
        about=about,
        cuts=stream.cut_times,
        roi_strength=told.roi_strength,
        pictures=stream.pictures,
    )
    count, interpolated, first, last = 0, 0, 0.0, 0.0
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(stream))
        outputs: list[Output] = [
            stack.enter_context(output_of(kind, source.path)(path, request)) for kind, path in paths.items()
        ]
        predictions: Iterable[Prediction] = stream if progress is None else progress(stream)
        ahead = Prefetcher(predictions, COMPUTED_AHEAD) if source.ahead else None
        if ahead is not None:
            predictions = stack.enter_context(ahead)
        for prediction in _until_stopped(predictions, source):
            for kind, output in zip(paths, outputs, strict=True):
                with output.timed(f"writing {kind}"):
                    output.write(prediction)
            first = prediction.time if count == 0 else first
            last = prediction.time
            count += 1
            interpolated += prediction.interpolated
    elapsed = time.perf_counter() - video.began
    damage = "; ".join(lost.describe() for lost in stream.damage)
    if damage:
        warnings.append(f"{source}: {damage}; the rest was predicted")
    remarks = {
        kind: found for kind, output in zip(paths, outputs, strict=True) if (found := output.remarks())
    }
    warnings += [f"{source}: {found['colours']}" for found in remarks.values() if "colours" in found]
    summary = about | {
        "frames": count,
        "interpolated": interpolated,
        "first_time": first,
        "last_time": last,
        "outputs": {kind: path.name for kind, path in paths.items()},
        "remarks": remarks,
        "damage": damage or None,
        "seconds": round(elapsed, 3),
        "seconds_per_map": round(elapsed / count, 4),
        "seconds_by_part": _parts(stream, ahead, dict(zip(paths, outputs, strict=True))),
        "windows": stream.num_windows,
    }
    summary_path = summary_of(video.base)
    sweep(summary_path)
    write_text(summary_path, json.dumps(summary, indent=2) + "\n")
    return PredictedVideo(Path(str(source)), paths, summary, tuple(warnings))


def summary_of(base: Path) -> Path:
    """The summary beside outputs."""
    return base.with_name(base.name + ".json")


def _parts(
    stream: PredictionStream, ahead: Prefetcher[Any] | None, outputs: Mapping[str, Output]
) -> dict[str, float]:
    """Seconds that each part was at work; decoding, sound, network and writing go on at the same time."""
    seconds = stream.seconds
    waiting = seconds.pop("waiting")
    parts = dict(seconds)
    if ahead is not None:
        parts["network"] = ahead.busy - waiting
    for kind, output in outputs.items():
        whole = output.seconds.pop(f"writing {kind}", 0.0)
        parts |= output.seconds or {f"writing {kind}": whole}
    return {part: round(spent, 3) for part, spent in parts.items()}


def expected_maps(stream: PredictionStream) -> int | None:
    """About how many maps a stream will give; None where the container does not tell."""
    info = stream.video.info
    if info.duration is None:
        return info.num_frames
    begin = stream.start or 0.0
    end = info.duration if stream.end is None else min(stream.end, info.duration)
    return max(1, round((end - begin) * info.frame_rate))


def _least_waiting(model: SaliencyModel, source: Source) -> str | None:
    """The engine for a live source: the one that does not wait for frames to come, where the model has it."""
    return "live" if source.live and "live" in supported_engines(model) else None


def _until_stopped(predictions: Iterable[Prediction], source: Source) -> Iterator[Prediction]:
    """The predictions; Ctrl-C ends those of a live source, which has no other end."""
    iterator = iter(predictions)
    while True:
        try:
            prediction = next(iterator)
        except StopIteration:
            return
        except KeyboardInterrupt:
            if source.live:
                return
            raise
        yield prediction


def _audio_file(source: Source, audio: SoundOption, scratch: Path) -> Path | None:
    """Whose audio goes with the overlay: what the model was given, else the video's own."""
    if isinstance(audio, tuple):
        path = scratch / "sound.wav"
        samples, rate = mono_samples(*audio)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
        return path
    if audio not in ("own", "none", "zero"):
        return Path(audio)
    return source.path if source.info.sound else None


def _about(stream: PredictionStream, settings: PredictSettings) -> dict[str, Any]:
    model = stream.model
    return {
        "avsal": __version__,
        "torch": torch.__version__,
        "source": str(stream.source),
        "video": stream.video.info.facts(),
        "model": {**(model_facts(model) or {}), "input": asdict(model.spec)},
        "weights": settings.weights,
        "sound": stream.sound,
        "resampler": RESAMPLER,
        "device": str(next(model.parameters()).device),
        "precision": settings.precision,
        "engine": stream.engine.name,
        "batch_size": stream.engine.batch_size,
        "every": settings.every,
        "start": settings.start,
        "end": settings.end,
        "colormap": settings.colormap,
        "alpha": settings.alpha,
        "style": settings.style,
    }
