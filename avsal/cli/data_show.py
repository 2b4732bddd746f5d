"""Draw gaze on the frames of a recording, so that one sees at once whether they belong together.

Writes NAME_sheet.png, twelve frames of the whole video with the sound and the amount of gaze below, and
NAME_gaze.mp4, a part of it with gaze and density on top and the sound kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.cli.data_source import SourceLine, add_source_arguments, line_of, open_source
from avsal.cli.parsing import Parser
from avsal.configuration import seconds, setting
from avsal.errors import AvsalError, ConfigError

if TYPE_CHECKING:
    from avsal.types import Recording
    from datasets_av import Dataset

__all__ = ["add_arguments", "run"]


@dataclass(frozen=True, kw_only=True)
class ShowLine(SourceLine):
    """What is to be drawn."""

    out: Path = setting(help="where to write", metavar="DIR", flags=("-o", "--output"))
    recording: tuple[str, ...] = setting(
        (), help="which to show, with commas [the first that can be used]", metavar="IDS"
    )
    start: float = setting(0.0, help="of the video [its start]", metavar="TIME", parse=seconds)
    length: float = setting(10.0, help="of the video in seconds", metavar="TIME", parse=seconds)
    density: str = setting("dhf1k", help="recipe by which gaze is blurred", metavar="RECIPE")


def add_arguments(parser: Parser) -> None:
    """Declare the action's arguments."""
    add_source_arguments(parser, ShowLine)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Draw each recording; 1 where some could not be drawn."""
    from tqdm import tqdm

    from avsal.groundtruth import density_recipe
    from avsal.render.contact_sheet import write_contact_sheet
    from avsal.render.gaze_video import write_gaze_video
    from avsal.render.recording_view import RecordingView

    line = line_of(arguments, ShowLine)
    recipe = density_recipe(line.density)
    recordings = chosen(open_source(line), line.recording)
    line.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for recording in recordings:
        try:
            view = RecordingView(recording, recipe)
            base = line.out / recording.id.replace("/", "_")
            sheet, video = base.with_name(base.name + "_sheet.png"), base.with_name(base.name + "_gaze.mp4")
            write_contact_sheet(sheet, view)
            end = min(line.start + line.length, view.end)
            frames = tqdm(
                view.frames(line.start, end),
                total=round((end - line.start) * view.info.frame_rate),
                desc=recording.id,
                unit="frame",
                file=sys.stderr,
                disable=True if arguments.quiet else None,
                leave=False,
            )
            count = write_gaze_video(video, view, line.start, end, frames)
        except AvsalError as error:
            if len(recordings) == 1:
                raise
            failed += 1
            print(f"avsal: error: {recording.id}: {error}", file=sys.stderr)
            continue
        if not arguments.quiet:
            print(f"{recording.id}: {sheet} and {count} frames in {video}")
    return 1 if failed else 0


def chosen(dataset: Dataset, ids: Sequence[str]) -> list[Recording]:
    """The recordings called `ids`, or the first one.

    Raises:
        ConfigError: there is none of that name.
    """
    if not ids:
        return [next(iter(dataset))]
    found = {recording.id: recording for recording in dataset}
    for name in ids:
        if name not in found:
            known = ", ".join(list(found)[:8]) + (" and others" if len(found) > 8 else "")
            raise ConfigError(f"{dataset.info.title} has no usable recording {name!r}; it has {known}")
    return [found[name] for name in ids]
