import numpy as np
import pytest
from gaze_recordings import followed_gaze
from hypothesis import given, settings
from hypothesis import strategies as st

from avsal.evaluation.kernel_density import Kernels, Mixture, fit_mixture, kernel_image
from avsal.types import Fixations


def scattered(num_observers=6, seed=0, size=(24, 32)):
    generator = np.random.default_rng(seed)
    y, x = generator.random((2, num_observers)) * np.array(size)[:, None]
    return Fixations(np.zeros(num_observers), x, y, np.arange(num_observers), size)


def plain_gaussian(row, column, size, sigma):
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
    return image / image.sum()


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.floats(0.4, 6), st.integers(0, 99))
def test_every_gaussian_keeps_its_mass_inside_the_frame(number, sigma, seed):
    gaze = scattered(number, seed)
    assert Kernels(gaze, sigma).image().sum() == pytest.approx(number, rel=1e-4)


def test_the_image_is_the_sum_of_plain_gaussians():
    gaze = scattered()
    rows, columns = gaze.rows_and_columns()
    plain = sum(plain_gaussian(r, c, gaze.size, 2.5) for r, c in zip(rows, columns, strict=True))
    np.testing.assert_allclose(Kernels(gaze, 2.5).image(), plain, atol=1e-6)
    np.testing.assert_allclose(kernel_image(gaze, 2.5), plain, atol=1e-6)


def test_repeats_count_in_the_image_of_many_frames():
    gaze = scattered()
    twice = Fixations(*(np.tile(axis, 2) for axis in (gaze.frame, gaze.x, gaze.y, gaze.observer)), gaze.size)
    np.testing.assert_allclose(kernel_image(twice, 2.0), 2 * kernel_image(gaze, 2.0), rtol=1e-5)


def test_density_at_other_observers_leaves_out_all_of_ones_own():
    gaze = scattered()
    gaze = Fixations(gaze.frame, gaze.x, gaze.y, np.array([0, 0, 1, 2, 2, 3]), gaze.size)
    rows, columns = gaze.rows_and_columns()
    expected = []
    for row, column, who in zip(rows, columns, gaze.observer, strict=True):
        others = np.flatnonzero(gaze.observer != who)
        density = np.mean([plain_gaussian(rows[i], columns[i], gaze.size, 3.0) for i in others], axis=0)
        expected.append(density[row, column])
    np.testing.assert_allclose(Kernels(gaze, 3.0).at_other_observers(), expected, rtol=1e-4)


def plain_likelihood(frames, mixture, centre):
    """Mean log density of every fixation under the estimate from the other observers on its frame."""
    height, width = frames[0].size
    values = []
    for gaze in frames:
        rows, columns = gaze.rows_and_columns()
        for at, who in enumerate(gaze.observer):
            others = np.flatnonzero(gaze.observer != who)
            density = np.mean(
                [plain_gaussian(rows[i], columns[i], gaze.size, mixture.width * width) for i in others],
                axis=0,
            )
            total = mixture.kernel * density + mixture.uniform / (height * width) + mixture.centre * centre
            values.append(np.log(total[rows[at], columns[at]]))
    return np.mean(values)


def test_the_fit_is_likelier_than_any_other_choice_tried():
    gaze = followed_gaze(size=(24, 32), num_observers=5, num_frames=4)
    frames = [gaze.at(frame) for frame in range(4)]
    centre = plain_gaussian(12, 16, (24, 32), 6)
    fitted = fit_mixture(frames, centre.astype(np.float32))
    best = plain_likelihood(frames, fitted, centre)
    assert fitted.kernel + fitted.centre + fitted.uniform == pytest.approx(1)
    for width in (0.02, 0.04, 0.056, 0.08):
        for kernel in (0.3, 0.6, 0.9):
            for share in (0.1, 0.9):
                rest = 1 - kernel
                other = Mixture(width, kernel, rest * share, rest * (1 - share))
                assert plain_likelihood(frames, other, centre) <= best + 1e-3


def test_observers_who_agree_get_kernels_and_those_who_do_not_the_uniform_map():
    agreeing = followed_gaze(spread=1, num_frames=10)
    assert fit_mixture([agreeing.at(frame) for frame in range(10)], None).kernel > 0.8
    apart = fit_mixture([scattered(8, seed) for seed in range(30)], None)
    assert apart.uniform > 0.5
    assert apart.centre == 0


def test_the_estimate_is_a_density_also_without_other_observers():
    centre = plain_gaussian(12, 16, (24, 32), 6).astype(np.float32)
    mixture = Mixture(0.05, 0.7, 0.2, 0.1)
    kernels = Kernels(scattered(), 2.0)
    assert mixture.image(kernels.image(), 6, centre).sum() == pytest.approx(1, abs=1e-4)
    alone = mixture.image(np.zeros((24, 32), np.float32), 0, centre)
    np.testing.assert_allclose(alone, centre * 2 / 3 + 1 / 3 / centre.size, rtol=1e-5)


def test_a_lone_observer_cannot_be_predicted():
    with pytest.raises(ValueError, match="two observers"):
        fit_mixture([scattered(1)], None)
