"""What the default model learns to hear from: windows of 32 frames whose pictures are encoded once.

- videos of `datasets_av.sounding_objects`, of three cues, with the gaze expected of who hears them;
- composites of `datasets_av.sounding_clips`, faces side by side of which one is heard, expected gaze;
- stretches of the HEVC videos and photographs that stand still, with measured gaze, under sounds that have
  nothing to do with them.

The gaze on the first two is expected, not measured. No video of MUFVET is among them: it judges hearing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import default_batches as batches
import numpy as np
import torch
from default_material import Photograph, Stretch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from datasets_av.sounding_objects.generator import SoundingObjects

CANVAS = (192, 352)
POSITIONS = 16
CUES = ("synchrony", "rhythm", "identity")
#: windows that are made
NUMBERS = {"made": 250, "composites": 500, "photographs": 120}
#: of a batch
SHARES = {"made": 6, "composites": 6, "real": 4}
#: how often a window with a sound of its own is heard with it; else with one that means nothing
OWN = 2 / 3
SEED = 3


@dataclass(frozen=True, eq=False)
class Window:
    """One window, encoded.

    Attributes:
        kind: made, composites or real.
        taps: (C, 16, h, w) half precision: strides 8, as its maximum on the other's grid, and 16, one after
            the other.
        seen: (H / 4, W / 4) logits of the network that hears nothing.
        audio: (A,) at the model's scale; None: it has none of its own.
        with_own: (H / 4, W / 4) where people look who hear it.
        without: where they look who do not.
        foreign: whether another window's sound means nothing here.
    """

    kind: str
    taps: Tensor
    seen: Tensor
    audio: Tensor | None
    with_own: Tensor | None
    without: Tensor
    foreign: bool


class Encoder:
    """Pictures to windows.

    Args:
        model: whose encoder and visual network are fixed from now on.
        exact: whether to compute in single precision.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self.model, self.device = model, device

    @torch.no_grad()
    def __call__(self, frames: Tensor, *, exact: bool) -> tuple[Tensor, Tensor]:
        """Taps and logits of (3, 16, H, W), every second frame of a window."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not exact):
            taps = self.model.encode(frames[None].to(self.device))
            levels = self.model.levels_of([tap[:, :, -5:] for tap in taps])
            newest_first = [[level[:, :, 4 - back] for back in (0, 1, 2, 4)] for level in levels]
            seen = self.model.logits_of(self.model.integrate(newest_first))
        fine, coarse = taps[1][0].float(), taps[2][0].float()
        fine = F.adaptive_max_pool2d(fine.transpose(0, 1), coarse.shape[-2:]).transpose(0, 1)
        return torch.cat([fine, coarse]).half().cpu(), seen[0, 0].float().cpu()


def coarse(density: NDArray[np.float32]) -> Tensor:
    """(h, w) that sums to 1, of a (H, W) map."""
    small = F.avg_pool2d(torch.from_numpy(np.ascontiguousarray(density))[None, None], batches.CELL)[0, 0]
    return small / small.sum()


def synthetic(
    videos: Any, kind: str, number: int, encode: Encoder, *, exact: bool, foreign: bool
) -> Iterator[Window]:
    """Windows of a generator."""
    for index in range(number):
        clip = videos[index]
        pictures = torch.from_numpy(clip.frames[1::2])
        frames, _ = batches.show(pictures, batches.WHOLE, CANVAS, torch.ones(3))
        taps, seen = encode(frames, exact=exact)
        yield Window(
            kind,
            taps,
            seen,
            torch.from_numpy(clip.sound) * 256,
            coarse(clip.gaze.best_map(-1, sound=True)),
            coarse(clip.gaze.best_map(-1, sound=False)),
            foreign,
        )


def unheard(step: int, size: int, length: int) -> batches.Batch:
    """Made videos without their sound: `length` frames, every second one, and where people look then."""
    rng = np.random.default_rng([SEED + 1, step])
    frames, densities = [], []
    for index in range(step * size, (step + 1) * size):
        cue = CUES[int(rng.integers(len(CUES)))]
        clip = SoundingObjects("decides", cue, seed=102, num_frames=32, size=CANVAS)[index]
        # the last frames: at the beginning nobody has yet left the centre
        numbers = range(33 - 2 * length, 32, 2)
        pictures = torch.from_numpy(clip.frames[numbers.start :: 2])
        frames.append(batches.show(pictures, batches.WHOLE, CANVAS, batches.colour_gain(rng))[0])
        maps = [coarse(clip.gaze.best_map(number, sound=False)) for number in numbers]
        densities.append(torch.stack(maps))
    none = torch.zeros(size, length, batches.MOST_POINTS)
    density = torch.stack(densities)
    return batches.Batch(torch.stack(frames), density, none.long(), none)


def real(
    stretches: Sequence[Stretch], photographs: Sequence[Photograph], encode: Encoder, number: int
) -> Iterator[Window]:
    """Windows without a sound of their own: stretches forth and back, and still photographs."""
    rng = np.random.default_rng(SEED)
    forth_and_back = [*range(7, -1, -1), *range(8)]
    for stretch in stretches:
        pictures = torch.from_numpy(stretch.images)[forth_and_back]
        frames, place = batches.show(pictures, batches.WHOLE, CANVAS, torch.ones(3))
        density, _, _ = batches.target(stretch.points[-1][:, :2], place, CANVAS, batches.SIGMA["video"])
        if density.any():
            taps, seen = encode(frames, exact=False)
            yield Window("real", taps, seen, None, None, density, True)
    for index in rng.permutation(len(photographs))[:number].tolist():
        photograph = photographs[index]
        if photograph.density is not None:
            continue
        pictures = torch.from_numpy(photograph.image)[None].expand(POSITIONS, -1, -1, -1)
        frames, place = batches.show(pictures, batches.WHOLE, CANVAS, torch.ones(3))
        density, _, _ = batches.target(photograph.points[:, :2], place, CANVAS, batches.SIGMA["photograph"])
        taps, seen = encode(frames, exact=False)
        yield Window("real", taps, seen, None, None, density, True)


def windows(
    encode: Encoder,
    stretches: Sequence[Stretch],
    photographs: Sequence[Photograph],
    clips: Path | None,
    told: Callable[[str], None],
    share: float = 1.0,
) -> list[Window]:
    """What is learned from, or a share of it; without a folder of sounding clips there are no composites."""
    made: list[Window] = []
    numbers = {kind: round(share * number) for kind, number in NUMBERS.items()}
    for cue in CUES:
        videos = SoundingObjects("decides", cue, seed=101, num_frames=32, size=CANVAS)
        # another video's sound may well be that of an object that is seen, where a sound is tied to a kind
        made += synthetic(videos, "made", numbers["made"], encode, exact=False, foreign=cue != "identity")
        told(f"{len(made)} made windows")
    if clips is not None:
        from datasets_av.sounding_clips import SoundingClips

        composites = SoundingClips(str(clips), part="train", seed=101, size=CANVAS)
        made += synthetic(composites, "composites", numbers["composites"], encode, exact=True, foreign=True)
        told(f"{len(made)} windows with composites")
    without_faces = [stretch for stretch in stretches if stretch.video.startswith("hevc/")]
    return [*made, *real(without_faces, photographs, encode, numbers["photographs"])]


@dataclass(frozen=True, eq=False)
class Heard:
    """A batch of windows with what is heard in them.

    Attributes:
        taps: (B, C, 16, h, w).
        seen: (B, H / 4, W / 4) logarithm of the best map without sound.
        audio: (B, 1, A).
        density: (B, H / 4, W / 4) where people look then.
    """

    taps: Tensor
    seen: Tensor
    audio: Tensor
    density: Tensor


class Hearing:
    """Batches: number n is always the same.

    Args:
        found: the windows.
        size: of a batch.
    """

    def __init__(self, found: Sequence[Window]) -> None:
        self.found = found
        self.by_kind = {kind: [w for w in found if w.kind == kind] for kind in SHARES}
        self.sounds = [w.audio for w in found if w.audio is not None]

    def batch(self, step: int) -> Heard:
        """Batch `step`."""
        rng = np.random.default_rng([SEED, step])
        taps, seen, audio, density = [], [], [], []
        for kind, share in SHARES.items():
            of_kind = self.by_kind[kind]
            for index in rng.choice(len(of_kind), share if of_kind else 0).tolist():
                window = of_kind[index]
                own = window.with_own is not None and rng.random() < OWN
                audio.append(window.audio if own else self.meaningless(window, rng))
                taps.append(window.taps)
                # what sound adds is learned on top of the best map without it, not on top of what the network
                # sees: else it would also learn to make maps as broad as expected gaze is
                without = window.seen.flatten().softmax(0).view_as(window.seen)
                without = without if window.kind == "real" else window.without
                seen.append(floored(without).log())
                density.append(floored(window.with_own if own else without))
        mirrored = bool(rng.random() < 0.5)
        parts = torch.stack(taps).float(), torch.stack(seen), torch.stack(density)
        seen_there, base, target = (part.flip(-1) if mirrored else part for part in parts)
        return Heard(seen_there, base, torch.stack(audio)[:, None], target)

    def meaningless(self, window: Window, rng: np.random.Generator) -> Tensor:
        """Silence, noise, or the sound of another window."""
        kind = rng.integers(3 if window.foreign else 2)
        other = self.sounds[int(rng.integers(len(self.sounds)))]
        if kind == 0:
            return torch.zeros_like(other)
        if kind == 1:
            level = float(np.exp(rng.uniform(*np.log((0.5, 40)))))
            return torch.from_numpy(level * rng.standard_normal(len(other))).float()
        return other


def floored(density: Tensor) -> Tensor:
    """A distribution with a hundredth spread evenly."""
    return 0.99 * density + 0.01 / density.numel()


def attention(model: Any, taps: Tensor, audio: Tensor) -> Tensor:
    """(B, H / 4, W / 4) that is added to the logits."""
    fine = model.encoder.channels[1]
    level = model.attend([taps[:, :0], taps[:, :fine], taps[:, fine:]], audio)
    grid = (CANVAS[0] // batches.CELL, CANVAS[1] // batches.CELL)
    return F.interpolate(level, grid, mode="bilinear", align_corners=False)[:, 0]
