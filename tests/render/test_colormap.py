import numpy as np
import pytest

from avsal.errors import ConfigError
from avsal.render.colormap import COLORMAPS, colormap, paint, to_unit_peak


@pytest.mark.parametrize("name", COLORMAPS)
def test_tables_are_the_library_s(name):
    matplotlib = pytest.importorskip("matplotlib")
    theirs = matplotlib.colormaps["gray" if name == "grey" else name](np.arange(256))[:, :3] * 255
    np.testing.assert_allclose(colormap(name), theirs, atol=0.51)


def test_unknown_table_is_named():
    with pytest.raises(ConfigError, match="inferno"):
        colormap("rainbow")


def test_paint_equals_the_blend_in_floats():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    saliency = random.random((30, 40), dtype=np.float32)
    table = colormap("turbo")
    weight = 0.6 * saliency[..., None]
    expected = picture * (1 - weight) + table[(saliency * 255 + 0.5).astype(int)] * weight
    np.testing.assert_allclose(paint(picture, saliency, table, 0.6), expected, atol=2.5)


def test_zero_saliency_leaves_the_picture_and_the_peak_covers_by_alpha():
    picture = np.full((4, 4, 3), 200, np.uint8)
    table = colormap("inferno")
    np.testing.assert_array_equal(paint(picture, np.zeros((4, 4), np.float32), table, 1.0), picture)
    full = paint(picture, np.ones((4, 4), np.float32), table, 1.0)
    np.testing.assert_array_equal(full, np.broadcast_to(table[255], (4, 4, 3)))


def test_unit_peak_of_an_empty_map_stays_empty():
    assert not to_unit_peak(np.zeros((3, 3), np.float32)).any()
    assert to_unit_peak(np.array([[0, 2], [4, 1]], np.float32)).max() == 1
