"""EyeLink recordings as text, as SR Research's edf2asc writes them.

Times are the tracker's milliseconds. A message ``MSG time [delay] text`` belongs to `time` minus `delay`.
Positions are GAZE, screen pixels that count from the middle of the top left one; half a pixel makes them
count from its edge. A fixation is ``EFIX eye start end duration x y pupil``; its duration is to the end of
its last sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avsal.errors import DatasetError, MediaError
from avsal.media.container import check_file
from datasets_av.gaze_import.session import MAX_ROWS, MAX_SIDE, Gaze, ImportOptions, Session, number

__all__ = ["read_eyelink"]

_SCREEN = re.compile(r"(?:DISPLAY_COORDS|GAZE_COORDS)[^-\d]*" + r"[\s,]+".join([r"(-?\d+(?:\.\d+)?)"] * 4))
_MIDDLE = 0.5


def read_eyelink(path: Path, options: ImportOptions) -> Session:
    """Read one file; the observer has its name.

    Raises:
        DatasetError: it is no such file, holds no gaze of the kind asked for, or a cell is no number.
    """
    fixations: dict[str, list[tuple[float, float, float, float]]] = {"L": [], "R": []}
    samples: list[tuple[float, ...]] = []
    messages: list[tuple[float, str]] = []
    breaks: list[float] = []
    eyes: list[str] = []
    screen: tuple[int, int] | None = None
    wants_samples = options.gaze == "samples"
    for line, words, text in _lines(path):
        kind = words[0]
        if kind[0].isdigit():
            if wants_samples:
                samples.append(_sample(path, line, words, eyes))
        elif kind == "EFIX":
            if len(words) < 7 or words[1] not in fixations:
                raise DatasetError(
                    f"{path}, line {line}: expected EFIX, an eye and six numbers: {text[:80]!r}"
                )
            start, _, duration, x, y = (
                number(path, line, name, word, lost=name in "xy")
                for name, word in zip(("start", "end", "duration", "x", "y"), words[2:7], strict=True)
            )
            fixations[words[1]].append((start, duration, x, y))
        elif kind == "MSG" and len(words) > 2:
            time = number(path, line, "time", words[1])
            told = text.split(None, 2)[2]
            delayed = re.fullmatch(r"(-?\d+) (.*)", told)
            messages.append((time - float(delayed[1]), delayed[2]) if delayed else (time, told))
            if (found := _SCREEN.search(told)) is not None:
                left, top, right, bottom = map(float, found.groups())
                if not (0 <= bottom - top < MAX_SIDE and 0 <= right - left < MAX_SIDE):
                    raise DatasetError(f"{path}, line {line}: expected a screen in pixels: {told[:80]!r}")
                screen = (round(bottom - top) + 1, round(right - left) + 1)
        elif kind == "END" and len(words) > 1:
            breaks.append(number(path, line, "time", words[1]))
        elif kind in ("SAMPLES", "EVENTS") and len(words) > 1:
            if words[1] != "GAZE":
                raise DatasetError(
                    f"{path}, line {line}: expected GAZE positions but found {words[1]}; convert with "
                    "edf2asc's gaze option"
                )
            if kind == "SAMPLES":
                eyes = [eye[0] for eye in words if eye in ("LEFT", "RIGHT")]
    messages.sort(key=lambda message: message[0])
    gaze = _samples(path, samples, options) if wants_samples else _fixations(path, fixations, options)
    return Session(str(path), path.stem, gaze, options.screen or screen, messages, breaks)


def _lines(path: Path) -> Iterator[tuple[int, list[str], str]]:
    """Lines that are not empty, with their number and words."""
    try:
        with check_file(path).open(encoding="utf-8", errors="replace") as file:
            for line, text in enumerate(file, 1):
                if line == 1 and "\0" in text:
                    raise DatasetError(f"{path} is no text: convert the recording with SR Research's edf2asc")
                if line > MAX_ROWS:
                    raise DatasetError(f"{path} has more than {MAX_ROWS} lines: split it")
                if words := text[:4096].split():
                    yield line, words, text[:4096].strip()
    except (MediaError, OSError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); give a file of edf2asc") from error


def _sample(path: Path, line: int, words: list[str], eyes: list[str]) -> tuple[float, ...]:
    """Time, and x, y of the left and of the right eye, NaN where there is none."""
    count = 2 if eyes == ["L", "R"] else 1
    if len(words) < 1 + 3 * count:
        raise DatasetError(
            f"{path}, line {line}: expected a time and {3 * count} numbers but found {len(words)} words"
        )
    numbers = [number(path, line, "time", words[0])]
    lost = [float("nan")] * 2
    found = [
        [number(path, line, name, words[1 + 3 * eye + place], lost=True) for place, name in enumerate("xy")]
        for eye in range(count)
    ]
    sides = found if count == 2 else [lost, found[0]] if eyes == ["R"] else [found[0], lost]
    return (*numbers, *sides[0], *sides[1])


def _fixations(
    path: Path, found: dict[str, list[tuple[float, float, float, float]]], options: ImportOptions
) -> Gaze:
    eye = (options.eye or ("right" if found["R"] else "left"))[0].upper()
    if not found[eye]:
        other = "; the other has some" if any(found.values()) else "; import samples with --gaze samples"
        raise DatasetError(f"{path} holds no fixations of the {options.eye or 'recorded'} eye{other}")
    start, duration, x, y = np.array(found[eye]).T
    return Gaze(start, x + _MIDDLE, y + _MIDDLE, duration)


def _samples(path: Path, found: list[tuple[float, ...]], options: ImportOptions) -> Gaze:
    if not found:
        raise DatasetError(f"{path} holds no samples; convert it with them, or import its fixations")
    values = np.array(found)
    left, right = values[:, 1:3], values[:, 3:5]
    chosen = left if options.eye == "left" or (options.eye is None and np.isnan(right).all()) else right
    if np.isnan(chosen).all():
        raise DatasetError(f"{path} holds no samples of the {options.eye or 'recorded'} eye")
    return Gaze(values[:, 0], chosen[:, 0] + _MIDDLE, chosen[:, 1] + _MIDDLE)
