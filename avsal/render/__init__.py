"""Maps as pictures, videos and files."""

from avsal.render.colormap import COLORMAPS, colormap, paint, to_unit_peak
from avsal.render.outputs import OUTPUTS, Output, OutputRequest

__all__ = ["COLORMAPS", "OUTPUTS", "Output", "OutputRequest", "colormap", "paint", "to_unit_peak"]
