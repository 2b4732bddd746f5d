"""Where a crop of another aspect ratio goes: it holds what people look at, moves little, and never fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError

__all__ = ["CropPath", "CropPlanner"]

PLACES = 121
"""Places of the crop that are compared, at most."""

KEY_SECONDS = 0.2
"""From one place that is chosen to the next; between them the crop moves evenly."""

RELUCTANCE = 0.5
"""Share of the saliency times seconds that must be gained by a move of one crop width."""

CENTRED = 0.5
"""What saliency in the middle half of the crop counts beyond what it counts in the crop, for looks."""

SMOOTHING = 0.25
"""Seconds, sigma of the Gaussian over time that rounds the corners of the path."""


@dataclass(frozen=True)
class CropPath:
    """The crop of each frame.

    Attributes:
        size: (H, W) of the crop in pixels of the video, even.
        axis: along which it moves: 1 for left and right, 0 for up and down.
        times: (N,) seconds of the frames.
        offsets: (N,) pixels from the left edge, or the top.
        kept: (N,) share of each map's sum that lies in the crop.
        kept_centre: (N,) the same for a crop that stays in the middle.
        shots: number of each shot's first frame.
    """

    size: tuple[int, int]
    axis: int
    times: NDArray[np.float64]
    offsets: NDArray[np.float64]
    kept: NDArray[np.float64]
    kept_centre: NDArray[np.float64]
    shots: tuple[int, ...]

    @property
    def fastest(self) -> float:
        """Widths of the crop (heights where it moves up and down) in a second, at most, within shots."""
        if len(self.times) < 2:
            return 0.0
        steps = np.abs(np.diff(self.offsets)) / np.diff(self.times)
        within = np.ones(len(steps), bool)
        within[[first - 1 for first in self.shots if first > 0]] = False
        return float(steps[within].max(initial=0.0) / self.size[self.axis])

    def box(self, number: int) -> tuple[float, float, int, int]:
        """Left, top, width and height of a frame's crop in pixels."""
        height, width = self.size
        moved = float(self.offsets[number])
        return (moved, 0.0, width, height) if self.axis == 1 else (0.0, moved, width, height)


class CropPlanner:
    """Takes a video's maps one by one and plans the crop when all are there.

    Of each map the share that every place of the crop would hold is kept, some hundred numbers. Within a shot
    the path is the one of all paths within the speed limit that holds most saliency, `CENTRED` times that in
    its middle half besides, less `RELUCTANCE` times its length (dynamic programming over places `KEY_SECONDS`
    apart), then smoothed, which makes it no faster.
    At a cut the crop jumps.

    Args:
        video_size: (H, W).
        aspect: width over height of the crop: the largest that fits into the frame.
        speed: crop widths in a second, at most.

    Raises:
        ConfigError: the aspect ratio is the video's own, or leaves less than 16 pixels.
    """

    def __init__(self, video_size: tuple[int, int], aspect: Fraction, speed: float) -> None:
        height, width = video_size
        if width * aspect.denominator >= height * aspect.numerator:
            self.axis, self.size = 1, (_even(height), _even(height * aspect))
        else:
            self.axis, self.size = 0, (_even(width / aspect), _even(width))
        self.length, self.span = video_size[self.axis], self.size[self.axis]
        if min(self.size) < 16:
            raise ConfigError(f"a crop of {aspect} from {width}x{height} pixels is too small: {self.size}")
        if self.length - self.span < 2:
            raise ConfigError(
                f"the video is {aspect.numerator}:{aspect.denominator} already: nothing is cropped"
            )
        self.speed = speed
        self._places = np.linspace(0, self.length - self.span, min(PLACES, self.length - self.span + 1))
        self._times: list[float] = []
        self._gains: list[NDArray[np.float32]] = []
        self._marginals: list[NDArray[np.float32]] = []
        self._shots: list[int] = []

    def add(self, saliency: NDArray[np.float32], time: float, *, begins: bool) -> None:
        """Take the next frame's map.

        Args:
            saliency: (h, w) of any size.
            time: of the frame in seconds.
            begins: whether it begins a shot.
        """
        if begins or not self._times:
            self._shots.append(len(self._times))
        along = saliency.sum(axis=1 - self.axis, dtype=np.float64)
        total = along.sum()
        along = along / total if total > 0 else np.full(len(along), 1 / len(along))
        summed = np.concatenate([[0.0], np.cumsum(along)]).astype(np.float32)
        self._marginals.append(summed)
        inner = self._held(summed, self._places + self.span / 4, self.span / 2)
        self._gains.append((self._held(summed, self._places) + CENTRED * inner).astype(np.float32))
        self._times.append(time)

    def path(self) -> CropPath:
        """The crop of all frames that were added."""
        times = np.array(self._times)
        offsets = np.empty(len(times))
        for first, stop in zip(self._shots, [*self._shots[1:], len(times)], strict=True):
            offsets[first:stop] = self._shot(times[first:stop], np.stack(self._gains[first:stop]))
        middle = (self.length - self.span) / 2
        pairs = zip(self._marginals, offsets, strict=True)
        kept = np.array([float(self._held(summed, np.array([at]))[0]) for summed, at in pairs])
        centre = [float(self._held(summed, np.array([middle]))[0]) for summed in self._marginals]
        return CropPath(self.size, self.axis, times, offsets, kept, np.array(centre), tuple(self._shots))

    def _held(
        self, summed: NDArray[np.float32], places: NDArray[np.float64], span: float | None = None
    ) -> NDArray[np.float64]:
        """Share of the map from each place on, over the crop's span or another one."""
        edges = np.linspace(0, self.length, len(summed))
        beyond = places + (self.span if span is None else span)
        return np.interp(beyond, edges, summed) - np.interp(places, edges, summed)

    def _shot(self, times: NDArray[np.float64], held: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) pixels of a shot's frames."""
        seconds = float(times[-1] - times[0])
        num_keys = max(1, round(seconds / KEY_SECONDS) + 1)
        keys = np.linspace(times[0], times[-1], num_keys)
        key = np.clip(np.searchsorted(keys, times - KEY_SECONDS / 2), 0, num_keys - 1)
        apart = seconds / (num_keys - 1) if num_keys > 1 else KEY_SECONDS
        gains = np.zeros((num_keys, len(self._places)))
        counts = np.bincount(key, minlength=num_keys)
        np.add.at(gains, key, held.astype(np.float64))
        gains *= (apart / np.maximum(1, counts))[:, None]
        step = float(self._places[1] - self._places[0])
        reach = int(self.speed * self.span * apart / step)
        chosen = self._places[_best(gains, reach, RELUCTANCE * step / self.span)]
        moved = np.interp(times, keys, chosen) if num_keys > 1 else np.full(len(times), chosen[0])
        return _smoothed(moved, times)


def _best(gains: NDArray[np.float64], reach: int, cost: float) -> NDArray[np.int64]:
    """The places, one a row, of the path that gains most, moving by at most `reach` from row to row.

    Args:
        gains: (K, P) of being at a place.
        reach: places.
        cost: of moving by one place.
    """
    count, places = gains.shape
    score = gains[0].copy()
    came = np.zeros((count, places), np.int32)
    here = np.arange(places)
    for row in range(1, count):
        best, source = score.copy(), here.copy()
        for move in range(1, min(reach, places - 1) + 1):
            for sign in (1, -1):
                other = np.full(places, -np.inf)
                if sign > 0:
                    other[move:] = score[:-move]
                else:
                    other[:-move] = score[move:]
                other -= cost * move
                better = other > best
                best[better] = other[better]
                source[better] = here[better] - sign * move
        came[row] = source
        score = best + gains[row]
    path = np.empty(count, np.int64)
    path[-1] = int(score.argmax())
    for row in range(count - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def _smoothed(moved: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """A path rounded over time; its ends stay at rest, and it becomes no faster."""
    if len(moved) < 3:
        return moved
    period = float((times[-1] - times[0]) / (len(times) - 1))
    even = np.arange(len(times)) * period + times[0]
    sigma = SMOOTHING / period
    reach = ceil(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(np.interp(even, times, moved), reach, mode="edge")
    return np.interp(times, even, np.convolve(padded, kernel / kernel.sum(), mode="valid"))


def _even(length: float | Fraction) -> int:
    return 2 * int(length / 2)


def cropped(image: NDArray[np.uint8], box: Sequence[float]) -> NDArray[np.uint8]:
    """A part of a picture that begins between two pixels: linear interpolation between them.

    Args:
        image: (H, W, 3).
        box: left, top, width, height, of which one of left and top is whole.
    """
    left, top, width, height = box[0], box[1], int(box[2]), int(box[3])
    x, y = int(left), int(top)
    part = image[y : y + height, x : x + width]
    share = round(256 * (left - x + top - y))
    if share == 0:
        return np.ascontiguousarray(part)
    beyond = (
        image[y : y + height, x + 1 : x + 1 + width]
        if left > x
        else image[y + 1 : y + 1 + height, x : x + width]
    )
    if beyond.shape != part.shape:
        return np.ascontiguousarray(part)
    mixed = part.astype(np.uint16) * (256 - share) + beyond.astype(np.uint16) * share
    return (mixed + 128 >> 8).astype(np.uint8)
