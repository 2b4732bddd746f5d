"""Painting on luma and colour looks as painting on RGB does, whatever the video is stored as."""

import av
import numpy as np
import pytest
import videos
from av.video.reformatter import VideoReformatter
from listeners import Listener

from avsal.media.orientation import Orientation
from avsal.media.pixels import RgbConverter
from avsal.media.planes import PictureConverter, even, planes_of
from avsal.media.video import open_frames
from avsal.prediction import predict, stream
from avsal.render import OUTPUTS, OutputRequest
from avsal.render.colormap import colormap
from avsal.render.overlay import draw_overlay
from avsal.render.painter import Painter

SIZE = (144, 192)


def slopes() -> np.ndarray:
    rows, columns = np.indices(SIZE)
    waves = np.sin(columns / 30), np.cos(rows / 20), np.sin((rows + columns) / 40)
    return (128 + 100 * np.stack(waves, -1)).astype(np.uint8)


def stored(pixel_format: str, colorspace: int, full: bool) -> av.VideoFrame:
    """`slopes` as a decoder gives it out."""
    frame = VideoReformatter().reformat(
        av.VideoFrame.from_ndarray(slopes(), "rgb24"),
        format=pixel_format,
        src_colorspace=5 if colorspace == 1 else 1,
        dst_colorspace=colorspace,
        src_color_range=2,
        dst_color_range=2 if full else 1,
    )
    frame.colorspace, frame.color_range = colorspace, 2 if full else 1
    return frame


def rgb_of(picture: av.VideoFrame) -> np.ndarray:
    picture.color_range = 1
    return RgbConverter((picture.height, picture.width))(picture).astype(int)


@pytest.mark.parametrize(
    "orientation", [Orientation(), Orientation(True, False, True)], ids=["upright", "turned"]
)
@pytest.mark.parametrize("size", [SIZE, (72, 96), (73, 95)])
@pytest.mark.parametrize(
    ("pixel_format", "colorspace", "full"),
    [("yuv420p", 1, False), ("yuv420p", 5, False), ("yuvj420p", 5, True), ("yuv422p", 9, False),
     ("yuv420p10le", 9, False), ("nv12", 1, False), ("yuva420p", 1, False), ("rgb24", 1, True)],
)  # fmt: skip
def test_pictures_have_the_colours_of_the_frame(pixel_format, colorspace, full, size, orientation):
    frame = stored(pixel_format, colorspace, full)
    upright = orientation.stored(size)
    picture = PictureConverter(upright, orientation)(frame)
    assert (picture.height, picture.width) == even(upright)
    expected = RgbConverter(upright, orientation)(frame).astype(int)
    found = rgb_of(picture)[: upright[0], : upright[1]]
    assert np.abs(found - expected).mean() < 1.5
    assert np.abs(found - expected).max() < 20


def test_a_frame_that_is_a_picture_already_is_not_copied():
    frame = stored("yuv420p", 1, False)
    assert PictureConverter(SIZE)(frame) is frame


@pytest.mark.parametrize("colorspace", [1, 5])
@pytest.mark.parametrize(("style", "decibels"), [("heat", 45), ("contour", 28)])
def test_painting_on_planes_looks_as_on_rgb(style, decibels, colorspace):
    rows, columns = np.indices((18, 24))
    saliency = np.exp(-((rows - 8) ** 2 + (columns - 15) ** 2) / 8).astype(np.float32)
    picture = PictureConverter(SIZE)(stored("yuv420p", colorspace, False))
    before = rgb_of(picture)
    found = rgb_of(Painter(colormap("inferno"), 0.7, style)(picture, saliency))
    expected = draw_overlay(before.astype(np.uint8), saliency, colormap("inferno"), 0.7, style)
    error = ((found - expected.astype(int)) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > decibels
    assert (before == rgb_of(picture)).all()  # the picture itself stays as it is
    assert np.abs(found - before).max() > 60
    changed = np.abs(found - expected.astype(int)).max(2) > 24  # lines may lie a pixel elsewhere
    assert changed.mean() < 0.04


def test_a_faint_map_leaves_the_samples_and_a_caption_darkens_its_corner_only():
    picture = PictureConverter(SIZE)(stored("yuv420p", 1, False))
    flat = np.full((9, 12), 0.3, np.float32)
    paint = Painter(colormap("inferno"))
    for before, after in zip(planes_of(picture), planes_of(paint(picture, flat)), strict=True):
        np.testing.assert_array_equal(before, after)
    luma, _, _ = planes_of(paint(picture, flat, "net   1.00 s"))
    same = luma == planes_of(picture).luma
    assert same[:-20].all()
    assert same[:, 110:].all()
    assert luma[-20:, :80].max() > 200
    assert np.median(luma[-20:, :80]) < 80


@pytest.mark.parametrize(
    "kind", ["plain", "odd", "turned", "wide pixels", "uneven times", "ten bits", "part"]
)
def test_kept_pictures_give_the_overlay_that_reading_again_gives(tmp_path, monkeypatch, kind):
    made = {
        "odd": {"size": (45, 63), "pixel_format": "yuv444p"},
        "turned": {"rotation": 90},
        "wide pixels": {"aspect": videos.Fraction(4, 3)},
        "uneven times": {"times": [0, 0.04, 0.2, 0.24, 0.5, 0.51, 0.52, 0.8, 0.84, 0.88, 0.9, 1.0]},
        "ten bits": {"pixel_format": "yuv420p10le"},
    }.get(kind, {})
    source = videos.moving_dot(tmp_path / "video.mp4", frames=12, **made)
    part = {"start": 0.16, "end": 0.4} if kind == "part" else {}
    written = []
    for limit in (2**29, 0):
        monkeypatch.setattr(stream, "PICTURE_BYTES", limit)
        predictions = predict(Listener(), source, pictures=True, every=2, **part)
        assert predictions.pictures == bool(limit)
        path = tmp_path / f"{limit}.mp4"
        info = predictions.video.info
        request = OutputRequest(source, info, sound_from=source, pictures=predictions.pictures, **part)
        with OUTPUTS["overlay"](path, request) as output:
            for prediction in predictions:
                output.write(prediction)
        assert ("decoding again" in output.seconds) == (not limit)
        assert ("colours" in output.remarks()) == (kind == "ten bits")
        written.append([(frame.time, frame.image) for frame in open_frames(path)])
    assert len(written[0]) == (6 if part else 12)
    for (time, image), (again, image_again) in zip(*written, strict=True):
        assert time == again
        assert np.abs(image.astype(int) - image_again).mean() <= 2  # x264 differs from run to run
    shown = list(open_frames(source, **part))
    for (_, image), frame in zip(written[0], shown, strict=True):
        height, width = frame.image.shape[:2]
        assert image.shape[:2] == even((height, width))
        # of the dot's map little is painted far from it: the corner shows the video itself
        corner = (slice(0, 6), slice(0, 6))
        assert np.abs(image[corner].astype(int) - frame.image[corner]).mean() < 40
