"""A video of one video's maps beside each other: with two sounds, what differs, and the attention."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.clips import resize_map
from avsal.errors import MediaError
from avsal.media.video import open_frames
from avsal.media.writer import VideoWriter
from avsal.prediction import Prediction
from avsal.render.caption import write_text
from avsal.render.colormap import colormap
from avsal.render.outputs import Output, OutputRequest
from avsal.render.overlay import draw_overlay

__all__ = ["ComparisonVideo", "attention_picture", "difference_picture"]

#: the difference's colours: where the first sound draws gaze, and where the second does
FIRST, SECOND = np.array([255, 120, 30], np.float32), np.array([40, 140, 255], np.float32)

#: pixels between panels, and of the strip above each that says what it shows
GAP, STRIP = 4, 18


class ComparisonVideo(Output):
    """Four panels with the video's sound: the map with one sound, with another, their difference, attention.

    The maps are painted as in the overlay video. In the difference, orange is where the first sound draws
    gaze and blue where the second does; its strength is the root of the difference of both maps' densities,
    in parts of the larger peak. The attention is the factor by which a sound multiplies the visual features;
    what is shown is how far the factors of both sounds are apart, in parts of the largest factor under any
    sound: dark where it matters to no feature which of the two is heard.

    Args:
        path: ends in ``.mp4``.
        request: see `OutputRequest`.
        first: name of a sound of `Prediction.condition_maps` and `Prediction.attention`.
        second: name of another of `Prediction.condition_maps`.
        height: of a panel in pixels; videos that are smaller keep their size.
    """

    suffix = "_ablation.mp4"

    def __init__(
        self,
        path: Path,
        request: OutputRequest,
        first: str = "original",
        second: str = "zero",
        height: int = 270,
    ) -> None:
        super().__init__(path, request)
        self.first, self.second, self.height = first, second, height

    def _open(self) -> None:
        request = self.request
        full = request.info.size
        scale = min(1.0, self.height / full[0])
        self.size = (max(2, round(full[0] * scale / 2) * 2), max(2, round(full[1] * scale / 2) * 2))
        self.table = colormap(request.colormap)
        assert request.source is not None  # videos are compared from files
        reader = open_frames(
            request.source, self.size, frame_rate=request.frame_rate, start=request.start, end=request.end
        )
        self.frames = iter(self._stack.enter_context(reader))
        names = (
            self.first,
            self.second,
            f"{self.first} - {self.second}",
            f"attention: {self.first} - {self.second}",
        )
        self.cell = (self.size[0] + STRIP, self.size[1])
        self.video_size = (2 * self.cell[0] + GAP, 2 * self.cell[1] + GAP)
        self.strips = [self._strip(name) for name in names]
        self.video = self._stack.enter_context(
            VideoWriter(
                self.path,
                self.video_size,
                time_base=request.info.time_base,
                frame_rate=request.info.frame_rate,
                sound_from=request.sound_from,
                origin=request.info.origin if request.sound_from == request.source else None,
                start=request.start or 0.0,
                end=request.end,
            )
        )

    def _strip(self, text: str) -> NDArray[np.uint8]:
        strip = np.full((STRIP, self.size[1], 3), 24, np.uint8)
        write_text(strip, text, left=6, middle=STRIP // 2, height=12)
        return strip

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        frame = next(self.frames, None)
        if frame is None or abs(frame.time - prediction.time) > 1e-6:
            raise MediaError(
                f"{self.request.source}: reading the video again did not give the frame at "
                f"{prediction.time:.3f} s; was the file changed meanwhile?"
            )
        maps = [prediction.condition_maps[name] for name in (self.first, self.second)]
        whole = [resize_map(one, self.size) for one in maps]
        panels = [
            *(draw_overlay(frame.image, one, self.table, self.request.alpha) for one in maps),
            difference_picture(frame.image, *whole),
            attention_picture(
                frame.image,
                *(resize_map(prediction.attention[name], self.size) for name in (self.first, self.second)),
                largest=max(float((1 + one).max()) for one in prediction.attention.values()),
                table=self.table,
            ),
        ]
        canvas = np.zeros((*self.video_size, 3), np.uint8)
        for number, (strip, panel) in enumerate(zip(self.strips, panels, strict=True)):
            top, left = (
                place * (side + GAP) for place, side in zip(divmod(number, 2), self.cell, strict=True)
            )
            canvas[top : top + self.cell[0], left : left + self.cell[1]] = np.concatenate([strip, panel])
        self.video.write(canvas, frame.time)


def difference_picture(
    picture: NDArray[np.uint8], first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The picture in dim grey, orange where the first map has more of its mass, blue where the second.

    Args:
        picture: (H, W, 3) RGB.
        first: (H, W) non-negative.
        second: (H, W) non-negative.

    Returns:
        (H, W, 3) RGB.
    """
    one, two = (m / total if (total := float(m.sum())) > 0 else m for m in (first, second))
    peak = max(float(one.max()), float(two.max()))
    strength = (one - two) / peak if peak > 0 else np.zeros_like(one)
    strength = np.sign(strength) * np.sqrt(np.abs(strength))  # the eye would miss small differences
    grey = picture.mean(2, keepdims=True).astype(np.float32) * 0.5
    share = np.abs(strength)[..., None]
    colour = np.where(strength[..., None] > 0, FIRST, SECOND)
    return np.clip((1 - share) * grey + share * colour + 0.5, 0, 255).astype(np.uint8)


def attention_picture(
    picture: NDArray[np.uint8],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    *,
    largest: float,
    table: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """The picture in dim grey, bright where two sounds multiply the visual features differently.

    Args:
        picture: (H, W, 3) RGB.
        first: (H, W) attention: 1 + it is the factor.
        second: (H, W) of the other sound.
        largest: the largest factor under any sound: a difference as large is as bright as can be.
        table: from `colormap`.

    Returns:
        (H, W, 3) RGB.
    """
    share = np.clip(np.abs(first - second) / largest if largest > 0 else np.zeros_like(first), 0, 1)
    grey = picture.mean(2, keepdims=True) * 0.35
    colour = table[(share * 255 + 0.5).astype(np.uint8)]
    return np.clip((1 - share[..., None]) * grey + share[..., None] * colour + 0.5, 0, 255).astype(np.uint8)
