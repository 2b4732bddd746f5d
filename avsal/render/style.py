"""One style for every plot: figures, axes, colours, and how they are written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avsal.errors import ConfigError
from avsal.media import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "COLOURS",
    "GAZE_ON_DARK",
    "GREY",
    "ORANGE",
    "SOUND_ON_DARK",
    "Drawn",
    "new_figure",
    "tidy",
    "written",
]

BLUE, ORANGE, GREY = "#0b6bcb", "#c2631b", "#7a7a7a"

#: of curves, in their order
COLOURS = (BLUE, ORANGE, "#2b8a3e", "#9c36b5", "#c92a2a", "#0c8599", GREY)

SOUND_ON_DARK, GAZE_ON_DARK = (96, 165, 250), (251, 146, 60)
"""`BLUE` and `ORANGE` on the dark ground of contact sheets."""

TITLE, LABEL, TICK = 9, 8, 7
"""Sizes of letters in points."""

_GRID, _LINE = "#e6e6e6", "#bbbbbb"
_FORMATS = ("png", "pdf", "svg")


class Drawn(ABC):
    """A result that can be drawn, by `avsal.plot`, in a notebook or to a file."""

    @abstractmethod
    def figure(self) -> Figure:
        """The picture of it."""

    def plot(self, path: str | Path) -> Path:
        """Write `figure` as a .png, .pdf or .svg file.

        Raises:
            ConfigError: another suffix.
            MediaError: the file cannot be written.
        """
        written(self.figure(), path)
        return Path(path)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, which a notebook shows; matplotlib is loaded here, not before."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        """Notebooks ask for `_repr_png_`, which a figure has only once pyplot was imported."""

        def _repr_png_(self) -> bytes:
            written = BytesIO()
            self.savefig(written, format="png")
            return written.getvalue()

    return Shown(figsize=(width, height), dpi=150, layout="constrained")


def tidy(axis: Any, *, grid: Literal["both", "x", "y"] | None = "both", left: bool = True) -> None:
    """Give an axis the style: no frame but its scales, a faint grid behind, small letters.

    Args:
        axis: of matplotlib.
        grid: its lines; None: none.
        left: whether the scale on the left has a line.
    """
    for side in ("top", "right") if left else ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axis.spines[side].set_color(_LINE)
    axis.tick_params(labelsize=TICK, length=2, colors="#444444")
    axis.xaxis.label.set_size(LABEL)
    axis.yaxis.label.set_size(LABEL)
    axis.set_axisbelow(True)
    if grid is not None:
        axis.grid(axis=grid, color=_GRID, lw=0.6)


def written(figure: Figure, path: str | Path | None) -> Figure:
    """The figure, written as a PNG, PDF or SVG where a path is given.

    Raises:
        ConfigError: another suffix.
        MediaError: the file cannot be written.
    """
    if path is not None:
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in _FORMATS:
            raise ConfigError(f"expected a plot's name to end in .png, .pdf or .svg but it is {path.name}")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=kind)
    return figure
