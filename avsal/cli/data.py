"""Data sets: list them, check a copy, look at its gaze, prepare it for training.

avsal data list
avsal data check hevc --root ../data/hevc                       what is there, what is missing (exit code 1)
avsal data stats mufvet --root ../data/mufvet                   videos, gaze, what was dropped and why
avsal data show mufvet --root ../data/mufvet -o look            contact sheet, and a video with gaze and sound
avsal data import eyelink p01.asc p02.asc --videos videos -o gaze         exports of an eye tracker
avsal data prepare diem --root DIEM --out store --model tsfpnet_av
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avsal.cli.parsing import Action, Given
from avsal.cli.telling import Listed, Quiet, Teller, as_json, columns, listed
from avsal.configuration import seconds, setting, settings_from
from avsal.errors import AvsalError
from avsal.workflows.data import DataSettings, chosen, open_data
from avsal.workflows.data_numbers import check_data, each_numbers, summary
from avsal.workflows.import_gaze import ImportSettings, import_gaze
from avsal.workflows.prepare import PrepareSettings, prepare

__all__ = ["ACTIONS"]


@dataclass(frozen=True, kw_only=True)
class SourceLine(DataSettings):
    """Which data set a line is about."""

    data: str = setting(help="one of `avsal data list`; or data=NAME", metavar="NAME", position="?")
    reader: Mapping[str, Any] = setting(
        factory=dict,
        help="option of the reader, such as videos=DIR; also as data.KEY=VALUE; may be repeated",
        flags=("-O", "--option"),
        group="data set",
        prefix="data",
    )
    strict: bool = setting(False, help="stop at the first recording that cannot be used", group="data set")


@dataclass(frozen=True, kw_only=True)
class CheckLine(SourceLine):
    """What is compared."""

    gaze: bool = setting(False, help="read all gaze, too")


@dataclass(frozen=True, kw_only=True)
class StatsLine(Listed, SourceLine):
    """Which numbers are printed."""

    each: bool = setting(False, help="a line for each recording, too")


@dataclass(frozen=True, kw_only=True)
class ShowLine(Quiet, SourceLine):
    """What is to be drawn."""

    out: Path = setting(help="where to write", metavar="DIR", flags=("-o", "--output"))
    recording: tuple[str, ...] = setting(
        (), help="which to show, with commas [the first that can be used]", metavar="IDS"
    )
    start: float = setting(0.0, help="where the video begins", metavar="TIME", parse=seconds)
    length: float = setting(10.0, help="how long the video is, in seconds", metavar="TIME", parse=seconds)
    density: str = setting("dhf1k", help="recipe by which gaze is blurred", metavar="RECIPE")


@dataclass(frozen=True, kw_only=True)
class ImportLine(Quiet, ImportSettings):
    """What is imported."""

    format: str = setting(help="format of the exports, see above", metavar="FORMAT", position="1")
    files: tuple[str, ...] = setting(help="exports of the eye tracker", metavar="FILE", position="+")
    videos: Path = setting(help="folder of the videos that were shown", metavar="DIR")
    out: Path = setting(Path("gaze"), help="folder to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier import")


@dataclass(frozen=True, kw_only=True)
class PrepareLine(Quiet, PrepareSettings, SourceLine):
    """What is stored."""

    out: Path = setting(help="the store, new or resumed", metavar="DIR", flags=("-o", "--output"))


def list_data(given: Given) -> int:
    """The data sets one can name, with size, sound and licence."""
    from datasets_av import dataset_class, list_datasets

    infos = [dataset_class(name).info for name in list_datasets()]
    if given.read(Listed).json:
        return as_json([asdict(info) for info in infos])
    cells: list[list[Any]] = [["name", "videos", "frames", "sound", "gaze", "licence"]]
    for info in infos:
        numbers = [info.num_recordings, info.num_frames, "yes" if info.sound else None]
        cells.append([info.name, *numbers, info.gaze, info.licence])
    header, *lines = columns(cells, "<>><<<")
    print(header)
    for info, text in zip(infos, lines, strict=True):
        print(text)
        print(f"{'':<{header.index('videos')}}{info.citation}")
    return 0


def check(given: Given) -> int:
    """Compare a copy of a data set with what its owners published, and name everything that is missing.

    Videos, maps and gaze files are looked for and counted. With --gaze all gaze is read as well, which takes
    longer and finds damaged files. Exit code 0: whole; 1: something is missing or damaged.
    """
    line = given.read(CheckLine)
    found = check_data(line, gaze=line.gaze, strict=line.strict)
    print(found)
    listed("missing or unusable", found.dataset.problems)
    listed("notes", found.dataset.notes)
    if found.complete:
        print("nothing is missing")
    return 0 if found.complete else 1


def stats(given: Given) -> int:
    """Numbers of a data set: videos, seconds, fixations, observers, and what was dropped for which reason.

    A fixation counts on each frame that it lasts. `middle ninth` is the share of fixations in the middle
    third of height and width, where gaze spread evenly would have 11.1 %.
    """
    line = given.read(StatsLine)
    dataset = open_data(line, strict=line.strict)
    rows = list(Teller(Quiet()).bar(each_numbers(dataset), desc="reading", unit="video"))
    if line.json:
        as_json([asdict(row) for row in rows])
    else:
        print(dataset.info.title)
        print("\n".join(f"{name:<18}{value}" for name, value in summary(rows)))
        dropped: Counter[str] = Counter()
        for row in rows:
            dropped.update(row.dropped)
        listed("dropped or cut", [f"{n:>9} {reason}" for reason, n in dropped.most_common() if n])
        if line.each:
            head = ["recording", "frames", "seconds", "sound", "observers", "fixations", "middle"]
            cells = []
            for row in rows:
                middle = None if row.middle_ninth is None else f"{row.middle_ninth:.1%}"
                sound, lasting = "yes" if row.sound else None, f"{row.seconds:.2f}"
                cells.append([row.id, row.frames, lasting, sound, row.observers, row.fixations, middle])
            print("\n".join(columns([head, *cells], "<>><>>>")))
        listed("left out, see `avsal data check`", dataset.problems, limit=3)
        listed("notes", dataset.notes)
    return 1 if dataset.problems else 0


def show(given: Given) -> int:
    """Draw gaze on the frames of a recording, so that one sees at once whether they belong together.

    Writes NAME_sheet.png, twelve frames of the whole video with the sound and the amount of gaze below, and
    NAME_gaze.mp4, a part of it with gaze and density on top and the sound kept.
    """
    from avsal.groundtruth import density_recipe
    from avsal.render.contact_sheet import write_contact_sheet
    from avsal.render.gaze_video import write_gaze_video
    from avsal.render.recording_view import RecordingView

    line = given.read(ShowLine)
    teller, recipe = Teller(line), density_recipe(line.density)
    data = open_data(line, strict=line.strict)
    recordings = chosen(data, line.recording, "recording") if line.recording else [next(iter(data))]
    line.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for recording in recordings:
        try:
            view = RecordingView(recording, recipe)
            base = line.out / recording.id.replace("/", "_")
            sheet, video = base.with_name(base.name + "_sheet.png"), base.with_name(base.name + "_gaze.mp4")
            write_contact_sheet(sheet, view)
            end = min(line.start + line.length, view.end)
            total = round((end - line.start) * view.info.frame_rate)
            frames = teller.bar(view.frames(line.start, end), total=total, desc=recording.id, unit="frame")
            count = write_gaze_video(video, view, line.start, end, frames)
        except AvsalError as error:
            if len(recordings) == 1:
                raise
            failed += 1
            teller.warn(f"{recording.id}: {error}", kind="error")
            continue
        teller.say(f"{recording.id}: {sheet} and {count} frames in {video}")
    return 1 if failed else 0


def bring(given: Given) -> int:
    """Bring exports of an eye tracker to a manifest, which every verb reads as data=manifest.

    avsal data import eyelink p01.asc p02.asc --videos videos -o gaze --screen-cm 53.1x29.9 --distance-cm 65
    avsal data import tobii export.tsv --videos videos -o gaze
    avsal data import neon fixations.csv --videos videos -o gaze --onset "video.start" --screen-px 1920x1080
    avsal data import table gaze.csv --videos videos -o gaze columns.time=t_ms columns.observer=person

    FORMAT is eyelink, tobii, neon, pupil, gazepoint, psychopy, webgazer, table or begaze; docs/own-gaze.md
    says what each is read as: units, origin, clock. What could not be used is named, and the exit code is 1.
    Look at the result before anything else: avsal data show manifest --root gaze
    """
    line = given.read(ImportLine)
    settings = settings_from(ImportSettings, line)
    found = import_gaze(line.format, line.files, line.videos, line.out, settings, overwrite=line.overwrite)
    if not line.quiet:
        listed("notes", found.notes)
        print(found)
    return Teller(line).left_out(found.problems)


def store(given: Given) -> int:
    """Store a data set for training: frames at the model's size and sound at its rate, decoded once.

    avsal data prepare diem --root DIEM --out store --model tsfpnet_av
    avsal data prepare hevc --root hevc --out store --size 96x176
    avsal data prepare dhf1k --root DHF1K --out stores/192x352/dhf1k --size 192x352 --maps --compress

    A run that was stopped goes on where it was when the same command is given again. Recordings that cannot
    be used are named and left out; then the exit code is 1.
    """
    line = given.read(PrepareLine)
    teller = Teller(line)
    found = prepare(
        open_data(line, strict=line.strict),
        line.out,
        line,
        strict=line.strict,
        progress=False if line.quiet else None,
        announce=lambda need: teller.say(str(need)),
    )
    if not line.quiet:
        listed("notes", found.notes)
        print(found)
    return teller.left_out(found.problems)


ACTIONS = {
    "list": Action(Listed, list_data, "the data sets one can name, with size, sound and licence"),
    "import": Action(ImportLine, bring, "bring exports of an eye tracker to a manifest of your own videos"),
    "check": Action(CheckLine, check, "compare a copy with the published counts"),
    "stats": Action(StatsLine, stats, "numbers: videos, fixations, observers, what was dropped"),
    "show": Action(ShowLine, show, "draw gaze on frames: a contact sheet and a short video"),
    "prepare": Action(PrepareLine, store, "store frames at training size and audio at model rate"),
}
