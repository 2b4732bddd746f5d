"""What is said of a video without gaze, and what its floor is."""

import io

import numpy as np
import pytest
from PIL import Image

from avsal.ablation.conditions import REFERENCE
from avsal.ablation.floor import FLOOR_SOUNDS, Floor, FloorMeasure, floor_sounds
from avsal.ablation.map_shift import MapShift
from avsal.render.palette import condition_tones
from avsal.render.sound_pictures import spectrogram_png
from avsal.report.labels import model_words
from avsal.report.video_moves import most_moved
from avsal.report.video_words import share, towards, video_answer, video_findings

TIMES = [0.0, 0.5, 1.0]


def moves(*moved, right=0.0, down=0.0):
    return [MapShift(one, 1.0, right, down) for one in moved]


def test_a_network_that_hears_nothing_is_said_to_hear_nothing():
    found = {"zero": moves(0.0, 0.0, 0.0), "noise": moves(0.0, 0.0, 0.0), "video_only": moves(0.2, 0.2, 0.2)}
    floor = Floor(quieter=0.0, noise=0.0, frames=0.1)
    text = video_answer(found, floor, TIMES)
    assert text == "Its sound does not matter to this network: the map is the same, whatever is heard."
    told = video_findings(found, floor)
    assert "Against zero, noise the maps are the same." in told
    assert any(line.startswith("Apart from the sounds stands video_only") for line in told)


@pytest.mark.parametrize(
    ("floor", "text"),
    [
        (Floor(0.05, 0.01, 0.01), "no more than changes do that should not matter"),
        (
            Floor(0.01, 0.005, 0.2),
            "a little: by 3.0 % of its mass on average (against zero), most at 0.5 s, by 5.0 %",
        ),
        (
            Floor(0.01, 0.005, 0.01),
            "Its sound moves the map by 3.0 % of its mass on average (against zero), most at 0.5",
        ),
        (None, "Its sound moves the map by 3.0 %"),
    ],
)
def test_the_answer_is_measured_against_what_should_not_matter(floor, text):
    found = {"noise": moves(0.01, 0.01, 0.01), "zero": moves(0.02, 0.05, 0.02, right=-0.1, down=-0.1)}
    assert text in video_answer(found, floor, TIMES)
    if text.startswith("a little"):
        assert "towards the upper left" in video_answer(found, floor, TIMES)


def test_shares_directions_and_models_are_words():
    shares = [share(one) for one in (0.0, 1e-6, 0.0012, 0.034, 0.456)]
    assert shares == ["0 %", "less than 0.01 %", "0.12 %", "3.4 %", "46 %"]
    assert towards(MapShift(0.1, 1.0, 0.0, 0.05)) == "towards the bottom"
    assert towards(MapShift(0.1, 1.0, 0.02, 0.05)) == "towards the lower right"
    assert towards(MapShift(0.1, 1.0, 0.001, -0.001)) == ""
    assert model_words("net", {"size": (64, 112), "fusion": "aligned"}) == "net (size 64x112, fusion aligned)"


def test_the_floor_is_the_mean_of_changes_that_should_not_matter():
    a, b = np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32)
    a[0, 0] = b[1, 3] = 1
    half = (a + b) / 2
    quieter, noise, again = FLOOR_SOUNDS
    measure = FloorMeasure()
    assert measure.result() is None
    measure.add({REFERENCE: a, quieter: half, noise: a, again: a})
    measure.add({REFERENCE: b, quieter: b, noise: a, again: b})
    assert measure.result() == Floor(quieter=0.25, noise=0.5, frames=1.0)
    assert measure.result().meaningless == 0.5


def test_the_floor_s_sounds_are_a_fainter_original_and_two_draws_of_noise():
    sound = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    quieter, noise, again = floor_sounds(sound, 8000, seed=0, video="v").values()
    np.testing.assert_allclose(quieter, sound * 10 ** (-1 / 20), rtol=1e-6)
    assert np.abs(np.corrcoef(noise, again)[0, 1]) < 0.05
    assert np.std(noise) == pytest.approx(np.std(sound), rel=0.05)


def test_moments_are_the_largest_changes_a_second_apart():
    times = np.arange(0, 5, 0.5)
    moved = [0.1, 0.9, 0.8, 0.2, 0.3, 0.0, 0.7, 0.6, 0.1, 0.5]
    assert most_moved(times, moved, 3) == [1, 6, 9]


def test_a_spectrogram_shows_a_pitch_at_its_time_and_height():
    rate = 8000
    time = np.arange(4 * rate) / rate
    sound = np.where((time >= 1) & (time < 2), np.sin(2 * np.pi * 440 * time), 0).astype(np.float32)
    png = spectrogram_png(sound, rate, 0.0, 4.0, (60, 400))
    light = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(float)
    assert light.shape == (60, 400)
    assert light[:, 120:180].max() > 200
    assert light[:, 230:].max() < 5
    row = 60 - 60 * np.log(440 / 60) / np.log(4000 / 60)
    assert abs(light[:, 150].argmax() - row) < 4
    silent = np.asarray(Image.open(io.BytesIO(spectrogram_png(0 * sound, rate, 0, 4))))
    assert silent.max() < 10


def test_a_condition_has_one_colour_and_no_two_share_one():
    names = ["original", "zero", "shifted:0.2", "shifted:1", "lowpass:500", "retrained zero", "noise"]
    tones = condition_tones(names)
    assert len(set(tones.values())) == len(names)
    assert condition_tones(["zero", "original"])["zero"] == tones["zero"]
