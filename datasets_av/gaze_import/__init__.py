"""Exports of eye trackers, brought to one form: an observer's gaze on the clock of a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avsal.errors import DatasetError
from datasets_av.csv_files import csv_header, csv_rows
from datasets_av.gaze_import.eyelink import read_eyelink
from datasets_av.gaze_import.layouts import LAYOUTS
from datasets_av.gaze_import.other_files import from_pymovements, read_psychopy, read_webgazer
from datasets_av.gaze_import.session import Gaze, ImportOptions, Session, Span, Track, tracks_of, video_in
from datasets_av.gaze_import.tables import read_table

__all__ = [
    "FORMATS",
    "Gaze",
    "ImportOptions",
    "Session",
    "Span",
    "Track",
    "from_pymovements",
    "read_sessions",
    "tracks_of",
    "video_in",
]

FORMATS = {
    "eyelink": "SR Research EyeLink, .asc of edf2asc",
    "tobii": "Tobii Pro Lab and Studio, .tsv",
    "neon": "Pupil Labs Neon and Invisible, .csv of a marker mapper, with events.csv beside it",
    "pupil": "Pupil Labs Core, .csv of a surface, with annotations.csv beside or above it",
    "gazepoint": "Gazepoint, .csv of all gaze",
    "psychopy": "PsychoPy ioHub, .hdf5",
    "webgazer": "jsPsych with WebGazer, .json",
    "table": "any table with columns of time, x and y: RealEye, GazeRecorder, PsychoPy's own",
    "begaze": "SMI BeGaze, .txt; read by pymovements",
    "pymovements": "objects of pymovements, in Python alone",
}


def read_sessions(source: Any, form: str, options: ImportOptions) -> list[Session]:
    """What one file, or object of pymovements, holds.

    Args:
        source: a path; with ``pymovements`` a `pymovements.Gaze`.
        form: one of `FORMATS`.
        options: see `ImportOptions`.

    Raises:
        DatasetError: it is no such file, or cannot be read.
    """
    if form == "pymovements":
        return [from_pymovements(source, options)]
    path = Path(source)
    if form == "eyelink":
        return [read_eyelink(path, options)]
    if form == "psychopy":
        return read_psychopy(path, options)
    if form == "webgazer":
        return read_webgazer(path, options)
    if form == "begaze":
        return [_read_begaze(path, options)]
    return read_table(path, LAYOUTS[form], options, _events_beside(path) if form in _EVENT_FILES else ())


#: by format, the file of events, and its columns of time and text, with what makes milliseconds
_EVENT_FILES = {
    "neon": ("events.csv", "timestamp [ns]", "name", 1e-6),
    "pupil": ("annotations.csv", "timestamp", "label", 1000.0),
}


def _events_beside(path: Path) -> list[tuple[float, str]]:
    """Events that Pupil Labs' software writes into a file of their own, beside a table or above it."""
    from datasets_av.gaze_import.session import number

    found: list[tuple[float, str]] = []
    for name, time, text, scale in _EVENT_FILES.values():
        file = next((folder / name for folder in path.parents[:2] if (folder / name).is_file()), None)
        if file is None:
            continue
        rows = csv_rows(file)
        header = csv_header(file, rows)
        if time not in header or text not in header:
            continue
        for line, cells in rows:
            if len(cells) != len(header):
                raise DatasetError(
                    f"{file}, line {line}: expected {len(header)} cells but found {len(cells)}"
                )
            at = number(file, line, time, cells[header.index(time)]) * scale
            found.append((at, cells[header.index(text)]))
    return sorted(found)


def _read_begaze(path: Path, options: ImportOptions) -> Session:
    try:
        import pymovements
    except ImportError as error:
        raise DatasetError("begaze needs pymovements: pip install 'avsal[gaze]'") from error
    try:
        gaze = pymovements.gaze.from_begaze(path, prefer_eye="L" if options.eye == "left" else "R")
    except Exception as error:  # it raises what it meets
        reason = str(error).partition("\n")[0][:200]
        raise DatasetError(
            f"pymovements cannot read {path} as BeGaze's ({reason}); export it again"
        ) from error
    session = from_pymovements(gaze, options)
    observer = session.observer if session.observer != "1" else path.stem
    return Session(str(path), observer, session.gaze, session.screen, session.messages)
