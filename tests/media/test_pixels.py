"""Colours are those that the video's makers meant, sizes are area averages."""

import av
import numpy as np
import pytest
from PIL import Image

from avsal.media.orientation import Orientation
from avsal.media.pixels import RgbConverter, YuvConverter

COLORS = np.array(
    [[200, 30, 40], [20, 180, 60], [30, 60, 220], [255, 255, 255], [0, 0, 0], [128, 128, 128], [250, 250, 10]]
)

# Kr and Kb of ITU-R BT.601, BT.709, BT.2020 and SMPTE 240M, by FFmpeg's number of the colour space.
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593), 7: (0.212, 0.087)}


def yuv(color: np.ndarray, weights: tuple[float, float], full: bool, depth: int) -> list[int]:
    """The defining equations of the standards."""
    kr, kb = weights
    r, g, b = color / 255
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        top = 2**depth - 1
        return [round(y * top), round(u * top + 2 ** (depth - 1)), round(v * top + 2 ** (depth - 1))]
    step = 2 ** (depth - 8)
    return [round((16 + 219 * y) * step), round((128 + 224 * u) * step), round((128 + 224 * v) * step)]


def flat_frame(pixel_format: str, values: list[int], size: tuple[int, int] = (32, 32)) -> av.VideoFrame:
    """A frame of one colour; two planes mean that the last two values are interleaved."""
    frame = av.VideoFrame(size[1], size[0], pixel_format)
    kind = np.uint16 if pixel_format.endswith("le") else np.uint8
    for number, plane in enumerate(frame.planes):
        interleaved = len(frame.planes) == 2 and number == 1
        row = np.array(values[1:] if interleaved else values[number : number + 1], kind)
        plane.update(np.resize(row, plane.buffer_size // row.itemsize).tobytes())
    return frame


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("colorspace", sorted(WEIGHTS))
@pytest.mark.parametrize(
    "pixel_format", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv444p10le"]
)
def test_tagged_colours_are_converted_by_their_matrix_and_range(pixel_format, colorspace, full):
    depth = 10 if pixel_format.endswith("10le") else 8
    for size in ((32, 32), (20, 24)):
        for color in COLORS:
            frame = flat_frame(pixel_format, yuv(color, WEIGHTS[colorspace], full, depth))
            frame.colorspace = colorspace
            frame.color_range = 2 if full else 1
            image = RgbConverter(size)(frame)
            assert image.shape == (*size, 3)
            assert np.abs(image.astype(int) - color).max() <= 2


def test_yuvj_formats_have_full_range_without_a_tag():
    frame = flat_frame("yuvj420p", yuv(COLORS[0], WEIGHTS[5], True, 8))
    assert np.abs(RgbConverter((32, 32))(frame).astype(int) - COLORS[0]).max() <= 2


@pytest.mark.parametrize(("size", "colorspace"), [((480, 720), 5), ((576, 768), 5), ((720, 1280), 1)])
def test_untagged_colours_are_taken_by_the_size_of_the_picture(size, colorspace):
    frame = flat_frame("yuv420p", yuv(COLORS[1], WEIGHTS[colorspace], False, 8), size)
    assert np.abs(RgbConverter((16, 16))(frame).astype(int) - COLORS[1]).max() <= 2


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray16le"])
def test_grey_is_full_range_unless_tagged_as_limited(pixel_format):
    top = {"gray": 255, "gray10le": 1023, "gray16le": 65535}[pixel_format]
    frame = flat_frame(pixel_format, [round(0.3 * top)])
    assert np.abs(RgbConverter((32, 32))(frame).astype(int) - 76.5).max() <= 1
    frame.color_range = 1
    expected = (0.3 * 255 - 16) * 255 / 219
    assert np.abs(RgbConverter((32, 32))(frame).astype(int) - expected).max() <= 1.5


def test_transparent_pixels_are_laid_over_black_before_scaling():
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[..., :3] = 200
    rgba[:, 16:, 3] = 255
    rgba[:, 8:16, 3] = 128
    image = RgbConverter((32, 32))(av.VideoFrame.from_ndarray(rgba, "rgba"))
    assert image[:, :8].max() == 0
    assert np.abs(image[:, 8:16].astype(int) - 100).max() <= 1
    assert (image[:, 16:] == 200).all()
    # Hidden colours must not bleed: half the pixels count 0, a quarter half, a quarter in full.
    small = RgbConverter((1, 1))(av.VideoFrame.from_ndarray(rgba, "rgba"))
    assert np.abs(small.astype(int) - (0.25 * 0 + 0.25 * 100 + 0.5 * 200)).max() <= 2


def area_average(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Exact mean of the source area that each target pixel covers."""

    def weights(source: int, target: int) -> np.ndarray:
        edges = np.arange(target + 1) * source / target
        pixels = np.arange(source)
        covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        return np.clip(covered, 0, None) * target / source

    rows, columns = weights(image.shape[0], size[0]), weights(image.shape[1], size[1])
    return np.einsum("ij,jkc,lk->ilc", rows, image.astype(float), columns, optimize=True)


@pytest.mark.parametrize("size", [(48, 64), (37, 101), (60, 80), (30, 32)])
def test_scaling_down_averages_areas(size):
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    picture = area_average(np.kron(area_average(fine, (30, 40)), np.ones((4, 4, 1))), (120, 160)).astype(
        np.uint8
    )
    scaled = RgbConverter(size)(av.VideoFrame.from_ndarray(picture, "rgb24"))
    error = np.sqrt(((scaled - area_average(picture, size)) ** 2).mean())
    rows, columns = (np.arange(n) * m // n for n, m in zip(size, picture.shape, strict=False))
    nearest = np.sqrt(((picture[np.ix_(rows, columns)] - area_average(picture, size)) ** 2).mean())
    assert error < (1 if picture.shape[0] % size[0] == 0 else nearest / 2)


@pytest.mark.parametrize("scaling", ["bilinear", "lanczos"])
def test_other_filters_are_those_of_pillow(scaling):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    picture = coarse.resize((320, 240), Image.Resampling.BICUBIC)
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), "rgb24")
    rms = {}
    for size in ((96, 144), (112, 112)):
        wanted = np.asarray(picture.resize(size[::-1], Image.Resampling[scaling.upper()])).astype(float)
        for name in ("area", "bilinear", "lanczos"):
            found = RgbConverter(size, scaling=name)(frame)
            rms[name] = np.sqrt(((found - wanted) ** 2).mean())
        assert rms[scaling] < 1
        assert rms[scaling] == min(rms.values())


def test_images_of_the_size_wanted_are_not_touched():
    noise = np.random.default_rng(0).integers(0, 256, (31, 45, 3), dtype=np.uint8)
    assert (RgbConverter((31, 45))(av.VideoFrame.from_ndarray(noise, "rgb24")) == noise).all()


def test_scaling_keeps_flat_pictures_and_means():
    frame = av.VideoFrame.from_ndarray(np.full((37, 53, 3), 91, np.uint8), "rgb24")
    for size in ((20, 20), (64, 90), (1, 1)):
        assert (RgbConverter(size)(frame) == 91).all()


def test_frames_may_change_their_size_within_a_video():
    convert = RgbConverter((16, 16))
    for height in (32, 64, 32):
        frame = av.VideoFrame.from_ndarray(np.full((height, 48, 3), height, np.uint8), "rgb24")
        assert (convert(frame) == height).all()


def test_orientations_follow_the_display_matrix():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert (Orientation(True, False, True).apply(image) == np.rot90(image, -1)).all()
    assert (Orientation(True, True, False).apply(image) == np.rot90(image, 1)).all()
    assert (Orientation(False, True, True).apply(image) == np.rot90(image, 2)).all()
    assert (Orientation(False, False, True).apply(image) == np.fliplr(image)).all()
    assert Orientation(True, False, True).rotation == 90
    assert Orientation(True, True, False).rotation == 270
    assert Orientation(False, True, True).rotation == 180
    assert Orientation().rotation == 0


def test_written_colours_are_limited_range_bt709():
    convert = YuvConverter()
    for color in COLORS:
        frame = convert(np.full((32, 32, 3), color, np.uint8))
        stored = [int(np.frombuffer(plane, np.uint8)[0]) for plane in frame.planes]
        assert np.abs(np.array(stored) - yuv(color, WEIGHTS[1], False, 8)).max() <= 1
    for grey in (0, 1, 100, 254, 255):
        frame = convert(np.full((32, 32), grey, np.uint8))
        luma, *chroma = (np.frombuffer(plane, np.uint8) for plane in frame.planes)
        assert abs(int(luma[0]) - (16 + 219 * grey / 255)) <= 0.6
        assert all((plane[:16] == 128).all() for plane in chroma)
