"""What every gaze export becomes: one observer's gaze on a clock, and when which video was on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError

__all__ = [
    "MAX_ROWS",
    "MAX_SIDE",
    "Gaze",
    "ImportOptions",
    "Session",
    "Span",
    "Track",
    "number",
    "tracks_of",
    "video_in",
]

#: of a file: 37 hours at 500 samples a second
MAX_ROWS = 2**26
#: of a screen, in pixels
MAX_SIDE = 100_000
_LARGEST = 1e12

#: SR Research's mark of a shown frame: number from 1, left and top on the screen, the video's file
_VFRAME = re.compile(
    r"!V VFRAME (?P<frame>\d+) (?P<left>-?\d+) (?P<top>-?\d+) (?P<video>.+?)"
    r"(?: resize (?P<width>\d+) (?P<height>\d+))?\s*$"
)
_TRIAL_END = re.compile(r"TRIAL_RESULT|TRIALID")


@dataclass(frozen=True)
class ImportOptions:
    """How exports are read.

    Attributes:
        gaze: ``fixations`` or ``samples``; None: fixations where the export has them.
        onset: searched for in messages; what it matches marks a video's start. A group named ``video``
            names the video. None: the format's own mark.
        end: likewise, of its end; None: the format's own mark, or the next video.
        eye: of files of both.
        columns: of a table, by role, where they have names of their own.
        time_unit: of a table: s, ms, us or ns; None: the format's own.
        unit: of positions: px or norm (0 to 1 of the screen); None: the format's own.
        origin: of positions: top-left, bottom-left or centre (y upwards); None: the format's own.
        screen: (height, width) in pixels; None: as the file says.
    """

    gaze: Literal["fixations", "samples"] | None = None
    onset: str | None = None
    end: str | None = None
    eye: Literal["left", "right"] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    unit: Literal["px", "norm"] | None = None
    origin: Literal["top-left", "bottom-left", "centre"] | None = None
    screen: tuple[int, int] | None = None

    def pattern(self, name: Literal["onset", "end"]) -> re.Pattern[str] | None:
        """A compiled regular expression.

        Raises:
            ConfigError: it is none.
        """
        text = self.onset if name == "onset" else self.end
        try:
            return None if text is None else re.compile(text)
        except re.error as error:
            raise ConfigError(f"`{name}` must be a regular expression but is {text!r}: {error}") from error


@dataclass(frozen=True)
class Gaze:
    """Fixations, or samples, in time.

    Attributes:
        time: (N,) ms on the file's clock: of a fixation its start.
        x: (N,) in screen pixels from the left edge; NaN where the eye was lost.
        y: (N,) in screen pixels from the top edge; NaN likewise.
        duration: (N,) ms of fixations; None: these are samples.
        fixation: (N,) 1 where the eye tracker takes a sample for part of a fixation; None: it does not tell.
    """

    time: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    duration: NDArray[np.float64] | None = None
    fixation: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Span:
    """When a video was on.

    Attributes:
        video: as the file names it.
        start: of it, ms on the file's clock.
        end: ms; what comes later belongs to something else.
        box: left, top, width, height on the screen, where the file tells; 0 for a size that is the video's.
        from_frame: `start` is its first frame's, not that of its picture or sound, whichever begins first.
    """

    video: str
    start: float
    end: float = inf
    box: tuple[float, float, float, float] | None = None
    from_frame: bool = False


@dataclass(frozen=True)
class Session:
    """One observer's file.

    Attributes:
        source: of the gaze, for messages.
        observer: who looked.
        gaze: of the whole file.
        screen: (height, width) in pixels, where the file or the options tell.
        messages: what was noted when, ms on the file's clock.
        breaks: ms, where a recording stopped.
        spans: when which video was on, where the file says so otherwise than by messages.
    """

    source: str
    observer: str
    gaze: Gaze
    screen: tuple[int, int] | None = None
    messages: Sequence[tuple[float, str]] = ()
    breaks: Sequence[float] = ()
    spans: Sequence[Span] | None = None


@dataclass(frozen=True)
class Track:
    """One observer's gaze while one video was on: `gaze` runs from its start; see `Span.from_frame`."""

    source: str
    observer: str
    video: str
    gaze: Gaze
    screen: tuple[int, int] | None
    box: tuple[float, float, float, float] | None
    from_frame: bool = False


def tracks_of(session: Session, videos: Sequence[str], options: ImportOptions) -> Iterator[Track]:
    """Cut a session into what was seen of each video; fixations that begin before it keep their start.

    Args:
        session: session of an observer.
        videos: names of the files that may have been shown.
        options: see `ImportOptions`.

    Raises:
        DatasetError: nothing marks a video, or it cannot be told which one.
    """
    spans = session.spans if session.spans is not None else _spans(session, videos, options)
    for span in spans:
        gaze = session.gaze
        last = gaze.time if gaze.duration is None else gaze.time + gaze.duration
        own = (last >= span.start) & (gaze.time < span.end)
        cut = Gaze(
            gaze.time[own] - span.start,
            gaze.x[own],
            gaze.y[own],
            None if gaze.duration is None else gaze.duration[own],
            None if gaze.fixation is None else gaze.fixation[own],
        )
        yield Track(
            session.source, session.observer, span.video, cut, session.screen, span.box, span.from_frame
        )


def _spans(session: Session, videos: Sequence[str], options: ImportOptions) -> list[Span]:
    """Spans by the messages that mark them."""
    onset, end = options.pattern("onset"), options.pattern("end") or _TRIAL_END
    found: list[Span] = []
    open_video = ""
    for place, (time, text) in enumerate(session.messages):
        if found and found[-1].end == inf and end.search(text):
            found[-1] = _ended(found[-1], time)
            open_video = ""
        box = None
        if onset is not None:
            match = onset.search(text)
            if match is None:
                continue
            told = match.groupdict().get("video")
            video = told or _video_of_trial(session, place, videos)
        else:
            match = _VFRAME.search(text)
            if match is None or match["video"] == open_video:
                continue
            video = open_video = match["video"]
            if int(match["frame"]) > 1:
                raise DatasetError(
                    f"{session.source}: expected frame 1 of {video} first but found {match['frame']}; "
                    "give --onset, the message of its first frame"
                )
            size = (float(match["width"] or 0), float(match["height"] or 0))
            box = (float(match["left"]), float(match["top"]), *size)
        if found and found[-1].end == inf:
            found[-1] = _ended(found[-1], time)
        found.append(Span(video, time, box=box, from_frame=onset is None))
    if not found:
        some = "; ".join(text[:60] for _, text in session.messages[:200:20]) or "no messages"
        raise DatasetError(
            f"{session.source}: expected messages that mark a video's first frame but found none: give "
            f"--onset, a regular expression; its messages are such as: {some}"
        )
    stops = sorted(session.breaks)
    return [_ended(span, min([span.end, *(stop for stop in stops if stop > span.start)])) for span in found]


def _ended(span: Span, end: float) -> Span:
    return replace(span, end=end)


def _video_of_trial(session: Session, place: int, videos: Sequence[str]) -> str:
    """The video that the message at `place`, or another of its trial, names."""
    messages = session.messages
    first = max((i for i in range(place) if "TRIALID" in messages[i][1]), default=0)
    after = (i for i in range(place + 1, len(messages)) if "TRIALID" in messages[i][1])
    last = next(after, len(messages))
    for stems in (False, True):  # a word with a suffix is surer than one without
        for text in (messages[place][1], *(text for _, text in messages[first:last])):
            if (video := video_in(text, videos, stems=stems)) is not None:
                return video
    if len(videos) == 1:
        return videos[0]
    raise DatasetError(
        f"{session.source}: the message {messages[place][1][:80]!r} names none of the {len(videos)} videos, "
        "nor does another of its trial: give --onset with a group (?P<video>...), or one video"
    )


def video_in(text: str, videos: Sequence[str], *, stems: bool = True) -> str | None:
    """The video whose name is a word of a text; None where there is none.

    Args:
        text: a name, a path, or a message.
        videos: names of files.
        stems: whether a name without its suffix counts.
    """
    words = {Path(word.strip("\"'").replace("\\", "/")).name.lower() for word in re.split(r"[\s,;=]+", text)}
    words |= {Path(text.strip().replace("\\", "/")).name.lower()}
    for video in videos:
        if video.lower() in words or (stems and Path(video).stem.lower() in words):
            return video
    return None


def number(path: Path, line: int, column: str, cell: str, *, lost: bool = False) -> float:
    """A cell as a number.

    Args:
        path: path of the file, for messages.
        line: number of the line in the file, from 1.
        column: its name.
        cell: the text.
        lost: whether nothing, or a lone point, stands for an eye that was lost, NaN.

    Raises:
        DatasetError: it is no number.
    """
    text = cell.strip()
    if lost and text.lower() in ("", ".", "nan", "na", "null", "none"):
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        hint = "; write the decimal point as a point" if text.count(",") == 1 else ""
        raise DatasetError(
            f"{path}, line {line}, column `{column}`: expected a number but found {cell!r:.80}{hint}"
        ) from None
    if not abs(value) < _LARGEST * 1e9:  # nanoseconds since 1970 are times
        raise DatasetError(
            f"{path}, line {line}, column `{column}`: expected a number but found {cell!r:.80}"
        )
    return value
