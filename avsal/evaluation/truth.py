"""The ground truth of one video, frame by frame, at the size at which maps are scored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation.settings import USUAL_RECIPE, EvaluationSettings
from avsal.groundtruth import DensityRecipe, density_recipe
from avsal.metrics import METRIC_TABLE, METRICS, OBJECT_METRICS, Map, Points
from avsal.types import Fixations, Recording

__all__ = ["FrameTruth", "VideoTruth"]


@dataclass(frozen=True)
class FrameTruth:
    """What a map of one frame is scored against; what a data set does not have is None.

    Attributes:
        video: the recording's id.
        frame: 0-based.
        fixations: on the frame.
        density: (H, W), not normalised.
        mask: (H, W) of the salient objects.
        others: negatives of shuffled AUC.
        baseline: what information gain is measured against; one for all frames of a video.
    """

    video: str
    frame: int
    fixations: Fixations | None = None
    density: NDArray[np.float32] | None = None
    mask: NDArray[np.bool_] | None = None
    others: Points | None = None
    baseline: Map | None = None

    @property
    def label(self) -> str:
        """How errors call the frame."""
        return f"{self.video}/{self.frame}"


class VideoTruth:
    """The ground truth of one recording.

    Attributes:
        recording: whose it is.
        video: its id.
        video_size: (height, width) that maps are expected to have: the video's, or that of prepared maps.
        size: (height, width) that maps are scored at.
        frames: (F,) 0-based indices of the frames that are scored.
        times: (F,) seconds on the video clock, NaN where unknown.
        fixations: all of the recording in pixels of `size`, sorted by frame; None where there are none.
        recipe: by which density maps are drawn; None where they are prepared, or where there is no gaze.
        metrics: that this ground truth allows of those asked for, but for those that need other videos' gaze.
        notes: oddities that do not hinder.
    """

    def __init__(
        self, recording: Recording, settings: EvaluationSettings, times: NDArray[np.float64] | None = None
    ) -> None:
        """Read the gaze.

        Args:
            recording: of a data set.
            settings: of the evaluation.
            times: of all frames of the video in seconds; None where only `Recording.num_frames` is known.

        Raises:
            DatasetError: there is no ground truth, it cannot be read, or the number of frames is unknown.
            ConfigError: prepared maps were asked for where there are none, or at another size.
        """
        self.recording, self.settings = recording, settings
        self.video = recording.id
        self.notes: list[str] = []
        self.frames, self.times = self._chosen_frames(times)
        self.fixations: Fixations | None = None
        self._original: Fixations | None = (
            None  # in the video's pixels, which a recipe's Gaussian is stated in
        )
        self.recipe: DensityRecipe | None = None
        if recording.load_mask is not None:
            mask = recording.load_mask(0)
            self.video_size = self.size = (mask.shape[0], mask.shape[1])
            if settings.height is not None:
                raise ConfigError(
                    "object masks are scored at their own size, no mask is resized: leave `height` out"
                )
        else:
            self._read_gaze()
        self.metrics = self._metrics()
        if self.recipe is not None and any("density" in METRIC_TABLE[name].needs for name in self.metrics):
            self.recipe.sigma_in_pixels(self.fixations, self.size)  # told before anything is computed
        self._starts = np.empty(0, dtype=np.int64)
        if self.fixations is not None:
            self._starts = np.searchsorted(self.fixations.frame, np.arange(self.num_frames + 1))

    @property
    def masks(self) -> bool:
        """Whether maps are scored against object masks rather than gaze."""
        return self.recording.load_mask is not None

    def fixations_at(self, frame: int) -> Fixations:
        """The fixations on one frame, in pixels of `size`."""
        assert self.fixations is not None
        return _taken(self.fixations, self._rows(frame))

    def density_at(self, frame: int, observers: Collection[int] | None = None) -> NDArray[np.float32]:
        """The density map of one frame drawn by the recipe, of some observers or of all."""
        assert self._original is not None
        assert self.recipe is not None
        gaze = _taken(self._original, self._rows(frame))
        if observers is not None:
            gaze = gaze.select(np.isin(gaze.observer, list(observers)))
        return self.recipe.draw(gaze, self.size)

    def _rows(self, frame: int) -> NDArray[np.int64]:
        return np.arange(self._starts[frame], self._starts[frame + 1])

    def __iter__(self) -> Iterator[FrameTruth]:
        """The ground truth of each scored frame, without what comes from other videos.

        Raises:
            DatasetError: a prepared map or a mask cannot be read.
        """
        wants_density = any("density" in METRIC_TABLE[name].needs for name in self.metrics)
        for frame in self.frames.tolist():
            if self.recording.load_mask is not None:
                mask = self.recording.load_mask(frame)
                self._require_size(mask.shape, frame)
                yield FrameTruth(self.video, frame, mask=mask)
                continue
            fixations = None if self.fixations is None else self.fixations_at(frame)
            yield FrameTruth(
                self.video, frame, fixations, self.whole_density(frame) if wants_density else None
            )

    def whole_density(self, frame: int) -> NDArray[np.float32] | None:
        """The density map of all observers, drawn or prepared; None where there is neither.

        Raises:
            DatasetError: a prepared map cannot be read.
        """
        if self.recipe is not None:
            return self.density_at(frame)
        if self.recording.load_density is None:
            return None
        density = self.recording.load_density(frame)
        self._require_size(density.shape, frame)
        return density

    def _require_size(self, size: tuple[int, ...], frame: int) -> None:
        if size != self.size:
            raise DatasetError(
                f"{self.video}: the ground truth of frame {frame} is {size[1]}x{size[0]}, that of the first "
                f"{self.size[1]}x{self.size[0]}: extract this video's maps again"
            )

    def _chosen_frames(
        self, times: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Indices and times; `num_frames` is the smaller of what the list and the video say."""
        recording, settings = self.recording, self.settings
        counts = [count for count in (recording.num_frames, None if times is None else len(times)) if count]
        if not counts:
            raise DatasetError(
                f"{recording.id}: neither the data set nor the video says how many frames there are; "
                "write the video anew with `ffmpeg -c copy`"
            )
        self.num_frames = min(counts)
        if max(counts) > self.num_frames:
            self.notes.append(
                f"{recording.id}: the list says {recording.num_frames} frames, the video has "
                f"{max(counts) if counts[0] == self.num_frames else counts[-1]}; "
                f"the first {self.num_frames} are used"
            )
        frames = np.arange(0, min(self.num_frames, settings.max_frames or self.num_frames), settings.every)
        if times is None and recording.frame_rate is not None:
            times = np.arange(self.num_frames) / recording.frame_rate
        return frames, np.full(len(frames), np.nan) if times is None else np.asarray(times)[frames]

    def _read_gaze(self) -> None:
        recording, settings = self.recording, self.settings
        gaze = None if recording.load_fixations is None else recording.load_fixations()
        if gaze is None and recording.load_density is None:
            raise DatasetError(f"{recording.id}: neither fixations, density maps nor masks; nothing to score")
        prepared = settings.density == "prepared" or (
            settings.density == "auto" and recording.load_density is not None
        )
        if prepared:
            if recording.load_density is None:
                raise ConfigError(
                    f"{recording.id} has no prepared density maps: give a recipe as `density`, for instance "
                    f"density={USUAL_RECIPE}"
                )
            if settings.height is not None:
                raise ConfigError(
                    "prepared density maps are scored at their own size, no ground truth is resized: leave "
                    f"`height` out or give a recipe as `density`, for instance density={USUAL_RECIPE}"
                )
            first = recording.load_density(0)
            self.size = self.video_size = (first.shape[0], first.shape[1])
        elif gaze is None:
            raise ConfigError(f"{recording.id} has no fixations to draw density maps of: leave `density` out")
        else:
            self.recipe = density_recipe(USUAL_RECIPE if settings.density == "auto" else settings.density)
            self.size = self.video_size = gaze.size
            if settings.height is not None:
                self.size = (settings.height, max(1, round(gaze.size[1] * settings.height / gaze.size[0])))
        if gaze is not None:
            shown = gaze.select((gaze.frame >= 0) & (gaze.frame < self.num_frames))
            if len(shown) < len(gaze):
                self.notes.append(
                    f"{recording.id}: {len(gaze) - len(shown)} fixations after the last frame left out"
                )
            self._original = _taken(shown, np.argsort(shown.frame, kind="stable"))
            self.fixations = self._original
            if gaze.size != self.size:
                self.fixations = self._original.scaled(self.size)

    def _metrics(self) -> tuple[str, ...]:
        asked = self.settings.metrics
        if self.masks:
            return _those_known(asked, tuple(OBJECT_METRICS), self.video)
        possible = [name for name in METRICS if self.settings.family in METRIC_TABLE[name].families]
        if self.fixations is None:
            possible = [name for name in possible if METRIC_TABLE[name].of_density]
        return _those_known(asked, tuple(possible), self.video)


def _taken(gaze: Fixations, rows: NDArray[np.int64]) -> Fixations:
    """Rows of a table of fixations by number."""
    columns = gaze.frame[rows], gaze.x[rows], gaze.y[rows], gaze.observer[rows]
    return Fixations(*columns, gaze.size, gaze.geometry)


def _those_known(asked: tuple[str, ...] | None, known: tuple[str, ...], video: str) -> tuple[str, ...]:
    unknown = [name for name in asked or () if name not in known]
    if unknown:
        raise ConfigError(
            f"metric {unknown[0]!r} is not possible on {video} (its ground truth and the family allow "
            f"{', '.join(known)}); leave it out of `metrics`"
        )
    return asked or known
