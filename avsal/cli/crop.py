"""Cut videos to another aspect ratio, after where people look.

avsal crop clip.mp4 --aspect 9:16        crops/clip_crop.mp4 with its sound, and clip_crop.json, the path
avsal crop videos/ --aspect 1:1 -o out   every video below a folder
avsal crop clip.mp4 --path-only          the path alone, for an editor or a script

The crop is the largest of that shape; it moves along one side, never faster than --speed, and jumps at cuts.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from avsal.cli.parsing import Parser, settings_of
from avsal.cli.predict import Teller
from avsal.configuration import setting
from avsal.errors import AvsalError, shown
from avsal.workflows.collection import find_sources, name_outputs
from avsal.workflows.crop import CropSettings, crop
from avsal.workflows.model import load

__all__ = ["CropLine", "add_arguments", "run"]


@dataclass(frozen=True, kw_only=True)
class CropLine(CropSettings):
    """All that a line says but its sources."""

    out: Path = setting(Path("crops"), help="where to write", metavar="DIR", flags=("-o", "--output"))


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="videos, folders or patterns of videos")
    parser.add_settings(CropLine)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more of each video")


def run(arguments: argparse.Namespace) -> int:
    """Crop every source; return 0 when all were done, 1 when some failed or were damaged, else 2."""
    line = settings_of(arguments, CropLine)
    named = name_outputs(find_sources(arguments.sources), line.out)
    model = load(line)
    failed = damaged = 0
    for number, (source, base) in enumerate(named, start=1):
        teller = Teller(arguments, f"[{number}/{len(named)}] " if len(named) > 1 else "")
        try:
            made = crop(model, source, base, line, progress=teller.progress)
        except (AvsalError, OSError) as error:
            if arguments.debug:
                raise
            failed += 1
            print(f"avsal: error: {shown(error)}", file=sys.stderr, flush=True)
            continue
        if damage := made.facts["damage"]:
            damaged += 1
            print(f"avsal: warning: {shown(f'{source}: {damage}')}", file=sys.stderr, flush=True)
        written = ", ".join(map(str, made.outputs.values()))
        teller.say(f"{source}: {made!r}, {len(made.path.shots)} shots -> {written}")
    return 2 if failed == len(named) else 1 if failed or damaged else 0
