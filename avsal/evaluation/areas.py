"""Areas of interest: boxes on frames of videos, such as faces and the speaker, read from one table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError
from avsal.media.cells import from_cell

__all__ = ["COLUMNS", "Box", "area_of", "boxes_on", "read_areas"]

COLUMNS = ("video", "frame", "area", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class Box:
    """One area on one frame.

    Attributes:
        area: its name; several boxes may share one.
        left: and
        top: inside, in pixels.
        right: and
        bottom: the first pixel outside.
    """

    area: str
    left: float
    top: float
    right: float
    bottom: float

    def scaled(self, vertical: float, horizontal: float) -> Box:
        """The box on a picture of another size."""
        return replace(
            self,
            left=self.left * horizontal,
            right=self.right * horizontal,
            top=self.top * vertical,
            bottom=self.bottom * vertical,
        )


#: boxes by video and frame, in the order of the file
Areas = Mapping[str, Mapping[int, Sequence[Box]]]


def read_areas(path: str | Path) -> Areas:
    """Read a CSV with the columns ``video, frame, area, left, top, right, bottom``, a line a box and frame.

    Frames count from 0, boxes are in pixels of the video. Where boxes overlap the one that comes first in the
    file counts, so the speaker stands before the faces.

    Raises:
        DatasetError: the file is missing, or a line is not of that form; names it.
    """
    path = Path(path)
    found: dict[str, dict[int, list[Box]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = set(COLUMNS) - set(reader.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{path}: expected the columns {', '.join(COLUMNS)}; there is no {min(missing)}"
                )
            for line in reader:
                try:
                    frame, area = int(line["frame"]), from_cell((line["area"] or "").strip())
                    left, top, right, bottom = (float(line[name]) for name in COLUMNS[3:])
                    known = frame >= 0 and area and left < right and top < bottom
                except (TypeError, ValueError):
                    known = False
                if not known:
                    raise DatasetError(
                        f"{path}, line {reader.line_num}: expected a frame from 0, a name and a box, left "
                        f"below right and top below bottom, but found {list(line.values())[1:7]}"
                    )
                video = from_cell((line["video"] or "").strip())
                found.setdefault(video, {}).setdefault(frame, []).append(Box(area, left, top, right, bottom))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: the areas cannot be read: {error}") from error
    if not found:
        raise DatasetError(f"{path}: expected a line for each box but found none")
    return found


def boxes_on(areas: Areas, video: str, frame: int, vertical: float, horizontal: float) -> list[Box]:
    """The boxes of a frame, scaled from the video's pixels."""
    return [box.scaled(vertical, horizontal) for box in areas.get(video, {}).get(frame, ())]


def area_of(x: NDArray[np.floating], y: NDArray[np.floating], boxes: Sequence[Box]) -> NDArray[np.str_]:
    """(N,) the first area that holds each point, empty where none does."""
    found = np.full(len(x), "", dtype=object)
    for box in boxes:
        inside = (x >= box.left) & (x < box.right) & (y >= box.top) & (y < box.bottom) & (found == "")
        found[inside] = box.area
    return found.astype(np.str_)
