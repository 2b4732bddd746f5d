import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.models.conv3d import Conv3DSaliency
from avsal.models.registry import create_model

WIDTH = 1 / 32
#: frames that each pool takes as one, for the output that holds the middle frame
MIDDLE_WINDOWS = ((1,), (1,), (1,), (0, 1), (0, 1))


def small() -> Conv3DSaliency:
    torch.manual_seed(0)
    model = create_model("conv3d", width=WIDTH)
    assert isinstance(model, Conv3DSaliency)
    return model


def clip(batch: int = 1, size: tuple[int, int] = (32, 32)) -> Tensor:
    return torch.randn(batch, 3, 3, *size, generator=torch.Generator().manual_seed(1))


def pooled_positions(x: Tensor, window: tuple[int, ...]) -> Tensor:
    """Where in its plane each 2x2 block, over the frames of `window`, has its maximum, by loops."""
    B, C, _, H, W = x.shape
    found = torch.zeros(B, C, 1, H // 2, W // 2, dtype=torch.int64)
    for b, c, i, j in itertools.product(range(B), range(C), range(H // 2), range(W // 2)):
        places = [(t, 2 * i + k, 2 * j + n) for t in window for k in (0, 1) for n in (0, 1)]
        _, row, column = max(places, key=lambda place: x[b, c][place].item())
        found[b, c, 0, i, j] = row * W + column
    return found


def convolutions(channels: list[int], kernel: int) -> int:
    """Weights of a chain of convolutions, each with the two numbers of a batch norm."""
    return sum(kernel * a * b + 2 * b for a, b in itertools.pairwise(channels))


def test_the_numbers_of_parameters_follow_from_the_kernels():
    with torch.device("meta"):
        model = create_model("conv3d")
    down = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
    up = [*[512] * 6, 256, 256, 128, 128, 64, 64, 64]
    encoder, decoder = convolutions(down, 27), convolutions(up, 9) + 9 * 64 + 1
    assert sum(parameter.numel() for parameter in model.encoder.parameters()) == encoder == 44_139_840
    assert sum(parameter.numel() for parameter in model.decoder.parameters()) == decoder == 14_163_393
    assert model.num_parameters == 58_303_233


def test_published_frames_shrink_to_7x7_in_one_time_step():
    with torch.device("meta"):
        features, indices = create_model("conv3d").encoder(torch.empty(1, 3, 3, 224, 224))
    assert features.shape == (1, 512, 1, 7, 7)
    assert [tuple(index.shape[1:]) for index in indices] == [
        (64, 1, 112, 112),
        (128, 1, 56, 56),
        (256, 1, 28, 28),
        (512, 1, 14, 14),
        (512, 1, 7, 7),
    ]


def test_the_recipe_is_the_papers():
    with torch.device("meta"):
        spec = create_model("conv3d").spec
    assert (spec.num_frames, spec.size, spec.predicts) == (3, (224, 224), "centre")


def test_groups_have_the_published_numbers_of_deconvolutions():
    assert [len(group) for group in small().decoder.groups] == [3, 3, 2, 2, 2]


def test_stored_indices_are_where_the_pools_found_their_maxima_for_the_middle_frame():
    model = small()
    seen: list[Tensor] = []
    for group in model.encoder.groups:
        group.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        _, indices = model.encoder(clip(2))
    assert [x.shape[2] for x in seen] == [3, 3, 3, 3, 2]
    for x, index, window in zip(seen, indices, MIDDLE_WINDOWS, strict=True):
        chosen = x.flatten(3).gather(3, index.expand(-1, -1, x.shape[2], -1, -1).flatten(3))
        expected = x.flatten(3).gather(
            3, pooled_positions(x, window).expand(-1, -1, x.shape[2], -1, -1).flatten(3)
        )
        # equal values, because a ReLU leaves ties of zeros that may be resolved either way
        frames = list(window)
        assert torch.equal(chosen[:, :, frames].amax(2), expected[:, :, frames].amax(2))


def test_a_deconvolution_of_stride_1_is_a_convolution_with_the_turned_kernel():
    torch.manual_seed(0)
    layer = small().decoder.groups[2][1][0]
    x = torch.randn(1, layer.in_channels, 1, 5, 6)
    turned = layer.weight.transpose(0, 1).flip(2, 3, 4)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), F.conv_transpose3d(x, turned, padding=(0, 1, 1)))


def test_the_network_equals_the_plain_one():
    model = small()
    frames = clip(2, (32, 64))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)

    def run(group: nn.Sequential, x: Tensor, spans_time: bool) -> Tensor:
        for convolution, norm, _ in group:
            padding = (1, 1, 1) if spans_time else (0, 1, 1)
            x = F.conv3d(x, convolution.weight, None, 1, padding)
            x = F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias).relu()
        return x

    with torch.no_grad():
        x, positions = frames, []
        for number, group in enumerate(model.encoder.groups):
            x = run(group, x, True)
            window = list(MIDDLE_WINDOWS[number])
            positions.append(F.max_pool2d(x[:, :, window].amax(2), 2, return_indices=True)[1])
            x = F.max_pool3d(x, (1, 2, 2))
            if number > 2:  # two frames become one, a single one stays
                x = torch.stack([part.amax(2) for part in x.split(2, 2)], 2)
        for group, index in zip(model.decoder.groups, reversed(positions), strict=True):
            x = run(group, F.max_unpool2d(x[:, :, 0], index, 2).unsqueeze(2), False)
        last = model.decoder.predict
        expected = torch.sigmoid(F.conv3d(x, last.weight, last.bias, 1, (0, 1, 1)))[:, 0]
        torch.testing.assert_close(model(frames), expected)


@pytest.mark.parametrize(("batch", "size"), [(1, (32, 32)), (2, (33, 47)), (1, (5, 16))])
def test_a_clip_gives_one_map_between_0_and_1_at_its_size(batch, size):
    with torch.no_grad():
        maps = small()(clip(batch, size))
    assert maps.shape == (batch, 1, *size)
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_every_frame_of_the_three_counts():
    model = small()
    with torch.no_grad():
        before = model(clip())
        for t in range(3):
            changed = clip()
            changed[:, :, t] += 1
            assert not torch.equal(before, model(changed)), t


def test_evaluation_is_deterministic_and_clips_do_not_mix():
    model = small()
    frames = clip(2)
    with torch.no_grad():
        both = model(frames)
        assert torch.equal(both, model(frames))
        torch.testing.assert_close(both[1:], model(frames[1:]))


def test_every_parameter_gets_a_finite_gradient():
    model = small().train()
    model(clip(2)).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


def test_sound_is_refused_rather_than_ignored():
    with pytest.raises(ValueError, match="takes no sound"):
        small()(clip(), torch.zeros(1, 1, 100))


@pytest.mark.parametrize("shape", [(1, 3, 4, 32, 32), (1, 1, 3, 32, 32), (3, 3, 32, 32)])
def test_clips_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"\(B, 3, 3, H, W\)"):
        small()(torch.zeros(shape))
