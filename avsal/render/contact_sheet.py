"""One picture of a whole recording: frames with gaze and density, loudness and amount of gaze over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avsal.media.atomic import atomic_path
from avsal.render.caption import write_text
from avsal.render.recording_view import RecordingView
from avsal.render.sound_pictures import draw_waveform, loudness
from avsal.render.style import GAZE_ON_DARK, SOUND_ON_DARK

__all__ = ["contact_sheet", "write_contact_sheet"]

_COLUMNS, _ROWS = 4, 3
_WIDTH = 1616
_GAP = 8
_CAPTION = 30
_HEADER = 76
_STRIP = 84
_BACKGROUND = (24, 24, 27)
_FAINT = (150, 150, 155)


def contact_sheet(view: RecordingView) -> NDArray[np.uint8]:
    """(H, W, 3) RGB: twelve frames at equal distances in time, below them the video from beginning to end.

    The strips below show the loudness of the sound and the number of gaze points on each frame, on one time
    axis that begins where picture or sound begins; a white tick marks each of the frames above.

    Raises:
        MediaError: the video or its sound cannot be read.
        DatasetError: its gaze cannot be read.
    """
    tile_width = (_WIDTH - (_COLUMNS + 1) * _GAP) // _COLUMNS
    view = RecordingView(view.recording, view.recipe, (tile_width, tile_width))
    numbers = _chosen_frames(len(view.times))
    tiles = [_tile(view, number, tile_width) for number in numbers]
    tile_height = tiles[0].shape[0]
    strips = _strips(view, numbers)
    rows = -(-len(tiles) // _COLUMNS)
    height = _HEADER + rows * (tile_height + _GAP) + sum(strip.shape[0] + _GAP for strip in strips)
    sheet = np.full((height, _WIDTH, 3), _BACKGROUND, np.uint8)
    _header(sheet, view)
    for index, tile in enumerate(tiles):
        top = _HEADER + index // _COLUMNS * (tile_height + _GAP)
        left = _GAP + index % _COLUMNS * (tile_width + _GAP)
        sheet[top : top + tile_height, left : left + tile_width] = tile
    top = _HEADER + rows * (tile_height + _GAP)
    for strip in strips:
        sheet[top : top + strip.shape[0], _GAP : _WIDTH - _GAP] = strip
        top += strip.shape[0] + _GAP
    return sheet


def write_contact_sheet(path: Path, view: RecordingView) -> None:
    """Write a recording's contact sheet as a PNG file.

    Raises:
        MediaError: the video cannot be read or the file cannot be written.
        DatasetError: gaze cannot be read.
    """
    sheet = contact_sheet(view)
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary)


def _chosen_frames(count: int) -> list[int]:
    """The middles of equal parts of a video, each frame once."""
    parts = _COLUMNS * _ROWS
    return sorted({int((part + 0.5) * count / parts) for part in range(parts)})


def _tile(view: RecordingView, number: int, width: int) -> NDArray[np.uint8]:
    time = float(view.times[number])
    _, frame = next(view.frames(time, time + 1))
    picture = view.painted(number, frame.image)
    points = view.points(number)
    height = picture.shape[0]
    tile = np.full((height + _CAPTION, width, 3), _BACKGROUND, np.uint8)
    tile[:height, : picture.shape[1]] = picture[:, :width]
    counted = "" if points is None else f"   {len(points)} points"
    text = f"frame {number}   {time:.2f} s{counted}"
    write_text(tile, text, left=2, middle=height + _CAPTION // 2, height=16, colour=_FAINT)
    return tile


def _header(sheet: NDArray[np.uint8], view: RecordingView) -> None:
    recording, info = view.recording, view.info
    write_text(sheet, f"{recording.dataset}   {recording.id}", left=_GAP, middle=24, height=26)
    facts = [
        f"{info.size[1]}x{info.size[0]}",
        f"{info.frame_rate:.6g} frames a second",
        f"{len(view.times)} frames",
        f"{view.end:.2f} s",
        "no sound" if recording.audio is None else "with sound",
    ]
    if recording.split:
        facts.append(recording.split)
    if view.fixations is not None:
        observers = view.fixations.observers
        known = f"{len(observers)} observers" if observers != (-1,) else "observers not told apart"
        facts += [known, str(view.recipe).split(", normalised")[0]]
    else:
        facts.append(view.truth)
    write_text(sheet, "   ".join(facts), left=_GAP, middle=54, height=16, colour=_FAINT)


def _strips(view: RecordingView, numbers: list[int]) -> list[NDArray[np.uint8]]:
    """The sound and the amount of gaze over time."""
    width = _WIDTH - 2 * _GAP
    edges = np.linspace(0, view.end, width + 1)
    strips = []
    if view.sound is not None:
        strip = np.full((_STRIP, width, 3), (34, 34, 38), np.uint8)
        peaks = loudness(view.sound, view.sound_rate, edges)
        draw_waveform(strip, peaks, float(peaks.max()), SOUND_ON_DARK)
        write_text(strip, "sound", left=6, middle=12, height=14, colour=SOUND_ON_DARK)
        strips.append(strip)
    if view.fixations is not None:
        counts = np.bincount(view.fixations.frame, minlength=len(view.times))[: len(view.times)]
        strip = np.full((_STRIP, width, 3), (34, 34, 38), np.uint8)
        shown = np.searchsorted(view.times, edges[:-1], side="right") - 1
        level = np.where(shown >= 0, counts[np.maximum(shown, 0)], 0) / max(1, counts.max())
        rows = np.arange(_STRIP)[:, None]
        strip[rows >= _STRIP - level * (_STRIP - 22)] = GAZE_ON_DARK
        label = f"gaze points a frame, at most {counts.max()}"
        write_text(strip, label, left=6, middle=12, height=14, colour=GAZE_ON_DARK)
        strips.append(strip)
    ticks = np.searchsorted(edges, view.times[numbers])
    for strip in strips:
        strip[:, np.clip(ticks, 0, width - 1)] = (255, 255, 255)
    return strips
