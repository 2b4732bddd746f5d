from fractions import Fraction

import numpy as np
import pytest

from avsal.clips.soundtrack import excerpt
from avsal.clips.windows import Window, WindowPlan
from avsal.types import ClipSpec

RATE = 1000


def ramp(first: float, samples: int) -> np.ndarray:
    """Sound whose every sample is its own time in milliseconds."""
    return (round(first * RATE) + np.arange(samples)).astype(np.float32)


def cut(frames: tuple[int, ...], usual: int, period: float = 0.04) -> np.ndarray:
    spans = [(index * period, (index + 1) * period) for index in frames]
    return excerpt(Window(frames, ((0, frames[-1]),)), spans, RATE, usual, ramp)


def test_sound_runs_from_the_first_frames_start_to_the_lasts_end():
    np.testing.assert_array_equal(cut((5, 6, 7), 120), np.arange(200, 320))


def test_backward_frames_have_backward_sound():
    np.testing.assert_array_equal(cut((7, 6, 5), 120), np.arange(319, 199, -1))


def test_sound_turns_where_the_frames_turn():
    sound = cut((1, 2, 1, 0), 160)
    expected = np.concatenate([np.arange(40, 120), np.arange(79, -1, -1)])
    np.testing.assert_array_equal(sound, expected)


def test_a_single_frame_repeats_its_sound():
    np.testing.assert_array_equal(cut((0, 0, 0), 120), np.tile(np.arange(40), 3))


def test_sound_may_lie_half_a_frame_before_its_frames_but_not_before_the_video():
    spans = [(index * 0.04, (index + 1) * 0.04) for index in range(3)]
    later = [(first + 0.2, last + 0.2) for first, last in spans]
    window = Window((5, 6, 7), ((0, 7),))
    np.testing.assert_array_equal(excerpt(window, later, RATE, 120, ramp, 0.5), np.arange(180, 300))
    np.testing.assert_array_equal(excerpt(window, spans, RATE, 120, ramp, 0.5), np.arange(120))


@pytest.mark.parametrize("usual", [118, 120, 125])
def test_jitter_of_time_stamps_does_not_change_the_length(usual):
    assert len(cut((5, 6, 7), usual)) == usual


def test_really_different_seconds_keep_their_own_length():
    assert len(cut((5, 6, 7), 300)) == 120


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(24)])
def test_stavis_released_code_cuts_sound_by_first_and_last_frame(fps):
    """Its rule written out: starts and ends by frame, counted from 1, and windows that begin again."""
    Fs, count, T = 22050, 40, 16
    wav = np.arange(round(count / fps * Fs) + 1000, dtype=np.float32)
    half = Fs / fps / 2
    starts = [0] + [int(max(0, (frame - 1) / fps * Fs - half)) for frame in range(1, count + 1)]
    ends = [0] + [int(min(len(wav), abs((frame - 1) / fps * Fs + half))) for frame in range(1, count + 1)]

    def read(first, samples):
        return wav[round(first * Fs) : round(first * Fs) + samples]

    spec = ClipSpec(T, (32, 32), predicts="centre", beyond_end="loop", audio_rule="stavis")
    lengths = []
    for window in list(WindowPlan(spec).take(count, ended=True))[
        8:
    ]:  # the first eight frames get no map there
        indices = list(range(window.outputs[0][1] - 7, count + 1))[:T]
        for index in indices:  # grows while it is walked
            if len(indices) >= T:
                break
            indices.append(index)
        assert [frame + 1 for frame in window.frames] == indices
        expected = wav[starts[indices[0]] : ends[indices[-1]] + 1]
        spans = [(float(frame / fps), float((frame + 1) / fps)) for frame in window.frames]
        np.testing.assert_array_equal(excerpt(window, spans, Fs, 0, read, 0.5, "stavis"), expected)
        lengths.append(round(len(expected) / Fs * float(fps), 1))
    assert lengths[:2] == [15.5, 16.0]
    assert lengths[count - T :] == [16.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
