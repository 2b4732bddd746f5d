"""Laws that hold for every registered model, in a small version."""

import pytest
import torch

from avsal.models import create_model, list_models, model_info

SMALL = {
    "tsfpnet": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "tsfpnet_av": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "resnet3d": {"width": 0.05, "size": (32, 48)},
    "resnet3d_s": {"width": 0.05, "size": (32, 48)},
    "sal3d": {"width": 0.05, "size": (32, 48)},
    "conv3d": {"width": 0.05, "size": (32, 48)},
    "esan": {"width": 0.05, "num_groups": 2, "size": (32, 48)},
}

#: parameters in units, published size in MB where a paper prints one, and whether the model listens
PUBLISHED = {
    "tsfpnet": (14_306_001, 58.4, False),
    "tsfpnet_av": (18_466_850, None, True),
    "resnet3d": (208_891_968, None, False),
    "resnet3d_s": (50_211_904, None, False),
    "sal3d": (46_160_609, None, False),
    "conv3d": (58_303_233, None, False),
    "esan": (114_528_417, None, False),
}


@pytest.fixture(params=list_models())
def model(request):
    torch.manual_seed(0)
    return create_model(request.param, **SMALL[request.param])


def inputs(model, batch=1, size=None):
    spec = model.spec
    generator = torch.Generator().manual_seed(1)
    frames = torch.randn(batch, 3, spec.num_frames, *(size or spec.size), generator=generator)
    audio = None
    if spec.sample_rate is not None:
        samples = spec.audio_samples(spec.num_frames / 25)
        audio = spec.audio_scale * 0.1 * torch.randn(batch, 1, samples, generator=generator)
    return frames, audio


def test_every_model_is_in_the_tables():
    assert set(list_models()) == set(SMALL) == set(PUBLISHED)


@pytest.mark.parametrize("name", list_models())
def test_published_size(name):
    parameters, megabytes, sound = PUBLISHED[name]
    with torch.device("meta"):
        model = create_model(name)
    assert model.num_parameters == parameters
    assert model_info(name).sound is sound is (model.spec.sample_rate is not None)
    if megabytes is not None:
        assert model.num_parameters * 4 / 1e6 == pytest.approx(megabytes, rel=0.03)


@pytest.mark.parametrize("batch", [1, 2])
def test_maps_are_non_negative_finite_and_as_many_as_the_spec_says(model, batch):
    with torch.no_grad():
        maps = model(*inputs(model, batch))
    count = model.spec.num_frames if model.spec.predicts == "all" else 1
    assert maps.shape == (batch, count, *model.spec.size)
    assert torch.isfinite(maps).all()
    assert maps.min() >= 0


@pytest.mark.parametrize("size", [(45, 70), (64, 33)])
def test_odd_sizes_give_maps_of_that_size(model, size):
    with torch.no_grad():
        assert model(*inputs(model, size=size)).shape[-2:] == size


def test_the_same_input_gives_the_same_map(model):
    with torch.no_grad():
        assert torch.equal(model(*inputs(model)), model(*inputs(model)))


def test_a_batch_gives_what_its_clips_give_alone(model):
    frames, audio = inputs(model, 2)
    with torch.no_grad():
        together = model(frames, audio)
        alone = [model(frames[i : i + 1], None if audio is None else audio[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_trainable_parameter(model):
    model.train()
    model(*inputs(model, 2)).clamp(min=1e-6).log().mean().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_name_and_arguments_rebuild_the_model(model):
    again = create_model(model.name, **model.arguments)
    assert again.spec == model.spec
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again(*inputs(model)), model(*inputs(model)))


def test_models_without_ears_refuse_sound(model):
    frames, audio = inputs(model)
    if audio is None:
        with pytest.raises(ValueError, match="audio"):
            model(frames, torch.zeros(1, 1, 100))
