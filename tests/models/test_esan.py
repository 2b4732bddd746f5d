import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.errors import ConfigError
from avsal.models.esan import ESAN, AlignmentNetwork
from avsal.models.registry import create_model
from avsal.weights.esan_layouts import ESAN as LAYOUT
from avsal.weights.esan_layouts import reference_first
from tests.key_filled import filled, frames_of

SMALL = {"width": 1 / 32, "size": (32, 64)}
LEVELS = [("p3", "p4", "p5"), ("p3", "p4"), ("p3",), ("p4", "p5"), ("p5",)]
TABLE_3 = {
    "full": {},
    "no Bi-ConvLSTM": {"recurrent": "none"},
    "no forward ConvLSTM": {"recurrent": "backward"},
    "no backward ConvLSTM": {"recurrent": "forward"},
    "plain convolution": {"alignment": "plain"},
    "no p5": {"levels": ("p3", "p4")},
    "no p4 and p5": {"levels": ("p3",)},
    "no p3": {"levels": ("p4", "p5")},
    "no p3 and p4": {"levels": ("p5",)},
}


def lively(model: ESAN) -> ESAN:
    """Weights that keep the signal alive and move samples by pixels, so that every part shows in the maps."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                spread = (1.5 / module.weight[0].numel()) ** 0.5
                module.weight.copy_(spread * torch.randn(module.weight.shape, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.bias.shape, generator=generator))
    return model.eval()


def small(**arguments: object) -> ESAN:
    return lively(create_model("esan", **{**SMALL, **arguments}))


def clip(num_frames: int = 15, size: tuple[int, int] = (32, 64), batch: int = 1) -> Tensor:
    return torch.randn(batch, 3, num_frames, *size, generator=torch.Generator().manual_seed(1))


def copied(target: ESAN, source: ESAN, rename: Callable[[str], str] = lambda key: key) -> ESAN:
    """`target` with the weights of `source` wherever names agree after `rename`."""
    theirs = {rename(key): value for key, value in source.state_dict().items()}
    target.load_state_dict({key: theirs.get(key, value) for key, value in target.state_dict().items()})
    return target


def convolution(in_channels: int, out_channels: int, kernel: int = 3) -> int:
    return out_channels * (in_channels * kernel**2 + 1)


def published_parameters(
    recurrent: str = "both",
    alignment: str = "deformable",
    levels: tuple[str, ...] = ("p3", "p4", "p5"),
) -> int:
    """Counted from the layer list, independently of the model."""
    C = 512
    blocks = [[3, 64, 64], [64, 128, 128], [128, 256, 256, 256], [256, 512, 512, 512], [512, 512, 512, 512]]
    deepest = int(max(levels)[1])
    total = sum(convolution(*pair) for block in blocks[:deepest] for pair in itertools.pairwise(block))
    if "p3" in levels:
        total += convolution(256, C, 1)
    num_alignments = len(levels) + 1
    num_joints = len(levels) - 1
    total += num_alignments * convolution(C, C) + num_joints * convolution(2 * C, C)
    if alignment == "deformable":
        total += num_alignments * (convolution(2 * C, C) + convolution(C, C) + convolution(C, 8 * 9 * 3))
        total += num_joints * convolution(2 * C, C)
    total += convolution(5 * C, C, 1)
    total += {"both": 2, "none": 0}.get(recurrent, 1) * convolution(2 * C, 4 * C)
    return total + convolution(C, 1)


@pytest.mark.parametrize("arguments", TABLE_3.values(), ids=TABLE_3)
def test_the_published_network_and_its_variants_have_the_counted_parameters(arguments: dict):
    with torch.device("meta"):
        model = ESAN(**arguments)
        maps = model(torch.empty(1, 3, 5, 256, 320))
    assert model.num_parameters == published_parameters(**arguments)
    assert maps.shape == (1, 5, 256, 320)


def test_the_published_network_has_the_papers_size():
    with torch.device("meta"):
        model = ESAN()
    assert model.num_parameters == 114_528_417
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()}
    assert parts == {
        "encoder": 14_714_688,
        "project": 131_584,
        "align": 60_613_472,
        "fuse": 1_311_232,
        "recurrent": 2 * 18_876_416,
        "decode": 4_609,
    }


def test_the_model_states_what_it_takes_in():
    with torch.device("meta"):
        spec = ESAN().spec
    assert (spec.num_frames, spec.size, spec.resize) == (15, (256, 320), "fit")
    assert (spec.predicts, spec.stride, spec.margin) == ("all", 11, 2)
    assert (spec.sample_rate, spec.channels) == (None, "rgb")
    assert (spec.mean, spec.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert spec.value_range == 1.0


@pytest.mark.parametrize("arguments", TABLE_3.values(), ids=TABLE_3)
def test_every_variant_predicts_learns_and_repeats_itself(arguments: dict):
    model = small(**arguments)
    frames = clip(batch=2)
    maps = model(frames)
    assert maps.shape == (2, 15, 32, 64)
    assert 0 <= maps.min() < maps.max() <= 1
    assert torch.equal(maps, model(frames))
    torch.testing.assert_close(maps[1:], model(frames[1:]), rtol=1e-4, atol=1e-5)
    (maps * torch.randn(maps.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_a_fresh_network_has_a_finite_gradient_for_every_parameter():
    torch.manual_seed(0)
    model = create_model("esan", **SMALL).train()
    model(clip(5)).std().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (50, 95), (64, 101)])
@pytest.mark.parametrize("num_frames", [1, 3, 7])
def test_any_size_and_length_gives_a_map_of_every_frame(size: tuple[int, int], num_frames: int):
    with torch.no_grad():
        maps = small()(clip(num_frames, size))
    assert maps.shape == (1, num_frames, *size)
    assert maps.isfinite().all()


def test_all_maps_are_those_of_five_passes_over_a_video_padded_by_repetition():
    """The inference of the released code: groups of five, offset by 0 to 4 frames."""
    model = small()
    frames = clip(13)
    padded = torch.cat([frames[:, :, :1]] * 2 + [frames] + [frames[:, :, -1:]] * 2, 2)
    with torch.no_grad():
        maps = model(frames)
        for offset in range(5):
            num_groups = (padded.shape[2] - offset) // 5
            centres = model(padded[:, :, offset : offset + 5 * num_groups], phases=[2])
            torch.testing.assert_close(centres, maps[:, offset::5], rtol=1e-4, atol=1e-5)


def test_phases_select_from_the_maps_of_all_frames():
    model = small(recurrent="both")
    frames = clip()
    with torch.no_grad():
        maps = model(frames)
        assert torch.equal(model(frames, phases=[2]), maps[:, [2, 7, 12]])
        assert torch.equal(model(frames, phases=[4, 0]), maps[:, [0, 4, 5, 9, 10, 14]])


def test_the_map_of_a_lone_group_needs_its_five_frames_only():
    model = small(recurrent="none")
    frames = clip()
    with torch.no_grad():
        maps = model(frames)
        alone = model(frames[:, :, 5:10], phases=[2])
    torch.testing.assert_close(alone[:, 0], maps[:, 7], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("recurrent", "reached"),
    [("none", [5, 6, 7, 8, 9]), ("forward", range(5, 15)), ("backward", range(10)), ("both", range(15))],
)
def test_a_frame_reaches_the_maps_that_its_direction_allows(recurrent: str, reached: list[int]):
    """Frame 7 reaches two frames by alignment and, from those, every fifth by the LSTM."""
    model = small(recurrent=recurrent).double()
    frames = clip().double()
    changed = frames.clone()
    changed[:, :, 7] += 1
    with torch.no_grad():
        differs = (model(frames) - model(changed)).abs().amax((0, 2, 3)) > 1e-12
    assert differs.nonzero().flatten().tolist() == list(reached)


def test_a_mirrored_network_gives_the_maps_of_the_reversed_video():
    model = small()
    swap = {"forward_lstm": "backward_lstm", "backward_lstm": "forward_lstm"}

    def rename(key: str) -> str:
        return ".".join(swap.get(part, part) for part in key.split("."))

    mirrored = copied(small(), model, rename)
    with torch.no_grad():
        blocks = model.fuse.weight.chunk(5, 1)
        mirrored.fuse.weight.copy_(torch.cat(blocks[::-1], 1))
        frames = clip(12)
        expected = model(frames).flip(1)
        torch.testing.assert_close(mirrored(frames.flip(2)), expected, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(model(frames.flip(2)), expected, atol=1e-3)


def test_unmoved_samples_of_unit_weight_are_the_plain_convolution_ablation():
    plain = small(alignment="plain")

    def rename(key: str) -> str:
        in_alignment = key.startswith(("align.levels", "align.cascade"))
        return key.replace(".convolution.", ".sample.convolution.") if in_alignment else key

    deformable = copied(small(), plain, rename)
    for module in deformable.modules():
        if hasattr(module, "guidance"):
            nn.init.zeros_(module.guidance.weight)
            nn.init.zeros_(module.guidance.bias)
            nn.init.constant_(module.guidance.bias[2 * module.num_modulations :], 100)  # sigmoid: 1
    with torch.no_grad():
        frames = clip(7)
        torch.testing.assert_close(deformable(frames), plain(frames), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kept", ["forward", "backward"])
def test_a_silenced_lstm_is_the_ablation_without_it(kept: str):
    one, both = small(recurrent=kept), copied(small(), small(recurrent=kept))
    silenced = both.recurrent.backward_lstm if kept == "forward" else both.recurrent.forward_lstm
    for parameter in silenced.parameters():
        nn.init.zeros_(parameter)
    with torch.no_grad():
        assert torch.equal(both(clip(7)), one(clip(7)))


def test_both_directions_agree_on_a_single_group():
    ahead = small(recurrent="forward")
    back = copied(small(recurrent="backward"), ahead, lambda key: key.replace("forward_", "backward_"))
    with torch.no_grad():
        assert torch.equal(ahead(clip(5)), back(clip(5)))
        assert not torch.allclose(ahead(clip(6)), back(clip(6)), atol=1e-4)


@pytest.mark.parametrize(("levels", "removed"), [(("p3", "p4"), 1), (("p3",), 2)])
def test_ignored_coarse_levels_are_the_ablation_without_them(levels: tuple[str, ...], removed: int):
    """A fusion that passes only the finer level, with fixed sampling places, ignores the coarser level."""
    full, ablated = small(), small(levels=levels)
    for model in (full, ablated):
        for module in model.modules():
            if hasattr(module, "guidance"):
                nn.init.zeros_(module.guidance.weight)
                module.guidance.bias.data.copy_(torch.linspace(-1, 1, len(module.guidance.bias)))
    fusion = full.align.fuse[removed - 1]
    nn.init.zeros_(fusion.weight)
    nn.init.zeros_(fusion.bias)
    with torch.no_grad():
        fusion.weight[:, : len(fusion.weight), 1, 1] = torch.eye(len(fusion.weight))

    def rename(key: str) -> str:
        for part in ("align.levels.", "align.fuse.", "project."):
            if key.startswith(part):
                index, rest = key.removeprefix(part).split(".", 1)
                return f"{part}{int(index) - removed}.{rest}"
        return key

    copied(ablated, full, rename)
    with torch.no_grad():
        torch.testing.assert_close(full(clip(7)), ablated(clip(7)), rtol=1e-4, atol=1e-5)


def test_the_network_is_its_equations_written_out():
    """Eq. 2-11 for one reference frame, each pair of frames on its own, from the network's parts."""
    model = small(num_groups=1)
    frames = clip(5)
    leaky = nn.LeakyReLU(0.1)

    def up(x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)

    def aligned(dam: nn.Module, reference: Tensor, current: Tensor, coarser: Tensor | None = None):
        guide = leaky(dam.compare.convolution(torch.cat([reference, current], 1)))
        if coarser is not None:
            guide = leaky(dam.join(torch.cat([guide, up(coarser, guide) * 2], 1)))
        guide = leaky(dam.refine(guide))
        return dam.sample(current, guide), guide

    with torch.no_grad():
        features = [model.encode(frame) for frame in frames.unbind(2)]
        reference = features[2]
        outputs = []
        for current in features:
            fine, guide = aligned(model.align.levels[0], reference[0], current[0])
            fine = leaky(fine)
            middle, guide = aligned(model.align.levels[1], reference[1], current[1], guide)
            fine = leaky(model.align.fuse[0](torch.cat([middle, up(fine, middle)], 1)))
            finest, guide = aligned(model.align.levels[2], reference[2], current[2], guide)
            fine = model.align.fuse[1](torch.cat([finest, up(fine, finest)], 1))
            outputs.append(leaky(aligned(model.align.cascade, reference[2], fine)[0]))
        enhanced = model.fuse(torch.cat(outputs, 1))
        hidden = model.recurrent(enhanced[:, None])[:, 0]
        native = F.interpolate(model.decode(hidden), scale_factor=4, mode="bilinear").sigmoid()
        assert native.shape == (1, 1, 16, 32)
        expected = F.interpolate(native, scale_factor=2, mode="bilinear")
        torch.testing.assert_close(model(frames, phases=[2]), expected, rtol=1e-4, atol=1e-5)


def test_the_encoder_hands_out_the_third_to_fifth_pool():
    model = small()
    image = clip(1)[:, :, 0]
    coarse, middle, fine = model.encode(image)
    x = image
    pools = {}
    for index, layer in enumerate(model.encoder.features):
        x = layer(x)
        pools[index] = x
    assert torch.equal(coarse, pools[30])
    assert torch.equal(middle, pools[23])
    assert torch.equal(fine, model.project[2](pools[16]))


def test_offset_features_double_on_the_way_to_a_finer_level():
    """A coarser level that moves by one pixel starts the finer one at two."""
    network = AlignmentNetwork(8, 2, 8)
    fine = network.levels[1]
    seen: list[Tensor] = []
    fine.join.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][:, 8:]))
    reference = [torch.randn(1, 8, 2, 3), torch.randn(1, 8, 4, 6)]
    _, coarser = network.levels[0](reference[0], reference[0])
    network(reference, reference)
    doubled = 2 * F.interpolate(coarser, (4, 6), mode="bilinear", align_corners=False)
    torch.testing.assert_close(seen[0], doubled)


def test_a_narrow_network_on_the_published_encoder_projects_every_level():
    with torch.device("meta"):
        model = ESAN(channels=64)
    assert model.encoder.channels == (64, 128, 256, 512, 512)
    assert [layer.weight.shape[:2] for layer in model.project] == [(64, 512), (64, 512), (64, 256)]


def test_arguments_set_the_clip():
    model = small(num_groups=2, group_size=3)
    assert (model.spec.num_frames, model.spec.stride, model.spec.margin) == (6, 4, 1)
    with torch.no_grad():
        assert model(clip(6), phases=[1]).shape == (1, 2, 32, 64)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group_size": 4}, "`group_size` odd"),
        ({"num_groups": 0}, "`num_groups` must be at least 1"),
        ({"deformable_groups": 7}, r"must divide `channels` \(512\) but is 7"),
        ({"deformable_groups": 0}, "must divide"),
        ({"recurrent": "sideways"}, "recurrent=sideways: expected both or forward"),
        ({"alignment": "flow"}, "alignment=flow: expected deformable or plain"),
        ({"levels": ("p3", "p5")}, "but is p3 p5"),
        ({"levels": ()}, "`levels` must be"),
        ({"size": (31, 64)}, "at least 32x32 pixels"),
        ({"width": 0}, "`width` must be positive"),
    ],
)
def test_arguments_that_make_no_network_are_refused(arguments: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        create_model("esan", **{**SMALL, **arguments})


@pytest.mark.parametrize(
    ("frames", "arguments", "message"),
    [
        (clip(5), {"audio": torch.zeros(1, 1, 100)}, "takes no sound"),
        (clip(5)[:, :2], {}, r"shape \(B, 3, T, H, W\)"),
        (clip(5)[:, :, :0], {}, r"shape \(B, 3, T, H, W\)"),
        (clip(5)[0], {}, r"shape \(B, 3, T, H, W\)"),
        (clip(5, (32, 31)), {}, "at least 32x32 pixels"),
        (clip(5), {"phases": [5]}, "`phases` of 5 frames must be some of 0..4"),
        (clip(5), {"phases": [-1, 2]}, "`phases` of 5 frames"),
        (clip(2), {"phases": [2]}, "`phases` of 2 frames must be some of 0..1"),
        (clip(5), {"phases": []}, "`phases` of 5 frames"),
    ],
)
def test_inputs_of_another_kind_are_refused(frames: Tensor, arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        small()(frames, **arguments)


def test_mixed_precision_stays_close_to_full_precision():
    model = small()
    with torch.no_grad():
        full = model(clip(5))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model(clip(5))
    torch.testing.assert_close(mixed.float(), full, rtol=0, atol=0.05)


@pytest.fixture(scope="module")
def released() -> ESAN:
    """The released network with all channels divided by 16, filled under the authors' names."""
    model = create_model("esan", recurrent="released", width=1 / 16, size=(64, 96))
    # compare's kernels have as many channels in either order
    state = filled({LAYOUT.theirs(key): tensor.shape for key, tensor in model.state_dict().items()})
    assert len(state) == 74  # and the backward LSTM's two
    assert LAYOUT.dropped_as("lstm_back.cell_list.0.conv.weight")
    ours = {key: LAYOUT.ours(key) or "" for key in state}
    model.load_state_dict({ours[key]: reference_first(ours[key], tensor) for key, tensor in state.items()})
    return model


def published_maps(name: str) -> np.ndarray:
    return np.load(Path(__file__).parent / "fixtures" / "esan.npz")[name]


def assert_as_published(found: Tensor, name: str) -> None:
    expected = published_maps(name)
    assert np.abs(found[..., 4::8, 4::8].numpy() - expected).max() < 1e-4 * np.ptp(expected)


def streamed(model: ESAN, frames: Tensor) -> Tensor:
    """Maps of a video frame by frame, (T, H, W)."""
    maps, state = [], None
    for t in [*range(frames.shape[2]), *[frames.shape[2] - 1] * model.delay]:
        saliency, state = model.step(frames[:, :, t], state)
        if saliency is not None:
            maps.append(saliency[0])
    return torch.stack(maps)


def test_released_maps_are_those_of_the_authors_code(released: ESAN) -> None:
    frames = frames_of((1, 3, 15, 64, 96), 2.0)
    with torch.inference_mode():
        assert_as_published(released(frames, phases=(2,))[0], "clip")
        assert_as_published(streamed(released, frames)[2::5], "carried")
        assert_as_published(streamed(released, frames[:, :, :12]), "video")


def test_maps_would_be_wrong_in_the_authors_order_of_channels(released: ESAN) -> None:
    swapped = create_model("esan", recurrent="released", width=1 / 16, size=(64, 96))
    state = {key: reference_first(key, tensor) for key, tensor in released.state_dict().items()}
    swapped.load_state_dict(state)
    expected = published_maps("clip")
    with torch.inference_mode():
        found = swapped(frames_of((1, 3, 15, 64, 96), 2.0), phases=(2,))[0, :, 4::8, 4::8].numpy()
    assert np.abs(found - expected).max() > 0.01 * np.ptp(expected)


@pytest.mark.parametrize("recurrent", ["forward", "none"])
def test_a_video_frame_by_frame_is_one_long_clip(recurrent: str) -> None:
    model, frames = small(recurrent=recurrent), clip(8)
    with torch.inference_mode():
        torch.testing.assert_close(streamed(model, frames), model(frames)[0])


def test_what_is_remembered_does_not_grow() -> None:
    model, state = small(recurrent="forward"), None
    with torch.inference_mode():
        for frame in clip(12).unbind(2):
            _, state = model.step(frame, state)
    assert (len(state.pyramids), len(state.states)) == (5, 5)


@pytest.mark.parametrize("recurrent", ["both", "backward"])
def test_a_backward_direction_takes_no_video_frame_by_frame(recurrent: str) -> None:
    model = small(recurrent=recurrent)
    assert model.delay is None
    with pytest.raises(ValueError, match="recurrent=forward"):
        model.step(clip(1)[:, :, 0])
