"""Cut videos to another aspect ratio, after where people look.

avsal crop clip.mp4 --aspect 9:16        crops/clip_crop.mp4 with its sound, and clip_crop.json, the path
avsal crop videos/ --aspect 1:1 -o out   every video below a folder
avsal crop clip.mp4 --path-only          the path alone, for an editor or a script

The crop is the largest of that shape; it moves along one side, never faster than --speed, and jumps at cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avsal.cli.parsing import Action, Given
from avsal.cli.telling import Teller, Verbose
from avsal.configuration import setting
from avsal.errors import AvsalError, counted
from avsal.workflows.video_settings import CropSettings

__all__ = ["VERB", "CropLine"]


@dataclass(frozen=True, kw_only=True)
class CropLine(Verbose, CropSettings):
    """All that a line says."""

    sources: tuple[str, ...] = setting(
        help="videos, folders or patterns of videos", metavar="SOURCE", position="+"
    )
    out: Path = setting(Path("crops"), help="where to write", metavar="DIR", flags=("-o", "--output"))


def run(given: Given) -> int:
    """Crop every source; return 0 when all were done, 1 when some failed or were damaged, else 2."""
    from avsal.workflows.collection import find_sources, name_outputs
    from avsal.workflows.crop import crop
    from avsal.workflows.model import load

    line = given.read(CropLine)
    named = name_outputs(find_sources(line.sources), line.out)
    model = load(line)
    failed = damaged = 0
    for number, (source, base) in enumerate(named, start=1):
        teller = Teller(line, number, len(named))
        try:
            made = crop(model, source, base, line, progress=teller.stream)
        except (AvsalError, OSError) as error:
            if given.debug:
                raise
            failed += 1
            teller.warn(error, kind="error")
            continue
        if damage := made.facts["damage"]:
            damaged += 1
            teller.warn(f"{source}: {damage}")
        written = ", ".join(map(str, made.outputs.values()))
        teller.say(f"{source}: {made!r}, {counted(len(made.path.shots), 'shot')} -> {written}")
    return 2 if failed == len(named) else 1 if failed or damaged else 0


VERB = Action(CropLine, run)
