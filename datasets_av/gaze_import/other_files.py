"""Gaze from PsychoPy's ioHub (HDF5), from jsPsych's WebGazer (JSON) and from pymovements (its objects)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.media.container import check_file
from avsal.media.hdf5_files import check_inside, open_hdf5
from datasets_av.gaze_import.session import MAX_ROWS, Gaze, ImportOptions, Session, Span
from datasets_av.gaze_import.tables import in_screen_pixels

__all__ = ["from_pymovements", "read_psychopy", "read_webgazer"]

_EVENTS = "data_collection/events"
_EYES = f"{_EVENTS}/eyetracker"
#: HDF5 tables of samples, and the columns of x and y by eye
_SAMPLES = {
    "BinocularEyeSampleEvent": {
        "left": ("left_gaze_x", "left_gaze_y"),
        "right": ("right_gaze_x", "right_gaze_y"),
    },
    "MonocularEyeSampleEvent": {"left": ("gaze_x", "gaze_y"), "right": ("gaze_x", "gaze_y")},
}
MAX_JSON = 2**30


def read_psychopy(path: Path, options: ImportOptions) -> list[Session]:
    """Read ioHub's HDF5 file: a session of the experiment each; times are ioHub's seconds.

    Positions are PsychoPy's, from the screen's centre with y upwards, in pixels unless the options say so.

    Raises:
        DatasetError: it is no such file, or holds no gaze of the kind asked for.
    """
    with open_hdf5(path) as file:
        tables = {
            name: check_inside(file[f"{_EYES}/{name}"])
            for name in ("FixationEndEvent", *_SAMPLES)
            if f"{_EYES}/{name}" in file and len(file[f"{_EYES}/{name}"])
        }
        if not tables:
            raise DatasetError(f"{path} holds no gaze of ioHub: expected tables in {_EYES}")
        fixations = tables.pop("FixationEndEvent", None)
        if options.gaze == "samples" or fixations is None:
            if options.gaze == "fixations" or not tables:
                wanted = options.gaze or "gaze"
                raise DatasetError(f"{path} holds no {wanted} of ioHub; import what {_EYES} holds")
            name = next(iter(tables))
            rows, columns = tables[name], _SAMPLES[name][options.eye or "right"]
            duration = ""
        else:
            rows, columns, duration = fixations, ("average_gaze_x", "average_gaze_y"), "duration"
        start = "start_time" if duration and "start_time" in rows.dtype.names else "time"
        wanted_columns = [name for name in ("session_id", start, duration, *columns) if name]
        values = _columns(path, rows, wanted_columns)
        if duration and options.eye is not None and "eye" in rows.dtype.names:
            # ioHub's constants: 21 the left eye, 22 the right one
            own = rows["eye"][:] == (21 if options.eye == "left" else 22)
            values = {name: column[own] for name, column in values.items()}
        noted = _messages(path, file)
        codes = _codes(file)
    found = []
    for session in np.unique(values["session_id"]):
        own = values["session_id"] == session
        place = (values[columns[0]][own], values[columns[1]][own])
        x, y = in_screen_pixels(
            *place, options.unit or "px", options.origin or "centre", options.screen, str(path)
        )
        gaze = Gaze(values[start][own] * 1000, x, y, values[duration][own] * 1000 if duration else None)
        messages = [(time, text) for number, time, text in noted if number == session]
        observer = codes.get(int(session)) or path.stem
        found.append(Session(str(path), observer, gaze, options.screen, messages))
    return found


def _columns(path: Path, rows: Any, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Some columns of a table as numbers."""
    if len(rows) > MAX_ROWS:
        raise DatasetError(f"{path} has more than {MAX_ROWS} rows: split it")
    for name in names:
        if rows.dtype.names is None or name not in rows.dtype.names or rows.dtype[name].kind not in "iuf":
            raise DatasetError(f"{path}: expected a column of numbers {name!r} in {rows.name}")
    return {name: rows[name][:].astype(np.float64) for name in names}


def _messages(path: Path, file: Any) -> list[tuple[int, float, str]]:
    """Session, ms and text of what the experiment noted."""
    place = f"{_EVENTS}/experiment/MessageEvent"
    if place not in file or "text" not in (file[place].dtype.names or ()):
        return []
    values = _columns(path, file[place], ["session_id", "time"])
    texts = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        for text in file[place]["text"][:]
    ]
    rows = zip(values["session_id"], values["time"] * 1000, texts, strict=True)
    return sorted((int(number), float(time), text) for number, time, text in rows)


def _codes(file: Any) -> dict[int, str]:
    """Names of the sessions, which experimenters type."""
    place = "data_collection/session_meta_data"
    if place not in file or not {"session_id", "code"} <= set(file[place].dtype.names or ()):
        return {}
    rows = file[place][:]
    return {
        int(row["session_id"]): row["code"].decode("utf-8", "replace").strip("\0 ")
        if isinstance(row["code"], bytes)
        else str(row["code"])
        for row in rows
    }


def read_webgazer(path: Path, options: ImportOptions) -> list[Session]:
    """Read jsPsych's JSON: the trials with `webgazer_data`, x and y in pixels of the page, t in ms.

    Time is the trial's own. The place of the video is that of the trial's first `webgazer_targets`; the video
    is named by the trial's `stimulus`. The observer is a trial's `subject`, else the file.

    Raises:
        DatasetError: it is no such file.
    """
    try:
        if check_file(path).stat().st_size > MAX_JSON:
            raise DatasetError(f"{path} is larger than {MAX_JSON / 1e9:.1f} GB: split it")
        trials = json.loads(path.read_text(encoding="utf-8-sig"))
    except (MediaError, OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read as JSON ({error}); save jsPsych's data as JSON") from error
    found = []
    for place, trial in enumerate(trials if isinstance(trials, list) else []):
        rows = trial.get("webgazer_data") if isinstance(trial, Mapping) else None
        if not isinstance(rows, list) or not rows or options.gaze == "fixations":
            continue
        try:
            values = np.array([[row["t"], row["x"], row["y"]] for row in rows], dtype=np.float64)
            targets = list((trial.get("webgazer_targets") or {}).values())
            sides = ("left" if targets and "left" in targets[0] else "x", "top", "width", "height")
            box = tuple(float(targets[0][side]) for side in sides) if targets else None
            if box is not None and not (np.isfinite(box).all() and min(box[2:]) > 0):
                raise ValueError(f"a target {box}")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DatasetError(
                f"{path}, trial {place}: expected t, x and y as numbers and a target's sides but found "
                f"{error!r:.80}"
            ) from error
        stimulus = trial.get("stimulus")
        video = str(stimulus[0] if isinstance(stimulus, list) and stimulus else stimulus or "")
        gaze = Gaze(values[:, 0], values[:, 1], values[:, 2])
        observer = str(trial.get("subject") or path.stem)
        span = Span(video, 0.0, box=box)  # type: ignore[arg-type]
        found.append(Session(f"{path}, trial {place}", observer, gaze, options.screen, spans=[span]))
    if not found:
        raise DatasetError(f"{path} holds no trial with samples in `webgazer_data`")
    return found


def from_pymovements(gaze: Any, options: ImportOptions) -> Session:
    """A `pymovements.Gaze`: its fixations, else its samples; pixels from the middle of the top left one.

    Times are milliseconds, as in pymovements. The observer is the metadata's ``subject_id`` or ``subject``.

    Raises:
        DatasetError: it holds no gaze in pixels.
    """
    metadata = getattr(gaze, "metadata", None) or {}
    observer = str(metadata.get("subject_id") or metadata.get("subject") or metadata.get("observer") or "")
    source = f"the Gaze of {observer or 'pymovements'}"
    screen = options.screen
    shown = getattr(getattr(gaze, "experiment", None), "screen", None)
    width, height = getattr(shown, "width_px", None), getattr(shown, "height_px", None)
    if screen is None and width and height:
        screen = (int(height), int(width))
    samples, events = getattr(gaze, "samples", None), getattr(gaze, "events", None)
    table = getattr(events, "frame", None)
    fixations = None
    if table is not None and {"name", "onset", "offset", "location"} <= set(table.columns):
        kept = [str(name).startswith("fixation") for name in table["name"].to_list()]
        fixations = table.filter(kept) if any(kept) else None
    if options.gaze != "samples" and fixations is not None:
        place = np.array(fixations["location"].to_list(), dtype=np.float64)[:, :2]
        start = fixations["onset"].to_numpy().astype(np.float64)
        duration = fixations["offset"].to_numpy().astype(np.float64) - start
        found = Gaze(start, place[:, 0] + 0.5, place[:, 1] + 0.5, duration)
    elif options.gaze != "fixations" and samples is not None and {"time", "pixel"} <= set(samples.columns):
        rows = [point if point is not None else [np.nan, np.nan] for point in samples["pixel"].to_list()]
        points = np.array(rows, dtype=np.float64)
        first = 2 if points.shape[1] >= 4 and options.eye != "left" else 0
        time = samples["time"].to_numpy().astype(np.float64)
        found = Gaze(time, points[:, first] + 0.5, points[:, first + 1] + 0.5)
    else:
        raise DatasetError(
            f"{source} holds no {options.gaze or 'gaze'} in pixels: expected `samples` with `time` and "
            "`pixel`, or fixations in `events` with `location`"
        )
    noted = getattr(gaze, "messages", None)
    messages: list[tuple[float, str]] = []
    if noted is not None:
        pairs = zip(noted["time"].to_list(), noted["content"].to_list(), strict=True)
        messages = sorted((float(time), str(text)) for time, text in pairs)
    return Session(source, observer or "1", found, screen, messages)
