import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.clips.windows import Window, WindowPlan, mirrored
from avsal.types import ClipSpec


def spec(num_frames=8, predicts="last", stride=1, margin=0):
    return ClipSpec(num_frames=num_frames, size=(32, 32), predicts=predicts, stride=stride, margin=margin)


def windows_of(clip: ClipSpec, count: int, chunk: int = 1) -> list[Window]:
    """All windows of a video of `count` frames that become known `chunk` at a time."""
    plan = WindowPlan(clip)
    windows = []
    for known in [*range(chunk, count, chunk), count]:
        windows += plan.take(known, ended=False)
    return windows + list(plan.take(count, ended=True))


def test_middle_frames_end_their_window():
    windows = windows_of(spec(4), 10)
    assert windows[5] == Window((2, 3, 4, 5), ((0, 5),))


def test_first_frames_play_the_video_backwards():
    windows = windows_of(spec(4), 10)
    assert [window.frames for window in windows[:4]] == [
        (3, 2, 1, 0),
        (4, 3, 2, 1),
        (5, 4, 3, 2),
        (0, 1, 2, 3),
    ]


def test_short_video_is_mirrored_at_its_end():
    assert [window.frames for window in windows_of(spec(4), 3)] == [(1, 2, 1, 0), (0, 1, 2, 1), (1, 0, 1, 2)]
    assert windows_of(spec(4), 1) == [Window((0, 0, 0, 0), ((0, 0),))]


def test_centre_windows_repeat_the_ends():
    windows = windows_of(spec(3, "centre"), 4)
    assert [window.frames for window in windows] == [(0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3)]


def test_centre_windows_that_are_too_short_at_the_end_may_begin_again():
    clip = ClipSpec(5, (32, 32), predicts="centre", beyond_end="loop")
    assert [window.frames for window in windows_of(clip, 5)[3:]] == [(1, 2, 3, 4, 1), (2, 3, 4, 2, 3)]
    assert windows_of(clip, 1) == [Window((0,) * 5, ((0, 0),))]


def test_clip_windows_keep_the_stride_and_end_with_the_video():
    windows = windows_of(spec(8, "all", 4), 15)
    assert [window.frames[0] for window in windows] == [0, 4, 7]
    assert windows[2].outputs == tuple((slot, slot + 7) for slot in range(1, 8))


def test_a_model_s_own_start_windows_come_first():
    clip = ClipSpec(num_frames=2, size=(32, 32), start_windows=((0, 0), (0, 1)))
    windows = windows_of(clip, 3)
    assert [(window.frames, window.start) for window in windows] == [
        ((0, 0), True),
        ((0, 1), True),
        ((1, 2), False),
    ]


def test_margins_overlap_but_for_the_video_s_ends():
    windows = windows_of(spec(8, "all", 4, margin=2), 17)
    assert [window.frames[0] for window in windows] == [0, 2, 6, 9]
    assert windows[0].outputs == ((0, 0), (1, 1), (2, 2), (3, 3))
    assert windows[1].outputs == ((2, 4), (3, 5), (4, 6), (5, 7))


@pytest.mark.parametrize(
    ("count", "index", "expected"), [(1, 7, 0), (3, 3, 1), (3, 4, 0), (3, 5, 1), (5, 4, 4)]
)
def test_mirroring_repeats_no_end(count, index, expected):
    assert mirrored(index, count) == expected


@settings(deadline=None, max_examples=200)
@given(
    num_frames=st.integers(1, 12),
    count=st.integers(1, 40),
    chunk=st.integers(1, 40),
    predicts=st.sampled_from(["last", "centre", "all"]),
    data=st.data(),
)
def test_every_frame_gets_one_map_in_order_whatever_the_length(num_frames, count, chunk, predicts, data):
    margin = data.draw(st.integers(0, (num_frames - 1) // 2)) if predicts == "all" else 0
    stride = data.draw(st.integers(1, num_frames - 2 * margin)) if predicts == "all" else 1
    clip = spec(num_frames, predicts, stride, margin)
    windows = windows_of(clip, count, chunk)
    assert [index for window in windows for _, index in window.outputs] == list(range(count))
    for window in windows:
        assert len(window.frames) == num_frames
        assert set(window.frames) <= set(range(count))
        for slot, index in window.outputs:
            if predicts == "all":
                assert window.frames[slot] == index
                ends = index < margin or index >= count - num_frames
                assert ends or margin <= slot < num_frames - margin
            elif predicts == "last":
                assert window.frames[-1] == index
            else:
                assert window.frames[num_frames // 2] == index
    assert windows == windows_of(clip, count)


@settings(deadline=None, max_examples=100)
@given(
    num_frames=st.integers(1, 10),
    count=st.integers(1, 40),
    predicts=st.sampled_from(["last", "centre", "all"]),
)
def test_no_window_reads_a_frame_that_was_declared_unneeded(num_frames, count, predicts):
    plan = WindowPlan(spec(num_frames, predicts))
    for known in range(1, count + 2):
        oldest = plan.oldest
        for window in plan.take(min(known, count), ended=known > count):
            assert min(window.frames) >= oldest


def test_frames_kept_do_not_grow_with_the_video():
    plan = WindowPlan(spec(8))
    kept = []
    for known in range(1, 500):
        list(plan.take(known, ended=False))
        kept.append(known - plan.oldest)
    assert max(kept) <= 2 * 8
