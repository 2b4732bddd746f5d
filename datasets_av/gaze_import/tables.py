"""Tables of gaze: Tobii, Gazepoint, Pupil Labs, and any other by the names of its columns.

A header's unit is no part of its name: ``Recording timestamp [μs]`` is the column ``recording timestamp``, in
microseconds. Columns of pixels of the medium instead of the screen (``MCS``) are not taken.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from datasets_av.csv_files import csv_rows, near_column
from datasets_av.gaze_import.layouts import Origin, TableLayout, Unit
from datasets_av.gaze_import.session import MAX_ROWS, MAX_SIDE, Gaze, ImportOptions, Session, Span, number

__all__ = ["in_screen_pixels", "read_table"]

MS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "μs": 1e-3, "µs": 1e-3, "ns": 1e-6, "in secs": 1000.0}
_UNIT = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*$")


def in_screen_pixels(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    unit: Unit,
    origin: Origin,
    screen: tuple[int, int] | None,
    source: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions in screen pixels from the left and the top edge.

    Raises:
        DatasetError: the screen is needed and not known.
    """
    if unit == "px" and origin == "top-left":
        return x, y
    if screen is None:
        raise DatasetError(
            f"{source}: positions are {unit} from the {origin}: give --screen-px 1920x1080, or yours"
        )
    height, width = screen
    if unit == "norm":
        x, y = x * width, y * height
    if origin == "centre":
        return x + width / 2, height / 2 - y
    return (x, height - y) if origin == "bottom-left" else (x, y)


def read_table(
    path: Path, layout: TableLayout, options: ImportOptions, events: Sequence[tuple[float, str]] = ()
) -> list[Session]:
    """Read one table; a session for each observer that it tells of, else one with the file's name.

    Args:
        path: path of the file.
        layout: layout of its maker.
        options: see `ImportOptions`.
        events: noted elsewhere, ms on the table's clock.

    Raises:
        DatasetError: columns are missing, or a cell is no number.
    """
    with closing(_rows(path)) as rows:
        table = _Table(path, next(rows, (1, []))[1], layout, options)
        for count, (line, cells) in enumerate(rows):
            if count > MAX_ROWS:
                raise DatasetError(f"{path} has more than {MAX_ROWS} rows: split it")
            table.add(line, cells)
    return table.sessions(events)


class _Table:
    """Rows of a table, gathered by observer, and by video where each has a clock of its own."""

    def __init__(
        self, path: Path, header: Sequence[str], layout: TableLayout, options: ImportOptions
    ) -> None:
        self.path, self.header, self.layout, self.options = path, header, layout, options
        told = [_name_and_unit(cell) for cell in header]
        self.kind, self.roles = _columns(path, header, [name for name, _ in told], layout, options)
        self.units = {role: told[place][1] for role, place in self.roles.items()}
        self.screen = options.screen
        self.rows: dict[tuple[str, str], dict[str, list[float]]] = {}
        self.shown: dict[str, list[tuple[float, str]]] = {}
        self.noted: dict[str, list[tuple[float, str, str]]] = {}
        self.last: dict[str, str] = {}
        self.width = max(self.roles.values()) + 1

    def scale(self, role: str) -> float:
        """What makes milliseconds of a column of times."""
        usual = self.layout.duration_unit if role == "duration" else self.layout.time_unit
        if self.header[self.roles[role]].strip() == "RecordingTimestamp":
            usual = "ms"  # Tobii Studio's
        chosen = None if role == "duration" else self.options.time_unit
        return MS[chosen or self.units[role] or usual]

    def number(self, line: int, role: str, text: str) -> float:
        return number(self.path, line, self.header[self.roles[role]], text, lost=role in ("x", "y"))

    def add(self, line: int, cells: Sequence[str]) -> None:
        """Take a row."""
        if len(cells) < self.width:
            raise DatasetError(
                f"{self.path}, line {line}: expected {len(self.header)} cells but found {len(cells)}"
            )
        told = {role: cells[place].strip() for role, place in self.roles.items()}
        observer, video = told.get("observer") or self.path.stem, told.get("video", "")
        clock = "row" if "row" in told else "time"
        if told[clock] and (video or told.get("event")):
            at = self.number(line, clock, told[clock]) * self.scale(clock)
            if told.get("event"):
                self.noted.setdefault(observer, []).append((at, told["event"], told.get("value", "")))
            self.shown.setdefault(observer, []).append((at, video))
        if self.screen is None and told.get("width") and told.get("height"):
            height, width = (round(self.number(line, side, told[side])) for side in ("height", "width"))
            if not (0 < height < MAX_SIDE and 0 < width < MAX_SIDE):
                raise DatasetError(f"{self.path}, line {line}: expected a screen but found {width}x{height}")
            self.screen = (height, width)
        if self.kind == "fixations" and not self._is_fixation(told):
            return
        if self.kind == "samples" and told.get("event") and not told["x"]:
            return  # a line of its own for an event
        key = (observer, video if self.layout.clock == "video" else "")
        own = self.rows.setdefault(key, {})
        if self.kind == "fixations" and told.get("id"):
            name = f"{told['id']} {told.get('video')}" if "row" in told else told["id"]
            before, self.last[observer] = self.last.get(observer), name
            if name == before:  # it goes on, and Gazepoint's durations grow
                own["duration"][-1] = self.number(line, "duration", told["duration"])
                return
        for role in ("time", "duration", "x", "y", "row"):
            if role in told:
                own.setdefault(role, []).append(self.number(line, role, told[role]))
        if "valid" in told and not _yes(told["valid"]):
            own["x"][-1] = own["y"][-1] = float("nan")
        own.setdefault("fixation", []).append(float(_yes(told.get("fixation", ""))))

    def _is_fixation(self, told: Mapping[str, str]) -> bool:
        """Whether a row is of a fixation that holds."""
        return (
            told["x"] != ""
            and told["duration"] != ""
            and _yes(told.get("fixation", "yes"))
            and _yes(told.get("valid", "yes"))
        )

    def sessions(self, events: Sequence[tuple[float, str]]) -> list[Session]:
        """A session for each observer, and for each video that has its own clock."""
        if not self.rows:
            raise DatasetError(f"{self.path} holds no {self.kind}")
        unit, origin = self.options.unit or self.layout.unit, self.options.origin or self.layout.origin
        found = []
        for (observer, video), own in self.rows.items():
            values = {name: np.array(column) for name, column in own.items()}
            x, y = in_screen_pixels(values["x"], values["y"], unit, origin, self.screen, str(self.path))
            duration = values["duration"] * self.scale("duration") if self.kind == "fixations" else None
            marked = values["fixation"] if self.kind == "samples" and "fixation" in self.roles else None
            gaze = Gaze(values["time"] * self.scale("time"), x, y, duration, marked)
            noted = self.noted.get(observer, [])
            messages = [(at, f"{name} {value}".strip()) for at, name, value in noted]
            spans: list[Span] | None = None
            if self.options.onset is None and self.layout.clock == "video":
                spans = [Span(video, 0.0)]
            elif self.options.onset is None and self.layout.clock == "rows":
                spans = self._spans(noted, self.shown.get(observer, []))
                over = self.kind == "fixations" and "row" in values
                if spans and over and _ended(gaze, values["row"] * self.scale("row")):
                    raise DatasetError(
                        f"{self.path} lists fixations alone, so that nothing tells when a video began: "
                        "import the export of all gaze, or give --onset"
                    )
            found.append(
                Session(str(self.path), observer, gaze, self.screen, [*messages, *events], spans=spans)
            )
        return found

    def _spans(
        self, noted: Sequence[tuple[float, str, str]], shown: Sequence[tuple[float, str]]
    ) -> list[Span] | None:
        """When which video was on: by events, else by the column that says so."""
        found: list[Span] = []
        for time, name, value in noted:
            starts = re.search(self.layout.starts, name) is not None
            if found and found[-1].end == np.inf and (starts or re.search(self.layout.ends, name)):
                found[-1] = Span(found[-1].video, found[-1].start, time)
            if starts:
                found.append(Span(value or name, time))
        if found:
            return found
        before = ""
        for time, video in shown:
            if video != before:
                if before:
                    found[-1] = Span(before, found[-1].start, time)
                if video:
                    found.append(Span(video, time))
                before = video
        return found or None


def _rows(path: Path) -> Generator[tuple[int, list[str]], None, None]:
    """The rows, split by what the header is split by."""
    with closing(csv_rows(path, "\t")) as rows:
        tabs = len(next(rows, (0, []))[1])
    with closing(csv_rows(path, ";")) as rows:
        semicolons = len(next(rows, (0, []))[1])
    return csv_rows(path, "\t" if tabs > 1 else ";" if semicolons > 1 else ",")


def _name_and_unit(cell: str) -> tuple[str, str]:
    """A header's name in lower case, and its unit where it is one of time."""
    match = _UNIT.search(cell)
    told = match[1].strip() if match else ""
    if told.lower().startswith("mcs"):
        return cell.strip().lower(), ""
    return _UNIT.sub("", cell).strip().lower(), told if told in MS else ""


def _columns(
    path: Path,
    header: Sequence[str],
    names: Sequence[str],
    layout: TableLayout,
    options: ImportOptions,
) -> tuple[str, dict[str, int]]:
    """Whether the table is read for fixations or samples, and where each role's column is."""
    for role, column in options.columns.items():
        if column not in header:
            raise DatasetError(
                f"{path}: expected the column {column!r} of columns.{role} but found "
                f"{', '.join(header)[:300]}"
                f"{near_column(column, header)}"
            )
    lost = ""
    for kind in ("fixations", "samples") if options.gaze is None else (options.gaze,):
        wanted: Mapping[str, Sequence[str]] = layout.fixations if kind == "fixations" else layout.samples
        places: dict[str, int] = {}
        for role, known in {**wanted, **layout.common}.items():
            given = options.columns.get(role)
            if given is not None:
                places[role] = header.index(given)
            elif (name := next((one for one in known if one in names), None)) is not None:
                places[role] = names.index(name)
        missing = [role for role in ("time", "duration", "x", "y") if role in wanted and role not in places]
        if not missing:
            return kind, places
        lost = f"a column {' or '.join(map(repr, wanted[missing[0]]))} of {kind}"
    raise DatasetError(
        f"{path}: expected {lost} but found {', '.join(header)[:300] or 'no header'}; name it by columns.ROLE"
    )


def _ended(gaze: Gaze, rows: NDArray[np.float64]) -> bool:
    """Whether most fixations are over when their first row is written."""
    assert gaze.duration is not None
    return bool(np.mean(rows >= gaze.time + 0.99 * gaze.duration) > 0.5)


def _yes(text: str) -> bool:
    return text.strip().lower() in ("1", "1.0", "true", "yes", "valid", "fixation")
