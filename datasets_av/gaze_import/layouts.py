"""How makers write tables of gaze: the names of their columns, units, origins and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["LAYOUTS", "Origin", "TableLayout", "Unit"]

Unit = Literal["px", "norm"]
Origin = Literal["top-left", "bottom-left", "centre"]
Clock = Literal["rows", "video", "messages"]


@dataclass(frozen=True)
class TableLayout:
    """How a maker writes a table.

    Attributes:
        samples: names of the columns of samples, by role: time, x, y, and where there are such valid (1 or
            ``valid``: the position holds), fixation (whether a sample is part of one).
        fixations: likewise of fixations: time (of their start), duration, x, y, valid, id (rows that go on
            with one are left out) and row (the time of the row itself).
        common: likewise of both: observer, video (what was on), event and value (what happened).
        time_unit: of times whose header does not tell.
        duration_unit: of durations whose header does not tell.
        unit: of positions.
        origin: of positions.
        starts: events that mark a video's first frame; their value, else their name, names the video.
        ends: events that mark its end.
        clock: what tells when a video began: events or the first of the ``rows`` with its name; nothing, time
            is the ``video``'s own; or ``messages``, noted in another file.
    """

    samples: Mapping[str, Sequence[str]]
    fixations: Mapping[str, Sequence[str]]
    common: Mapping[str, Sequence[str]] = field(default_factory=dict)
    time_unit: str = "ms"
    duration_unit: str = "ms"
    unit: Unit = "px"
    origin: Origin = "top-left"
    starts: str = r"(?!)"
    ends: str = r"(?!)"
    clock: Clock = "rows"


LAYOUTS = {
    "tobii": TableLayout(
        samples={
            "time": ("recording timestamp", "recordingtimestamp"),
            "x": ("gaze point x", "gazepointx"),
            "y": ("gaze point y", "gazepointy"),
            "fixation": ("eye movement type", "gazeeventtype"),
        },
        fixations={
            "time": ("recording timestamp", "recordingtimestamp"),
            "duration": ("gaze event duration", "eye movement event duration", "gazeeventduration"),
            "x": ("fixation point x",),
            "y": ("fixation point y",),
            "id": ("eye movement type index", "fixationindex"),
            "fixation": ("eye movement type", "gazeeventtype"),
        },
        common={
            "observer": ("participant name", "participantname"),
            "video": ("presented stimulus name", "presented media name", "medianame"),
            "event": ("event", "studioevent"),
            "value": ("event value", "studioeventdata"),
            "height": ("recording resolution height",),
            "width": ("recording resolution width",),
        },
        time_unit="us",
        starts=r"^(VideoStimulusStart|MovieStart)$",
        ends=r"^(VideoStimulusEnd|MovieEnd)$",
    ),
    "gazepoint": TableLayout(
        samples={"time": ("time",), "x": ("bpogx",), "y": ("bpogy",), "valid": ("bpogv",)},
        fixations={
            "time": ("fpogs",),
            "duration": ("fpogd",),
            "x": ("fpogx",),
            "y": ("fpogy",),
            "valid": ("fpogv",),
            "id": ("fpogid",),
            "row": ("time",),
        },
        common={"video": ("media_name",), "event": ("user",)},
        time_unit="s",
        duration_unit="s",
        unit="norm",
    ),
    "neon": TableLayout(
        samples={
            "time": ("timestamp",),
            "x": ("gaze position on surface x",),
            "y": ("gaze position on surface y",),
            "valid": ("gaze detected on surface",),
        },
        fixations={
            "time": ("start timestamp",),
            "duration": ("duration",),
            "x": ("fixation x",),
            "y": ("fixation y",),
            "valid": ("fixation detected on surface",),
            "id": ("fixation id",),
        },
        common={"observer": ("recording id",)},
        time_unit="ns",
        unit="norm",
        clock="messages",
    ),
    "pupil": TableLayout(
        samples={
            "time": ("gaze_timestamp", "world_timestamp"),
            "x": ("x_norm",),
            "y": ("y_norm",),
            "valid": ("on_surf",),
        },
        fixations={
            "time": ("start_timestamp",),
            "duration": ("duration",),
            "x": ("norm_pos_x", "x_norm"),
            "y": ("norm_pos_y", "y_norm"),
            "valid": ("on_surf",),
            "id": ("fixation_id",),
        },
        time_unit="s",
        unit="norm",
        origin="bottom-left",
        clock="messages",
    ),
    "table": TableLayout(
        samples={
            "time": ("time", "timestamp", "t"),
            "x": ("x", "gaze_x", "x_pred"),
            "y": ("y", "gaze_y", "y_pred"),
            "valid": ("valid",),
            "fixation": ("fixation",),
        },
        fixations={
            "time": ("start", "start_time"),
            "duration": ("duration",),
            "x": ("x", "fixation_x", "average_gaze_x"),
            "y": ("y", "fixation_y", "average_gaze_y"),
            "valid": ("valid",),
            "id": ("fixation_id",),
        },
        common={
            "observer": ("observer", "participant", "subject"),
            "video": ("video", "stimulus", "media"),
        },
        clock="video",
    ),
}
