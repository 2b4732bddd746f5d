"""The clips that composites are made of: which there are, who may be seen beside whom, and their pixels.

A folder with `clips.csv`, one row a clip with one visible source and its own sound. Columns read here, others
are left alone::

    file                                   below the folder
    kind                                   face, instrument, animal, object
    speaker                                of a face: source_person, such as lrs3_UZmXwOgNq7c; empty otherwise
    face_x0, face_y0, face_x1, face_y1     box of the face as shares of width and height; empty otherwise
    seconds                                length
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.media import load_sound, open_frames

__all__ = ["FOLDS", "Footage", "Match", "Material", "Part", "Source", "footage"]

Match = Literal["source", "kind"]
Part = Literal["train", "test"]

FOLDS = 3
"""Ways to hold people out; each person is held out in one of them at least."""

AROUND = 1.25
"""Side of the square about a face over the longer side of its box."""

_COLUMNS = ("file", "kind", "speaker", "seconds", "face_x0", "face_y0", "face_x1", "face_y1")


@dataclass(frozen=True)
class Source:
    """One clip of the material.

    Attributes:
        path: of the file.
        kind: face, instrument, animal or object.
        origin: where it is from, such as lrs3; clips of one origin are framed and recorded alike. Of other
            kinds than faces there are too few for that: their kind.
        who: the person, or the file itself where there is none. People are held out, never files.
        seconds: its length.
        face: (x0, y0, x1, y1) as shares of width and height, None where there is none.
    """

    path: Path
    kind: str
    origin: str
    who: str
    seconds: float
    face: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Material:
    """The clips of a folder.

    Attributes:
        sources: in the order of the list.
    """

    sources: tuple[Source, ...]

    @classmethod
    def read(cls, root: Path) -> Material:
        """Read `clips.csv`; the clips themselves are read when they are needed.

        Raises:
            DatasetError: there is no such list, or a column or number of it is missing.
        """
        path = root / "clips.csv"
        try:
            with path.open(newline="", encoding="utf-8") as file:
                table = csv.DictReader(file)
                missing = [name for name in _COLUMNS if name not in (table.fieldnames or ())]
                if missing:
                    raise DatasetError(
                        f"{path}: expected the columns {', '.join(_COLUMNS)} but {missing[0]!r} is missing"
                    )
                return cls(tuple(_source(root, path, row) for row in table))
        except OSError as error:
            raise DatasetError(
                f"expected a list of sounding clips at {path} but it cannot be read ({error.strerror}); give "
                "the folder that holds it as `root`"
            ) from error

    def groups(
        self, kinds: Sequence[str], match: Match, seconds: float, part: Part | None, fold: int
    ) -> dict[str, dict[str, tuple[Source, ...]]]:
        """Who may be seen beside whom: by group, the clips of each person.

        Args:
            kinds: wanted.
            match: whether one composite shows clips of one ``source`` (`Source.origin`), so that framing and
                sound quality tell nothing, or only of one ``kind``.
            seconds: clips shorter than this are left out.
            part: ``test``: the people held out, a third of each origin's where it has at least four of them,
                none otherwise; ``train``: all others; None: everybody.
            fold: which third, 0 to 2.
        """
        chosen = [source for source in self.sources if source.kind in kinds and source.seconds >= seconds]
        origins: dict[str, list[str]] = {}
        for source in self.sources:  # whoever is held out does not depend on the length wanted
            people = origins.setdefault(source.origin, [])
            if source.who not in people:
                people.append(source.who)
        held_out: set[str] = set()
        for people in origins.values():
            people.sort()
            number = ceil(len(people) / FOLDS) if len(people) >= 4 else 0
            held_out |= {people[(fold * number + place) % len(people)] for place in range(number)}
        groups: dict[str, dict[str, tuple[Source, ...]]] = {}
        for source in chosen:
            if part is not None and (source.who in held_out) != (part == "test"):
                continue
            members = groups.setdefault(source.origin if match == "source" else source.kind, {})
            members[source.who] = (*members.get(source.who, ()), source)
        return {name: members for name, members in groups.items() if len(members) >= 2}


@dataclass(frozen=True, eq=False)
class Footage:
    """What is cut out of a clip. Legend: N frames, A samples.

    Attributes:
        frames: (N, h, w, 3) uint8 RGB.
        sound: (A,) in [-1, 1] of the same seconds.
        face: (x0, y0, x1, y1) in pixels of the frames, None where there is none.
        active: (N,) whether the source is sounding: the mean power of a tenth of a second about the frame is
            within 25 dB of the clip's loud moments (90th percentile).
    """

    frames: NDArray[np.uint8]
    sound: NDArray[np.float32]
    face: tuple[float, float, float, float] | None
    active: NDArray[np.bool_]


@lru_cache(maxsize=128)
def footage(source: Source, side: int, frame_rate: float, sample_rate: int) -> Footage:
    """Decode a clip, a square about the face of a face clip and the whole picture of others; kept in memory.

    Args:
        source: the clip.
        side: longer side of the frames in pixels.
        frame_rate: wanted; frame i shows what is seen at i / `frame_rate` seconds.
        sample_rate: sample rate of the sound in Hz.

    Raises:
        DatasetError: it cannot be read, or has no sound.
    """
    try:
        with open_frames(source.path) as reader:
            info = reader.info
            top, left, height, width, face = _cut(source, info.size)
            small = _scaled((height, width), side)
            pictures, times = [], []
            for frame in reader:
                pictures.append(_resized(frame.image[top : top + height, left : left + width], small))
                times.append(frame.time)
        samples, _ = load_sound(source.path, sample_rate, origin=info.origin)
    except MediaError as error:
        raise DatasetError(f"{error}; get the clip again or take its row out of clips.csv") from error
    number = int(min(times[-1] + 1 / frame_rate, len(samples) / sample_rate) * frame_rate)
    shown = np.searchsorted(times, np.arange(number) / frame_rate + 1e-6, side="right") - 1
    sound = samples[: round(number / frame_rate * sample_rate)]
    if face is not None:
        x0, y0, x1, y1 = face
        across, down = small[1] / width, small[0] / height
        face = (x0 * across, y0 * down, x1 * across, y1 * down)
    frames = np.stack(pictures)[np.maximum(shown, 0)]
    return Footage(frames, sound, face, _active(sound, number, frame_rate, sample_rate))


def _source(root: Path, path: Path, row: dict[str, str]) -> Source:
    try:
        corners = tuple(float(row[name]) for name in _COLUMNS[4:]) if row["face_x0"] else None
        seconds = float(row["seconds"])
    except ValueError as error:
        raise DatasetError(f"{path}: {row['file']}: expected a number ({error})") from error
    speaker = row["speaker"]
    face = (corners[0], corners[1], corners[2], corners[3]) if corners else None
    if (row["kind"] == "face") != (face is not None and bool(speaker)):
        raise DatasetError(
            f"{path}: {row['file']}: expected a speaker and a face box for a face, and only then; correct it"
        )
    origin = speaker.partition("_")[0] if speaker else row["kind"]
    return Source(root / row["file"], row["kind"], origin, speaker or row["file"], seconds, face)


def _cut(
    source: Source, size: tuple[int, int]
) -> tuple[int, int, int, int, tuple[float, float, float, float] | None]:
    """Top, left, height and width of what is cut out of a picture, and the face's box within it in pixels."""
    height, width = size
    if source.face is None:
        return 0, 0, height, width, None
    x0, y0, x1, y1 = (share * side for share, side in zip(source.face, (width, height) * 2, strict=True))
    side = min(round(AROUND * max(x1 - x0, y1 - y0)), height, width)
    left = int(np.clip(round((x0 + x1 - side) / 2), 0, width - side))
    top = int(np.clip(round((y0 + y1 - side) / 2), 0, height - side))
    return top, left, side, side, (x0 - left, y0 - top, x1 - left, y1 - top)


def _scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(tensor, size, mode="bilinear", antialias=True)
    return scaled[0].permute(1, 2, 0).contiguous().numpy()


def _active(
    sound: NDArray[np.float32], number: int, frame_rate: float, sample_rate: int
) -> NDArray[np.bool_]:
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    centre = (np.arange(number) + 0.5) / frame_rate * sample_rate
    begin, end = (
        np.clip(np.round(centre + shift * sample_rate).astype(int), 0, len(sound)) for shift in (-0.05, 0.05)
    )
    mean = (power[end] - power[begin]) / np.maximum(end - begin, 1)
    return mean > np.percentile(mean, 90) * 10**-2.5 if number else np.zeros(0, np.bool_)
