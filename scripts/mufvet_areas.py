"""Areas of interest of MUFVET-I from its annotations, for `avsal evaluate areas=`: who speaks, other faces.

    python scripts/mufvet_areas.py MUFVET/annotations speakers.csv
    avsal evaluate data=mufvet root=MUFVET every=25 areas=speakers.csv

A face is the box around its landmarks (`finalN.mat`), a third wider and higher; it is the speaker's where
`mouthMotionN.mat` says that its mouth speaks on that frame. Speakers come first, so they count where boxes
overlap.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation.areas import COLUMNS
from datasets_av.matfile import mat_value, read_mat

WIDER = 1 / 3


def faces_of(frame: Any) -> list[NDArray[np.float64]]:
    """The landmarks (L, 2) of each face on a frame; MATLAB drops the list where there is one."""
    shapes = frame.get("shapes", ()) if isinstance(frame, dict) else ()
    found = [shapes] if isinstance(shapes, dict) else list(shapes)
    marks = [np.asarray(one["shape"], np.float64) for one in found if isinstance(one, dict)]
    return [one for one in marks if one.ndim == 2 and one.shape[1] == 2 and len(one)]


def boxes(landmarks: Path, mouths: Path) -> Iterator[tuple[int, str, float, float, float, float]]:
    """Frame from 0, area, left, top, right, bottom of each face."""
    frames = mat_value(read_mat(landmarks), "final", path=landmarks)
    content = mat_value(read_mat(mouths), "mouthMotion", path=mouths)
    content = [content] if isinstance(content, dict) else content
    speaks = [np.asarray(mat_value(one, "face", path=mouths)).ravel() > 0 for one in content]
    for number, frame in enumerate(frames):
        found = []
        for face, marks in enumerate(faces_of(frame)):
            low, high = marks.min(0), marks.max(0)
            more = (high - low) * WIDER / 2
            talks = face < len(speaks) and number < len(speaks[face]) and bool(speaks[face][number])
            found.append((number, "speaker" if talks else "other face", *(low - more), *(high + more)))
        yield from sorted(found, key=lambda one: one[1] != "speaker")


def main() -> None:
    """Read all annotations of a folder and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    with options.out.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for path in sorted(options.annotations.glob("final*.mat")):
            number = re.sub(r"\D", "", path.stem)
            for frame, area, *box in boxes(path, path.with_name(f"mouthMotion{number}.mat")):
                writer.writerow([number.zfill(3), frame, area, *(f"{edge:.1f}" for edge in box)])


if __name__ == "__main__":
    main()
