"""What a report page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Curve", "Estimate", "IntervalPlot", "Moment", "Page", "PageTable", "Players"]


@dataclass(frozen=True)
class PageTable:
    """A table; numbers are given as text, rounded as they should be read."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; one without is drawn as a mark alone (NaN).

    Attributes:
        label: of the row, such as a condition; its colour is the condition's.
        value: the mean.
        low: end of the interval.
        high: the other end.
        dots: what the mean is taken over, one a video.
    """

    label: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    dots: Sequence[float] = ()


@dataclass(frozen=True)
class IntervalPlot:
    """Estimates on one axis, with a line at zero.

    Attributes:
        title: above it.
        unit: what the estimates are over.
        rows: in order.
        margin: the smallest value that matters: what lies between both its signs is shaded; 0 for none.
    """

    title: str
    unit: str
    rows: Sequence[Estimate]
    margin: float = 0.0


@dataclass(frozen=True)
class Curve:
    """A line over a video's time.

    Attributes:
        label: of the line; its colour is that of the condition of this name.
        times: seconds of the video's frames, ascending.
        values: 0 or more, such as shares of a map's mass.
    """

    label: str
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Moment:
    """A still that jumps to its time when it is clicked.

    Attributes:
        time: seconds on the players' clock.
        label: below it.
        picture: JPEG or PNG.
    """

    time: float
    label: str
    picture: bytes


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
        pictures: further MP4 files of the same frames by label, without anything to hear.
        seconds: length of the players' clock; 0: the last time of the curves.
        floor: of the curves, what is no more than changes that should not matter; None where it was not
            measured.
        moments: stills, in order of time.
        moments_of: what they compare, in words.
        spectrogram: PNG over the players' clock, of the original audio; None for none.
    """

    name: str
    moved: float
    frame_rate: float
    videos: Mapping[str, Path]
    curves: Sequence[Curve] = ()
    caption: str = ""
    pictures: Mapping[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    floor: float | None = None
    moments: Sequence[Moment] = ()
    moments_of: str = ""
    spectrogram: bytes | None = None


@dataclass(frozen=True)
class Page:
    """One report.

    Attributes:
        title: of the page.
        summary: the answer to the title, paragraphs above everything.
        findings: sentences below it, one a finding.
        tables: of numbers.
        plots: of intervals.
        players: of videos.
        facts: what was run and on what, by name.
        notes: at the end.
    """

    title: str
    summary: Sequence[str] = ()
    findings: Sequence[str] = ()
    tables: Sequence[PageTable] = ()
    plots: Sequence[IntervalPlot] = ()
    players: Sequence[Players] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
