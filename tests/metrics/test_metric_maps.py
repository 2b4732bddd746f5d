"""Maps: types, resizing, conversion to densities."""

import numpy as np
import pytest

from avsal.errors import AvsalError
from avsal.metrics import ConstantMapWarning, Map, MapError, as_density, nss, resize_bicubic, resize_map
from avsal.metrics.maps import blocks


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        (np.bool_, np.uint8),
        (np.uint8, np.uint8),
        (np.uint16, np.float32),
        (np.int64, np.float64),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.dtype(">f4"), np.float64),
    ],
)
def test_values_are_kept_in_a_type_that_holds_them_all(kind, kept):
    array = np.array([[0, 1], [1, 0]], dtype=kind)
    made = Map(array)
    assert made.values.dtype == kept
    np.testing.assert_array_equal(made.values, array)


def test_a_float_map_is_not_copied():
    for kind in (np.uint8, np.float32, np.float64):
        array = np.ones((3, 4), dtype=kind)
        assert Map(array).values is array


def test_a_view_with_strides_scores_as_its_copy():
    wide = np.random.default_rng(0).random((20, 60))
    view = wide[::2, ::3]
    assert nss(view, ([1], [2])) == nss(view.copy(), ([1], [2]))


@pytest.mark.parametrize(
    "values", [np.ones(4), np.ones((2, 2, 3)), np.empty((0, 5)), np.array([["a"]]), np.ones((2, 2)) * 1j]
)
def test_what_is_no_map_is_refused(values):
    with pytest.raises(ValueError, match=r"`saliency` must be an \(H, W\) array of numbers"):
        Map(values)


def test_map_errors_are_both_our_own_and_value_errors():
    assert issubclass(MapError, AvsalError)
    assert issubclass(MapError, ValueError)


def test_blocks_cover_a_map_once_and_apply_offset_and_factor():
    values = np.random.default_rng(0).random((173, 211)).astype(np.float32)
    pieces = [piece for (piece,) in blocks((Map(values), 0.25, 2.0))]
    assert len(pieces) > 1
    np.testing.assert_array_equal(np.concatenate(pieces), 2 * (values.astype(np.float64) - 0.25).ravel())


def test_enlarging_is_bilinear_between_pixel_centres():
    row = resize_map(np.array([[0.0, 4.0]]), (1, 4))
    np.testing.assert_allclose(row, [[0, 1, 3, 4]])


def test_shrinking_averages_so_that_thin_lines_do_not_vanish():
    lines = np.zeros((64, 64))
    lines[:, ::8] = 1
    small = resize_map(lines, (8, 8))
    np.testing.assert_allclose(small[:, 1:-1], 1 / 8, atol=0.03)


def test_eight_bit_maps_are_resized_without_rounding():
    ramp = np.array([[0, 1]], dtype=np.uint8)
    np.testing.assert_allclose(resize_map(ramp, (1, 4)), [[0, 0.25, 0.75, 1]])


def test_resizing_keeps_the_range_and_the_mean():
    values = np.random.default_rng(0).random((90, 160))
    for size in ((36, 64), (180, 320)):
        resized = resize_map(values, size)
        assert resized.shape == size
        assert values.min() <= resized.min() <= resized.max() <= values.max()
        assert resized.mean() == pytest.approx(values.mean(), abs=2e-3)


def test_as_density_sums_to_one_with_the_stated_floor():
    values = np.random.default_rng(0).random((9, 16))
    values[0] = 0
    for floor in (0, 0.1, 1):
        density = as_density(values, uniform=floor)
        assert density.sum() == pytest.approx(1)
        assert density.min() == pytest.approx(floor / values.size)
    np.testing.assert_allclose(as_density(np.zeros((2, 5))), 0.1)


def test_as_density_refuses_negative_maps_and_impossible_floors():
    with pytest.raises(MapError, match="exponentiate"):
        as_density([[-1.0, 2.0]])
    with pytest.raises(ValueError, match=r"`uniform` must lie in 0\.\.1"):
        as_density([[1.0, 2.0]], uniform=2)


def test_a_constant_prediction_warns_with_its_value():
    with pytest.warns(ConstantMapWarning, match=r"`saliency` is constant \(128\)"):
        nss(np.full((3, 3), 128, dtype=np.uint8), ([0], [0]))


def test_bicubic_is_what_matlab_does():
    """The kernel of Keys with a = -1/2, stretched where a map shrinks; 0 stays the least."""
    point = np.zeros((1, 12))
    point[0, 6] = 1
    weights = [0, 0.2265625, 0.8671875, 0.8671875, 0.2265625, 0]  # at 1.25, .75, .25 of a pixel, cut below 0
    np.testing.assert_allclose(resize_bicubic(point, (1, 24))[0, 10:16], weights, atol=1e-6)
    lowest = resize_bicubic(point - 1, (1, 24)).min()
    assert lowest == pytest.approx(-1 - 0.0703125, abs=1e-6)  # a map that is negative anyhow overshoots
    halved = resize_bicubic(np.tile([0.0, 1.0], (1, 12)), (1, 12))
    assert np.abs(halved[0, 2:-2] - 0.5).max() < 0.02  # antialiased: a fine grating becomes grey
    assert resize_bicubic(point, (1, 12)) is point
