from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.clips.training_windows import num_steps, random_window, step_window, surrounded
from avsal.clips.windows import WindowPlan
from avsal.errors import ConfigError
from avsal.types import ClipSpec

predictions = st.sampled_from(["last", "centre", "all"])


def expected_slots(spec: ClipSpec) -> list[int]:
    T = spec.num_frames
    return {"last": [T - 1], "centre": [T // 2], "all": list(range(T))}[spec.predicts]


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 9),
    st.integers(1, 20),
    predictions,
    st.sampled_from(["repeat_first", "repeat_last", "mirror"]),
    st.integers(0, 1000),
)
def test_every_window_is_whole_and_its_maps_belong_to_its_frames(T, num_frames, predicts, short, seed):
    spec = ClipSpec(T, (8, 8), predicts=predicts)
    window = random_window(spec, num_frames, short, np.random.default_rng(seed))
    assert len(window.frames) == T
    assert set(window.frames) <= set(range(num_frames))
    assert not window.start
    assert [slot for slot, _ in window.outputs] == list(range(len(expected_slots(spec))))
    assert [frame for _, frame in window.outputs] == [window.frames[slot] for slot in expected_slots(spec)]
    steps = {later - earlier for earlier, later in pairwise(window.frames)}
    if num_frames >= T:
        assert steps <= {1}
    elif short != "mirror":
        assert steps <= {0, 1}


@pytest.mark.parametrize("predicts", ["last", "centre", "all"])
def test_mirrored_short_videos_are_seen_as_prediction_sees_them(predicts):
    spec = ClipSpec(8, (8, 8), predicts=predicts)
    of_prediction = {window.frames for window in WindowPlan(spec).take(5, ended=True)}
    random = np.random.default_rng(0)
    assert {random_window(spec, 5, "mirror", random).frames for _ in range(100)} == of_prediction


def test_a_model_s_own_start_windows_are_not_for_training():
    spec = ClipSpec(2, (8, 8), start_windows=((0, 0), (0, 1)))
    window = random_window(spec, 1, "mirror", np.random.default_rng(0))
    assert (window.frames, window.start) == ((0, 0), False)


def test_all_windows_of_a_long_video_are_equally_likely():
    random = np.random.default_rng(0)
    spec = ClipSpec(4, (8, 8))
    firsts = [random_window(spec, 8, "mirror", random).frames[0] for _ in range(2000)]
    counts = np.bincount(firsts)
    assert len(counts) == 5
    assert abs(counts - 400).max() < 100


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 12), predictions)
def test_steps_cover_a_video_as_far_as_whole_windows_go(T, num_frames, every, predicts):
    spec = ClipSpec(T, (8, 8), predicts=predicts)
    count = num_steps(spec, num_frames, every)
    assert count >= 1
    if num_frames >= T:
        windows = [step_window(spec, num_frames, every, step) for step in range(count)]
        assert [window.frames[0] for window in windows] == [every * step for step in range(count)]
        assert windows[-1].frames[-1] < num_frames <= windows[-1].frames[-1] + every
        assert all({b - a for a, b in pairwise(window.frames)} <= {1} for window in windows)


def test_an_unknown_rule_is_named():
    with pytest.raises(ConfigError, match="one of repeat_first, repeat_last, mirror but is 'loop'"):
        random_window(ClipSpec(2, (8, 8)), 9, "loop", np.random.default_rng(0))


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 12), st.integers(0, 1000))
def test_a_window_in_its_video_has_the_video_around_it_and_beyond_that_its_ends(T, num_frames, context, seed):
    spec = ClipSpec(T, (8, 8))
    window = random_window(spec, num_frames, "repeat_first", np.random.default_rng(seed))
    frames = surrounded(window, num_frames, context)
    assert len(frames) == T + 2 * context
    assert frames[context : context + T] == window.frames
    if num_frames >= T:
        first = window.frames[0] - context
        expected = np.clip(np.arange(first, first + T + 2 * context), 0, num_frames - 1)
        assert list(frames) == expected.tolist()
    else:
        assert set(frames[:context]) <= {window.frames[0]}
        assert set(frames[context + T :]) <= {window.frames[-1]}
