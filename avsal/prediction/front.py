"""`avsal.predict`: one stream for a source, a stream for each of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, overload

from avsal.errors import ConfigError
from avsal.media.sources import each, is_many
from avsal.models import SaliencyModel
from avsal.prediction.stream import PredictionStream

__all__ = ["predict"]


@overload
def predict(
    model: SaliencyModel, source: list[str] | list[Path], *, fps: float | None = None, **options: Any
) -> Iterator[PredictionStream]: ...
@overload
def predict(
    model: SaliencyModel, source: Any, *, fps: float | None = None, **options: Any
) -> PredictionStream: ...
def predict(
    model: SaliencyModel, source: Any, *, fps: float | None = None, **options: Any
) -> PredictionStream | Iterator[PredictionStream]:
    """Predict saliency on every frame of a video with its sound.

    Examples:
        >>> for frame in avsal.predict(model, "clip.mp4"): print(frame)
        >>> avsal.predict(model, frames, fps=25, audio=(samples, 44100))
        >>> for stream in avsal.predict(model, "videos/*.mp4"): list(stream)

    Args:
        model: from `avsal.load_model`; its device is used.
        source: a path (of a video, an image, a folder of images), ``-`` (a video on standard input) or an
            open binary file, an address (``https://..``, ``rtsp://..``), a camera (``0``, ``/dev/video0``),
            an array or tensor (T, H, W, 3) of uint8 or floats from 0 to 1, an iterable of frames or of
            (seconds, frame), or a reader of decord, torchcodec or OpenCV. A list of sources, or a pattern of
            names such as ``videos/*.mp4``, gives one stream for each. See `docs/predict.md`.
        fps: frames a second of what has no times: images, arrays, frames; the same as ``frame_rate``.
        **options: of `PredictionStream`: ``audio`` ('own', 'none', 'zero', a file, or (samples, rate) that
            begin with the video), or ``sounds`` (by name, (A,) samples at the model's rate from 0 of the
            video's clock, or None: a map is made with each and the video is seen once for all of them),
            ``attention`` (of each of the sounds, beside the maps), ``video_stream`` and ``audio_stream``
            (numbers of streams in the file), ``start`` and ``end`` in seconds, ``every`` (N: each N-th frame
            is computed, the others interpolated), ``engine`` (see `avsal.prediction.engines`; the model's
            default), ``batch_size`` in windows, ``precision``, ``threads`` for decoding, ``pictures`` (keep
            the frames before they are scaled, for `Prediction.picture`, while memory allows), ``at_once``
            (see `avsal.live`).

    Returns:
        an iterator of `Prediction` that decodes as it goes; its ``video.info`` and ``video.damage`` tell of
        the video. For several sources an iterator of such streams, each opened when it is reached.

    Raises:
        MediaError: the video or sound cannot be read.
        ConfigError: an option makes no sense, or the source is of no kind that is known.
    """
    if fps is not None:
        if options.get("frame_rate") is not None:
            raise ConfigError("`fps` and `frame_rate` are the same: give one of them")
        options["frame_rate"] = fps
    if is_many(source):
        return (PredictionStream(model, one, **options) for one in each(source))
    return PredictionStream(model, source, **options)
