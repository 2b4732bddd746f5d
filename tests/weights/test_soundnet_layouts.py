"""SoundNet state dicts of the four published layouts, against the originals restated with torch.nn alone."""

import pytest
import torch
from torch import Tensor, nn

from avsal.errors import CheckpointError
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SoundNet
from avsal.weights import convert_state

# in, out, kernel, padding, pool after
SIZES = (
    (1, 16, 64, 32, 8),
    (16, 32, 32, 16, 8),
    (32, 64, 16, 8, 0),
    (64, 128, 8, 4, 0),
    (128, 256, 4, 2, 4),
    (256, 512, 4, 2, 0),
    (512, 1024, 4, 2, 0),
)
LAYOUTS = {
    "keunhong": "keunhong/pytorch-soundnet",
    "smallflyingpig": "smallflyingpig/SoundNet_Pytorch",
    "stavis": "STAViS",
    "avinet": "AViNet",
}


def convolution(index: int, *, time_first: bool) -> nn.Conv2d:
    c_in, c_out, kernel, padding, _ = SIZES[index]
    turn = (lambda k, other: (k, other)) if time_first else (lambda k, other: (other, k))
    return nn.Conv2d(c_in, c_out, turn(kernel, 1), turn(2, 1), turn(padding, 0))


def original(publisher: str) -> tuple[nn.Module, list[tuple[nn.Module, nn.Module, nn.Module | None]], bool]:
    """The published network with its names; its (conv, batch norm, pool) in order; is time the first axis?"""
    time_first = publisher != "stavis"
    network, inner = nn.Module(), nn.Module()
    rows = []
    for index, (_, c_out, _, _, pool) in enumerate(SIZES):
        window = (pool, 1) if time_first else (1, pool)
        rows.append(
            (
                convolution(index, time_first=time_first),
                nn.BatchNorm2d(c_out),
                nn.MaxPool2d(window, window) if pool else None,
            )
        )
    if publisher == "stavis":
        flat = []
        for conv, bn, pool in rows:
            flat += [conv, bn, nn.ReLU(), *([pool] if pool else [])]
        network.soundnet8 = nn.Sequential(*flat, nn.MaxPool2d((1, 2)))
        network.conv1, network.bn1 = nn.Conv3d(3, 64, 7, bias=False), nn.BatchNorm3d(64)
        network.layer1 = nn.Sequential(nn.Conv3d(64, 64, 1))
        network.score_dsn = nn.ModuleList([nn.Conv2d(64, 16, 1)])
        network.fusion3 = nn.Module()
        network.fusion3.affine_rgb = nn.Linear(512, 128)
        network.fuse, network.fuseav = nn.Conv2d(64, 1, 1), nn.Conv2d(128, 1, 1)
        return nn.DataParallel(network), rows, time_first  # published with `module.`
    if publisher == "smallflyingpig":
        for number, (conv, bn, pool) in enumerate(rows, start=1):
            inner.add_module(f"conv{number}", nn.Sequential(conv, bn, nn.ReLU(), *([pool] if pool else [])))
        inner.conv8 = nn.Sequential(nn.Conv2d(1024, 10, (8, 1), (2, 1)))
        inner.conv8_2 = nn.Sequential(nn.Conv2d(1024, 4, (8, 1), (2, 1)))
        return inner, rows, time_first
    for number, (conv, bn, _) in enumerate(rows, start=1):
        inner.add_module(f"conv{number}", conv)
        inner.add_module(f"batchnorm{number}", bn)
    inner.conv8_objs, inner.conv8_scns = nn.Conv2d(1024, 10, (8, 1)), nn.Conv2d(1024, 4, (8, 1))
    if publisher == "keunhong":
        return inner, rows, time_first
    network.audionet, network.visual_model = inner, nn.Module()
    network.visual_model.backbone, network.visual_model.decoder = S3D(), nn.Sequential(nn.Conv3d(8, 8, 1))
    network.bilinear = nn.Bilinear(42, 3, 336)
    return network, rows, time_first


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, -0.2, 0.4)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.2, 0.6)
    return network.eval()


@torch.no_grad()
def features(rows, time_first: bool, waveform: Tensor) -> list[Tensor]:
    x = waveform[:, :, :, None] if time_first else waveform[:, :, None]
    found = []
    for conv, bn, pool in rows:
        x = bn(conv(x)).relu()
        found.append(x.flatten(2))
        x = pool(x) if pool else x
    return found


@pytest.mark.parametrize("publisher", LAYOUTS)
def test_every_layer_of_the_converted_network_is_the_originals(publisher):
    network, rows, time_first = original(publisher)
    randomised(network)
    conversion = convert_state(network.state_dict(), "soundnet")
    assert (conversion.backbone, conversion.layout) == ("soundnet", LAYOUTS[publisher])
    assert (conversion.recipe.sample_rate, conversion.recipe.audio_scale) == (22_050, 256.0)
    ours = SoundNet().eval()
    ours.load_state_dict(conversion.tensors, strict=True)
    ours, network = ours.double(), network.double()  # rounding must not hide or feign a difference
    noise = torch.rand(2, 1, 22_050, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    waveform = 256 * (noise * 2 - 1)
    with torch.no_grad():
        for mine, theirs in zip(ours(waveform), features(rows, time_first, waveform), strict=True):
            scale = float(theirs.abs().max())
            assert theirs.std() > 0.01 * scale
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("shape", [(8, 1), (1, 8)])
def test_kernels_of_either_orientation_become_the_same_row(shape):
    state = original("keunhong")[0].state_dict()
    kernel = torch.rand(128, 64, 8)
    state["conv4.weight"] = kernel.reshape(128, 64, *shape)
    assert torch.equal(convert_state(state).tensors["conv4.weight"], kernel)


def test_the_classifiers_and_the_rest_of_a_larger_network_are_said_to_be_dropped():
    assert convert_state(original("keunhong")[0].state_dict()).notes == (
        "left out on purpose: 4 tensors of the object and scene classifiers",
    )
    notes = " ".join(convert_state(original("stavis")[0].state_dict()).notes)
    for what in ("visual network", "side outputs", "fusion"):
        assert what in notes


def test_a_hole_in_one_part_of_a_larger_network_is_not_mistaken_for_another_network():
    state = original("avinet")[0].state_dict()
    del state["audionet.conv2.bias"]
    with pytest.raises(
        CheckpointError, match=r"soundnet in the layout of AViNet, but 1 missing \(audionet.conv2.bias"
    ):
        convert_state(state, "soundnet")
