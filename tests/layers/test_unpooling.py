import torch
from torch import nn

from avsal.layers.unpooling import max_pool_frames, max_unpool_frames


def test_pool_and_unpool_are_those_of_three_dimensions_with_a_kernel_of_one_in_time():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 8, 10)
    pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1), return_indices=True)
    expected, places = pool(x)
    maxima, indices = max_pool_frames(x, 3, 2, 1)
    assert torch.equal(maxima, expected)
    values = torch.randn_like(expected)
    unpool = nn.MaxUnpool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
    spread = max_unpool_frames(values, indices, (8, 10))
    assert torch.equal(spread, unpool(values, places, x.shape))


def test_of_equal_values_the_first_counts():
    maxima, indices = max_pool_frames(torch.zeros(1, 1, 2, 4, 4), 2, 2)
    assert indices.flatten().tolist() == [0, 2, 8, 10] * 2
    assert max_unpool_frames(maxima + 1, indices, (4, 4)).sum() == 8


def test_frames_with_channels_innermost_are_pooled_alike():
    x = torch.relu(torch.randn(1, 5, 3, 6, 8)).contiguous(memory_format=torch.channels_last_3d)
    for kernel, padding in ((2, 0), (3, 1)):
        _, indices = max_pool_frames(x, kernel, 2, padding)
        _, expected = max_pool_frames(x.contiguous(), kernel, 2, padding)
        assert torch.equal(indices, expected)


def test_values_come_back_where_they_were():
    x = torch.rand(2, 3, 1, 8, 6) + 0.1
    values, indices = max_pool_frames(x, 2, 2)
    restored = max_unpool_frames(values, indices, (8, 6))
    kept = restored != 0
    assert torch.equal(restored[kept], x[kept])
    assert kept.sum() == values.numel()
