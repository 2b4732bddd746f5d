"""Validation on whole videos, by the engines of prediction: neighbouring windows share what they can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from avsal.clips import normalise_clips
from avsal.metrics.batch import resize_maps
from avsal.models import SaliencyModel
from avsal.prediction.engines import create_engine
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.runs import WindowJob
from avsal.prediction.prefetch import Prefetcher
from avsal.training.sources import ValidationBatch, ValidationSource
from avsal.training.validation import ValidationRow, rows

__all__ = ["ScoredFrames", "WholeVideos", "score_videos", "truths_of"]

#: windows that begin further apart have little in common, and are computed many at once instead
WORTH_SHARING = 8

#: windows read ahead of the network
_AHEAD = 4
#: frames that are scored at once
_AT_ONCE = 16


@runtime_checkable
class WholeVideos(Protocol):
    """Videos to validate on, each seen through the windows that prediction shows."""

    @property
    def num_videos(self) -> int:
        """How many there are."""
        ...

    def jobs(self, video: int, *, use_sound: bool = True, single: bool = False) -> Iterator[WindowJob]:
        """The windows of a video that have frames to score, with those frames as what is wanted.

        Args:
            video: its number.
            use_sound: whether the windows have sound.
            single: every frame as a window of its own, wanted or not, for models that carry a memory along.
        """
        ...

    def scored_frames(self, video: int) -> list[int]:
        """The frames of a video that are scored."""
        ...

    def truth(self, video: int, frames: Sequence[int]) -> ValidationBatch:
        """Where people looked on some frames of it; the batch has no windows."""
        ...


class ScoredFrames(NamedTuple):
    """Some frames of one video.

    Attributes:
        video: its number.
        rows: scores.
        truth: where people looked.
        predicted: (M, h, w), of the part of the model's input that shows the video.
        pixels: (3, H, W) of the first of the frames, as the model is given it.
    """

    video: int
    rows: list[ValidationRow]
    truth: ValidationBatch
    predicted: Tensor
    pixels: Tensor


@torch.no_grad()
def score_videos(
    model: SaliencyModel,
    source: WholeVideos,
    metrics: tuple[str, ...],
    *,
    videos: Iterable[int] | None = None,
    use_sound: bool = True,
    batch_size: int | None = None,
    precision: torch.dtype = torch.float32,
) -> Iterator[ScoredFrames]:
    """Score a model, video by video.

    Maps are those of the plain sliding window, by the model's default engine; they and the truth are compared
    at the size of the model's input.

    Args:
        model: put into evaluation mode, and back.
        source: source of the videos.
        metrics: metrics to compute.
        videos: numbers of those to score, None for all.
        use_sound: whether the model gets to hear what there is to hear.
        batch_size: windows at once, None for the engine's choice.
        precision: what the network computes in.
    """
    training = model.training
    model.eval()
    try:
        engines: dict[bool, Engine] = {}
        for video in range(source.num_videos) if videos is None else videos:
            near = _are_near(source.scored_frames(video))
            if near not in engines:  # windows far apart share nothing, but fill a batch
                name = None if near or model.delay is not None else PlainEngine.name
                at_once = batch_size if model.delay is None else None
                engines[near] = create_engine(model, name, batch_size=at_once, precision=precision)
            engine = engines[near]
            read = source.jobs(video, use_sound=use_sound, single=model.delay is not None)
            with Prefetcher(read, _AHEAD) as jobs:
                frames: list[int] = []
                maps: list[Tensor] = []
                first: Tensor | None = None
                for job, made in engine.predict(jobs):
                    if first is None:
                        first = _pixels(job, model)
                    for wanted in job.wanted:
                        frames.append(wanted.number)
                        maps.append(made[0, wanted.slot].float().cpu())
                    if len(frames) >= _AT_ONCE:
                        yield _scored(source, video, frames, maps, first, model, metrics)
                        frames, maps, first = [], [], None
                if frames and first is not None:
                    yield _scored(source, video, frames, maps, first, model, metrics)
    finally:
        model.train(training)


def truths_of(source: ValidationSource) -> Iterator[ValidationBatch]:
    """Where people looked on all frames that are scored; of whole videos no window is read for it."""
    if not isinstance(source, WholeVideos):
        yield from (source[index] for index in range(len(source)))
        return
    for video in range(source.num_videos):
        frames = source.scored_frames(video)
        for begin in range(0, len(frames), _AT_ONCE):
            yield source.truth(video, frames[begin : begin + _AT_ONCE])


def _scored(
    source: WholeVideos,
    video: int,
    frames: list[int],
    maps: list[Tensor],
    pixels: Tensor,
    model: SaliencyModel,
    metrics: tuple[str, ...],
) -> ScoredFrames:
    truth = source.truth(video, frames)
    shown, columns = truth.region
    predicted = resize_maps(torch.stack(maps), model.spec.size)[:, shown, columns]
    return ScoredFrames(video, rows(predicted, truth, metrics), truth, predicted, pixels)


def _are_near(frames: Sequence[int]) -> bool:
    """Whether the windows of frames that are scored lie near enough to each other to share work."""
    return len(frames) > 1 and frames[1] - frames[0] <= WORTH_SHARING


def _pixels(job: WindowJob, model: SaliencyModel) -> Tensor:
    """(3, H, W): the frame that the first wanted map of a window belongs to, as the model is given it."""
    place = job.window.frames.index(job.wanted[0].number)
    image = torch.from_numpy(job.frames[place].image)[None]
    return normalise_clips([image], model.spec)[0, :, 0]
