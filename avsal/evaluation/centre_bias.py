"""Where people look whatever is shown: the centre bias of a data set, fitted and never assumed.

A kernel density estimate over the fixations of many videos in coordinates relative to the frame, each video
with the same weight. The kernel's width and the share of a uniform floor are those under which every video is
likeliest given the others (leave-one-video-out).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from avsal.errors import counted
from avsal.metrics import resize_map
from avsal.types import Fixations

__all__ = ["CentreBias", "coverage_of_masks", "coverage_of_points"]

_GRID = (72, 128)
#: of the kernel, as a fraction of the frame's height and width
_WIDTHS = (0.02, 0.03, 0.045, 0.07, 0.1, 0.15)
_FLOORS = (0.001, 0.01, 0.05, 0.2)


def coverage_of_points(fixations: Fixations) -> NDArray[np.float64]:
    """Share of a video's fixations in each cell of a coarse grid; zeros without fixations."""
    counts, *_ = np.histogram2d(
        fixations.y / fixations.size[0],
        fixations.x / fixations.size[1],
        bins=_GRID,
        range=((0, 1), (0, 1)),
    )
    return counts / max(1.0, counts.sum())


def coverage_of_masks(mean_mask: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of a video's object pixels in each cell of the same grid, from the (H, W) mean of its masks."""
    coarse = resize_map(mean_mask, _GRID).astype(np.float64)
    return coarse / max(float(coarse.sum()), 1e-12)


class CentreBias:
    """The centre bias of one data set.

    Attributes:
        held_out: whether a video's own gaze is left out of its map, as must be where the fitted videos are
            those that are scored.
        width: of the kernel, as a fraction of the frame's height and width.
        floor: share of the uniform map.
    """

    def __init__(self, coverage: Mapping[str, NDArray[np.float64]], *, held_out: bool) -> None:
        """Fit to two videos or more.

        Args:
            coverage: of each video, see `coverage_of_points`.
            held_out: leave a video's own gaze out of its map.

        Raises:
            ValueError: fewer than two videos have gaze.
        """
        from scipy.ndimage import gaussian_filter

        videos = {video: cells for video, cells in coverage.items() if cells.any()}
        if len(videos) < 2:
            raise ValueError(f"a centre bias needs gaze on at least 2 videos but there are {len(videos)}")
        self.held_out = held_out
        best = -np.inf
        for width in _WIDTHS:
            sigma = width * _GRID[0], width * _GRID[1]
            # 'reflect' keeps the mass of gaze near the border inside the frame
            blurred = {
                video: gaussian_filter(cells, sigma, mode="reflect") for video, cells in videos.items()
            }
            total = np.sum(list(blurred.values()), axis=0)
            for floor in _FLOORS:
                likelihood = 0.0
                for video, cells in videos.items():
                    others = (total - blurred[video]).clip(min=0) / (len(videos) - 1)
                    likelihood += float((cells * np.log((1 - floor) * others + floor / cells.size)).sum())
                if likelihood > best:
                    best, self.width, self.floor = likelihood, width, floor
                    self._blurred, self._total = blurred, total
        self._maps: dict[tuple[str | None, tuple[int, int]], NDArray[np.float32]] = {}

    @property
    def num_videos(self) -> int:
        """How many videos it is fitted to."""
        return len(self._blurred)

    def map(self, video: str, size: tuple[int, int]) -> NDArray[np.float32]:
        """The centre bias as a density.

        Args:
            video: the video that is going to be scored.
            size: (H, W).

        Returns:
            (H, W) that sums to 1, positive everywhere.
        """
        left_out = video if self.held_out and video in self._blurred else None
        key = (left_out, size)
        if key not in self._maps:
            total = self._total if left_out is None else (self._total - self._blurred[left_out]).clip(min=0)
            image = resize_map(total / total.sum(), size).astype(np.float64)
            image = (1 - self.floor) * image / image.sum() + self.floor / image.size
            # one video is scored at a time, so one held-out map is kept; videos that share a map share it
            if left_out is not None:
                self._maps.clear()
            self._maps[key] = image.astype(np.float32)
        return self._maps[key]

    def __str__(self) -> str:
        how = "leave-one-video-out on the scored videos" if self.held_out else "fitted to the training videos"
        return (
            f"{how} ({counted(self.num_videos, 'video')} of equal weight): kernel density in relative "
            "coordinates, "
            f"sigma {self.width:g} of height and width, uniform share {self.floor:g}, both by "
            "leave-one-video-out likelihood"
        )
