import pytest
import torch
import torch.nn.functional as F

from avsal.layers.convolution import Conv3d, MaxPool3d, conv3d, max_pool3d

CONVOLUTIONS = [
    ((1, 3, 3), (1, 2, 2), (0, 1, 1), 1),
    ((1, 3, 3), (2, 1, 1), (0, 1, 1), 1),
    ((7, 1, 1), (2, 1, 1), (3, 0, 0), 1),
    ((4, 1, 1), (4, 1, 1), (0, 0, 0), 4),
    ((1, 1, 1), (1, 1, 1), (0, 0, 0), 1),
    ((3, 3, 3), (1, 1, 1), (1, 1, 1), 1),
    ((3, 1, 1), (1, 2, 2), (1, 0, 0), 1),
]
POOLS = [
    ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    ((3, 3, 3), (2, 2, 2), (1, 1, 1)),
    ((3, 3, 3), (1, 1, 1), (1, 1, 1)),
    ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    ((2, 1, 1), (2, 1, 1), (0, 0, 0)),
]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("kernel", "stride", "padding", "groups"), CONVOLUTIONS)
def test_convolution_equals_the_three_dimensional_one_with_its_gradients(
    batch, kernel, stride, padding, groups
):
    torch.manual_seed(0)
    x = torch.randn(batch, 4, 9, 8, 10, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 4 // groups, *kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    ours = conv3d(x, weight, bias, stride, padding, groups)
    theirs = F.conv3d(x, weight, bias, stride, padding, 1, groups)
    torch.testing.assert_close(ours, theirs)
    cotangent = torch.randn_like(theirs)
    for mine, plain in zip(
        torch.autograd.grad(ours, (x, weight, bias), cotangent),
        torch.autograd.grad(theirs, (x, weight, bias), cotangent),
        strict=True,
    ):
        torch.testing.assert_close(mine, plain)


@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
def test_pooling_equals_the_three_dimensional_one_with_its_gradients(kernel, stride, padding):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 9, 8, 10, requires_grad=True)
    ours, theirs = max_pool3d(x, kernel, stride, padding), F.max_pool3d(x, kernel, stride, padding)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    cotangent = torch.randn_like(theirs)
    (mine,) = torch.autograd.grad(ours, x, cotangent)
    (plain,) = torch.autograd.grad(theirs, x, cotangent)
    torch.testing.assert_close(mine, plain)


def test_flat_kernels_give_channels_last_memory_that_the_next_layer_takes_without_a_copy():
    x = torch.randn(1, 4, 8, 6, 6)
    for layer in (
        Conv3d(4, 8, (1, 3, 3)),
        Conv3d(4, 8, (3, 1, 1)),
        MaxPool3d((3, 3, 3), (1, 1, 1), (1, 1, 1)),
    ):
        assert layer(x).is_contiguous(memory_format=torch.channels_last_3d)


def test_layer_has_the_parameters_of_the_library_one():
    assert list(Conv3d(3, 4, (1, 3, 3)).state_dict()) == list(torch.nn.Conv3d(3, 4, (1, 3, 3)).state_dict())
