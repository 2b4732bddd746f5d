import pytest
import torch
from saliency_models import lively
from torch.utils.flop_counter import FlopCounterMode

from avsal.errors import ConfigError
from avsal.layers.fusion import FUSIONS, AlignedFusion, at_times
from avsal.models import create_model

SMALL = {"width": 0.1, "num_frames": 16, "size": (64, 96)}


@pytest.fixture(params=FUSIONS)
def listener(request):
    torch.manual_seed(0)
    return create_model("tsfpnet_av", fusion=request.param, **SMALL)


def clip(batch=1, num_frames=16, size=(64, 96)):
    return torch.randn(batch, 3, num_frames, *size, generator=torch.Generator().manual_seed(1))


def sound(batch=1, samples=14_112):
    return 20 * torch.randn(batch, 1, samples, generator=torch.Generator().manual_seed(2))


def test_visual_model_has_the_published_size():
    with torch.device("meta"):
        model = create_model("tsfpnet")
    assert model.num_parameters * 4 / 1e6 == pytest.approx(58.4, rel=0.03)
    encoder = sum(parameter.numel() for parameter in model.encoder.parameters())
    assert encoder == 7_910_048


def test_a_map_costs_no_more_than_the_published_speed_allows():
    with torch.device("meta"):
        model = create_model("tsfpnet")
        frames = torch.empty(1, 3, 32, 192, 352)
        with FlopCounterMode(display=False) as counter:
            model(frames)
        with FlopCounterMode(display=False) as encoder:
            model.encode(frames)
    assert counter.get_total_flops() < 150e9
    assert encoder.get_total_flops() == pytest.approx(96.9e9, rel=0.01)


@pytest.mark.parametrize("levels", ["pyramid", "multi", "final"])
@pytest.mark.parametrize("num_frames", [16, 32, 48])
def test_ablations_of_the_paper_give_maps(levels, num_frames):
    model = create_model("tsfpnet", levels=levels, num_frames=num_frames, width=0.05, size=(32, 32))
    with torch.no_grad():
        saliency = model(clip(1, num_frames, (32, 32)))
    assert saliency.shape == (1, 1, 32, 32)
    assert (saliency > 0).all()
    assert (saliency < 1).all()


def test_ablations_drop_what_they_say():
    full, multi, final = (
        create_model("tsfpnet", levels=name, **SMALL) for name in ("pyramid", "multi", "final")
    )
    assert not multi.pyramid.smooth
    assert set(final.pyramid.decoders) == {"3"}
    assert full.num_parameters > multi.num_parameters > final.num_parameters


def test_top_down_path_carries_the_coarsest_tap_to_every_level():
    full, multi = (create_model("tsfpnet", levels=name, **SMALL) for name in ("pyramid", "multi"))
    with torch.no_grad():
        for model, changes in ((full, True), (multi, False)):
            taps = model.encode(clip())
            seen = []
            model.pyramid.decoders["0"].register_forward_pre_hook(
                lambda _, inputs, seen=seen: seen.append(inputs[0] if inputs[2] is None else inputs[2])
            )
            model.pyramid(taps)
            model.pyramid((*taps[:3], taps[3] + 1))
            assert torch.equal(*seen) is not changes


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (90, 45), (33, 150)])
def test_any_frame_size_and_any_length_of_sound(listener, size):
    with torch.no_grad():
        for samples in (1, 4_000, 14_112, 50_001):
            assert listener(clip(2, size=size), sound(2, samples)).shape == (2, 1, *size)


def test_without_sound_the_output_is_exactly_the_visual_network_s(listener):
    visual = create_model("tsfpnet", **SMALL)
    shared = {key: value for key, value in listener.state_dict().items() if not key.startswith("fusion.")}
    visual.load_state_dict(shared)
    with torch.no_grad():
        assert torch.equal(listener(clip(), None), visual(clip()))


def test_silence_is_not_the_same_as_no_sound(listener):
    with torch.no_grad():
        silent = listener(clip(), torch.zeros(1, 1, 14_112))
        assert not torch.equal(silent, listener(clip(), None))
        assert not torch.equal(silent, listener(clip(), sound()))


def test_zero_attention_changes_nothing_and_the_map_says_so(listener):
    torch.nn.init.zeros_(listener.fusion.attention.weight)
    torch.nn.init.zeros_(listener.fusion.attention.bias)
    with torch.no_grad():
        torch.testing.assert_close(listener(clip(), sound()), listener(clip(), None))
        assert listener.attention_map(clip(), sound()).abs().max() == 0


def test_attention_map_has_the_frames_size_and_never_turns_features_round(listener):
    torch.nn.init.constant_(listener.fusion.attention.bias, -50.0)
    with torch.no_grad():
        attention = listener.attention_map(clip(2), sound(2))
    assert attention.shape == (2, 64, 96)
    assert attention.min() >= -1


def test_every_parameter_learns(listener):
    listener.train()
    listener(clip(2), sound(2)).log().sum().backward()
    for name, parameter in listener.named_parameters():
        if name.startswith("fusion.soundnet.conv") and name.endswith("bias"):
            continue  # batch norm takes a bias away again
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_a_batch_gives_what_its_clips_give_alone(listener):
    frames, audio = clip(2), sound(2)
    with torch.no_grad():
        together = listener(frames, audio)
        alone = torch.cat([listener(frames[i : i + 1], audio[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_aligned_fusion_hears_when_and_pooled_fusion_does_not_see_when():
    """Frames in another order change a fusion that keeps time; the pooled one averages them."""
    torch.manual_seed(0)
    base2, base3 = torch.rand(1, 48, 8, 8, 12), torch.rand(1, 84, 4, 4, 6)
    audio = sound()
    outputs = {}
    for name in ("bilinear", "aligned"):
        fusion = create_model("tsfpnet_av", fusion=name, **SMALL).fusion
        channels2, channels3 = create_model("tsfpnet", **SMALL).encoder.channels[1:3]
        b2, b3 = (
            base2[:, :1].expand(-1, channels2, -1, -1, -1),
            base3[:, :1].expand(-1, channels3, -1, -1, -1),
        )
        with torch.no_grad():
            outputs[name] = fusion(b2, b3, audio), fusion(b2.flip(2), b3.flip(2), audio)
    torch.testing.assert_close(*outputs["bilinear"])
    assert (outputs["aligned"][0] - outputs["aligned"][1]).abs().max() > 1e-4


def test_features_are_brought_to_other_times_by_their_true_centres():
    centres = torch.tensor([-10.0, 10.0, 30.0, 50.0, 70.0])
    ramp = centres[None, None].clone()
    times = torch.tensor([0.0, 15.0, 30.0])
    torch.testing.assert_close(at_times(ramp, centres, times)[0, 0], times)
    coarse = torch.tensor([15.0, 55.0])
    torch.testing.assert_close(at_times(ramp, centres, coarse)[0, 0], coarse, rtol=0, atol=3.0)


def test_aligned_fusion_uses_the_sound_before_its_coarse_layers():
    assert AlignedFusion([4, 8, 12, 16], 0.1).soundnet.depth == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": 20}, "multiple of 8"),
        ({"size": (16, 16)}, "at least 32"),
        ({"levels": "some"}, "pyramid or multi or final"),
        ({"width": 0}, "positive"),
        ({"depth": 3}, "takes no argument 'depth'"),
    ],
)
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        create_model("tsfpnet", **arguments)


def test_unknown_fusion_and_model_are_named():
    with pytest.raises(ConfigError, match="bilinear, aligned"):
        create_model("tsfpnet_av", fusion="sum")
    with pytest.raises(ConfigError, match="did you mean 'tsfpnet'"):
        create_model("tsfpnt")


def test_wrong_input_is_named(listener):
    with pytest.raises(ValueError, match=r"\(B, 3, 16, H, W\)"):
        listener(clip(num_frames=8))
    with pytest.raises(ValueError, match=r"\(1, 1, A\)"):
        listener(clip(), torch.zeros(1, 2, 100))
    with pytest.raises(ValueError, match="takes no sound"):
        create_model("tsfpnet", **SMALL)(clip(), sound())


@pytest.mark.parametrize("name", ["tsfpnet", "tsfpnet_av"])
def test_with_enough_context_a_window_no_longer_depends_on_what_lies_beyond(name):
    model = lively(name, num_frames=16, size=(32, 32))
    audio = sound() if name == "tsfpnet_av" else None
    video = clip(1, 16 + 2 * 56, (32, 32))
    with torch.no_grad():
        full = model(video[:, :, 8:-8], audio, context=48)
        further = model(video, audio, context=56)
        little = model(video[:, :, 48:-48], audio, context=8)
        alone = model(video[:, :, 56:-56], audio)
    assert alone.shape == full.shape == (1, 1, 32, 32)
    torch.testing.assert_close(full, further, atol=1e-5, rtol=1e-4)
    assert (little - full).abs().max() > 1e-3  # controls
    assert (alone - full).abs().max() > 1e-3


def test_context_must_keep_the_phase_and_be_there():
    model = create_model("tsfpnet", **SMALL)
    with pytest.raises(ValueError, match="multiple of 8"):
        model(clip(1, 24), context=4)
    with pytest.raises(ValueError, match=r"\(B, 3, 32, H, W\)"):
        model(clip(1, 16), context=8)
