import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.groundtruth import crop, fixation_map, flip
from avsal.types import Fixations, ScreenGeometry


def scene(seed=0, count=30, size=(48, 64)):
    """Frames whose red channel counts the fixations of each pixel, so the picture shows where they went."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(count) < 0.5, rng.integers(0, size[1], count), rng.uniform(0, size[1], count))
    screen = ScreenGeometry(size, (30.0, 40.0), 60.0)
    fixations = Fixations(
        np.zeros(count), x, rng.uniform(0, size[0], count), np.arange(count), size, screen, {"a": 1}
    )
    counts = fixation_map(fixations).astype(np.float32)
    frames = np.stack([counts, rng.random(size, dtype=np.float32), rng.random(size, dtype=np.float32)])[
        :, None
    ]
    return frames, counts, fixations


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_flip_takes_points_where_the_picture_goes(seed):
    frames, maps, fixations = scene(seed)
    new_frames, new_maps, new_fixations = flip(frames, maps, fixations)
    np.testing.assert_array_equal(fixation_map(new_fixations), new_maps)
    np.testing.assert_array_equal(new_frames[0, 0], new_maps)
    np.testing.assert_array_equal(new_frames[1, 0], frames[1, 0, :, ::-1])


def test_flipping_twice_changes_nothing():
    frames, maps, fixations = scene()
    again = flip(*flip(frames, maps, fixations))
    np.testing.assert_array_equal(again[0], frames)
    np.testing.assert_array_equal(again[1], maps)
    np.testing.assert_allclose(again[2].x, fixations.x, atol=1e-12)
    assert again[2].geometry == fixations.geometry
    assert again[2].dropped == {"a": 1}


def test_flip_takes_tensors_and_leaves_its_input_alone():
    frames, maps, fixations = scene()
    tensor = torch.from_numpy(frames.copy())
    new_frames, new_maps, _ = flip(tensor, torch.from_numpy(maps), fixations)
    np.testing.assert_array_equal(new_frames.numpy(), flip(frames, maps, fixations)[0])
    np.testing.assert_array_equal(new_maps.numpy()[:, ::-1], maps)
    np.testing.assert_array_equal(tensor.numpy(), frames)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.data())
def test_crop_takes_points_where_the_picture_goes(seed, data):
    frames, maps, fixations = scene(seed)
    top, left = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 50))
    size = data.draw(st.integers(1, 48 - top)), data.draw(st.integers(1, 64 - left))
    new_frames, new_maps, inside = crop(frames, maps, fixations, top=top, left=left, size=size)
    assert new_frames.shape == (3, 1, *size)
    np.testing.assert_array_equal(fixation_map(inside), new_maps)
    np.testing.assert_array_equal(new_frames[0, 0], new_maps)
    assert len(inside) + inside.dropped.get("fixations outside the crop", 0) == len(fixations)
    assert inside.dropped["a"] == 1


def test_crop_scales_points_of_a_larger_video_to_the_frames_first():
    video = Fixations([0, 0], [640.0, 100.0], [360.0, 100.0], [0, 1], (720, 1280))
    frames, maps = torch.zeros(3, 2, 72, 128), torch.zeros(2, 72, 128)
    new_frames, new_maps, inside = crop(frames, maps, video, top=30, left=60, size=(20, 40))
    assert new_frames.shape == (3, 2, 20, 40)
    assert new_maps.shape == (2, 20, 40)
    assert (inside.x.tolist(), inside.y.tolist(), inside.size) == ([4.0], [6.0], (20, 40))


def test_rectangles_that_leave_the_frame_and_maps_of_another_size_are_refused():
    frames, maps, fixations = scene()
    for top, left, size in ((-1, 0, (5, 5)), (0, 60, (5, 5)), (0, 0, (0, 5))):
        with pytest.raises(ValueError, match="not inside"):
            crop(frames, maps, fixations, top=top, left=left, size=size)
    with pytest.raises(ValueError, match="frames' size 48x64"):
        crop(frames, maps[:24], fixations, top=0, left=0, size=(5, 5))
