"""Laws that hold for every registered model, in a small version."""

from typing import NamedTuple

import pytest
import torch

from avsal.errors import ConfigError
from avsal.layers.fusion import AlignedFusion
from avsal.models import argument_words, create_model, list_models, list_variants, model_info

SMALL = {
    "tsfpnet": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "tsfpnet_av": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "tsfpnet_mobile": {"width": 0.05, "size": (32, 48)},
    "tsfpnet_av_mobile": {"width": 0.05, "audio_width": 0.05, "size": (32, 48)},
    "resnet3d": {"width": 0.05, "size": (32, 48)},
    "resnet3d_s": {"width": 0.05, "size": (32, 48)},
    "sal3d": {"width": 0.05, "size": (32, 48)},
    "conv3d": {"width": 0.05, "size": (32, 48)},
    "esan": {"width": 0.05, "num_groups": 2, "size": (32, 48)},
    "tased": {"width": 0.05, "size": (32, 48)},
    "unisal": {"width": 0.05, "size": (32, 48), "frame_step": 2, "steps": 2},
    "vinet": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "vinet_s": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "vinet_a": {"width": 0.05, "size": (32, 48)},
    "avinet": {"width": 0.05, "num_frames": 8, "size": (32, 48)},
    "stavis": {"width": 0.05, "size": (32, 48)},
    "stavis_visual": {"width": 0.05, "size": (32, 48)},
}

#: arguments of `forward` while training
TRAINING = {"stavis_visual": {"sides": True}}


class Published(NamedTuple):
    """What a model or variant must be at its published size.

    Attributes:
        parameters: exactly; where a paper prints no number, what its layer list gives.
        maps: (T', H, W) of a clip of the published size.
        printed: what the paper prints, in MB of float32 or M parameters, and how far we may be from it.
        sound: whether the model listens.
    """

    parameters: int
    maps: tuple[int, int, int]
    printed: tuple[str, float, float] | None = None
    sound: bool = False


TSFP, RESNET, SAL, ESAN = (1, 192, 352), (16, 112, 112), (1, 224, 224), (15, 256, 320)
VINET, STAVIS = (1, 224, 384), (1, 112, 112)

#: by name and arguments; papers print sizes of whole models only
PUBLISHED = {
    "tsfpnet": Published(14_306_001, TSFP, ("MB", 58.4, 0.03)),  # Table 3; no widths are printed
    "tsfpnet num_frames=16": Published(13_945_553, TSFP),
    "tsfpnet num_frames=48": Published(14_666_449, TSFP),
    "tsfpnet levels=multi": Published(12_534_993, TSFP),
    "tsfpnet levels=final": Published(10_598_289, TSFP),
    "tsfpnet_av": Published(18_466_850, TSFP, sound=True),
    "tsfpnet_av fusion=aligned": Published(15_464_194, TSFP, sound=True),
    "tsfpnet_av fusion=stavis": Published(18_466_850, TSFP, sound=True),
    "tsfpnet_av fusion=avinet": Published(18_044_622, TSFP, sound=True),
    "tsfpnet_mobile": Published(1_883_470, TSFP),  # ours
    "tsfpnet_av_mobile": Published(2_074_471, TSFP, sound=True),
    "resnet3d": Published(208_891_968, RESNET, ("M", 200, 0.05)),  # section V-C: "more than 200 million"
    "resnet3d backbone=r3d_18": Published(208_887_744, RESNET),
    "resnet3d backbone=r2plus1d_18": Published(207_021_597, RESNET),
    "resnet3d_s": Published(50_211_904, RESNET, ("M", 50, 0.005)),  # section V-C: "about 50 million"
    # Table 2: 31,447,841 with Keras' running statistics of batch norms, and VGG-16's 14,714,688
    "sal3d": Published(14_714_688 + 31_447_841 - 2 * (512 + 256 + 128 + 64), SAL, ("M", 46.162529, 1e-4)),
    "sal3d variant=base": Published(46_160_609, SAL, ("M", 46.162529, 1e-4)),
    "conv3d": Published(58_303_233, SAL),
    "esan": Published(114_528_417, ESAN),  # of the released layer list
    "esan recurrent=none": Published(76_775_585, ESAN),
    "esan recurrent=backward": Published(95_652_001, ESAN),
    "esan recurrent=forward": Published(95_652_001, ESAN),
    "esan alignment=plain": Published(72_792_385, ESAN),
    "esan levels=[p3,p4]": Published(87_576_521, ESAN),
    "esan levels=[p3]": Published(61_804_273, ESAN),
    "esan levels=[p4,p5]": Published(94_524_361, ESAN),
    "esan levels=[p5]": Published(74_651_889, ESAN),
    "esan recurrent=released": Published(95_652_001, ESAN),
    "tased": Published(21_260_693, (1, 224, 384), ("MB", 82, 0.04)),  # MiB: 81.1
    "unisal": Published(3_714_872, (60, 224, 384), ("MB", 15.5, 0.05)),  # the released file
    "unisal domain=hollywood": Published(3_714_872, (48, 224, 416)),
    "unisal domain=ucf_sports": Published(3_714_872, (48, 256, 384)),
    "unisal domain=salicon": Published(3_714_872, (1, 288, 384)),
    "vinet": Published(31_099_585, VINET, ("MB", 124, 0.005)),  # TSFP-Net's Table 3
    "vinet num_frames=8": Published(31_079_105, VINET),
    "vinet num_frames=16": Published(31_097_537, VINET),
    "vinet num_frames=48": Published(31_100_641, VINET),
    "vinet skips=0": Published(20_150_977, VINET),
    "vinet skips=1": Published(27_339_457, VINET),
    "vinet skips=2": Published(30_657_217, VINET),
    "vinet_s": Published(9_500_737, VINET, ("MB", 36 * 1.048576, 0.01)),  # abstract
    "vinet_a": Published(38_693_241, (1, 256, 456), ("MB", 148 * 1.048576, 0.01)),  # abstract
    "avinet": Published(45_494_970, VINET, sound=True),  # of the released layer list, as is stavis
    "stavis": Published(21_815_398, STAVIS, sound=True),
    "stavis published=True": Published(21_815_398, STAVIS, sound=True),
    "stavis_visual": Published(17_695_445, STAVIS),
}


def label(pair):
    return " ".join([pair[0], argument_words(pair[1])]).strip()


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


def test_every_model_and_variant_is_in_the_tables():
    assert set(list_models()) == set(SMALL)
    assert {label(pair) for pair in list_variants()} == set(PUBLISHED)


@pytest.mark.parametrize("name", list_models())
def test_a_size_that_is_not_height_and_width_is_refused(name):
    for size in ([64], [64, 64, 3], [64, 0]):
        with pytest.raises(ConfigError, match=r"`size` must be \(height, width\) of at least"):
            create_model(name, **{**SMALL[name], "size": size})


@pytest.mark.parametrize("pair", list_variants(), ids=label)
def test_published_size_and_shape(pair):
    name, arguments = pair
    published = PUBLISHED[label(pair)]
    with torch.device("meta"), torch.no_grad():  # shapes without the arithmetic
        model = create_model(name, **arguments)
        spec = model.spec
        frames = torch.empty(1, 3, spec.num_frames, *spec.size)
        audio = None
        aligned = isinstance(getattr(model, "fusion", None), AlignedFusion)  # which looks at numbers
        if spec.sample_rate is not None and not aligned:
            audio = torch.empty(1, 1, spec.audio_samples(spec.num_frames / 25))
        maps = model(frames, audio)
    assert maps.shape == (1, *published.maps)
    assert model.num_parameters == published.parameters
    assert model_info(name).sound is published.sound is (spec.sample_rate is not None)
    if published.printed is not None:
        unit, value, tolerance = published.printed
        size = model.num_parameters * (4 if unit == "MB" else 1) / 1e6
        assert size == pytest.approx(value, rel=tolerance)


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
    frames, audio = inputs(model, 2)
    maps = [model(frames, audio, **TRAINING.get(model.name, {}))]
    if audio is not None:  # what only answers where there is no sound
        maps.append(model(frames))
    torch.cat(maps, 1).clamp(min=1e-6).log().mean().backward()
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
