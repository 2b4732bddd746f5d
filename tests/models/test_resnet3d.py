import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.errors import ConfigError
from avsal.models.registry import create_model
from avsal.models.resnet3d import ResNet3D

NAMES = ("resnet3d", "resnet3d_s")
WIDTH = 1 / 32


def small(name: str, **arguments: object) -> ResNet3D:
    torch.manual_seed(0)
    model = create_model(name, width=WIDTH, **arguments)
    assert isinstance(model, ResNet3D)
    return model


def clip(batch: int = 1, size: tuple[int, int] = (32, 32)) -> Tensor:
    return torch.randn(batch, 3, 16, *size, generator=torch.Generator().manual_seed(1))


def normalise(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.batch_norm(
        x,
        state[f"{name}.running_mean"],
        state[f"{name}.running_var"],
        state[f"{name}.weight"],
        state[f"{name}.bias"],
    )


def plain_decoder(state: dict[str, Tensor], pyramid: bool, taps: list[Tensor]) -> Tensor:
    """The decoders layer by layer, as the published table of kernels, strides and paddings has them."""
    _, x3, x4, x5 = taps
    if not pyramid:
        x = F.conv_transpose3d(x5, state["up.0.weight"], None, (2, 4, 4), (1, 2, 2)).relu()
        x = F.conv_transpose3d(x, state["up.3.weight"], None, 2, 1).relu()
        return F.conv_transpose3d(x, state["predict.weight"], None, 2, 1)
    x4 = normalise(state, "up4.1", F.conv_transpose3d(x4, state["up4.0.weight"], None, 2, 1)).relu()
    x5 = F.conv_transpose3d(x5, state["up5.0.weight"], None, (2, 4, 4), (1, 2, 2))
    x5 = normalise(state, "up5.1", x5).relu()
    x = F.conv3d(torch.cat([x4, x5, x3], 1), state["join.0.weight"], None, 1, 1)
    x = normalise(state, "join.1", x).relu()
    x = normalise(state, "up.1", F.conv_transpose3d(x, state["up.0.weight"], None, 2, 1)).relu()
    return F.conv_transpose3d(x, state["predict.weight"], None, 2, 1)


@pytest.mark.parametrize(("name", "published"), [("resnet3d", 208_891_968), ("resnet3d_s", 50_211_904)])
def test_the_number_of_parameters_is_the_published_one(name, published):
    with torch.device("meta"):
        assert create_model(name).num_parameters == published


def test_published_layers_have_the_published_parameters_and_shapes():
    with torch.device("meta"):
        model = create_model("resnet3d")
        taps = model.trunk(torch.empty(1, 3, 16, 112, 112))
        up4, up5 = model.decoder.up4(taps[2]), model.decoder.up5(taps[3])
        joined = model.decoder.join(torch.cat([up4, up5, taps[1]], 1))
        up = model.decoder.up(joined)
    assert (up4.shape, up5.shape) == ((1, 256, 8, 28, 28), (1, 512, 8, 28, 28))
    assert (joined.shape, up.shape) == ((1, 512, 4, 28, 28), (1, 256, 8, 56, 56))
    decoder = model.decoder
    layers = (decoder.up4[0], decoder.up5[0], decoder.join[0], decoder.up[0], decoder.predict)
    assert [layer.weight.numel() for layer in layers] == [
        4_194_304,
        134_217_728,
        28_901_376,
        8_388_608,
        16_384,
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_the_papers(name):
    with torch.device("meta"):
        spec = create_model(name).spec
    assert (spec.num_frames, spec.size, spec.predicts, spec.stride) == (16, (112, 112), "all", 8)
    assert spec.sample_rate is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbone", ["paper", "r3d_18", "r2plus1d_18"])
@pytest.mark.parametrize(("batch", "size"), [(1, (32, 32)), (2, (33, 47)), (1, (5, 16))])
def test_a_clip_gives_a_map_between_0_and_1_for_each_frame_at_its_size(name, backbone, batch, size):
    with torch.no_grad():
        maps = small(name, backbone=backbone)(clip(batch, size))
    assert maps.shape == (batch, 16, *size)
    assert maps.min() >= 0
    assert maps.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_decoder_equals_the_plain_network(name):
    model = small(name)
    frames = clip(2)
    with torch.no_grad():
        taps = model.trunk(frames)
        logits = plain_decoder(model.decoder.state_dict(), name == "resnet3d", taps)
        torch.testing.assert_close(model(frames), torch.sigmoid(logits)[:, 0])


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_of_odd_size_is_the_one_with_zeros_below_and_to_the_right(name):
    model = small(name)
    frames = clip(size=(20, 37))
    padded = torch.zeros(1, 3, 16, 32, 48)
    padded[..., :20, :37] = frames
    with torch.no_grad():
        assert torch.equal(model(frames), model(padded)[..., :20, :37])


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_deterministic_and_clips_do_not_mix(name):
    model = small(name)
    frames = clip(2)
    with torch.no_grad():
        both = model(frames)
        assert torch.equal(both, model(frames))
        torch.testing.assert_close(both[1:], model(frames[1:]))


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_gets_a_finite_gradient(name):
    model = small(name).train()
    model(clip(2)).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@pytest.mark.parametrize("name", NAMES)
def test_dropout_acts_in_training_only_and_can_be_turned_off(name):
    frames = clip(2)
    with torch.no_grad():
        noisy = small(name).train()
        assert not torch.equal(noisy(frames), noisy(frames))
        calm = small(name, dropout=0.0).train()
        assert torch.equal(calm(frames), calm(frames))


def test_the_trimmed_model_is_the_model_without_its_pyramid():
    trimmed, asked = small("resnet3d_s"), small("resnet3d", pyramid=False)
    asked.load_state_dict(trimmed.state_dict())
    with torch.no_grad():
        assert torch.equal(trimmed(clip()), asked(clip()))


def test_sound_is_refused_rather_than_ignored():
    with pytest.raises(ValueError, match="takes no sound"):
        small("resnet3d_s")(clip(), torch.zeros(1, 1, 100))


@pytest.mark.parametrize("shape", [(1, 3, 8, 32, 32), (1, 1, 16, 32, 32), (3, 16, 32, 32)])
def test_clips_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, 3, 16, H, W\)"):
        small("resnet3d_s")(torch.zeros(shape))


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ConfigError, match="r2plus1d_18"):
        create_model("resnet3d", backbone="mc3_18")
