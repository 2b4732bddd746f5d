import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.groundtruth import FixationEvents, fixations_on_frames


def events(*rows, dropped=None):
    start, duration, x, y, observer = np.array(rows, dtype=float).reshape(-1, 5).T
    return FixationEvents(start, duration, x, y, observer, dropped or {})


def test_fixation_is_on_the_frames_whose_stamp_it_covers_start_included_end_not():
    times = np.arange(10) / 25
    fixations = fixations_on_frames(events((0.08, 0.12, 5, 6, 3)), times, (20, 30))
    np.testing.assert_array_equal(fixations.frame, [2, 3, 4])
    assert set(fixations.x) == {5}
    assert set(fixations.y) == {6}
    assert set(fixations.observer) == {3}


def test_milliseconds_and_frame_stamps_meet_in_spite_of_rounding():
    # 0.1 + 0.2 is not 0.3 in binary
    fixations = fixations_on_frames(events((0.1 + 0.2, 0.1, 1, 1, 0)), [0.2, 0.3, 0.4], (9, 9))
    np.testing.assert_array_equal(fixations.frame, [1])


def test_rule_holds_for_late_and_irregular_stamps():
    times = np.array([2.3, 2.31, 2.5, 2.9])
    fixations = fixations_on_frames(events((0, 2.4, 1, 1, 0), (2.31, 0.3, 2, 2, 1)), times, (9, 9))
    np.testing.assert_array_equal(fixations.frame, [0, 1, 1, 2])
    np.testing.assert_array_equal(fixations.observer, [0, 0, 1, 1])


def test_everything_left_out_is_counted_by_reason():
    fixations = fixations_on_frames(
        events(
            (0.0, 0.5, 5, 5, 0),
            (0.0, 0.5, -0.1, 5, 1),
            (0.0, 0.5, 5, 20, 2),
            (0.0, 0.5, np.nan, 5, 3),
            (-1.0, 0.5, 5, 5, 4),
            (0.81, 0.1, 5, 5, 5),
            (0.05, 0.1, 5, 5, 6),
            (0.7, 5.0, 5, 5, 7),
            dropped={"samples in saccades": 12},
        ),
        [0.0, 0.2, 0.4, 0.6, 0.8],
        (20, 30),
    )
    assert fixations.dropped == {
        "samples in saccades": 12,
        "fixations outside the picture": 2,
        "fixations without a position": 1,
        "fixations before the video": 1,
        "fixations after the video": 1,
        "fixations between two frames": 1,
        "fixations partly after the video": 1,
    }
    assert fixations.observers == (0, 7)
    np.testing.assert_array_equal(fixations.at(4).observer, [7])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(-500, 3000), st.integers(0, 1500)), max_size=12),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
)
def test_mapping_equals_the_rule_tried_on_every_frame(rows, steps):
    times = np.cumsum(steps) / 1000
    table = [(start / 1000, duration / 1000, 1, 1, i) for i, (start, duration) in enumerate(rows)]
    fixations = fixations_on_frames(events(*table), times, (4, 4))
    expected = [
        (frame, i)
        for frame, stamp in enumerate(np.cumsum(steps))
        for i, (start, duration) in enumerate(rows)
        if start <= stamp < start + duration
    ]
    assert list(zip(fixations.frame.tolist(), fixations.observer.tolist(), strict=True)) == expected


def test_unsigned_columns_of_a_release_do_not_wrap_around():
    raw = np.array([[2, 100, 300, 10, 12]], dtype=np.uint16)
    table = FixationEvents(raw[:, 1] / 1000, raw[:, 2] / 1000, raw[:, 3], raw[:, 4], raw[:, 0])
    assert table.x.dtype == np.float64
    assert (table.x - 20)[0] == -10


def test_joined_recordings_add_up_and_none_is_no_event():
    both = FixationEvents.joined(
        [events((0, 1, 2, 3, 0), dropped={"a": 1}), events((1, 1, 2, 3, 1), dropped={"a": 2, "b": 5})]
    )
    assert len(both) == 2
    assert both.dropped == {"a": 3, "b": 5}
    assert len(FixationEvents.joined([])) == 0


def test_senseless_input_is_refused():
    with pytest.raises(ValueError, match="ascend"):
        fixations_on_frames(events(), [0.1, 0.1], (4, 4))
    with pytest.raises(ValueError, match="at least one frame"):
        fixations_on_frames(events(), [], (4, 4))
    with pytest.raises(ValueError, match="negative"):
        events((0, -1, 0, 0, 0))
    with pytest.raises(ValueError, match="equally long"):
        FixationEvents(np.zeros(2), np.zeros(1), np.zeros(2), np.zeros(2), np.zeros(2))
