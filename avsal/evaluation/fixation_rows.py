"""One row for each fixation: how salient was what an observer looked at? For models that know observers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation.areas import Box, area_of
from avsal.media import atomic_path
from avsal.media.cells import cell
from avsal.metrics import Map
from avsal.metrics.ranks import count_above
from avsal.types import Fixations

__all__ = ["COLUMNS", "FixationCollector", "FixationRows", "by_area", "write_fixations"]

COLUMNS = (
    "dataset",
    "video",
    "condition",
    "observer",
    "frame",
    "time",
    "x",
    "y",
    "saliency",
    "rank",
    "area",
)


@dataclass(frozen=True)
class FixationRows:
    """The fixations of one video with what one row of the table made of them.

    Attributes:
        dataset: name of the data set.
        video: the recording's id.
        row: a model, or in an ablation what was heard.
        frame: (N,) 0-based.
        time: (N,) seconds on the video clock, NaN where unknown.
        observer: (N,) whole number, -1 where the release tells none.
        x: (N,) pixels of the ground truth's size, from the left.
        y: (N,) likewise, from the top.
        saliency: (N,) of the map there, less the frame's mean, over its standard deviation: the mean over
            fixations of a frame is its NSS. 0 on a constant map.
        rank: (N,) share of the frame's pixels that are less salient, those as salient counting half.
        area: (N,) name of the first area of interest that holds the fixation, empty where none does.
    """

    dataset: str
    video: str
    row: str
    frame: NDArray[np.int64]
    time: NDArray[np.float64]
    observer: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    saliency: NDArray[np.float64]
    rank: NDArray[np.float64]
    area: NDArray[np.str_]


@dataclass
class FixationCollector:
    """Gathers the fixations of one video and row, and the share of the maps that lies in each area."""

    dataset: str
    video: str
    row: str
    _columns: list[tuple[NDArray[np.generic], ...]] = field(default_factory=list)

    def add(
        self,
        frame: int,
        time: float,
        saliency: NDArray[np.generic],
        gaze: Fixations,
        boxes: Sequence[Box],
    ) -> None:
        """Take a frame.

        Args:
            frame: 0-based.
            time: seconds, NaN where unknown.
            saliency: (h, w) of any size, resized to that of the gaze.
            gaze: fixations on the frame.
            boxes: areas of interest on the frame, in the gaze's pixels.
        """
        made = Map(saliency, size=gaze.size)
        rows, columns = gaze.rows_and_columns()
        values = made.values[rows, columns]
        deviation = np.sqrt(made.squares / made.values.size)
        scores = (values.astype(np.float64) - made.mean) / deviation if deviation > 0 else np.zeros(len(gaze))
        above, equal = count_above(made.values.ravel(), values, limits=(made.low, made.high))
        number = np.full(len(gaze), frame), np.full(len(gaze), time)
        ranks = 1 - (above + 0.5 * equal) / made.values.size
        areas = area_of(gaze.x, gaze.y, boxes)
        self._columns.append((*number, gaze.observer, gaze.x, gaze.y, scores, ranks, areas))

    def finished(self) -> FixationRows:
        """All frames so far."""
        columns = [np.concatenate(parts) for parts in zip(*self._columns, strict=True)]
        return FixationRows(self.dataset, self.video, self.row, *columns)


def write_fixations(path: Path, rows: Iterable[FixationRows]) -> None:
    """Write a CSV with `COLUMNS`, whole or not at all.

    Raises:
        MediaError: the file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in rows:
            about = cell(one.dataset), cell(one.video), cell(one.row)
            for frame, time, observer, x, y, saliency, rank, area in zip(
                one.frame.tolist(), one.time.tolist(), one.observer.tolist(), one.x.tolist(), one.y.tolist(),
                one.saliency.tolist(), one.rank.tolist(), one.area.tolist(), strict=True,
            ):  # fmt: skip
                stamp = "" if np.isnan(time) else f"{time:.6f}"
                writer.writerow(
                    (
                        *about,
                        observer,
                        frame,
                        stamp,
                        f"{x:.2f}",
                        f"{y:.2f}",
                        f"{saliency:.6g}",
                        f"{rank:.6f}",
                        cell(area),
                    )
                )


def by_area(rows: Iterable[FixationRows]) -> Mapping[tuple[str, str, str], dict[str, float]]:
    """Gaze by area of interest: shares and means over fixations of all videos.

    Returns:
        By data set, row and area (empty: elsewhere): ``fixations``, ``share`` of the data set's, mean
        ``saliency`` (the NSS of these fixations) and mean ``rank``.
    """
    found: dict[tuple[str, str, str], list[NDArray[np.float64]]] = {}
    totals: dict[tuple[str, str], int] = {}
    for one in rows:
        totals[one.dataset, one.row] = totals.get((one.dataset, one.row), 0) + len(one.frame)
        for area in np.unique(one.area).tolist():
            inside = one.area == area
            values = np.stack([one.saliency[inside], one.rank[inside]])
            found.setdefault((one.dataset, one.row, area), []).append(values)
    table = {}
    for (dataset, row, area), parts in found.items():
        values = np.concatenate(parts, axis=1)
        number = values.shape[1]
        table[dataset, row, area] = {
            "fixations": float(number),
            "share": number / totals[dataset, row],
            "saliency": float(values[0].mean()),
            "rank": float(values[1].mean()),
        }
    return table
