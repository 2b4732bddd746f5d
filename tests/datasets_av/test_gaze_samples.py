import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_av.gaze_samples import GazeSamples, samples_on_frames

TIMES = np.arange(4) / 10  # frames of 0.1 s, the video ends at 0.4 s


def samples(time, x, y=None, run=None, observer=1, dropped=None):
    time, x = np.asarray(time, float), np.asarray(x, float)
    y = np.full(len(x), 5.0) if y is None else np.asarray(y, float)
    run = np.zeros(len(x), np.int64) if run is None else np.asarray(run)
    return GazeSamples(time, x, y, run, observer, dropped or {})


def test_a_moving_gaze_is_averaged_within_each_frame_not_over_its_length():
    fixations = samples_on_frames([samples([0.0, 0.05, 0.1, 0.15], [10, 12, 20, 22])], TIMES, (50, 60))
    assert fixations.frame.tolist() == [0, 1]
    assert fixations.x.tolist() == [11, 21]


def test_two_fixations_in_one_frame_stay_two_rows():
    fixations = samples_on_frames(
        [samples([0.0, 0.02, 0.06, 0.08], [10, 10, 40, 40], run=[1, 1, 2, 2])], TIMES, (50, 60)
    )
    assert fixations.frame.tolist() == [0, 0]
    assert fixations.x.tolist() == [10, 40]


def test_observers_stay_apart_and_rows_are_sorted_by_frame():
    fixations = samples_on_frames(
        [
            samples([0.1, 0.3], [1, 2], run=[0, 1], observer=7),
            samples([0.1, 0.0], [3, 4], run=[1, 0], observer=3),
        ],
        TIMES,
        (50, 60),
    )
    assert fixations.frame.tolist() == [0, 1, 1, 3]
    assert fixations.observer.tolist() == [3, 7, 3, 7]


def test_every_sample_that_is_left_out_is_counted():
    fixations = samples_on_frames(
        [
            samples(
                [-0.1, 0.05, 0.1, 0.2, 0.3, 0.39, 0.4],
                [9, np.nan, -0.1, 60.0, 9, 59.9, 9],
                dropped={"samples in blinks": 3},
            )
        ],
        TIMES,
        (50, 60),
    )
    assert fixations.dropped == {
        "samples in blinks": 3,
        "samples without a position": 1,
        "samples outside the picture": 2,
        "samples before the video": 1,
        "samples after the video": 1,
    }
    assert fixations.frame.tolist() == [3]


def test_no_samples_are_no_fixations():
    assert len(samples_on_frames([], TIMES, (50, 60))) == 0
    assert len(samples_on_frames([samples([], [])], TIMES, (50, 60))) == 0


def test_frame_times_must_ascend():
    with pytest.raises(ValueError, match="must ascend"):
        samples_on_frames([], [0.0, 0.0], (50, 60))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(-0.2, 0.6), st.floats(-10, 70)), max_size=40))
def test_each_frame_holds_the_mean_of_its_samples_and_none_is_lost_uncounted(rows):
    rows = sorted(rows)
    time, x = [row[0] for row in rows], [row[1] for row in rows]
    fixations = samples_on_frames([samples(time, x)], TIMES, (50, 60))
    used = 0
    for frame in range(4):
        inside = [p for t, p in rows if frame / 10 <= t < (frame + 1) / 10 and 0 <= p < 60]
        used += len(inside)
        found = fixations.x[fixations.frame == frame]
        assert len(found) == bool(inside)
        if inside:
            assert found[0] == pytest.approx(np.mean(inside))
    assert used + sum(fixations.dropped.values()) == len(rows)
