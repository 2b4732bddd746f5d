import numpy as np
import pytest
from gaze_recordings import followed_gaze

from avsal.evaluation.centre_bias import CentreBias, coverage_of_masks, coverage_of_points


def centred(seed: int, spread: float = 4.0, start=(0.5, 0.5)):
    return coverage_of_points(followed_gaze(start=start, wander=0, spread=spread, seed=seed, num_frames=30))


def test_it_is_a_density_with_its_peak_where_people_look():
    bias = CentreBias({str(seed): centred(seed) for seed in range(4)}, held_out=True)
    image = bias.map("0", (36, 64))
    assert image.sum() == pytest.approx(1, abs=1e-4)
    assert image.min() > 0
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert abs(row - 18) <= 3
    assert abs(column - 32) <= 4


def test_a_held_out_videos_own_gaze_does_not_matter():
    others = {str(seed): centred(seed) for seed in range(3)}
    one = CentreBias({**others, "video": centred(8)}, held_out=True)
    two = CentreBias({**others, "video": centred(9)}, held_out=True)
    assert (one.width, one.floor) == (two.width, two.floor)
    np.testing.assert_allclose(one.map("video", (18, 32)), two.map("video", (18, 32)), rtol=1e-4)
    assert not np.allclose(one.map("0", (18, 32)), two.map("0", (18, 32)), rtol=1e-4)


def test_fitted_to_training_videos_it_is_the_same_for_every_video():
    bias = CentreBias({str(seed): centred(seed) for seed in range(3)}, held_out=False)
    np.testing.assert_array_equal(bias.map("0", (18, 32)), bias.map("unseen", (18, 32)))
    assert "fitted to the training videos" in str(bias)


def test_wide_gaze_gets_a_wide_kernel_and_narrow_gaze_a_narrow_one():
    narrow = CentreBias({str(seed): centred(seed, spread=0.7) for seed in range(4)}, held_out=True)
    scattered = {
        str(seed): centred(seed, start=start)
        for seed, start in enumerate([(0.1, 0.1), (0.9, 0.8), (0.2, 0.9), (0.8, 0.2)])
    }
    wide = CentreBias(scattered, held_out=True)
    assert narrow.width < wide.width
    assert narrow.floor < wide.floor


def test_each_video_has_the_same_weight_however_long_it_is():
    long = coverage_of_points(followed_gaze(num_frames=60, wander=0, start=(0.2, 0.2)))
    short = coverage_of_points(followed_gaze(num_frames=3, wander=0, start=(0.8, 0.8)))
    assert long.sum() == pytest.approx(short.sum())
    image = CentreBias({"long": long, "short": short}, held_out=False).map("other", (36, 64))
    assert image[:18].sum() == pytest.approx(image[18:].sum(), rel=0.1)


def test_one_video_is_not_enough():
    with pytest.raises(ValueError, match="at least 2 videos but there are 1"):
        CentreBias({"a": centred(0), "b": np.zeros_like(centred(0))}, held_out=True)


def test_masks_are_covered_by_their_mean():
    mean = np.zeros((36, 64))
    mean[:18] = 0.5
    cells = coverage_of_masks(mean)
    assert cells.sum() == pytest.approx(1)
    assert cells[: len(cells) // 2].sum() == pytest.approx(1, abs=0.05)
