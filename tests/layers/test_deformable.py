import itertools
import math
import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from avsal.layers.deformable import DeformableConv2d, deformable_conv2d


def pixel(image: Tensor, row: int, column: int) -> float:
    inside = 0 <= row < image.shape[0] and 0 <= column < image.shape[1]
    return float(image[row, column]) if inside else 0.0


def between_pixels(image: Tensor, y: float, x: float) -> float:
    top, left = math.floor(y), math.floor(x)
    return sum(
        (1 - abs(y - row)) * (1 - abs(x - column)) * pixel(image, row, column)
        for row, column in itertools.product((top, top + 1), (left, left + 1))
    )


def by_loops(x: Tensor, offset: Tensor, modulation: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The definition, one output pixel, channel and kernel position at a time."""
    (B, C, H, W), (out_channels, _, kH, kW) = x.shape, weight.shape
    groups = modulation.shape[1] // (kH * kW)
    out = torch.zeros(B, out_channels, H, W, dtype=torch.float64)
    for b, c, row, column in itertools.product(range(B), range(C), range(H), range(W)):
        group = c // (C // groups)
        for i, j in itertools.product(range(kH), range(kW)):
            k = group * kH * kW + i * kW + j
            y = row + i - kH // 2 + float(offset[b, 2 * k, row, column])
            x_ = column + j - kW // 2 + float(offset[b, 2 * k + 1, row, column])
            value = between_pixels(x[b, c], y, x_) * float(modulation[b, k, row, column])
            out[b, :, row, column] += weight[:, c, i, j].double() * value
    return out + bias.double().view(-1, 1, 1)


def example(
    seed: int = 0,
    B: int = 2,
    C: int = 4,
    groups: int = 2,
    size: tuple[int, int] = (4, 5),
    kernel: tuple[int, int] = (3, 3),
    reach: float = 3.0,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    K = kernel[0] * kernel[1]

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return (
        normal(B, C, *size),
        reach * normal(B, 2 * groups * K, *size),
        normal(B, groups * K, *size),
        normal(3, C, *kernel),
        normal(3),
    )


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"groups": 1, "B": 1},
        {"groups": 4},
        {"kernel": (1, 1)},
        {"kernel": (1, 3), "size": (3, 2)},
        {"size": (1, 1)},
        {"size": (1, 6), "B": 1},
        {"reach": 0.1},
        {"reach": 30.0},
    ],
)
def test_agrees_with_the_definition_by_plain_loops(case: dict):
    inputs = example(**case)
    torch.testing.assert_close(deformable_conv2d(*inputs).double(), by_loops(*inputs), rtol=1e-5, atol=1e-5)
    inputs = tuple(tensor.double() for tensor in inputs)
    torch.testing.assert_close(deformable_conv2d(*inputs), by_loops(*inputs), rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=10)
@given(
    seed=st.integers(0, 10**6), height=st.integers(1, 4), width=st.integers(1, 4), groups=st.integers(1, 2)
)
def test_any_small_image_agrees_with_the_loops(seed: int, height: int, width: int, groups: int):
    inputs = example(seed, B=1, C=2, groups=groups, size=(height, width), dtype=torch.float64)
    torch.testing.assert_close(deformable_conv2d(*inputs), by_loops(*inputs), rtol=1e-12, atol=1e-12)


def test_agrees_with_the_operator_of_torchvision():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a torchvision without image codecs warns while it loads
        try:
            from torchvision.ops import deform_conv2d
        except (ImportError, OSError, RuntimeError) as error:
            pytest.skip(f"torchvision does not load: {type(error).__name__}: {error}")
    x, offset, modulation, weight, bias = (tensor.requires_grad_() for tensor in example(C=8, groups=4))
    theirs = deform_conv2d(x, offset, weight, bias, padding=(1, 1), mask=modulation)
    ours = deformable_conv2d(x, offset, modulation, weight, bias)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    inputs = (x, offset, modulation, weight, bias)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), inputs),
        torch.autograd.grad(theirs.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)


def test_gradients_agree_with_finite_differences():
    x, _, modulation, weight, bias = example(B=1, size=(3, 4), dtype=torch.float64)
    # bilinear sampling has a kink at whole pixels: stay clear of them
    generator = torch.Generator().manual_seed(1)
    whole = torch.randint(-2, 3, (1, 36, 3, 4), generator=generator)
    offset = whole + 0.1 + 0.8 * torch.rand(1, 36, 3, 4, generator=generator, dtype=torch.float64)
    inputs = tuple(tensor.requires_grad_() for tensor in (x, offset, modulation, weight, bias))
    assert torch.autograd.gradcheck(deformable_conv2d, inputs)


def test_zero_offsets_and_unit_modulation_are_exactly_the_plain_convolution():
    # whole numbers, and sides that are powers of two, leave nothing to round
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-9, 10, (2, 8, 8, 16), generator=generator).float()
    weight = torch.randint(-9, 10, (3, 8, 3, 3), generator=generator).float()
    bias = torch.randint(-9, 10, (3,), generator=generator).float()
    ours = deformable_conv2d(x, torch.zeros(2, 72, 8, 16), torch.ones(2, 36, 8, 16), weight, bias)
    assert torch.equal(ours, F.conv2d(x, weight, bias, padding=1))


@pytest.mark.parametrize("size", [(7, 5), (32, 40), (1, 9)])
def test_zero_offsets_and_unit_modulation_are_the_plain_convolution_at_any_size(size: tuple[int, int]):
    x, offset, modulation, weight, bias = example(size=size, dtype=torch.float64)
    ours = deformable_conv2d(x, 0 * offset, torch.ones_like(modulation), weight, bias)
    torch.testing.assert_close(ours, F.conv2d(x, weight, bias, padding=1), rtol=1e-12, atol=1e-12)


def test_a_common_offset_of_whole_pixels_shifts_the_image():
    x, offset, modulation, weight, bias = example(size=(8, 8), dtype=torch.float64)
    down, right = 2, -1
    shifts = torch.tensor([down, right], dtype=torch.float64).repeat(offset.shape[1] // 2)
    ours = deformable_conv2d(
        x, shifts.view(1, -1, 1, 1).expand_as(offset), torch.ones_like(modulation), weight, bias
    )
    moved = F.pad(x, (1, 0, 0, 2))[:, :, 2:, :-1]
    plain = F.conv2d(moved, weight, bias, padding=1)
    # the border rows differ, where the shifted kernel reaches what the moved image has lost
    torch.testing.assert_close(ours[:, :, 1:-1, 1:-1], plain[:, :, 1:-1, 1:-1], rtol=1e-12, atol=1e-12)


def test_groups_move_only_their_own_channels():
    x, offset, modulation, weight, bias = example(C=4, groups=2)
    changed = offset.clone()
    changed[:, :18] += 1.5
    only_second = weight.clone()
    only_second[:, :2] = 0
    before, after = (deformable_conv2d(x, o, modulation, only_second, bias) for o in (offset, changed))
    assert torch.equal(before, after)
    assert not torch.equal(
        deformable_conv2d(x, offset, modulation, weight, bias),
        deformable_conv2d(x, changed, modulation, weight, bias),
    )


def test_far_positions_see_zeros_beyond_the_border():
    x, offset, modulation, weight, bias = example()
    out = deformable_conv2d(x, torch.full_like(offset, 1e6), modulation, weight, bias)
    assert torch.equal(out, bias.view(1, -1, 1, 1).expand_as(out))


def test_half_precision_keeps_positions_apart():
    # 300 + 0.5 is no bfloat16: positions computed in it would sample the wrong pixels
    x = torch.arange(320, dtype=torch.float32).remainder(7).expand(1, 1, 1, 320)
    offset, modulation = torch.full((1, 2, 1, 320), 0.5), torch.ones(1, 1, 1, 320)
    offset[:, 0] = 0
    exact = deformable_conv2d(x, offset, modulation, torch.ones(1, 1, 1, 1))
    half = deformable_conv2d(*(t.bfloat16() for t in (x, offset, modulation, torch.ones(1, 1, 1, 1))))
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, o, m, w: (x, o[:, :-1], m, w), "`offset` must be"),
        (lambda x, o, m, w: (x, o, m[:, :-1], w), "`modulation` must be"),
        (lambda x, o, m, w: (x[:, :3], o, m, w[:, :3]), "`modulation` must be"),
        (lambda x, o, m, w: (x, o, m, w[:, :3]), "`weight` must be"),
        (lambda x, o, m, w: (x, o, m, w[..., :2]), "`weight` must be"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change: Callable[..., tuple[Tensor, ...]], message: str):
    with pytest.raises(ValueError, match=message):
        deformable_conv2d(*change(*example()[:4]))


def test_the_layer_starts_as_a_plain_convolution_at_half_modulation():
    torch.manual_seed(0)
    layer = DeformableConv2d(8, 6, 5, deformable_groups=4).double()
    x, guide = torch.randn(2, 8, 5, 7).double(), torch.randn(2, 5, 5, 7).double()
    plain = F.conv2d(x, layer.convolution.weight, None, padding=1)
    expected = plain / 2 + layer.convolution.bias.view(-1, 1, 1)
    torch.testing.assert_close(layer(x, guide), expected, rtol=1e-12, atol=1e-12)


def test_the_layer_reads_offsets_and_modulation_from_its_guide():
    torch.manual_seed(0)
    layer = DeformableConv2d(4, 3, 5, deformable_groups=2)
    torch.nn.init.normal_(layer.guidance.weight)
    x, guide = torch.randn(2, 4, 4, 5), torch.randn(2, 5, 4, 5)
    with torch.no_grad():
        read = layer.guidance(guide)
        offset, modulation = read[:, :36], read[:, 36:].sigmoid()
        expected = by_loops(x, offset, modulation, layer.convolution.weight, layer.convolution.bias)
        torch.testing.assert_close(layer(x, guide).double(), expected, rtol=1e-5, atol=1e-5)


def test_memory_order_of_weights_and_features_changes_nothing():
    torch.manual_seed(0)
    layer = DeformableConv2d(8, 6, 5, deformable_groups=4)
    torch.nn.init.normal_(layer.guidance.weight)
    x, guide = torch.randn(2, 8, 5, 7), torch.randn(2, 5, 5, 7)
    expected = layer(x, guide)
    layer = layer.to(memory_format=torch.channels_last)
    found = layer(*(t.contiguous(memory_format=torch.channels_last) for t in (x, guide)))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("groups", [0, 3])
def test_groups_that_do_not_divide_the_channels_are_refused(groups: int):
    with pytest.raises(ValueError, match="must divide the 8 channels"):
        DeformableConv2d(8, 8, 8, deformable_groups=groups)
