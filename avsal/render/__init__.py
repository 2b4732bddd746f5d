"""Maps as pictures, videos and files."""

from avsal.render.colormap import COLORMAPS, colormap, paint, to_unit_peak
from avsal.render.outputs import BY_SHOTS, OUTPUTS, Output, OutputRequest, output_of
from avsal.render.overlay import STYLES, draw_overlay

__all__ = [
    "BY_SHOTS",
    "COLORMAPS",
    "OUTPUTS",
    "STYLES",
    "Output",
    "OutputRequest",
    "colormap",
    "draw_overlay",
    "output_of",
    "paint",
    "to_unit_peak",
]
