import pytest
import torch
import torch.nn.functional as F

from avsal.layers.gaussians import GaussianPriors, Smoothing, gaussian_maps


def test_gaussian_maps_have_their_mean_and_deviation_in_parts_of_the_picture():
    wide, narrow = 0.0, -1.5
    maps = gaussian_maps(torch.tensor([[[0.25, narrow], [0.5, wide]]]), 9, 5)
    assert maps.shape == (1, 9, 5)
    assert maps.max() == maps[0, 2, 2] == 1
    distance, deviation = 2 / 8, torch.tensor(narrow).exp()
    assert maps[0, 4, 2].item() == pytest.approx((-((distance / deviation) ** 2) / 2).exp().item())
    assert maps[0, 2, 0].item() == pytest.approx(torch.tensor(-(0.5**2) / 2).exp().item())


def test_priors_follow_the_features():
    features = torch.randn(2, 3, 7, 9)
    joined = GaussianPriors()(features)
    assert joined.shape == (2, 19, 7, 9)
    assert torch.equal(joined[:, :3], features)
    assert joined[0, 3:].amax((1, 2)).max() == 6
    assert torch.equal(joined[0, 3:], joined[1, 3:])


@pytest.mark.parametrize(("size", "factor"), [(41, 8), (5, 2), (7, 3), (3, 8), (1, 4)])
def test_smoothing_is_the_convolution_of_the_enlarged_map(size, factor):
    torch.manual_seed(0)
    layer = Smoothing(size, factor)
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(2, 1, 4, 5)
    large = F.interpolate(x, scale_factor=factor, mode="nearest")
    expected = F.conv2d(F.pad(large, [size // 2] * 4, mode="replicate"), layer.weight)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_smoothing_starts_as_a_gaussian():
    layer = Smoothing()
    assert layer.weight.shape == (1, 1, 41, 41)
    assert layer.weight.sum().item() == pytest.approx(1)
    assert layer.weight.argmax().item() == 20 * 41 + 20
    torch.testing.assert_close(layer(torch.ones(1, 1, 3, 4)), torch.ones(1, 1, 24, 32))
