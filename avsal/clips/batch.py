"""Clips in batches: collected as bytes, made into a model's input where the model is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from avsal.clips.dataset import Clip
from avsal.clips.preparation import normalise_clips
from avsal.types import ClipSpec

__all__ = ["ClipBatch"]


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """What a model is trained on. Legend: B batch, T frames, T' maps, A samples, N fixations at most.

    Attributes:
        images: B tensors (T, h, w, 3) uint8 RGB, each of its video's `content_size`.
        spec: of the model.
        audio: (B, 1, A) float32 at the model's scale; None: these videos have no sound, or the model hears
            none.
        density: (B, T', h, w) float32, each map sums to 1, or is zero everywhere where nobody looked.
        points: (B, T', N, 2) int64, rows and columns of fixations in pixels of the maps; padding is 0.
        mask: (B, T', N) bool, true for fixations, false for padding.
        frame_numbers: (B, T') int64, the video frames that the maps belong to.
        recordings: B ids.
        datasets: B names of data sets.
    """

    images: tuple[Tensor, ...]
    spec: ClipSpec
    audio: Tensor | None
    density: Tensor
    points: Tensor
    mask: Tensor
    frame_numbers: Tensor
    recordings: tuple[str, ...]
    datasets: tuple[str, ...]

    @classmethod
    def collect(cls, clips: Sequence[Clip], spec: ClipSpec) -> ClipBatch:
        """Put clips into a batch.

        Raises:
            ValueError: some have sound and some none, or the sounds differ in length; `grouped` makes groups
                in which they do not.
        """
        sounds = [clip.audio for clip in clips if clip.audio is not None]
        if len(sounds) not in (0, len(clips)) or len({sound.shape for sound in sounds}) > 1:
            lengths = [None if clip.audio is None else clip.audio.shape[-1] for clip in clips]
            raise ValueError(f"clips of one batch need sound of one length but have {lengths} samples")
        num_points = max(len(points) for clip in clips for points in clip.points)
        shape = (len(clips), len(clips[0].points), num_points)
        points, mask = torch.zeros(*shape, 2, dtype=torch.int64), torch.zeros(shape, dtype=torch.bool)
        for index, clip in enumerate(clips):
            for slot, pixels in enumerate(clip.points):
                points[index, slot, : len(pixels)] = pixels
                mask[index, slot, : len(pixels)] = True
        return cls(
            tuple(clip.images.contiguous() for clip in clips),
            spec,
            torch.stack(sounds) if sounds else None,
            torch.stack([clip.density for clip in clips]),
            points,
            mask,
            torch.stack([clip.frames for clip in clips]),
            tuple(clip.recording for clip in clips),
            tuple(clip.dataset for clip in clips),
        )

    @cached_property
    def frames(self) -> Tensor:
        """(B, 3, T, H, W) float32 as the model takes them, channels innermost in memory.

        Made on first use, on the device that the batch is on: bytes are a quarter of what is moved otherwise.
        """
        return normalise_clips(self.images, self.spec)

    def to(self, device: torch.device | str) -> ClipBatch:
        """The batch on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> ClipBatch:
        """The batch in memory that a GPU copies from by itself; torch's loader calls this."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> ClipBatch:
        return replace(
            self,
            images=tuple(change(image) for image in self.images),
            audio=None if self.audio is None else change(self.audio),
            density=change(self.density),
            points=change(self.points),
            mask=change(self.mask),
            frame_numbers=change(self.frame_numbers),
        )
