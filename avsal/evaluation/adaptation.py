"""MSU's domain adaptation: what a model's maps lack of a data set's, as one curve and one weight.

The MSU video saliency benchmark brings every model to its ground truth before it scores it: one monotone
brightness curve and one weight of the centre prior, the same for all frames of all videos, that minimise the
squared error (Gitman, Erofeev, Vatolin, Bolshakov and Fedorov, ICIP 2014). What is left of a lead is then no
matter of contrast. Here the curve is piecewise linear and the whole one non-negative least-squares problem,
whose sums are taken on small maps in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, MediaError
from avsal.evaluation.maps import MapSource, PredictedMap
from avsal.evaluation.truth import VideoTruth
from avsal.metrics import Map, MapError, resize_map

__all__ = ["Adaptation", "AdaptationFit", "KeptMaps"]

_PIECES = 16
_HEIGHT = 72  # of the maps that the fit sees
_RIDGE = 1e-9  # of a pixel's share, so that brightness that never occurs is no division by zero


@dataclass(frozen=True)
class Adaptation:
    """Brings maps to a data set's.

    Attributes:
        steps: by how much each of `_PIECES` equal pieces of brightness raises the curve, none falls.
        floor: of the curve at 0.
        centre: weight of the centre prior.
    """

    steps: tuple[float, ...]
    floor: float
    centre: float

    def apply(self, saliency: NDArray[np.generic], centre: NDArray[np.float32]) -> NDArray[np.float32]:
        """Adapt a map.

        Args:
            saliency: (h, w) of any size, non-negative.
            centre: (H, W) centre prior.

        Returns:
            (H, W) float32.

        Raises:
            MapError: the map is not finite, or negative.
        """
        values = _brightness(saliency, (centre.shape[0], centre.shape[1]))
        heights = np.concatenate([[self.floor], self.floor + np.cumsum(self.steps)])
        curve = np.interp(values, np.linspace(0, 1, len(heights)), heights)
        return (curve + self.centre * _of_maximum(centre)).astype(np.float32)

    def __str__(self) -> str:
        total = sum(self.steps)
        half = float(np.interp(0.5, np.linspace(0, 1, len(self.steps) + 1), [0, *np.cumsum(self.steps)]))
        share = f"{half / total:.2f} of its rise at half brightness" if total else "flat"
        return f"curve from {self.floor:.3f} to {self.floor + total:.3f}, {share}; centre {self.centre:.3f}"


class AdaptationFit:
    """The sums of one model's least-squares problem."""

    def __init__(self) -> None:
        self._normal = np.zeros((_PIECES + 2, _PIECES + 2))
        self._target = np.zeros(_PIECES + 2)
        self._pixels = 0

    def add(
        self,
        saliency: NDArray[np.generic],
        density: NDArray[np.float32],
        centre: NDArray[np.float32],
    ) -> None:
        """Take a frame; one on which nobody looked is left out.

        Args:
            saliency: (h, w) prediction.
            density: (H, W) ground truth.
            centre: (H, W) centre prior.

        Raises:
            MapError: the map is not finite, or negative.
        """
        if density.max() <= 0:
            return
        size = (_HEIGHT, max(1, round(density.shape[1] * _HEIGHT / density.shape[0])))
        values = _brightness(saliency, size).ravel().astype(np.float64)
        pieces = np.clip(values[:, None] * _PIECES - np.arange(_PIECES), 0, 1)
        prior = _of_maximum(resize_map(centre, size)).ravel()
        known = np.column_stack([pieces, np.ones(len(values)), prior])
        self._normal += known.T @ known
        self._target += known.T @ _of_maximum(resize_map(density, size)).ravel()
        self._pixels += len(values)

    def solved(self) -> Adaptation:
        """The curve and weight of least squared error.

        Raises:
            ConfigError: no frame had both a map and gaze.
        """
        if not self._pixels:
            raise ConfigError("postprocess=msu is fitted to density maps, but no frame has a map and gaze")
        from scipy.optimize import nnls

        factor = np.linalg.cholesky(self._normal + _RIDGE * self._pixels * np.eye(len(self._target)))
        weights, _ = nnls(factor.T, np.linalg.solve(factor, self._target))
        return Adaptation(tuple(weights[:_PIECES].tolist()), float(weights[-2]), float(weights[-1]))


class KeptMaps:
    """The maps of a source, kept in a folder while they are made, to be scored afterwards.

    Half precision, divided by their maximum, which the adaptation does anyhow.

    Attributes:
        name: the source's.
    """

    def __init__(self, source: MapSource, folder: Path) -> None:
        self.name = source.name
        self._source, self._folder = source, folder
        folder.mkdir(parents=True)
        self._kept: dict[str, list[tuple[PredictedMap, tuple[int, int] | None]]] = {}
        self._places: dict[str, Path] = {}
        self._broken: dict[str, str] = {}

    def keep(self, truth: VideoTruth) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Make the maps of a video and keep those of scored frames; yields these with their frames."""
        maps = self._source(truth)
        if maps is None:
            return
        wanted = set(truth.frames.tolist())
        place = self._folder / str(len(self._places))
        self._places[truth.video], self._kept[truth.video] = place, []
        with place.open("wb") as stream:
            for one in maps:
                size = None
                if one.frame in wanted and one.map is not None:
                    bright = _brightness(one.map, None).astype(np.float16)
                    bright.tofile(stream)
                    size = bright.shape[0], bright.shape[1]
                    yield one.frame, one.map
                self._kept[truth.video].append((one._replace(map=None), size))

    def broke(self, truth: VideoTruth, why: str) -> None:
        """Note that a video's maps end early; scoring tells so."""
        self._broken[truth.video] = why

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap] | None:
        """See `MapSource`."""
        if truth.video not in self._kept and truth.video not in self._broken:
            return None
        return self._read(truth.video)

    def _read(self, video: str) -> Iterator[PredictedMap]:
        if video in self._places:
            with self._places[video].open("rb") as stream:
                for one, size in self._kept[video]:
                    if size is not None:
                        values = np.fromfile(stream, np.float16, size[0] * size[1])
                        one = one._replace(map=values.reshape(size).astype(np.float32))
                    yield one
        if video in self._broken:
            raise MediaError(self._broken[video])

    def unused(self, videos: Sequence[str]) -> list[str]:
        """See `MapSource`."""
        return self._source.unused(videos)


def _brightness(saliency: NDArray[np.generic], size: tuple[int, int] | None) -> NDArray[np.float32]:
    """(H, W) float32, divided by its maximum, at a size."""
    made = Map(saliency, size=size)
    if made.low < 0:
        raise MapError(
            f"postprocess=msu is made for maps of brightness but one's minimum is {float(made.low):g}: "
            "convert it to a density first"
        )
    return _of_maximum(made.values)


def _of_maximum(values: NDArray[np.generic]) -> NDArray[np.float32]:
    single = values.astype(np.float32)
    high = single.max()
    return single / high if high > 0 else single
