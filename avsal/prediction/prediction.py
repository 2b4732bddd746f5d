"""One frame's saliency, as prediction gives it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avsal.clips import resize_map
from avsal.errors import ConfigError
from avsal.media.pixels import RgbConverter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Prediction", "SoundOption", "interpolated"]

#: ``own``, ``none``, ``zero``, a file, or (samples, rate)
SoundOption = str | Path | tuple[Any, int]


@dataclass(frozen=True, repr=False)
class Prediction:
    """One frame's saliency.

    Attributes:
        index: 0-based number of the frame among the predicted ones.
        time: seconds on the video's clock (its time stamp minus the video's origin).
        duration: seconds that the frame is shown.
        map: (H, W) float32, non-negative, of the model's size.
        interpolated: between neighbours in time, because the frame itself was left out.
        condition_maps: by name, the maps with each of the stream's `sounds`, of which `map` is the first;
            empty where none were given.
        attention: by name, what each of the stream's `sounds` adds to the features, (H, W) float32 above -1,
            0 without sound; empty unless asked for.
        video_size: (H, W) of the video's frames; None where it is not known.
        frame: of the video, as `Frame.picture`, where the stream keeps it; see `picture`.
        look: reads the frame from its source again; None where it cannot be read.
    """

    index: int
    time: float
    duration: float
    map: NDArray[np.float32]
    interpolated: bool = False
    condition_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    attention: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    video_size: tuple[int, int] | None = None
    frame: VideoFrame | NDArray[np.uint8] | None = field(default=None, compare=False)
    look: Callable[[], NDArray[np.uint8] | None] | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        height, width = self.map.shape
        row, column = np.unravel_index(int(self.map.argmax()), self.map.shape)
        return (
            f"<Prediction {self.index} at {self.time:.3f} s: map of {width}x{height}, highest "
            f"({float(self.map.max()):.3g}) at {100 * (column + 0.5) / width:.0f} % from the left, "
            f"{100 * (row + 0.5) / height:.0f} % from the top{', interpolated' if self.interpolated else ''}>"
        )

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """(H, W, 3) uint8 RGB: the frame that the map is of, read from its file where it was not kept.

        None where the source is read only once and the stream was not told to keep `pictures`.
        """
        if self.frame is None:
            return None if self.look is None else self.look()
        if isinstance(self.frame, np.ndarray):
            return self.frame
        height, width = self.video_size or (self.frame.height, self.frame.width)
        return RgbConverter((self.frame.height, self.frame.width))(self.frame)[:height, :width]

    def map_at(self, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """The map at another size, interpolated bilinearly, over areas where it shrinks, its values in range.

        This is the one interpolation of maps, that of PNG, grey video and evaluation. (Overlays alone paint a
        bicubic one, which has no creases.)

        Args:
            size: (H, W); None: that of the video's frames.

        Returns:
            (H, W) float32, in the map's own units: it sums to another number where the size differs.

        Raises:
            ConfigError: the size is impossible, or the video's is not known.
        """
        size = self.video_size if size is None else size
        if size is None:
            raise ConfigError(
                "the size of the video's frames is not known here: give map_at((height, width))"
            )
        if len(size) != 2 or min(size) < 1:
            raise ConfigError(f"expected a size as (height, width) in pixels but found {size}")
        return resize_map(self.map, (int(size[0]), int(size[1])))

    def plot(self, path: str | Path | None = None, *, style: str = "heat") -> Any:
        """Draw the map over its frame, or alone where the frame cannot be read; see `avsal.plot`.

        Args:
            path: of a PNG, PDF or SVG to write; None: only the figure is made.
            style: ``heat`` or ``contour``.

        Returns:
            the matplotlib figure, which a notebook shows.
        """
        # Drawing is a later layer, which knows predictions: it is found by name, and only when asked for.
        return import_module("avsal.render.plots").plot(self, path, style=style)


def interpolated(before: Prediction, after: Prediction, share: float) -> dict[str, Any]:
    """The maps between two predictions, `share` of the second, as fields of a `Prediction`."""

    def mixed(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((1 - share) * first + share * second).astype(np.float32)

    return {
        "map": mixed(before.map, after.map),
        "interpolated": True,
        "condition_maps": {
            name: mixed(before.condition_maps[name], one) for name, one in after.condition_maps.items()
        },
        "attention": {name: mixed(before.attention[name], one) for name, one in after.attention.items()},
    }
