"""What is painted of a map: its height over its ground, faint where there is no contrast."""

import numpy as np
import pytest
from videos import moving_dot

from avsal.errors import ConfigError
from avsal.media.video import open_frames
from avsal.prediction import Prediction
from avsal.render import OUTPUTS, OutputRequest
from avsal.render.colormap import colormap
from avsal.render.comparison import attention_picture
from avsal.render.overlay import LINES, contrast, draw_overlay, emphasis


def blob(size=(18, 32), ground=0.0):
    rows, columns = np.indices(size)
    return (ground + np.exp(-((rows - 8) ** 2 + (columns - 20) ** 2) / 8)).astype(np.float32)


def test_a_peak_keeps_its_strength_whatever_the_scale_and_the_ground():
    one, two = emphasis(blob(), (180, 320)), emphasis(7 * blob(ground=0.02), (180, 320))
    assert contrast(blob()) == pytest.approx(1, abs=1e-3)
    assert one.shape == (180, 320)
    assert one.max() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(one, two, atol=0.03)
    peak = np.unravel_index(one.argmax(), one.shape)
    assert np.hypot(peak[0] - 84.5, peak[1] - 204.5) < 3


def test_a_flat_map_leaves_the_picture_alone_and_a_faint_one_nearly():
    picture = np.full((90, 160, 3), 128, np.uint8)
    table = colormap("inferno")
    for flat in (np.zeros((9, 16), np.float32), np.full((9, 16), 0.3, np.float32), 1 + 0.2 * blob()):
        np.testing.assert_array_equal(draw_overlay(picture, flat, table, 0.7), picture)
    ramp = np.linspace(0.0014, 0.0028, 144, dtype=np.float32).reshape(9, 16)
    changed = np.abs(draw_overlay(picture, ramp, table, 0.7).astype(int) - picture).max(2)
    assert changed[:30].max() <= 5  # a third of the frame at least is as it was
    assert changed.mean() < 10
    assert changed.max() < 30


def test_there_are_no_creases_between_the_pixels_of_a_map():
    large = emphasis(blob(), (180, 320))
    bends = np.abs(np.diff(large, 2, axis=1))
    assert bends.max() < 4 * np.abs(np.diff(blob(), 2, axis=1)).max() / 100  # spread over 10 x 10, no ridge


def test_contours_leave_the_inside_as_it_is():
    picture = np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8)
    saliency = blob()
    drawn = draw_overlay(picture, saliency, colormap("inferno"), 0.7, "contour")
    changed = (drawn != picture).any(2)
    height = emphasis(saliency, (180, 320))
    assert not changed[height >= 0.97].any()
    assert not changed[height < 0.01].any()
    assert 0.005 < changed.mean() < 0.1
    assert len(LINES) == 3
    with pytest.raises(ConfigError, match="expected one of heat, contour"):
        draw_overlay(picture, saliency, colormap("inferno"), 0.7, "rainbow")


def test_attention_is_dark_where_nothing_moves_and_on_one_scale():
    picture = np.full((20, 30, 3), 200, np.uint8)
    table = colormap("inferno")
    attention = np.full((20, 30), 0.9, np.float32)  # large, and the same whatever is heard
    dark = attention_picture(picture, attention, attention, largest=1.9, table=table)
    assert dark.max() <= 71
    moved = attention.copy()
    moved[5:10, 5:10] -= 0.8
    one = attention_picture(picture, attention, moved, largest=1.9, table=table)
    two = attention_picture(picture, attention, moved, largest=19.0, table=table)
    assert one[7, 7].max() > dark[7, 7].max() + 30
    assert abs(int(two[7, 7].max()) - int(dark[7, 7].max())) < 15
    np.testing.assert_array_equal(one[0, 0], dark[0, 0])


def test_contours_a_caption_and_low_contrast_are_in_the_video_and_its_remarks(tmp_path):
    source = moving_dot(tmp_path / "video.mp4", frames=4)
    with open_frames(source) as video:
        info, frames = video.info, [frame.time for frame in video]
    pictures = {}
    for style, caption, saliency in (
        ("contour", None, blob()),
        ("contour", "net", blob()),
        ("heat", None, 1 + 0.2 * blob()),
        ("heat", None, 1 + 0.6 * blob()),
    ):
        path = tmp_path / f"{len(pictures)}.mp4"
        request = OutputRequest(source, info, style=style, caption=caption)
        with OUTPUTS["overlay"](path, request) as output:
            for index, time in enumerate(frames):
                output.write(Prediction(index, time, 0.04, saliency))
            pictures[len(pictures)] = output.remarks()
    assert pictures[0] == pictures[1] == {}
    assert pictures[2] == {"low contrast": "4 of 4 maps, painted faintly, 4 of them not at all"}
    assert pictures[3] == {"low contrast": "4 of 4 maps, painted faintly"}
    plain, captioned = (next(iter(open_frames(tmp_path / f"{n}.mp4"))).image.astype(int) for n in (0, 1))
    changed = np.abs(plain - captioned).max(2) > 60
    assert changed[-30:, :80].any()
    assert not changed[: len(changed) // 2].any()
