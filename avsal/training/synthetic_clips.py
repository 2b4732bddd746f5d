"""Clips that a generator makes on the fly, such as sounding objects: endless, so that none is seen twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from avsal.clips import Clip, ClipBatch, dealt, grouped, waveform
from avsal.errors import ConfigError
from avsal.training.sources import StepGroup, StepShare, ValidationBatch
from avsal.types import ClipSpec, Fixations

__all__ = ["ClipGenerator", "RenderedClip", "SyntheticClips", "SyntheticFrames"]


class _Gaze(Protocol):
    def density(self, frame: int) -> NDArray[np.float32]:
        """(H, W) target of a 0-based frame, -1 for the last."""
        ...


class RenderedClip(Protocol):
    """A synthetic video, as long as a clip: as `datasets_av.sounding_objects.SyntheticClip`."""

    @property
    def frames(self) -> NDArray[np.uint8]:
        """(T, H, W, 3) RGB."""
        ...

    @property
    def sound(self) -> NDArray[np.float32]:
        """(A,) in [-1, 1]."""
        ...

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...

    @property
    def fixations(self) -> Fixations:
        """Of all frames, in pixels of the frames."""
        ...

    @property
    def gaze(self) -> _Gaze:
        """The expected gaze."""
        ...


class ClipGenerator(Protocol):
    """A generator: video i is always the same video."""

    def __getitem__(self, index: int) -> RenderedClip:
        """Make video `index`."""
        ...


class SyntheticClips(Dataset[Clip]):
    """Training clips: epoch e takes videos e * n to (e + 1) * n - 1, or the same n in every epoch.

    Args:
        videos: the generator.
        spec: spec of the model, whose size and sample rate the videos must have.
        num_clips: n, of an epoch.
        repeat: whether every epoch has the same videos, in another order.
        seed: seed of the order.
        workers: processes that make videos, 0 for the training process itself.
        context: frames that the videos have before and after the model's window; sound and ground truth are
            the window's.

    Raises:
        ConfigError: the videos do not have the model's number of frames, size or sample rate.
    """

    def __init__(
        self,
        videos: ClipGenerator,
        spec: ClipSpec,
        *,
        num_clips: int,
        repeat: bool = False,
        seed: int = 0,
        workers: int = 0,
        context: int = 0,
    ) -> None:
        check(videos, spec, context)
        self.videos, self.spec, self.context = videos, spec, context
        self.num_clips, self.repeat, self.seed, self.workers = num_clips, repeat, seed, workers

    def __getitem__(self, index: int) -> Clip:
        return sample(self.videos, index, self.spec, self.context)

    def num_steps(self, epoch: int, batch_size: int) -> int:
        """See `ClipSource`; clips that do not fill a step are left for another epoch."""
        return self.num_clips // batch_size

    def steps(
        self, epoch: int, batch_size: int, groups: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[StepShare]:
        """See `ClipSource`."""
        first = 0 if self.repeat else epoch * self.num_clips
        order = first + np.random.default_rng([self.seed, epoch]).permutation(self.num_clips)
        most = -(-batch_size // groups)
        places = [number * batch_size for number in range(start, self.num_steps(epoch, batch_size))]
        steps = [order[place : place + batch_size].tolist() for place in places]
        mine = [dealt(grouped(step, most), process, num_processes) for step in steps]
        wanted = [group.clips for dealt_out in mine for group in dealt_out]
        collect = partial(ClipBatch.collect, spec=self.spec)
        batches = iter(DataLoader(self, batch_sampler=wanted, num_workers=self.workers, collate_fn=collect))
        for dealt_out in mine:
            found = [StepGroup(group.number, next(batches), group.counts) for group in dealt_out]
            yield StepShare(found, batch_size)

    def gaze(self) -> NDArray[np.float64]:
        """See `ClipSource`; of the first videos, at most 200."""
        points = []
        for index in range(min(self.num_clips, 200)):
            fixations = self.videos[index].fixations
            points.append(np.stack([fixations.y, fixations.x], 1) / fixations.size)
        return np.concatenate(points)

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ClipSource`."""
        return _described(self.videos) | {
            "num_clips": self.num_clips,
            "repeat": self.repeat,
            "sha256": _digest(self.videos, (0, 1), self.num_clips, self.repeat),
        }


class SyntheticFrames:
    """Validation on the videos `first` to `first` + `num_clips` - 1.

    Args:
        videos: the generator, of another seed than the one to train on.
        spec: spec of the model.
        num_clips: videos.
        batch_size: at once.

    Raises:
        ConfigError: the videos do not fit the model.
    """

    def __init__(self, videos: ClipGenerator, spec: ClipSpec, *, num_clips: int, batch_size: int = 8) -> None:
        check(videos, spec)
        self.videos, self.spec, self.num_clips, self.batch_size = videos, spec, num_clips, batch_size

    def __len__(self) -> int:
        return -(-self.num_clips // self.batch_size)

    def __getitem__(self, index: int) -> ValidationBatch:
        numbers = range(index * self.batch_size, min((index + 1) * self.batch_size, self.num_clips))
        batch = ClipBatch.collect([sample(self.videos, n, self.spec) for n in numbers], self.spec)
        B, maps = batch.density.shape[:2]
        return ValidationBatch(
            frames=batch.frames,
            audio=batch.audio,
            clip=torch.arange(B).repeat_interleave(maps),
            slot=torch.arange(maps).repeat(B),
            recording=[name for name in batch.recordings for _ in range(maps)],
            frame=batch.frame_numbers.flatten().tolist(),
            density=batch.density.flatten(0, 1),
            points=batch.points.flatten(0, 1),
            mask=batch.mask.flatten(0, 1),
        )

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ValidationSource`."""
        return _described(self.videos) | {
            "num_clips": self.num_clips,
            "sha256": _digest(self.videos, (0, 1), self.num_clips),
        }


def check(videos: ClipGenerator, spec: ClipSpec, context: int = 0) -> None:
    """Raise ConfigError where the videos are not what the model takes in, with `context` at either end."""
    video = videos[0]
    found = (len(video.frames), video.frames.shape[1:3])
    if found != (spec.num_frames + 2 * context, spec.size):
        around = f", and `context.frames` {context} before and after" if context else ""
        raise ConfigError(
            f"the videos have {found[0]} frames of {found[1][0]}x{found[1][1]} but the model takes "
            f"{spec.num_frames} of {spec.size[0]}x{spec.size[1]}{around}: make them as long and as large"
        )
    if spec.sample_rate not in (None, video.sample_rate):
        raise ConfigError(
            f"the videos have sound at {video.sample_rate} Hz but the model takes {spec.sample_rate} Hz"
        )


def sample(videos: ClipGenerator, index: int, spec: ClipSpec, context: int = 0) -> Clip:
    """Make video `index` into a model's input and target; the window lies `context` frames within it."""
    video = videos[index]
    scored = [context + frame for frame in spec.map_frames]
    per_frame = len(video.sound) / len(video.frames)
    begin, end = (round(frame * per_frame) for frame in (context, context + spec.num_frames))
    points = []
    for frame in scored:
        rows, columns = video.fixations.at(frame).rows_and_columns()
        points.append(torch.from_numpy(np.stack([rows, columns], 1)))
    return Clip(
        images=torch.from_numpy(video.frames),
        audio=None if spec.sample_rate is None else waveform(video.sound[begin:end], spec),
        density=torch.from_numpy(np.stack([video.gaze.density(frame) for frame in scored])),
        points=tuple(points),
        frames=torch.tensor(scored),
        recording=f"video {index}",
        dataset=type(videos).__name__,
    )


def _described(videos: ClipGenerator) -> dict[str, Any]:
    arguments: dict[str, Any] = (
        asdict(videos) if is_dataclass(videos) and not isinstance(videos, type) else {}
    )
    return {"videos": type(videos).__name__, "arguments": arguments}


def _digest(videos: ClipGenerator, indices: Sequence[int], *more: object) -> str:
    digest = sha256(repr(more).encode())
    for index in indices:
        video = videos[index]
        digest.update(np.ascontiguousarray(video.frames).data)
        digest.update(np.ascontiguousarray(video.sound).data)
        digest.update(np.ascontiguousarray(video.gaze.density(-1)).data)
    return digest.hexdigest()[:16]
