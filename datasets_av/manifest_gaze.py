"""Gaze of your own in CSV: fixations on frames, fixations in time, or raw samples, as `Manifest` says."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.groundtruth.events import FixationEvents, fixations_on_frames
from avsal.groundtruth.velocity import events_by_velocity
from avsal.media.images import is_still
from avsal.types import Fixations, ScreenGeometry
from datasets_av.csv_files import csv_header, csv_rows, near_column
from datasets_av.frame_images import image_files, image_size
from datasets_av.frame_positions import fixations_by_frame
from datasets_av.gaze_samples import GazeSamples, samples_on_frames
from datasets_av.video_clock import VideoClock, video_clock

__all__ = ["Viewing", "check_gaze_file", "read_gaze_file"]

#: the column that tells the kind, and the others that it must have
_KINDS = {"frame": ("x", "y"), "start_ms": ("duration_ms", "x", "y"), "time_ms": ("x", "y")}
_LARGEST = 1e12
_OPTIONAL = {"frame": {"observer"}, "start_ms": {"observer"}, "time_ms": {"observer", "fixation"}}


@dataclass(frozen=True)
class Viewing:
    """How a video was watched.

    Attributes:
        video: the video, the folder of its frames, or a photograph.
        frame_rate: of a folder of frames; None for a video.
        screen: None where it is not known.
        box: left, top, width, height of the video on the screen in screen pixels: gaze is in screen pixels.
            None: gaze is in pixels of the video, which was shown pixel for pixel in the middle of the screen.
        velocity_threshold: degrees a second from which a raw sample is part of a saccade.
        minimum_duration: in seconds, of a fixation found in raw samples.
    """

    video: Path
    frame_rate: float | None = None
    screen: ScreenGeometry | None = None
    box: tuple[float, float, float, float] | None = None
    velocity_threshold: float = 30.0
    minimum_duration: float = 0.1

    def clock(self) -> VideoClock:
        """Frame times and size of the video."""
        if self.frame_rate is None:
            return video_clock(self.video)
        files = image_files(self.video)
        return VideoClock(np.arange(len(files)) / self.frame_rate, image_size(files[0]))

    def box_of(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width, height on the screen of a video of `size` (height, width)."""
        if self.box is not None:
            return self.box
        height, width = size
        screen = self.screen.size_px if self.screen else size
        return (screen[1] - width) / 2, (screen[0] - height) / 2, width, height

    def geometry_of(self, size: tuple[int, int]) -> ScreenGeometry | None:
        """The screen measured in pixels of a video of `size`, as density recipes in degrees want it."""
        if self.screen is None:
            return None
        _, _, width, height = self.box_of(size)
        rows, columns = self.screen.size_px
        in_video_pixels = (round(rows * size[0] / height), round(columns * size[1] / width))
        return ScreenGeometry(in_video_pixels, self.screen.size_cm, self.screen.distance_cm)


def check_gaze_file(path: Path, viewing: Viewing) -> None:
    """Read no more than the header and say at once what cannot work.

    Raises:
        DatasetError: the header is of none of the three kinds, or raw samples come without a screen.
    """
    with closing(csv_rows(path)) as rows:
        columns = _header(path, csv_header(path, rows))
    if "time_ms" in columns and "fixation" not in columns and viewing.screen is None:
        raise DatasetError(
            f"{path} holds raw samples: to find fixations by velocity give `screen_px`, `screen_cm` and "
            "`distance_cm`, or add a column `fixation` (1 or 0)"
        )
    if "fixation" in columns and is_still(viewing.video):
        raise DatasetError(
            f"{path} holds raw samples of a photograph, which has one frame: list fixations, or leave out "
            "the column `fixation` and give the screen, to find them by velocity"
        )


def read_gaze_file(path: Path, viewing: Viewing) -> Fixations:
    """Read one gaze file onto the frames of its video; all fixations on a photograph, whenever, on its one.

    Raises:
        DatasetError: the file is of none of the three kinds, a cell is no number, or the video cannot be
            read.
    """
    check_gaze_file(path, viewing)
    table = _read(path)
    clock = viewing.clock()
    left, top, width, height = viewing.box_of(clock.size)
    scale_x, scale_y = clock.size[1] / width, clock.size[0] / height
    if viewing.box is not None:
        table["x"], table["y"] = (table["x"] - left) * scale_x, (table["y"] - top) * scale_y
    geometry = viewing.geometry_of(clock.size)
    if "frame" in table:
        return _on_frames(table, clock, geometry)
    if "start_ms" in table:
        events = _events(path, table)
        if is_still(viewing.video):
            return _on_one_frame(events, clock, geometry)
        return fixations_on_frames(events, clock.times, clock.size, geometry=geometry)
    observers = [_samples(path, table, int(who)) for who in np.unique(table["observer"])]
    if "fixation" in table:
        return samples_on_frames(observers, clock.times, clock.size, geometry=geometry)
    if viewing.screen is None:
        raise DatasetError(f"{path} holds raw samples but no screen is given")
    found = []
    for samples in observers:
        on_screen = (samples.x / scale_x + left, samples.y / scale_y + top)
        events = events_by_velocity(
            samples.time,
            *on_screen,
            viewing.screen,
            threshold=viewing.velocity_threshold,
            minimum_duration=viewing.minimum_duration,
            observer=samples.observer,
        )
        found.append(_moved(events, left, top, scale_x, scale_y))
    events = FixationEvents.joined(found)
    if is_still(viewing.video):
        return _on_one_frame(events, clock, geometry)
    return fixations_on_frames(events, clock.times, clock.size, geometry=geometry)


def _on_one_frame(events: FixationEvents, clock: VideoClock, geometry: ScreenGeometry | None) -> Fixations:
    observer = events.observer.astype(np.float64)
    table = {"frame": np.zeros(len(events)), "x": events.x, "y": events.y, "observer": observer}
    return _on_frames(table, clock, geometry)


def _header(path: Path, cells: Sequence[str]) -> list[str]:
    columns = list(cells)
    kinds = [kind for kind in _KINDS if kind in columns]
    if len(kinds) != 1:
        near = next((hint for name in columns if (hint := near_column(name, list(_KINDS)))), "")
        raise DatasetError(
            f"{path}: expected one of the columns `frame`, `start_ms`, `time_ms` but found "
            f"{', '.join(columns) or 'none'}{near}"
        )
    for name in _KINDS[kinds[0]]:
        if name not in columns:
            raise DatasetError(
                f"{path}: expected a column `{name}` beside `{kinds[0]}` but found {', '.join(columns)}"
                + next((hint for other in columns if (hint := near_column(other, [name]))), "")
            )
    unknown = [name for name in columns if name not in {kinds[0], *_KINDS[kinds[0]], *_OPTIONAL[kinds[0]]}]
    if unknown:
        raise DatasetError(f"{path}: unknown column `{unknown[0]}` beside `{kinds[0]}`; remove or rename it")
    return columns


def _read(path: Path) -> dict[str, NDArray[np.float64]]:
    """All columns as numbers; an empty cell is NaN, a missing observer column -1."""
    rows = csv_rows(path)
    columns = _header(path, csv_header(path, rows))
    lines: list[int] = []
    numbers: list[list[float]] = []
    for line, cells in rows:
        if len(cells) != len(columns):
            raise DatasetError(f"{path}, line {line}: expected {len(columns)} cells but found {len(cells)}")
        lines.append(line)
        numbers.append([_number(path, line, *pair) for pair in zip(columns, cells, strict=True)])
    values = np.array(numbers).reshape(len(lines), len(columns))
    table = {name: values[:, place].copy() for place, name in enumerate(columns)}
    table.setdefault("observer", np.full(len(lines), -1.0))
    return table


def _number(path: Path, line: int, column: str, cell: str) -> float:
    """A cell as a number, NaN where it is empty and may be."""
    known = f"{path}, line {line}, column `{column}`: expected"
    if not cell.strip():
        if column in ("x", "y", "fixation"):
            return float("nan")
        raise DatasetError(f"{known} a number but found none")
    try:
        number = float(cell)
    except ValueError:
        hint = "; write the decimal point as a point" if cell.count(",") == 1 else ""
        raise DatasetError(f"{known} a number but found {cell!r:.80}{hint}") from None
    if column in ("x", "y") and isnan(number):
        return number
    if column in ("observer", "frame") and not (number.is_integer() and abs(number) < 2**31):
        raise DatasetError(f"{known} a whole number but found {cell!r:.80}")
    if not abs(number) < _LARGEST:
        raise DatasetError(f"{known} a number below {_LARGEST:g} but found {cell!r:.80}")
    return number


def _on_frames(
    table: dict[str, NDArray[np.float64]], clock: VideoClock, geometry: ScreenGeometry | None
) -> Fixations:
    frame, x, y, who = (table[name] for name in ("frame", "x", "y", "observer"))
    count = len(clock.times)
    return fixations_by_frame(frame, x, y, who, clock.size, count, geometry=geometry, what="fixations")


def _events(path: Path, table: dict[str, NDArray[np.float64]]) -> FixationEvents:
    if (table["duration_ms"] < 0).any():
        raise DatasetError(f"{path}: expected durations of at least 0 ms but the smallest is negative")
    start, duration = table["start_ms"] / 1000, table["duration_ms"] / 1000
    return FixationEvents(start, duration, table["x"], table["y"], table["observer"].astype(np.int64))


def _samples(path: Path, table: dict[str, NDArray[np.float64]], observer: int) -> GazeSamples:
    """One observer's samples in pixels of the video; with a `fixation` column only those that it marks."""
    own = {name: column[table["observer"] == observer] for name, column in table.items()}
    time = own["time_ms"] / 1000
    if not (np.diff(time) > 0).all():
        raise DatasetError(
            f"{path}: expected `time_ms` of observer {observer} to ascend; sort, remove repeats"
        )
    if "fixation" not in own:
        return GazeSamples(time, own["x"], own["y"], np.zeros(len(time), dtype=np.int64), observer)
    fixated = own["fixation"] == 1
    run = np.cumsum(np.diff(fixated.astype(np.int8), prepend=0) == 1)
    dropped = {"samples not in a fixation": int((~fixated).sum())} if not fixated.all() else {}
    return GazeSamples(time[fixated], own["x"][fixated], own["y"][fixated], run[fixated], observer, dropped)


def _moved(events: FixationEvents, left: float, top: float, scale_x: float, scale_y: float) -> FixationEvents:
    """Events on the screen as events on the video."""
    x, y = (events.x - left) * scale_x, (events.y - top) * scale_y
    return FixationEvents(events.start, events.duration, x, y, events.observer, events.dropped)
