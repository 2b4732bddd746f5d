"""Gaze as eye trackers export it, brought to a manifest that every verb reads: `import_gaze`.

Whatever the format, what is written is the same: positions in screen pixels from the left and top edge, times
in milliseconds on the video's clock, observers as numbers whose names stand in ``observers.csv``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from avsal.configuration import Checked, setting, settings_from
from avsal.errors import ConfigError, DatasetError, MediaError, counted
from avsal.media.atomic import write_text
from avsal.media.images import SUFFIXES as IMAGE_SUFFIXES
from avsal.media.sources import VIDEO_SUFFIXES
from avsal.workflows.results import require_free, write_table

if TYPE_CHECKING:
    from datasets_av.gaze_import import Track

__all__ = ["ImportSettings", "ImportedGaze", "import_gaze"]

_HOW = "how the export is read"
_SCREEN = "the screen"
Box = tuple[float, float, float, float]


def _pair(text: str) -> tuple[float, float]:
    """Width and height such as 1920x1080."""
    parts = text.lower().split("x")
    try:
        width, height = (float(part) for part in parts)
    except ValueError:
        width = height = 0.0
    if not (0 < width < 1e5 and 0 < height < 1e5):
        raise ValueError(f"expected width x height, for instance 1920x1080, but found {text!r}")
    return width, height


@dataclass(frozen=True, kw_only=True)
class ImportSettings(Checked):
    """How exports are read, and the screen they were recorded on."""

    gaze: Literal["fixations", "samples"] | None = setting(
        None, help="which rows are read [fixations where the export has them]", group=_HOW
    )
    onset: str | None = setting(
        None,
        help="regular expression of the message that marks a video's start; a group (?P<video>...) "
        "in it names the video [the format's own mark]",
        metavar="REGEX",
        group=_HOW,
    )
    end: str | None = setting(
        None,
        help="likewise, that marks its end [the format's own, or the next video]",
        metavar="REGEX",
        group=_HOW,
    )
    eye: Literal["left", "right"] | None = setting(
        None, help="which eye is read of files of both [right]", group=_HOW
    )
    columns: Mapping[str, str] = setting(
        factory=dict,
        help="a column by its role: time, duration, x, y, valid, fixation, observer, video",
        group=_HOW,
        prefix="columns",
    )
    time_unit: Literal["s", "ms", "us", "ns"] | None = setting(
        None, help="unit of a table's times [the format's own]", group=_HOW
    )
    unit: Literal["px", "norm"] | None = setting(
        None, help="unit of positions: pixels, or 0 to 1 of the screen [the format's own]", group=_HOW
    )
    origin: Literal["top-left", "bottom-left", "centre"] | None = setting(
        None, help="where positions count from [the format's own]", group=_HOW
    )
    screen_px: tuple[float, float] | None = setting(
        None, help="width x height in pixels [as the file says]", metavar="WxH", parse=_pair, group=_SCREEN
    )
    screen_cm: tuple[float, float] | None = setting(
        None, help="width x height in centimetres", metavar="WxH", parse=_pair, group=_SCREEN
    )
    distance_cm: float | None = setting(None, help="from the eye to the screen", group=_SCREEN)
    video_box: str | None = setting(
        None,
        help="where the video was: fit (as large as the screen allows), full (all of it), centre (pixel for "
        "pixel), or 'left top width height' in screen pixels [as the file says, else fit]",
        group=_SCREEN,
    )


@dataclass(frozen=True)
class ImportedGaze:
    """What was imported.

    Attributes:
        manifest: the list that ``data=manifest root=...`` reads.
        videos: how many observers saw each video.
        observers: their names; observer 1 is the first.
        notes: what was assumed.
        problems: what was left out, and why.
    """

    manifest: Path
    videos: Mapping[str, int]
    observers: Sequence[str]
    notes: Sequence[str]
    problems: Sequence[str]

    def __str__(self) -> str:
        return (
            f"{self.manifest}: {counted(len(self.videos), 'video')}, "
            f"{counted(len(self.observers), 'observer')}, {counted(sum(self.videos.values()), 'viewing')}"
        )


def import_gaze(
    form: str,
    sources: Sequence[Any],
    videos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    settings: ImportSettings | None = None,
    *,
    overwrite: bool = False,
    **changes: Any,
) -> ImportedGaze:
    """Write exports of an eye tracker as a manifest, `out`/manifest.csv, and a gaze file for each video.

    >>> avsal.import_gaze("eyelink", ["p01.asc", "p02.asc"], "videos", "gaze")      # doctest: +SKIP

    Args:
        form: one of `datasets_av.gaze_import.FORMATS`: eyelink, tobii, neon, pupil, gazepoint, psychopy,
            webgazer, table, begaze, pymovements.
        sources: files; with ``pymovements`` its `Gaze` objects.
        videos: folder of the videos that were shown, or a list of them; photographs count.
        out: folder to write.
        settings: see `ImportSettings`.
        overwrite: replace an earlier import.
        **changes: settings, by name.

    Raises:
        ConfigError: a setting is impossible, or something needed is not given.
        DatasetError: nothing could be imported; the first reason is told.
        MediaError: `out` cannot be written.
    """
    from datasets_av.gaze_import import FORMATS, ImportOptions, read_sessions, tracks_of

    if form not in FORMATS:
        raise ConfigError(f"unknown format {form!r}: expected one of {', '.join(FORMATS)}")
    settings = settings_from(ImportSettings, settings, changes)
    files = _videos(videos)
    names = [file.name for file in files]
    shared = {f.name for f in fields(ImportOptions)} - {"screen"}
    screen = None
    if settings.screen_px is not None:
        screen = (round(settings.screen_px[1]), round(settings.screen_px[0]))
    options = ImportOptions(screen=screen, **{name: getattr(settings, name) for name in shared})
    for name in ("onset", "end"):
        options.pattern(name)
    out = Path(out)
    require_free(out / "manifest.csv", overwrite=overwrite)
    problems: list[str] = []
    tracks: list[Track] = []
    for source in sources:
        try:
            for session in read_sessions(source, form, options):
                tracks += [track for track in tracks_of(session, names, options) if len(track.gaze.time)]
        except (DatasetError, MediaError) as error:
            problems.append(str(error))
    writer = _Writer(files, out, settings, problems)
    writer.take(tracks)
    if not writer.viewings:
        reason = problems[0] if problems else "the exports hold no gaze on a video"
        raise DatasetError(f"nothing could be imported: {reason}")
    return writer.write(form, settings)


def _videos(videos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The files that may have been shown."""
    if isinstance(videos, str | os.PathLike):
        folder = Path(videos)
        if folder.is_dir():
            suffixes = VIDEO_SUFFIXES | IMAGE_SUFFIXES
            files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
        else:
            files = [folder] if folder.is_file() else []
    else:
        files = [Path(video) for video in videos]
    lost = next((file for file in files if not file.is_file()), None)
    if lost is not None:
        raise ConfigError(f"expected a video at {lost} but there is none")
    if not files:
        raise ConfigError(f"expected videos in {videos} but found none: name their folder")
    stems = [file.stem.lower() for file in files]
    twice = next((file for file in files if stems.count(file.stem.lower()) > 1), None)
    if twice is not None:
        raise ConfigError(f"expected videos of different names but found {twice.stem} twice")
    return files


class _Writer:
    """Viewings by video, and their files."""

    def __init__(
        self, files: Sequence[Path], out: Path, settings: ImportSettings, problems: list[str]
    ) -> None:
        self.files = {file.name: file for file in files}
        self.out, self.settings, self.problems = out, settings, problems
        self.notes: list[str] = []
        self.viewings: dict[str, dict[str, tuple[Track, Box]]] = {}

    def take(self, tracks: Sequence[Track]) -> None:
        """Sort viewings by video; name those that are of none, and those that repeat one."""
        from datasets_av.gaze_import import video_in

        for track in tracks:
            named = track.video or (next(iter(self.files)) if len(self.files) == 1 else "")
            video = video_in(named, list(self.files))
            if video is None:
                self.problems.append(
                    f"{track.source}: no video is called {named or 'as the export says, which names none'}; "
                    f"there are {', '.join(list(self.files)[:5])}"
                )
            elif track.observer in self.viewings.get(video, {}):
                self.problems.append(f"{track.source}: {track.observer} saw {video} before; the first counts")
            elif (problem := self.unusable(track)) is not None:
                self.problems.append(f"{track.source}: {problem}")
            else:
                try:
                    box = self.box_of(track, self.files[video])
                except DatasetError as error:
                    self.problems.append(str(error))
                    continue
                self.viewings.setdefault(video, {})[track.observer] = (self.on_clock(track, video), box)

    def on_clock(self, track: Track, video: str) -> Track:
        """The track on the video's clock, whose 0 is where picture or sound begins, whichever is first."""
        from datasets_av.video_clock import video_clock

        first = 1000 * float(video_clock(self.files[video]).times[0])
        if not track.from_frame or first == 0:
            return track
        return replace(track, gaze=replace(track.gaze, time=track.gaze.time + first))

    def unusable(self, track: Track) -> str | None:
        """Why a viewing cannot be used; None where it can."""
        gaze = track.gaze
        if gaze.duration is None and gaze.fixation is None and not self.geometry(track):
            return (
                "samples become fixations by their velocity, which needs the screen: give --screen-px, "
                "--screen-cm and --distance-cm"
            )
        if gaze.duration is None and not (np.diff(gaze.time) > 0).all():
            return "expected times of samples that ascend"
        if gaze.duration is not None and (gaze.duration < 0).any():
            return "expected durations of at least 0 ms"
        return None

    def geometry(self, track: Track) -> dict[str, str]:
        """The manifest's columns of the screen; none where any of them is not known."""
        centimetres, distance = self.settings.screen_cm, self.settings.distance_cm
        if track.screen is None or centimetres is None or distance is None:
            return {}
        return {
            "screen_px": f"{track.screen[1]}x{track.screen[0]}",
            "screen_cm": f"{centimetres[0]:g}x{centimetres[1]:g}",
            "distance_cm": f"{distance:g}",
        }

    def box_of(self, track: Track, file: Path) -> Box:
        """Where on the screen a video was: left, top, width, height."""
        from datasets_av.video_facts import video_facts

        height, width = video_facts(file).size
        asked = self.settings.video_box
        if asked is None and track.box is not None:
            left, top, wide, high = track.box
            return left, top, wide or width, high or height
        asked = asked or "fit"
        if asked not in ("fit", "full", "centre"):
            try:
                left, top, wide, high = (float(part) for part in asked.replace(",", " ").split())
            except ValueError:
                left = top = wide = high = 0.0
            if wide <= 0 or high <= 0:
                raise ConfigError(f"`video_box` must be fit, full, centre or four numbers but is {asked!r}")
            return left, top, wide, high
        if track.screen is None:
            raise DatasetError(
                f"{track.source} does not tell the screen's size: give --screen-px, or --video-box"
            )
        rows, columns = track.screen
        scale = min(columns / width, rows / height) if asked == "fit" else 1.0
        if asked == "full":
            return 0.0, 0.0, float(columns), float(rows)
        wide, high = width * scale, height * scale
        if self.settings.video_box is None and (wide, high) != (width, height):
            self.note(
                "videos are taken to have been as large as the screen allows, in its middle (video_box=fit)"
            )
        return (columns - wide) / 2, (rows - high) / 2, wide, high

    def note(self, text: str) -> None:
        """Note once."""
        if text not in self.notes:
            self.notes.append(text)

    def write(self, form: str, settings: ImportSettings) -> ImportedGaze:
        """Write everything, the list last."""
        observers = sorted({name for seen in self.viewings.values() for name in seen}, key=_natural)
        numbers = {name: place for place, name in enumerate(observers, 1)}
        (self.out / "gaze").mkdir(parents=True, exist_ok=True)
        rows = [self.row(video, numbers) for video in sorted(self.viewings, key=_natural)]
        rows = [row for row in rows if row]
        write_table(
            self.out / "observers.csv", [{"observer": n, "name": name} for name, n in numbers.items()]
        )
        told = {"format": form, **asdict(settings), "notes": self.notes, "problems": self.problems}
        write_text(self.out / "import.json", json.dumps(told, indent=2) + "\n")
        columns = ["id", "video", "gaze", "screen_px", "screen_cm", "distance_cm", "video_box"]
        manifest = self.out / "manifest.csv"
        write_table(manifest, [{name: row.get(name, "") for name in columns} for row in rows])
        counts = {row["id"]: len(self.viewings[row["name"]]) for row in rows}
        return ImportedGaze(manifest, counts, observers, self.notes, self.problems)

    def row(self, video: str, numbers: Mapping[str, int]) -> dict[str, str]:
        """Write a video's gaze; its line of the list."""
        seen = self.viewings[video]
        kinds = {track.gaze.duration is None for track, _ in seen.values()}
        if len(kinds) > 1:
            seen = {name: pair for name, pair in seen.items() if pair[0].gaze.duration is not None}
            self.problems.append(
                f"{video}: fixations of some observers and samples of others; fixations count"
            )
        boxes, screens = {box for _, box in seen.values()}, {track.screen for track, _ in seen.values()}
        own = len(boxes) == 1 and len(screens) == 1
        first, box = next(iter(seen.values()))
        row = {"id": Path(video).stem, "name": video, "gaze": f"gaze/{Path(video).stem}.csv"}
        row["video"] = os.path.relpath(self.files[video].resolve(), self.out.resolve())
        if own:
            row |= {**self.geometry(first), "video_box": " ".join(f"{side:.6g}" for side in box)}
        else:
            self.note(
                "videos whose place differed between observers are in pixels of the video, without a screen"
            )
        samples = first.gaze.duration is None
        flagged = samples and all(track.gaze.fixation is not None for track, _ in seen.values())
        header = ["time_ms"] if samples else ["start_ms", "duration_ms"]
        lines: list[dict[str, object]] = []
        for name, (track, place) in seen.items():
            gaze = track.gaze
            x, y = (gaze.x, gaze.y) if own else _on_video(track, place, self.files[video])
            table = [gaze.time, *([] if gaze.duration is None else [gaze.duration]), x, y]
            for number, values in enumerate(zip(*table, strict=True)):
                told = ["" if np.isnan(value) else round(float(value), 3) for value in values]
                line: dict[str, object] = dict(zip([*header, "x", "y"], told, strict=True))
                line["observer"] = numbers[name]
                if flagged and gaze.fixation is not None:
                    line["fixation"] = int(gaze.fixation[number])
                lines.append(line)
        write_table(self.out / row["gaze"], lines)
        return row


def _on_video(track: Track, box: Box, file: Path) -> tuple[Any, Any]:
    """Positions in pixels of the video."""
    from datasets_av.video_facts import video_facts

    height, width = video_facts(file).size
    left, top, wide, high = box
    return (track.gaze.x - left) * width / wide, (track.gaze.y - top) * height / high


def _natural(name: str) -> Any:
    from natsort import natsort_keygen

    return natsort_keygen()(name)
