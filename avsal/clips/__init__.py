"""Clips: windows of a film's frames with the sound of the same seconds, for prediction and for training."""

from avsal.clips.preparation import content_size, crop_to_content, normalise, resize_map, waveform
from avsal.clips.soundtrack import Spans, excerpt
from avsal.clips.windows import Window, WindowPlan, mirrored

__all__ = [
    "Spans",
    "Window",
    "WindowPlan",
    "content_size",
    "crop_to_content",
    "excerpt",
    "mirrored",
    "normalise",
    "resize_map",
    "waveform",
]
