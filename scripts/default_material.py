"""What the default model learns from, in one file that torch and numpy alone can read.

Photographs and videos are kept at the model's size (192 rows or 352 columns, whichever is reached first),
videos as stretches of every second frame, each picture coded by `picture_code`. Every tenth photograph of a
set is held out, for good.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from picture_code import decode, encode

SIZE = (192, 352)
#: of a video: frames of a stretch, video frames between these, and stretches
LENGTH, STEP, STRETCHES = 8, 2, 10
PHOTOGRAPH_QUALITY, VIDEO_QUALITY = 75, 70
DENSITY_SIZE = (48, 64)


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture with its gaze.

    Attributes:
        name: data set and picture.
        image: (H, W, 3) uint8 RGB.
        points: (N, 3) float32: row and column from 0 to 1, viewer.
        density: (h, w) float32 that sums to 1, where maps instead of points are published.
        held: not to be trained on.
    """

    name: str
    image: NDArray[np.uint8]
    points: NDArray[np.float32]
    density: NDArray[np.float32] | None
    held: bool


@dataclass(frozen=True, eq=False)
class Stretch:
    """A piece of a video.

    Attributes:
        video: data set and name.
        numbers: (L,) of its frames in the video.
        frame_rate: of the video.
        images: (L, H, W, 3) uint8 RGB.
        points: L of (N, 3) float32: row and column from 0 to 1, viewer.
    """

    video: str
    numbers: NDArray[np.int64]
    frame_rate: float
    images: NDArray[np.uint8]
    points: list[NDArray[np.float32]]


class Packer:
    """Collects pictures and points, then writes them."""

    def __init__(self) -> None:
        self.codes: list[bytes] = []
        self.points: list[NDArray[np.float32]] = []
        self.densities: list[NDArray[np.uint8]] = []
        self.index: list[dict[str, object]] = []

    def photographs(self, name: str, recordings: Iterable[Any]) -> None:
        """Add a data set of photographs; every tenth is held out."""
        from PIL import Image

        for number, recording in enumerate(recordings):
            with Image.open(recording.frames) as file:
                image = file.convert("RGB")
                size = fitted((image.height, image.width))
                way = Image.Resampling.BOX if image.height > size[0] else Image.Resampling.BILINEAR
                pixels = np.asarray(image.resize(size[::-1], way))
            gaze, density = np.zeros((0, 3)), None
            if recording.load_fixations is not None:
                gaze = relative(recording.load_fixations())
            else:
                published = Image.fromarray(recording.load_density(0))
                drawn = np.asarray(published.resize(DENSITY_SIZE[::-1], Image.Resampling.BOX))
                density = len(self.densities)
                self.densities.append(np.rint(255 * drawn / drawn.max()).astype(np.uint8))
            self.index.append(
                {
                    "name": f"{name}/{recording.id}",
                    "picture": self.picture(pixels, PHOTOGRAPH_QUALITY),
                    "points": self.gaze(gaze),
                    "density": density,
                    "held": number % 10 == 9,
                }
            )

    def video(self, name: str, recording: Any) -> None:
        """Add the stretches of a video."""
        from avsal.media.video import open_frames

        with open_frames(recording.frames) as reader:
            info = reader.info
        images = [frame.image for frame in open_frames(recording.frames, fitted(info.size))]
        fixations = recording.load_fixations()
        last = len(images) - 1 - (LENGTH - 1) * STEP
        for start in np.unique(np.linspace(0, last, STRETCHES).round().astype(int)).tolist():
            numbers = [start + STEP * place for place in range(LENGTH)]
            pictures = [self.picture(images[number], VIDEO_QUALITY) for number in numbers]
            points = [self.gaze(relative(fixations.at(number))) for number in numbers]
            self.index.append(
                {
                    "video": f"{name}/{recording.id}",
                    "frames": numbers,
                    "frame_rate": info.frame_rate,
                    "pictures": [pictures[0], pictures[-1]],
                    "points": points[0],
                }
            )

    def picture(self, image: NDArray[np.uint8], quality: int) -> int:
        """Its number."""
        self.codes.append(encode(image, quality))
        return len(self.codes) - 1

    def gaze(self, points: NDArray[np.floating]) -> int:
        """Its number."""
        self.points.append(points.astype(np.float32).reshape(-1, 3))
        return len(self.points) - 1

    def write(self, path: Path) -> None:
        """One file."""
        packed = {
            "index": np.frombuffer(json.dumps(self.index).encode(), np.uint8),
            "codes": np.frombuffer(b"".join(self.codes), np.uint8),
            "code_ends": np.cumsum([len(code) for code in self.codes]),
            "points": np.rint(np.concatenate(self.points) * [65535, 65535, 1]).astype(np.uint16),
            "point_ends": np.cumsum([len(points) for points in self.points]),
            "densities": np.stack(self.densities)
            if self.densities
            else np.zeros((0, *DENSITY_SIZE), np.uint8),
        }
        np.savez(path, **packed)  # type: ignore[arg-type]


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of a picture at the model's size."""
    scale = min(SIZE[0] / size[0], SIZE[1] / size[1])
    return min(SIZE[0], round(size[0] * scale)), min(SIZE[1], round(size[1] * scale))


def relative(fixations: Any) -> NDArray[np.float64]:
    """(N, 3) row and column from 0 to 1, viewer."""
    height, width = fixations.size
    return np.stack([fixations.y / height, fixations.x / width, fixations.observer], 1)


def pack(data: Path, path: Path) -> None:
    """Write the material of a folder that holds `hevc/`, `mufvet/` and `images/` to one file."""
    from datasets_av.beihang import Hevc, Mufvet
    from datasets_av.map_photographs import Emod
    from datasets_av.nus_photographs import EyeCrowd, Osie, Scene

    packer = Packer()
    images = {"osie": Osie, "eyecrowd": EyeCrowd, "scene500": Scene, "emod_freeview": Emod}
    for name, reader in images.items():
        packer.photographs(name, reader(data / "images" / name))
    for name, videos in {"hevc": Hevc, "mufvet": Mufvet}.items():
        for recording in videos(data / name):
            packer.video(name, recording)
            print(f"{name}/{recording.id}", flush=True)
    packer.write(path)


def load(path: Path) -> tuple[list[Photograph], list[Stretch]]:
    """Decode everything: about 1 GB."""
    with np.load(path) as file:
        index = json.loads(file["index"].tobytes())
        codes, code_ends = file["codes"], file["code_ends"]
        points, point_ends = file["points"].astype(np.float32) / [65535, 65535, 1], file["point_ends"]
        densities = file["densities"]

    def picture(number: int) -> NDArray[np.uint8]:
        start = int(code_ends[number - 1]) if number else 0
        return decode(codes[start : int(code_ends[number])].tobytes())

    def gaze(number: int) -> NDArray[np.float32]:
        start = int(point_ends[number - 1]) if number else 0
        return points[start : int(point_ends[number])].astype(np.float32)

    photographs, stretches = [], []
    for entry in index:
        if "video" in entry:
            first, last = entry["pictures"]
            images = np.stack([picture(number) for number in range(first, last + 1)])
            found = [gaze(entry["points"] + place) for place in range(len(images))]
            stretches.append(
                Stretch(entry["video"], np.array(entry["frames"]), entry["frame_rate"], images, found)
            )
            continue
        number = entry["density"]
        density = None if number is None else densities[number].astype(np.float32)
        photographs.append(
            Photograph(
                entry["name"],
                picture(entry["picture"]),
                gaze(entry["points"]),
                None if density is None else density / density.sum(),
                entry["held"],
            )
        )
    return photographs, stretches
