"""Points: repeats, sizes, and what is refused."""

import numpy as np
import pytest

from avsal.metrics import Points, nss
from avsal.types import Fixations


def test_repeats_are_counted_and_pixels_ascend():
    points = Points.of(([1, 0, 1], [2, 3, 2]), (2, 4))
    assert points.pixels.tolist() == [3, 6]
    assert points.counts.tolist() == [1, 2]
    assert points.total == 3
    assert points.weights("exact").tolist() == [1, 2]
    assert points.weights("mit").tolist() == [1, 1]


def test_no_points_are_points_too():
    points = Points.of(([], []), (2, 4))
    assert points.total == 0
    assert points.pixels.dtype == np.int64


def test_recorded_fixations_must_be_on_a_frame_of_the_maps_size():
    recorded = Fixations(np.zeros(1), np.array([3.9]), np.array([1.0]), np.zeros(1), (2, 4))
    assert Points.of(recorded, (2, 4)).pixels.tolist() == [7]
    with pytest.raises(ValueError, match=r"size \(4, 8\) but are on \(2, 4\): scale the points"):
        nss(np.eye(4, 8), recorded)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (([2], [0]), r"must lie inside \(2, 4\) but have rows 2\.\.2"),
        (([0], [4]), r"columns 4\.\.4"),
        (([-1], [0]), r"rows -1\.\.-1"),
        (([0, 1], [0]), r"equally long .* shapes \(2,\) and \(1,\)"),
        (([0.5], [0.5]), "must be pixel indices, integers, but are float64"),
        (np.zeros((5, 2), dtype=int), r"or the two arrays \(rows, columns\)"),
        (([0], [0], [0]), r"or the two arrays \(rows, columns\)"),
    ],
)
def test_what_are_no_points_of_the_frame_is_refused(points, message):
    with pytest.raises(ValueError, match=message):
        Points.of(points, (2, 4))
