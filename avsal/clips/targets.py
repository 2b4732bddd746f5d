"""Ground truth of a clip: density maps and fixated pixels at the size of the model's maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips.camera import Views
from avsal.clips.preparation import content_region, resize_map
from avsal.clips.stored_recording import StoredRecording
from avsal.errors import ConfigError
from avsal.groundtruth import DensityRecipe, crop, flip
from avsal.types import ClipSpec, Fixations

__all__ = ["TargetRule", "Targets", "cut", "mirror"]


@dataclass(frozen=True)
class Targets:
    """Ground truth of T' maps.

    Attributes:
        density: (T', h, w) float32, each map sums to 1, or is zero everywhere where nobody looked.
        points: their `frame` says which of the T' maps; in pixels of a map.
    """

    density: NDArray[np.float32]
    points: Fixations

    def pixels(self) -> tuple[Tensor, ...]:
        """For each map (N, 2) int64: rows and columns of its fixations."""
        rows, columns = self.points.rows_and_columns()
        pixels = torch.from_numpy(np.stack([rows, columns], axis=1))
        slots = torch.from_numpy(self.points.frame)
        return tuple(pixels[slots == slot] for slot in range(len(self.density)))


@dataclass(frozen=True)
class TargetRule:
    """How ground truth is made.

    Attributes:
        spec: of the model.
        size: (h, w) of the maps.
        recipe: how fixations become density; None: the release's own maps or object masks.
    """

    spec: ClipSpec
    size: tuple[int, int]
    recipe: DensityRecipe | None

    def check(self, recording: StoredRecording) -> None:
        """Raise ConfigError when the recording has not what the rule needs."""
        if self.recipe is None and recording.maps is None:
            raise ConfigError(
                f"{recording.dataset} {recording.id} holds no density maps: state a recipe that draws them "
                "from fixations, or prepare the data with its maps kept"
            )
        if self.recipe is not None and recording.num_fixations is None:
            raise ConfigError(
                f"{recording.dataset} {recording.id} has maps but no fixations to draw density from: use its "
                "own maps, without a density recipe"
            )

    def targets(
        self, recording: StoredRecording, frames: Sequence[int], views: Views | None = None
    ) -> Targets:
        """Ground truth of some frames of a recording, one map each.

        Args:
            recording: a stored one.
            frames: frames of it.
            views: views of a photograph, one for each of the frames: the part that a camera shows.

        Raises:
            ConfigError: the recipe's Gaussian is too narrow for maps of this size, or in degrees where the
                screen is not known.
        """
        rows, columns = content_region(self.spec, recording.video_size, self.size)
        inner = rows.stop - rows.start, columns.stop - columns.start
        density = np.zeros((len(frames), *self.size), np.float32)
        looks = self._looks(recording, frames)
        if views is not None:
            looks = views.points(looks.at(0))
        for slot, frame in enumerate(frames):
            if self.recipe is None:
                own = recording.target_map(frame)
                shown = own if views is None else views.at([slot]).maps(own)[0]
                density[slot, rows, columns] = resize_map(shown, inner)
            else:
                density[slot, rows, columns] = self._drawn(self.recipe, looks.at(slot), inner)
        return Targets(_distributions(density), self._placed(looks, inner, rows.start, columns.start))

    def _looks(self, recording: StoredRecording, frames: Sequence[int]) -> Fixations:
        """The fixations in pixels of the original frame, none for a recording that has only maps."""
        if recording.num_fixations is None:
            nobody, nowhere = np.zeros(0, np.int64), np.zeros(0)
            return Fixations(nobody, nowhere, nowhere, nobody, recording.video_size)
        return recording.fixations_at(frames)

    def _drawn(self, recipe: DensityRecipe, looks: Fixations, size: tuple[int, int]) -> NDArray[np.float32]:
        try:
            return recipe.draw(looks, size)
        except ValueError as error:
            raise ConfigError(f"density recipe {recipe.name!r} cannot be used: {error}") from error

    def _placed(self, looks: Fixations, size: tuple[int, int], top: int, left: int) -> Fixations:
        """The fixations as whole pixels of a map whose picture is of `size`, at `top` and `left`."""
        return _whole_pixels(looks.scaled(size), self.size, top, left)


def mirror(images: Tensor, targets: Targets) -> tuple[Tensor, Targets]:
    """Mirror a clip (T, H, W, 3) and its ground truth left and right, together."""
    frames, density, points = flip(images.movedim(-1, 1), targets.density, targets.points)
    return frames.movedim(1, -1), Targets(density, points)


def cut(
    images: Tensor,
    targets: Targets,
    size: tuple[int, int],
    map_size: tuple[int, int],
    random: np.random.Generator,
) -> tuple[Tensor, Targets]:
    """Cut one random rectangle of `size` out of a clip (T, H, W, 3) and its ground truth, together.

    Args:
        images: images at least of `size`.
        targets: targets of the images' size.
        size: (H, W) of the rectangle.
        map_size: (h, w) that its ground truth is brought to; maps sum to 1 again.
        random: where it lies.
    """
    top, left = (int(random.integers(images.shape[1 + axis] - size[axis] + 1)) for axis in (0, 1))
    frames, density, points = crop(
        images.movedim(-1, 1), targets.density, targets.points, top=top, left=left, size=size
    )
    density = np.stack([resize_map(image, map_size) for image in density])
    points = _whole_pixels(points.scaled(map_size), map_size)
    return frames.movedim(1, -1), Targets(_distributions(density), points)


def _whole_pixels(points: Fixations, size: tuple[int, int], top: int = 0, left: int = 0) -> Fixations:
    """The pixels that points fall in, moved into a map of `size`."""
    rows, columns = points.rows_and_columns()
    x, y = (columns + left).astype(np.float64), (rows + top).astype(np.float64)
    return Fixations(points.frame, x, y, points.observer, size)


def _distributions(density: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each of the (T', h, w) maps divided by its sum; maps of zeros stay."""
    sums = density.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
    return (density / np.where(sums > 0, sums, 1)).astype(np.float32)
