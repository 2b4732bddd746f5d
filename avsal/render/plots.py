"""Any result as a figure: maps over their frames, scores, effects of sound, training curves."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.prediction import Prediction, PredictionStream
from avsal.render.colormap import colormap
from avsal.render.overlay import STYLES, OverlayStyle, draw_overlay
from avsal.render.style import LABEL, new_figure, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot"]

MOST_PANELS = 12
"""Frames of a video that are drawn, at equal distances."""

COLUMNS = 4
WIDTH = 2.4
"""Inches of a panel."""

ALPHA = 0.7


def plot(
    result: Any, path: str | Path | None = None, *, style: str = "heat", colours: str = "inferno"
) -> Figure:
    """Draw a result.

    Examples:
        >>> avsal.plot(frame)                                  # a map over its frame
        >>> avsal.plot(avsal.predict(model, "clip.mp4"))       # twelve frames of a video
        >>> avsal.plot(scores, "scores.pdf"); avsal.plot(effect); avsal.plot(run)

    Args:
        result: a `Prediction`, several, or a stream of them (read to its end); or what `avsal.evaluate`,
            `avsal.ablate` or `avsal.train` return, or anything else with a method `figure`.
        path: of a PNG, PDF or SVG to write; None: only the figure is made.
        style: of maps over frames: ``heat`` or ``contour``.
        colours: of maps; see `avsal.render.COLORMAPS`.

    Returns:
        the matplotlib figure; a notebook shows it.

    Raises:
        ConfigError: nothing that can be drawn, or an unknown style.
        MediaError: the file cannot be written.
    """
    if style not in STYLES:
        raise ConfigError(f"unknown style {style!r}: expected one of {', '.join(STYLES)}")
    how: OverlayStyle = "contour" if style == "contour" else "heat"
    if isinstance(result, Prediction):
        return written(_panels([result], how, colours), path)
    if callable(getattr(result, "figure", None)):
        figure: Figure = result.figure()
        return written(figure, path)
    if isinstance(result, PredictionStream) or (
        isinstance(result, Iterable) and not isinstance(result, str | bytes | dict | np.ndarray)
    ):
        return written(_panels(_chosen(result), how, colours), path)
    raise ConfigError(
        "expected predictions, or what avsal.evaluate, ablate or train return, but found "
        f"{type(result).__name__}"
    )


def _chosen(predictions: Iterable[Any]) -> list[Prediction]:
    """At most `MOST_PANELS` of them, at equal distances, in memory that does not grow with their number."""
    kept: list[Prediction] = []
    step = 1
    for number, one in enumerate(predictions):
        if not isinstance(one, Prediction):
            raise ConfigError(f"expected predictions but found {type(one).__name__}")
        if number % step == 0:
            kept.append(one)
        if len(kept) == 2 * MOST_PANELS:
            kept, step = kept[::2], 2 * step
    if not kept:
        raise ConfigError("expected predictions but there are none: was the stream read before?")
    places = np.linspace(0, len(kept) - 1, min(len(kept), MOST_PANELS)).round().astype(int)
    return [kept[place] for place in places]


def _panels(predictions: list[Prediction], style: OverlayStyle, colours: str) -> Figure:
    table = colormap(colours)
    pictures = [_drawn(one, table, style) for one in predictions]
    height, width = pictures[0].shape[:2]
    columns = min(COLUMNS, len(pictures))
    rows = ceil(len(pictures) / columns)
    scale = WIDTH * (2.2 if len(pictures) == 1 else 1)
    figure = new_figure(scale * columns, rows * (scale * height / width + 0.25))
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, one, picture in zip(axes.flat, predictions, pictures, strict=False):
        axis.imshow(picture)
        axis.set_title(f"frame {one.index}   {one.time:.2f} s", fontsize=LABEL, loc="left", pad=3)
    return figure


def _drawn(one: Prediction, table: NDArray[np.uint8], style: OverlayStyle) -> NDArray[np.uint8]:
    """The map over its frame; alone, on a grey ground, where the frame cannot be read."""
    picture = one.picture
    if picture is None:
        size = one.map.shape if one.video_size is None else one.video_size
        picture = np.full((*size, 3), 40, np.uint8)
    return draw_overlay(picture, one.map, table, ALPHA, style)
