import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.errors import ConfigError
from avsal.models.registry import create_model
from avsal.models.sal3d import COEFFICIENTS, START_WINDOWS, Deconv3d, Sal3D
from avsal.types import ClipSpec

WIDTH = 1 / 32


def small(**arguments: object) -> Sal3D:
    torch.manual_seed(0)
    model = create_model("sal3d", width=WIDTH, **arguments)
    assert isinstance(model, Sal3D)
    return model


def clip(batch: int = 1, size: tuple[int, int] = (32, 32)) -> Tensor:
    return torch.randn(batch, 3, 6, *size, generator=torch.Generator().manual_seed(1))


def numbers(module: nn.Module) -> int:
    """What Keras calls parameters: running statistics are counted."""
    buffers = (buffer for name, buffer in module.named_buffers() if "running" in name)
    return sum(p.numel() for p in module.parameters()) + sum(b.numel() for b in buffers)


def keras_same_deconvolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each input pixel adds a kernel that starts at twice its position; what falls past the end is lost."""
    B, _, T, H, W = x.shape
    output = torch.zeros(B, weight.shape[1], T, 2 * H, 2 * W) + bias[:, None, None, None]
    pad = weight.shape[2] // 2
    for t in range(T):
        for k in range(weight.shape[2]):
            if not 0 <= t + k - pad < T:
                continue
            for y in range(H):
                for i in range(3):
                    for z in range(W):
                        for j in range(3):
                            if 2 * y + i < 2 * H and 2 * z + j < 2 * W:
                                value = x[:, :, t, y, z] @ weight[:, :, k, i, j]
                                output[:, :, t + k - pad, 2 * y + i, 2 * z + j] += value
    return output


def plain_decoder(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Table 2 by functions alone, up to the logits."""

    def conv(x: Tensor, name: str) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.conv3d(x, weight, state[f"{name}.bias"], 1, [k // 2 for k in weight.shape[2:]])

    def deconv(x: Tensor, index: int) -> Tensor:
        weight, bias = state[f"{index}.0.full.weight"], state[f"{index}.0.full.bias"]
        x = F.conv_transpose3d(x, weight, bias, (1, 2, 2), (weight.shape[2] // 2, 0, 0))
        return x[..., :-1, :-1].relu()

    def norm(x: Tensor, index: int) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{index}.{part}"][:, None, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-3).sqrt() * weight + bias

    x = conv(conv(x, "0.0").relu(), "1.0").relu()
    x = norm(F.max_pool3d(x, (4, 2, 2), (1, 2, 2)), 3)
    x = deconv(conv(deconv(x, 4), "5.0").relu(), 6)
    x = conv(conv(x, "7.0").relu(), "8.0").relu()
    x = norm(F.max_pool3d(x, (3, 1, 1), 1), 10)
    for first in (11, 15):
        x = conv(conv(deconv(x, first), f"{first + 1}.0").relu(), f"{first + 2}.0").relu()
        x = norm(x, first + 3)
    x = conv(conv(deconv(x, 19), "20.0").relu(), "21.0").relu()
    return conv(x, "22")


def test_the_decoder_has_the_published_number_of_parameters_as_keras_counts():
    with torch.device("meta"):
        model = create_model("sal3d")
    assert numbers(model.decoder) == 31_447_841
    assert numbers(model.backbone) == 14_714_688
    # of the four numbers of each normalised channel two are running statistics
    assert model.num_parameters == 14_714_688 + 31_447_841 - 2 * (512 + 256 + 128 + 64)


def test_published_layers_have_the_parameters_that_their_kernels_need():
    with torch.device("meta"):
        decoder = create_model("sal3d").decoder
    table = [7_078_400, 7_078_400, 0, 2_048, 2_359_808, 7_078_400, 3_539_200, 1_769_728, 1_769_728, 0, 1_024]
    table += [295_040, 147_584, 147_584, 512, 73_792, 36_928, 36_928, 256, 18_464, 9_248, 4_624, 145]
    assert [numbers(layer) for layer in decoder] == table


def test_published_features_and_layers_have_the_published_shapes():
    with torch.device("meta"):
        model = create_model("sal3d")
        x = model.encode(torch.empty(1, 3, 6, 224, 224))
        assert x.shape == (1, 512, 6, 14, 14)
        shapes = []
        for layer in model.decoder:
            x = layer(x)
            shapes.append((x.shape[1], x.shape[2], x.shape[3]))
    assert shapes[1:7] == [
        (512, 6, 14),
        (512, 3, 7),
        (512, 3, 7),
        (512, 3, 14),
        (512, 3, 14),
        (256, 3, 28),
    ]
    assert shapes[9] == (256, 1, 28)
    assert [shapes[i] for i in (13, 17, 20, 21, 22)] == [
        (128, 1, 56),
        (64, 1, 112),
        (32, 1, 224),
        (16, 1, 224),
        (1, 1, 224),
    ]


def test_the_recipe_is_the_papers():
    with torch.device("meta"):
        spec = create_model("sal3d").spec
    assert (spec.num_frames, spec.size, spec.predicts, spec.channels) == (6, (224, 224), "last", "rgb")
    assert spec.start_windows == START_WINDOWS


@pytest.mark.parametrize("kernel", [(1, 3, 3), (3, 3, 3)])
def test_deconvolution_is_that_of_keras_same(kernel):
    torch.manual_seed(0)
    layer = Deconv3d(3, 2, kernel)
    x = torch.randn(2, 3, 3, 4, 5)
    with torch.no_grad():
        expected = keras_same_deconvolution(x, layer.full.weight, layer.full.bias)
        torch.testing.assert_close(layer(x), expected)


def test_the_decoder_equals_the_plain_network():
    model = small()
    for module in model.decoder.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    features = torch.rand(2, model.backbone.channels[-1], 6, 2, 4)
    with torch.no_grad():
        logits = plain_decoder(model.decoder.state_dict(), features)
        torch.testing.assert_close(model.decode(features, (32, 64)), torch.sigmoid(logits)[:, 0])


@pytest.mark.parametrize("variant", ["weighted", "base"])
@pytest.mark.parametrize(("batch", "size"), [(1, (32, 32)), (2, (33, 47)), (1, (5, 16))])
def test_a_clip_gives_one_map_between_0_and_1_at_its_size(variant, batch, size):
    with torch.no_grad():
        maps = small(variant=variant)(clip(batch, size))
    assert maps.shape == (batch, 1, *size)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_weighted_multiplies_each_frames_features_by_the_published_weight():
    model = small()
    frames = clip(2)
    with torch.no_grad():
        features = model.encode(frames)
        weighted = torch.stack([features[:, :, t] * c for t, c in enumerate(COEFFICIENTS)], 2)
        torch.testing.assert_close(model(frames), model.decode(weighted, (32, 32)))
        assert not torch.allclose(model(frames), model.decode(features, (32, 32)))
    assert COEFFICIENTS == (0.4, 0.5, 0.6, 0.7, 0.8, 0.98)


def test_the_videos_first_windows_and_the_base_variant_have_no_weights():
    weighted, base = small(), small(variant="base")
    base.load_state_dict(weighted.state_dict())
    with torch.no_grad():
        expected = weighted.decode(weighted.encode(clip()), (32, 32))
        assert torch.equal(weighted.forward_start(clip()), expected)
        assert torch.equal(base(clip()), expected)
        assert torch.equal(base.forward_start(clip()), expected)


def test_start_windows_look_at_no_later_frame_and_end_in_their_own():
    for frame, window in enumerate(START_WINDOWS):
        assert list(window) == sorted(window)
        assert set(window) == set(range(frame + 1))


def test_features_of_a_frame_do_not_depend_on_its_neighbours():
    model = small()
    frames = clip(2)
    with torch.no_grad():
        together = model.encode(frames)
        alone = torch.cat([model.encode(frames[:, :, t : t + 1]) for t in range(6)], 2)
    torch.testing.assert_close(together, alone)


def test_evaluation_is_deterministic_and_clips_do_not_mix():
    model = small()
    frames = clip(2)
    with torch.no_grad():
        both = model(frames)
        assert torch.equal(both, model(frames))
        torch.testing.assert_close(both[1:], model(frames[1:]))


def test_a_frozen_backbone_gets_no_gradient_and_everything_else_a_finite_one():
    model = small().train()
    model(clip(2)).sum().backward()
    assert all(parameter.grad is None for parameter in model.backbone.parameters())
    for key, parameter in model.decoder.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


def test_a_thawed_backbone_gets_finite_gradients():
    model = small(frozen=False).train()
    model(clip(2)).sum().backward()
    for key, parameter in model.backbone.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


def test_sound_is_refused_rather_than_ignored():
    with pytest.raises(ValueError, match="takes no sound"):
        small()(clip(), torch.zeros(1, 1, 100))
    with pytest.raises(ValueError, match="takes no sound"):
        small().forward_start(clip(), torch.zeros(1, 1, 100))


@pytest.mark.parametrize("shape", [(1, 3, 5, 32, 32), (1, 1, 6, 32, 32), (3, 6, 32, 32)])
def test_clips_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, 3, 6, H, W\)"):
        small()(torch.zeros(shape))


def test_an_unknown_variant_is_refused():
    with pytest.raises(ConfigError, match="weighted or base"):
        create_model("sal3d", variant="tanh")


@pytest.mark.parametrize(
    ("windows", "predicts"),
    [([(0, 1)], "last"), ([(0, 0, 0)], "last"), ([(-1, 0)], "last"), ([(0, 0)], "all")],
)
def test_start_windows_that_look_ahead_or_do_not_fit_are_refused(windows, predicts):
    with pytest.raises(ValueError, match="start_windows"):
        ClipSpec(2, (8, 8), predicts=predicts, start_windows=tuple(windows))
