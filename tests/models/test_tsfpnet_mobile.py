import pytest
import torch
from torch import nn

from avsal.models import create_model

SMALL = {"width": 0.1, "size": (64, 96)}


def lived_in(model: nn.Module) -> nn.Module:
    """As after training: norms that are not 0 and 1, motion that is mixed in, a prior."""
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    with torch.no_grad():
        for motion in model.motions:
            motion.mix.weight.normal_(0, 0.3, generator=generator)
        if model.prior is not None:
            model.prior.normal_(0, 0.3, generator=generator)
    return model.eval()


@pytest.fixture
def visual():
    torch.manual_seed(0)
    return lived_in(create_model("tsfpnet_mobile", **SMALL))


@pytest.fixture
def hearing():
    torch.manual_seed(0)
    return lived_in(create_model("tsfpnet_av_mobile", **SMALL, audio_width=0.1))


def frames_of(number: int, size=(64, 96), seed: int = 1) -> torch.Tensor:
    return torch.randn(1, 3, number, *size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_a_map_depends_on_the_frames_at_the_offsets_and_on_no_other(visual):
    frames = frames_of(9)
    expected = visual(frames)

    for place in range(9):
        changed = frames.clone()
        changed[:, :, place] = 0
        assert torch.equal(visual(changed), expected) is (8 - place not in visual.offsets)


@torch.no_grad()
def test_a_new_map_from_the_features_of_single_frames_is_that_of_the_window(visual):
    """What lets an engine encode every frame once."""
    frames = frames_of(12)
    kept = [
        [level[:, :, 0] for level in visual.levels_of(visual.encode(frames[:, :, [t]]))] for t in range(12)
    ]

    for last in (8, 9, 11):
        levels = [[kept[last - offset][level] for offset in visual.offsets] for level in range(4)]
        found = visual.read_out(visual.logits_of(visual.integrate(levels)), None, (64, 96))
        torch.testing.assert_close(found, visual(frames[:, :, last - 8 : last + 1]), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_map_has_the_maximum_1_and_the_size_of_the_input(visual):
    maps = visual(frames_of(9, (50, 70)))

    assert maps.shape == (1, 1, 50, 70)
    assert maps.max() == 1
    assert maps.min() > 0


@torch.no_grad()
def test_a_fresh_network_sees_no_motion_and_no_centre():
    torch.manual_seed(0)
    fresh = create_model("tsfpnet_mobile", **SMALL)
    frames = frames_of(9)
    still = frames[:, :, -1:].expand(-1, -1, 9, -1, -1)

    torch.testing.assert_close(fresh(frames), fresh(still))
    assert not fresh.prior_at((16, 24)).any()


@torch.no_grad()
def test_the_prior_keeps_its_place_however_a_picture_is_padded(visual):
    narrow, wide = visual.prior_at((16, 20)), visual.prior_at((16, 28))

    torch.testing.assert_close(wide[..., 4:-4], narrow)


@torch.no_grad()
def test_without_sound_the_output_is_the_visual_networks(hearing):
    visual = create_model("tsfpnet_mobile", **SMALL)
    own = {name: value for name, value in hearing.state_dict().items() if not name.startswith("fusion.")}
    visual.load_state_dict(own)
    frames = frames_of(32)

    assert torch.equal(hearing(frames), visual(frames[:, :, -9:]))


@torch.no_grad()
def test_sound_is_heard_where_the_fusions_last_layer_says_so(hearing):
    frames, audio = frames_of(32), 20 * torch.randn(1, 1, 28_224)

    nn.init.zeros_(hearing.fusion.attention.weight)
    nn.init.zeros_(hearing.fusion.attention.bias)
    torch.testing.assert_close(hearing(frames, audio), hearing(frames), rtol=1e-4, atol=1e-5)

    nn.init.constant_(hearing.fusion.attention.weight, 30)
    assert (hearing(frames, audio) - hearing(frames)).abs().max() > 1e-3
    assert (hearing(frames, audio) - hearing(frames, audio.flip(-1))).abs().max() > 1e-5


@torch.no_grad()
def test_attention_multiplies_the_map(hearing):
    logits, attention = torch.randn(2, 1, 16, 24), torch.randn(2, 1, 4, 6)

    seen, heard = (hearing.read_out(logits, one, (64, 96))[:, 0] for one in (None, attention))

    multiplied = seen * (1 + hearing.spread(attention, (64, 96)))
    torch.testing.assert_close(heard, multiplied / multiplied.amax((1, 2), keepdim=True))


@torch.no_grad()
def test_the_fusion_gets_the_seconds_of_the_frames_it_sees(hearing):
    given = []
    hearing.fusion.register_forward_pre_hook(lambda _, inputs: given.append(inputs))
    audio = torch.arange(3200.0).reshape(1, 1, -1)

    hearing(frames_of(32), audio)

    base2, base3, moved = given[0]
    assert base2.shape[2] == base3.shape[2] == 16  # frames 1, 3 ... 31, taken for 0, 2 ... 30
    assert torch.equal(moved[..., :3100], audio[..., 100:])
    assert not moved[..., 3100:].any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"size": (16, 16)}, "at least 32x32 pixels"),
        ({"num_frames": 31}, "even"),
        ({"fusion": "other"}, "bilinear, aligned"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, text):
    with pytest.raises(Exception, match=text):
        create_model("tsfpnet_av_mobile", **arguments)


def test_inputs_that_do_not_fit_are_refused(visual, hearing):
    with pytest.raises(ValueError, match="takes no sound"):
        visual(frames_of(9), torch.zeros(1, 1, 5000))
    with pytest.raises(ValueError, match="9 or more"):
        visual(frames_of(8))
    with pytest.raises(ValueError, match="at least 32x32"):
        visual(frames_of(9, (30, 40)))
    with pytest.raises(ValueError, match="`audio`"):
        hearing(frames_of(32), torch.zeros(1, 2, 5000))
