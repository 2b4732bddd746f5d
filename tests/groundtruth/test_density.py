from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate, gaussian_filter

from avsal.errors import ConfigError
from avsal.groundtruth import (
    DensityRecipe,
    density,
    density_recipe,
    fixation_map,
    flip,
    list_density_recipes,
    sigma_of_fwhm,
)
from avsal.types import Fixations, ScreenGeometry


def points(x, y, size, geometry=None):
    count = len(x)
    return Fixations(np.zeros(count), np.array(x), np.array(y), np.arange(count), size, geometry)


def random_points(seed, count, size):
    rng = np.random.default_rng(seed)
    return points(rng.uniform(0, size[1], count), rng.uniform(0, size[0], count), size)


def count_image(fixations):
    image = np.zeros(fixations.size)
    for row, column in zip(*fixations.rows_and_columns(), strict=True):
        image[row, column] += 1
    return image


@pytest.mark.parametrize("count", [1, 40, 400])
def test_density_is_the_gaussian_filtered_image_of_counts(count):
    fixations = random_points(count, count, (72, 128))
    expected = gaussian_filter(count_image(fixations), 5.0, mode="constant", truncate=4.0)
    np.testing.assert_allclose(
        density(fixations, None, 5.0), expected / expected.sum(), rtol=1e-5, atol=1e-10
    )


def test_more_points_than_rows_and_columns_take_the_same_map_as_few():
    fixations = random_points(3, 500, (40, 60))
    assert len(np.unique(np.floor(fixations.y) * 60 + np.floor(fixations.x))) > 100
    expected = sum(
        density(fixations.select(np.arange(500) == i), (20, 25), 2.0, normalisation="peak").astype(float)
        for i in range(500)
    )
    np.testing.assert_allclose(
        density(fixations, (20, 25), 2.0), expected / expected.sum(), rtol=1e-4, atol=1e-9
    )


def test_repeated_fixations_count_unless_the_recipe_is_binary():
    fixations = points([10.2, 10.7, 50.0], [10.0, 10.9, 30.0], (60, 80))
    counted = density(fixations, None, 3.0)
    assert counted[10, 10] / counted[30, 50] == pytest.approx(2, rel=1e-3)
    binary = density(fixations, None, 3.0, repeats=False)
    assert binary[10, 10] / binary[30, 50] == pytest.approx(1, rel=1e-3)


def test_normalisations_give_a_sum_a_maximum_or_a_peak_of_one():
    fixations = points([20.0, 20.0, 60.0], [30.0, 30.0, 30.0], (60, 80))
    assert density(fixations, None, 4.0).sum() == pytest.approx(1, abs=1e-5)
    assert density(fixations, None, 4.0, normalisation="max").max() == 1
    peak = density(fixations, None, 4.0, normalisation="peak")
    assert (peak[30, 20], peak[30, 60]) == pytest.approx((2, 1))


def test_replicated_borders_are_those_of_a_filter_that_repeats_the_outermost_pixels():
    # an odd kernel of 3.75 sigma; the point image repeats its border pixels, corners in both directions
    fixations = points([0.0, 79.5, 40.0, 0.0, 12.0], [0.0, 59.5, 59.0, 33.0, 1.0], (60, 80))
    radius = int(3.75 * 4)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / 4.0) ** 2)
    image = count_image(fixations)
    expected = correlate(correlate(image, kernel[:, None], mode="nearest"), kernel[None], mode="nearest")
    drawn = density(fixations, None, 4.0, truncate=3.75, padding="replicate", normalisation="peak")
    np.testing.assert_allclose(drawn, expected, rtol=1e-5, atol=1e-7)


def test_truncation_cuts_to_exactly_zero():
    drawn = density(points([40.0], [30.0], (61, 81)), None, 5.0, truncate=2.0)
    rows, columns = np.nonzero(drawn)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 40, 30, 50)


def test_no_fixation_is_an_empty_map_and_not_a_division_by_zero():
    assert not density(points([], [], (30, 40)), (15, 20), 2.0).any()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 12), st.floats(2.0, 8.0))
def test_density_mirrors_with_its_points(seed, count, sigma):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(count) < 0.5, rng.integers(0, 64, count), rng.uniform(0, 64, count))
    fixations = points(x, rng.uniform(0, 48, count), (48, 64))
    drawn = density(fixations, None, sigma)
    _, mirrored, moved = flip(drawn[None], drawn, fixations)
    np.testing.assert_allclose(density(moved, None, sigma), mirrored, atol=1e-7)


def test_map_drawn_small_is_the_map_drawn_large_seen_from_further_away():
    fixations = random_points(0, 15, (180, 320))
    large = density(fixations, None, 12.0).reshape(45, 4, 80, 4).sum((1, 3))
    small = density(fixations, (45, 80), 3.0)
    assert np.corrcoef(large.ravel(), small.ravel())[0, 1] > 0.9999


def test_a_sigma_too_small_for_the_map_or_a_point_outside_the_frame_is_refused():
    with pytest.raises(ValueError, match="draw the map larger"):
        density(points([1.0], [1.0], (60, 80)), (6, 8), 0.3)
    with pytest.raises(ValueError, match="1 are not"):
        density(points([1.0, 80.1], [1.0, 5.0], (60, 80)), None, 3.0)
    with pytest.raises(ValueError, match="truncate"):
        density(points([1.0], [1.0], (60, 80)), None, 3.0, truncate=0.5)


def test_points_at_the_very_border_survive_scaling_and_mirroring():
    corner = np.nextafter(1280, 0), np.nextafter(720, 0)
    fixations = points([corner[0], 1e-20], [corner[1], 0.0], (720, 1280))
    for size in ((192, 352), (224, 384), (7, 9), (1, 1)):
        scaled = fixations.scaled(size)
        image = np.zeros(size)
        assert density(scaled, None, 1.0).sum() == pytest.approx(1, abs=1e-5)
        _, _, mirrored = flip(image, image, scaled)
        assert density(mirrored, None, 1.0).sum() == pytest.approx(1, abs=1e-5)


def test_fixation_map_keeps_every_fixation_at_any_size():
    fixations = random_points(1, 200, (720, 1280))
    for size in (None, (224, 384), (7, 9)):
        assert fixation_map(fixations, size).sum() == 200
    np.testing.assert_array_equal(fixation_map(fixations), count_image(fixations))


def test_recipe_scales_its_sigma_with_the_video_and_the_map():
    fixations = random_points(0, 5, (720, 1280))
    assert sigma_of_fwhm(30) == pytest.approx(12.74, abs=0.005)
    assert density_recipe("dhf1k").sigma_in_pixels(fixations) == pytest.approx((25.48, 25.48), abs=0.01)
    assert density_recipe("ledov").sigma_in_pixels(fixations) == pytest.approx((33.97, 33.97), abs=0.005)
    assert density_recipe("mit").sigma_in_pixels(fixations, (360, 320)) == pytest.approx((12, 6))
    assert density_recipe("vsg").sigma_in_pixels(random_points(0, 1, (1080, 1920))) == (32, 32)


def test_recipe_in_degrees_needs_the_screen():
    screen = ScreenGeometry((900, 1600), (29.0, 51.0), 90.0)
    degree = density_recipe("degree")
    size = (900, 1600)
    expected = 2 * 90 * np.tan(np.radians(0.5)) * 1600 / 51
    assert degree.sigma_in_pixels(points([3.0], [3.0], size, screen), (450, 400)) == pytest.approx(
        (expected / 2, expected / 4)
    )
    with pytest.raises(ConfigError, match="states no screen"):
        degree.draw(points([3.0], [3.0], size))


def test_recipe_draws_what_it_says_and_can_be_written_down():
    fixations = random_points(4, 30, (180, 320))
    recipe = replace(density_recipe("ucf_sports"), normalisation="sum")
    drawn = recipe.draw(fixations, (90, 160))
    expected = density(fixations, (90, 160), 10.0, truncate=3.75, padding="replicate", repeats=False)
    np.testing.assert_array_equal(drawn, expected)
    assert "sigma 20 px, cut at 3.75 sigma, replicate padding, binary" in str(recipe)
    assert "12.74 px of a video 640 px wide" in str(density_recipe("dhf1k"))
    assert DensityRecipe(**recipe.as_dict()) == recipe


def test_unknown_recipe_names_the_nearest():
    assert {"dhf1k", "ledov", "hollywood2", "ucf_sports", "degree"} <= set(list_density_recipes())
    with pytest.raises(ConfigError, match="did you mean 'dhf1k'"):
        density_recipe("dhf1")
