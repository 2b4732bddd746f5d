"""What a report page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Curve", "Estimate", "IntervalPlot", "Page", "PageTable", "Players"]


@dataclass(frozen=True)
class PageTable:
    """A table; numbers are given as text, rounded as they should be read."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; one without is drawn as a dot alone (NaN)."""

    label: str
    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class IntervalPlot:
    """Estimates on one axis, with a line at zero."""

    title: str
    unit: str
    rows: Sequence[Estimate]


@dataclass(frozen=True)
class Curve:
    """A line over a video's time.

    Attributes:
        label: of the line.
        times: seconds of the video's frames, ascending.
        values: from 0 to 1.
    """

    label: str
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Players:
    """One video heard in several ways, on one clock.

    Attributes:
        name: of the video.
        moved: what videos are sorted by, greatest first.
        frame_rate: frames a second, for stepping and for the tolerance of the clock.
        videos: MP4 files by condition, all of the same frames, each with what is heard in it.
        curves: over time, below the players.
        caption: what one sees.
    """

    name: str
    moved: float
    frame_rate: float
    videos: Mapping[str, Path]
    curves: Sequence[Curve] = ()
    caption: str = ""


@dataclass(frozen=True)
class Page:
    """One report.

    Attributes:
        title: of the page.
        summary: paragraphs above everything.
        tables: of numbers.
        plots: of intervals.
        players: of videos.
        facts: what was run and on what, by name.
        notes: at the end.
    """

    title: str
    summary: Sequence[str] = ()
    tables: Sequence[PageTable] = ()
    plots: Sequence[IntervalPlot] = ()
    players: Sequence[Players] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
