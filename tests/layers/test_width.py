import pytest

from avsal.layers.width import scaled


def test_width_one_changes_nothing():
    assert [scaled(channels, 1) for channels in (1, 3, 45, 512)] == [1, 3, 45, 512]


def test_other_widths_round_to_multiples_of_four_and_never_to_nothing():
    assert [scaled(512, width) for width in (2, 0.5, 0.1, 0.001)] == [1024, 256, 52, 4]


@pytest.mark.parametrize("width", [0, -1, float("nan")])
def test_a_width_that_is_not_positive_is_refused(width):
    with pytest.raises(ValueError, match="positive"):
        scaled(64, width)
