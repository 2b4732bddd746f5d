from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from fake_media import write_image
from PIL import Image

from avsal.errors import MediaError
from avsal.groundtruth import density_recipe
from avsal.render.contact_sheet import contact_sheet, write_contact_sheet
from avsal.render.gaze import draw_gaze, observer_colour
from avsal.render.gaze_video import write_gaze_video
from avsal.render.recording_view import RecordingView
from avsal.render.sound_pictures import draw_waveform, loudness
from avsal.types import Fixations, Recording

SIZE = (48, 64)
RECIPE = density_recipe("dhf1k")


@pytest.fixture
def recording(tmp_path):
    """Fourteen grey images at ten a second; one observer looks at (50, 10) always, one only at frame 3."""
    for index in range(14):
        write_image(tmp_path / "frames" / f"{index + 1:03d}.png", np.full((*SIZE, 3), 100))
    frame = np.append(np.arange(14), 3)
    points = Fixations(frame, [50.0] * 14 + [8.0], [10.0] * 14 + [40.0], [1] * 14 + [2], SIZE)
    return Recording(
        "a video", "fake", tmp_path / "frames", frame_rate=10.0, split="train", load_fixations=lambda: points
    )


def test_a_dot_has_its_observer_s_colour_and_a_dark_rim():
    image = np.full((40, 60, 3), 120, np.uint8)
    draw_gaze(image, Fixations([0], [30.5], [20.5], [3], (40, 60)))
    assert tuple(image[20, 30]) == observer_colour(3)
    assert image[20, 33].max() < 60
    assert (image[20, 37:] == 120).all()
    assert (image[:15] == 120).all()


def test_dots_at_the_border_are_cut_off():
    image = np.zeros((40, 60, 3), np.uint8)
    corners = Fixations([0] * 4, [0, 59.9, 0, 59.9], [0, 0, 39.9, 39.9], [1, 2, 3, 4], (40, 60))
    draw_gaze(image, corners)
    assert [bool(image[row, column].any()) for row in (0, 39) for column in (0, 59)] == [True] * 4
    assert not image[10:30].any()


def test_observers_have_colours_of_their_own():
    assert len({observer_colour(number) for number in range(60)}) == 60
    assert observer_colour(-1) == (255, 255, 255)


def test_loudness_is_the_peak_between_two_times_and_zero_beyond_the_sound():
    samples = np.zeros(1000, np.float32)
    samples[[250, 740]] = 0.5, -0.8
    peaks = loudness(samples, 1000, np.array([-0.2, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5]))
    np.testing.assert_allclose(peaks, [0, 0, 0.5, 0.8, 0, 0])


def test_a_waveform_is_as_high_as_it_is_loud():
    image = np.zeros((42, 3, 3), np.uint8)
    draw_waveform(image, np.array([1.0, 0.5, 0.0]), 1.0, (9, 9, 9))
    assert (image[..., 0] > 0).sum(0).tolist() == [40, 20, 2]


def test_a_view_knows_frames_times_and_gaze(recording):
    view = RecordingView(recording, RECIPE, (16, 32))
    assert view.size == (24, 32)
    np.testing.assert_allclose(view.times, np.arange(14) / 10)
    assert view.end == pytest.approx(1.4)
    shown = list(view.frames(0.3, 0.6))
    assert [(number, round(frame.time, 3)) for number, frame in shown] == [(3, 0.3), (4, 0.4), (5, 0.5)]
    points = view.points(3)
    assert sorted(points.x) == [4.0, 25.0]
    assert np.unravel_index(view.map(5).argmax(), (24, 32)) == (5, 25)
    assert view.sound is None


def test_pictures_of_small_videos_are_enlarged_and_of_large_ones_reduced(recording):
    sizes = [RecordingView(recording, RECIPE, widths).size for widths in ((640, 1280), (10, 100), (8, 30))]
    assert sizes == [(480, 640), (48, 64), (22, 30)]


def test_only_published_frames_are_shown(recording):
    assert len(RecordingView(replace(recording, num_frames=9), RECIPE).times) == 9


def test_a_video_without_frames_is_an_error(recording):
    view = RecordingView(replace(recording, num_frames=0), RECIPE)
    with pytest.raises(MediaError, match="no frame"):
        _ = view.times


@pytest.mark.parametrize("kind", ["gaze", "density maps", "object masks", "nothing"])
def test_whatever_the_release_has_is_painted(recording, kind):
    spot = np.zeros(SIZE, np.float32)
    spot[36:44, 4:12] = 7
    changes = {
        "gaze": {},
        "density maps": {"load_fixations": None, "load_density": lambda frame: spot},
        "object masks": {"load_fixations": None, "load_mask": lambda frame: spot > 0},
        "nothing": {"load_fixations": None},
    }
    view = RecordingView(replace(recording, **changes[kind]), RECIPE, (64, 64))
    assert view.truth == kind
    painted = view.painted(3, np.full((*SIZE, 3), 100, np.uint8)).astype(int)
    changed = np.abs(painted - 60).max(-1) > 30
    assert changed[40, 8] == (kind != "nothing")
    assert changed[10, 50] == (kind == "gaze")
    assert not changed[24, 30]


def test_a_contact_sheet_shows_twelve_frames_and_the_amount_of_gaze(recording, tmp_path):
    view = RecordingView(recording, RECIPE)
    write_contact_sheet(tmp_path / "sheet.png", view)
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image)
    assert np.array_equal(sheet, contact_sheet(view))
    grey = (sheet == 60).all(-1)  # the dimmed pictures
    columns = np.flatnonzero(grey[100])
    assert 1 + (np.diff(columns) > 1).sum() >= 4
    gaze = (sheet[-60:] == (251, 146, 60)).all(-1)
    assert gaze.mean() > 0.3


def test_a_short_video_has_a_smaller_sheet(recording):
    short = RecordingView(replace(recording, num_frames=3), RECIPE)
    assert contact_sheet(short).shape[0] < contact_sheet(RecordingView(recording, RECIPE)).shape[0]


def test_a_gaze_video_has_every_frame_at_its_time(recording, tmp_path):
    view = RecordingView(recording, RECIPE, (64, 64))
    assert write_gaze_video(tmp_path / "video.mp4", view, 0.3, 1.0) == 7
    with av.open(str(tmp_path / "video.mp4")) as container:
        frames = list(container.decode(video=0))
        assert not container.streams.audio
    assert [Fraction(frame.pts) * frame.time_base for frame in frames] == [Fraction(i, 10) for i in range(7)]
    picture = frames[0].to_ndarray(format="rgb24").astype(int)
    assert picture.shape[1] == 64
    assert picture.shape[0] > 48
    assert np.abs(picture[10, 50] - 60).max() > 40
    assert np.abs(picture[24, 30] - 60).max() < 12
