"""A line for each shot: when it is, where people look, how much that moves, which frame stands for it."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avsal.media.atomic import atomic_path
from avsal.render.output import Output

if TYPE_CHECKING:
    from avsal.prediction import Prediction

__all__ = ["Shots"]


@dataclass
class _Shot:
    """What is known of the shot that goes on."""

    start: float
    total: NDArray[np.float64]
    end: float = 0.0
    frames: int = 0
    centres: list[tuple[float, float]] = field(default_factory=list)
    entropy: float = 0.0
    clearest: tuple[float, float] = (float("inf"), 0.0)  # lowest entropy, and its second


class Shots(Output):
    """A CSV line a shot, in seconds and pixels of the video.

    `start`, `end`, `frames`; `peak_x`, `peak_y`: of the mean of the shot's maps, each as a density; `mean_x`,
    `mean_y`: its centre of mass; `moves`: root mean square distance of the frames' centres from their mean;
    `entropy`: mean over the frames in bits, lower where looking agrees; `clearest`: the second of the frame
    with the lowest, one to stand for the shot.
    """

    suffix = "_shots.csv"
    columns = (
        "shot", "start", "end", "frames", "peak_x", "peak_y", "mean_x", "mean_y", "moves", "entropy",
        "clearest",
    )  # fmt: skip

    def _open(self) -> None:
        temporary = self._stack.enter_context(atomic_path(self.path))
        self.file: IO[str] = self._stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
        self._stack.push(self._finish)
        self.writer = csv.writer(self.file, lineterminator="\n")
        self.writer.writerow(self.columns)
        self._shot: _Shot | None = None
        self._cuts = self._number = 0

    def write(self, prediction: Prediction) -> None:
        """Take one frame's map."""
        cuts = sum(time <= prediction.time + 1e-6 for time in self.request.cuts)
        if self._shot is None or cuts > self._cuts:
            self._end()
            self._shot = _Shot(prediction.time, np.zeros(prediction.map.shape))
        self._cuts = cuts
        shot = self._shot
        saliency = prediction.map.astype(np.float64)
        total = saliency.sum()
        density = saliency / total if total > 0 else np.full(saliency.shape, 1 / saliency.size)
        some = density[density > 0]
        entropy = float(-(some * np.log2(some)).sum())
        shot.total += density
        shot.end = prediction.time + prediction.duration
        shot.frames += 1
        shot.centres.append(self._centre(density))
        shot.entropy += entropy
        shot.clearest = min(shot.clearest, (entropy, prediction.time))

    def _centre(self, density: NDArray[np.float64]) -> tuple[float, float]:
        """x and y of a density's centre of mass in pixels of the video."""
        height, width = self.request.info.size
        rows, columns = density.shape
        x = density.sum(0) @ (np.arange(columns) + 0.5) * width / columns
        y = density.sum(1) @ (np.arange(rows) + 0.5) * height / rows
        return float(x), float(y)

    def _end(self) -> None:
        """Write the shot that went on."""
        shot = self._shot
        if shot is None:
            return
        height, width = self.request.info.size
        rows, columns = shot.total.shape
        row, column = np.unravel_index(int(shot.total.argmax()), shot.total.shape)
        x, y = self._centre(shot.total / shot.frames)
        spread = float(np.sqrt(((np.array(shot.centres) - (x, y)) ** 2).sum(1).mean()))
        places = ((column + 0.5) * width / columns, (row + 0.5) * height / rows, x, y, spread)
        self.writer.writerow(
            [
                self._number,
                f"{shot.start:.6f}",
                f"{shot.end:.6f}",
                shot.frames,
                *(f"{place:.2f}" for place in places),
                f"{shot.entropy / shot.frames:.4f}",
                f"{shot.clearest[1]:.6f}",
            ]
        )
        self._number += 1

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end()
