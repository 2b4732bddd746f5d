import pytest
import torch
from torch import nn

from avsal.layers.folding import folded
from avsal.layers.s3d import SeparableConv3d
from avsal.models import create_model


def with_random_norms(model):
    """Statistics and affine parameters as after training, from a fixed seed."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.running_mean.normal_(0.0, 0.2, generator=generator)
                module.running_var.uniform_(0.5, 2.0, generator=generator)
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0.2, 0.2, generator=generator)
    return model


def test_folded_network_is_the_same_function_without_norms():
    model = with_random_norms(create_model("tsfpnet_av", width=0.1, num_frames=8, size=(32, 48)))
    small = folded(model)
    assert any(isinstance(module, nn.BatchNorm3d) for module in model.modules())
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d) for module in small.modules())
    frames, audio = torch.randn(2, 3, 8, 32, 48), torch.randn(2, 1, 7056) * 50
    with torch.no_grad():
        torch.testing.assert_close(small(frames, audio), model(frames, audio), rtol=1e-5, atol=1e-6)


def test_a_folded_mobile_network_is_the_same_function_without_norms():
    model = with_random_norms(create_model("tsfpnet_mobile", width=0.1, size=(32, 48)))
    small = folded(model)
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in small.modules())
    frames = torch.randn(2, 3, 9, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(small(frames), model(frames), rtol=1e-4, atol=1e-5)


def test_each_norm_is_folded_with_its_own_eps():
    layer = with_random_norms(SeparableConv3d(3, 4, 3)).eval()
    layer.bn_s.eps, layer.bn_t.eps = 0.5, 1e-5
    x = torch.randn(1, 3, 4, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(folded(layer)(x), layer(x), rtol=1e-5, atol=1e-6)
        layer.bn_s.eps = 1e-5
        assert not torch.allclose(folded(layer)(x), folded(with_eps(layer, 0.5))(x), atol=1e-3)


def with_eps(layer, eps):
    layer.bn_s.eps = eps
    return layer


def test_a_network_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        folded(SeparableConv3d(3, 4, 3).train())
