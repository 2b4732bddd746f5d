"""Training batches of the default model: pictures cropped, mirrored and put on a canvas, gaze moved along."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from default_material import Photograph, Stretch, load
from numpy.typing import NDArray
from torch import Tensor

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
#: standard deviation of a density map in parts of the picture's width, and how many pixels a cell of it has
SIGMA = {"photograph": 0.03, "video": 0.025}
CELL = 4
MOST_POINTS = 256
CANVAS = {"photograph": (192, 256), "video": (192, 352)}
SEED = 1


class Batch(NamedTuple):
    """Legend: B clips, N frames, H W canvas, h w = H / 4, W / 4, P points at most.

    Attributes:
        frames: (B, 3, N, H, W), normalised; 0 where the picture does not reach.
        density: (B, N, h, w), sums to 1, or 0 everywhere where nobody looked.
        points: (B, N, P) cells of fixations.
        weights: (B, N, P) 1 for fixations, 0 for padding.
    """

    frames: Tensor
    density: Tensor
    points: Tensor
    weights: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))


class Crop(NamedTuple):
    """The part of a picture that is shown (top, left, height, width from 0 to 1), and whether mirrored."""

    top: float
    left: float
    height: float
    width: float
    mirrored: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, whole: float, smallest: float) -> Crop:
        """The whole picture with probability `whole`, else a part of at least `smallest` of each side."""
        height = width = 1.0
        if rng.random() >= whole:
            height = rng.uniform(smallest, 1)
            width = min(1.0, height * np.exp(rng.uniform(-0.12, 0.12)))
        top, left = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width)
        return cls(top, left, height, width, bool(rng.random() < 0.5))

    def of_points(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 2) rows and columns from 0 to 1 within the part, those outside left out."""
        moved = (points[:, :2] - [self.top, self.left]) / [self.height, self.width]
        moved = moved[(moved >= 0).all(1) & (moved < 1).all(1)]
        if self.mirrored:
            moved = np.stack([moved[:, 0], 1 - moved[:, 1] - 1e-6], 1)
        return moved.astype(np.float32)


WHOLE = Crop(0, 0, 1, 1, False)


def show(images: Tensor, crop: Crop, canvas: tuple[int, int], gain: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Pictures on a canvas.

    Args:
        images: (N, H, W, 3) uint8.
        crop: what is shown of them.
        canvas: (H, W) that is filled as far as their shape allows.
        gain: (3,) factors of the colours, before the pictures are clipped to white.

    Returns:
        (3, N, H, W) normalised, and (top, left, height, width) of the pictures on the canvas.
    """
    height, width = images.shape[1:3]
    top, left = round(crop.top * height), round(crop.left * width)
    part = images[
        :, top : top + round(crop.height * height), left : left + round(crop.width * width)
    ].permute(0, 3, 1, 2)
    scale = min(canvas[0] / part.shape[2], canvas[1] / part.shape[3])
    size = tuple(min(side, round(own * scale)) for side, own in zip(canvas, part.shape[2:], strict=True))
    scaled = part.float() / 255
    if size != tuple(part.shape[2:]):
        scaled = F.interpolate(scaled, size, mode="bilinear", align_corners=False)
    scaled = ((scaled * gain[:, None, None]).clamp(max=1) - MEAN) / STD
    if crop.mirrored:
        scaled = scaled.flip(3)
    above, before = (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2
    placed = scaled.new_zeros(len(images), 3, *canvas)
    placed[:, :, above : above + size[0], before : before + size[1]] = scaled
    return placed.transpose(0, 1), (above, before, *size)


def density_of(points: NDArray[np.float32], grid: tuple[int, int], sigma: float) -> Tensor:
    """(h, w) that sums to 1, of (N, 2) points in cells; zeros without points."""
    if len(points) == 0:
        return torch.zeros(grid)
    rows, columns = (torch.arange(side) + 0.5 for side in grid)
    found = torch.from_numpy(points)
    vertical = torch.exp(-0.5 * ((rows - found[:, :1]) / sigma) ** 2)
    horizontal = torch.exp(-0.5 * ((columns - found[:, 1:]) / sigma) ** 2)
    total = vertical.T @ horizontal
    return total / total.sum()


def target(
    points: NDArray[np.float32], place: Sequence[int], canvas: tuple[int, int], sigma: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Density (h, w), cells (P,) and weights (P,) of (N, 2) points, 0 to 1 within a place on the canvas."""
    top, left, height, width = place
    grid = (canvas[0] // CELL, canvas[1] // CELL)
    cells = (points * [height, width] + [top, left]) / CELL
    density = density_of(cells.astype(np.float32), grid, max(0.8, sigma * width / CELL))
    index = cells.astype(np.int64)[:MOST_POINTS]
    flat = index[:, 0].clip(0, grid[0] - 1) * grid[1] + index[:, 1].clip(0, grid[1] - 1)
    padded, weights = torch.zeros(MOST_POINTS, dtype=torch.int64), torch.zeros(MOST_POINTS)
    padded[: len(flat)], weights[: len(flat)] = torch.from_numpy(flat), 1
    return density, padded, weights


def colour_gain(rng: np.random.Generator) -> Tensor:
    """(3,) a factor of brightness and smaller ones of each colour."""
    return torch.from_numpy((rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3)).astype(np.float32))


def photographs(chosen: Sequence[Photograph], rng: np.random.Generator, canvas: tuple[int, int]) -> Batch:
    """One frame of each picture."""
    entries = []
    for photograph in chosen:
        crop = Crop.draw(rng, 0.5, 0.6)
        image = torch.from_numpy(photograph.image)[None]
        frames, place = show(image, crop, canvas, colour_gain(rng))
        points = crop.of_points(photograph.points[rng.permutation(len(photograph.points))])
        density, cells, weights = target(points, place, canvas, SIGMA["photograph"])
        if photograph.density is not None:
            density = moved_density(photograph.density, crop, place, canvas)
        entries.append((frames, density[None], cells[None], weights[None]))
    return Batch(*(torch.stack(list(part)) for part in zip(*entries, strict=True)))


def moved_density(
    density: NDArray[np.float32], crop: Crop, place: Sequence[int], canvas: tuple[int, int]
) -> Tensor:
    """A published map cropped, mirrored and placed like its picture; (h, w), sums to 1."""
    height, width = density.shape
    top, left = round(crop.top * height), round(crop.left * width)
    part = torch.from_numpy(density)[
        top : top + round(crop.height * height), left : left + round(crop.width * width)
    ]
    above, before, rows, columns = (round(side / CELL) for side in place)
    part = F.interpolate(part[None, None], (rows, columns), mode="bilinear", align_corners=False)[0, 0]
    placed = torch.zeros(canvas[0] // CELL, canvas[1] // CELL)
    placed[above : above + rows, before : before + columns] = part.flip(1) if crop.mirrored else part
    return placed / placed.sum().clamp(min=1e-9)


def videos(
    chosen: Sequence[Stretch], rng: np.random.Generator, canvas: tuple[int, int], length: int
) -> Batch:
    """`length` frames of each stretch, all cropped alike."""
    entries = []
    for stretch in chosen:
        crop = Crop.draw(rng, 0.5, 0.75)
        first = int(rng.integers(0, len(stretch.images) - length + 1))
        images = torch.from_numpy(stretch.images[first : first + length])
        frames, place = show(images, crop, canvas, colour_gain(rng))
        targets = [
            target(crop.of_points(stretch.points[first + i]), place, canvas, SIGMA["video"])
            for i in range(length)
        ]
        entries.append((frames, *(torch.stack(list(part)) for part in zip(*targets, strict=True))))
    return Batch(*(torch.stack(list(part)) for part in zip(*entries, strict=True)))


class Material:
    """Where the batches of all stages come from; batch n of a stage is always the same.

    Args:
        path: of the packed file.
        without: a fold of scenes to leave out, with those set aside; ``none``: all are learned from.
    """

    def __init__(self, path: Path, without: str) -> None:
        pictures, stretches = load(path)
        self.photographs: list[Photograph] = [one for one in pictures if not one.held]
        self.every = stretches
        self.scenes: dict[str, dict[str, list[Stretch]]] = {}
        with Path(__file__).with_name("default_scenes.csv").open(newline="") as file:
            table = {row["video"]: row for row in csv.DictReader(file)}
        for stretch in stretches:
            row = table[stretch.video]
            if without == "none" or row["fold"] not in (without, "aside"):
                videos = self.scenes.setdefault(row["scene"], {})
                videos.setdefault(stretch.video, []).append(stretch)

    def epoch(self, step: int, size: int) -> Batch:
        """Photographs in an order of their own for each round."""
        rng = np.random.default_rng([SEED, step])
        rounds, place = divmod(step * size, len(self.photographs) - size + 1)
        order = np.random.default_rng([SEED + 1, rounds]).permutation(len(self.photographs))
        chosen = [self.photographs[index] for index in order[place : place + size].tolist()]
        return photographs(chosen, rng, CANVAS["photograph"])

    def some(self, rng: np.random.Generator, size: int) -> Batch:
        """Photographs drawn at random."""
        chosen = rng.choice(len(self.photographs), size, replace=False).tolist()
        return photographs([self.photographs[n] for n in chosen], rng, CANVAS["photograph"])

    def stretches(self, rng: np.random.Generator, size: int, length: int) -> Batch:
        """Stretches of different scenes, each as likely, whatever the number of its videos."""
        chosen = []
        for scene in rng.permutation(sorted(self.scenes))[:size].tolist():
            videos = self.scenes[scene]
            of_video = videos[sorted(videos)[int(rng.integers(len(videos)))]]
            chosen.append(of_video[int(rng.integers(len(of_video)))])
        return videos(chosen, rng, CANVAS["video"], length)
