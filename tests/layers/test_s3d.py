from itertools import pairwise

import torch

from avsal.layers.s3d import MIXED, S3D


def test_published_parameter_count_and_entries():
    with torch.device("meta"):
        network = S3D()
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_910_048
    assert len(network.state_dict()) == 464 - 2  # without the classifier's weight and bias


def test_taps_have_the_published_shapes():
    with torch.device("meta"):
        taps = S3D()(torch.empty(1, 3, 32, 192, 352))
    assert [tuple(tap.shape[1:]) for tap in taps] == [
        (192, 16, 48, 88),
        (480, 16, 24, 44),
        (832, 8, 12, 22),
        (1024, 4, 6, 11),
    ]


def test_parameters_of_the_stages_are_the_published_ones():
    with torch.device("meta"):
        network = S3D()
    counts = [
        sum(p.numel() for p in stage.parameters()) for stage in (network.base1, network.base2, network.base3)
    ]
    assert counts == [264_512, 687_456, 3_782_304]


def test_narrow_network_chains_its_blocks():
    network = S3D(width=0.1).eval()
    with torch.no_grad():
        taps = network(torch.randn(2, 3, 8, 40, 56))
    assert [tap.shape[1] for tap in taps] == list(network.channels)


def test_blocks_take_what_the_block_before_gives():
    names = list(MIXED)
    for before, block in pairwise(names):
        _, b0, _, b1, _, b2, b3 = MIXED[before]
        assert b0 + b1 + b2 + b3 == MIXED[block][0]
