"""S3D state dicts of every published layout, against the original networks restated with torch.nn alone."""

import pytest
import torch
from torch import Tensor, nn

from avsal.layers.s3d import S3D
from avsal.weights import convert_state

# block: branch0, (branch1), (branch2), branch3, of the published network
BLOCKS = {
    5: (192, 64, (96, 128), (16, 32), 32),
    6: (256, 128, (128, 192), (32, 96), 64),
    8: (480, 192, (96, 208), (16, 48), 64),
    9: (512, 160, (112, 224), (24, 64), 64),
    10: (512, 128, (128, 256), (24, 64), 64),
    11: (512, 112, (144, 288), (32, 64), 64),
    12: (528, 256, (160, 320), (32, 128), 128),
    14: (832, 256, (160, 320), (32, 128), 128),
    15: (832, 384, (192, 384), (48, 128), 128),
}
TAPS = (3, 6, 12, 15)
STAGES = {"base1": (0, 1, 2, 3), "base2": (5, 6), "base3": (8, 9, 10, 11, 12), "base4": (14, 15)}


def norm(channels: int) -> nn.BatchNorm3d:
    return nn.BatchNorm3d(channels, eps=1e-3, momentum=1e-3)


class Basic(nn.Module):
    """kylemin's names: conv, bn."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv3d(c_in, c_out, 1, bias=False)
        self.bn = norm(c_out)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Sep(nn.Module):
    """kylemin's names: conv_s, bn_s, conv_t, bn_t."""

    def __init__(self, c_in, c_out, k, s=1):
        super().__init__()
        self.conv_s = nn.Conv3d(c_in, c_out, (1, k, k), (1, s, s), (0, k // 2, k // 2), bias=False)
        self.bn_s = norm(c_out)
        self.conv_t = nn.Conv3d(c_out, c_out, (k, 1, 1), (s, 1, 1), (k // 2, 0, 0), bias=False)
        self.bn_t = norm(c_out)

    def forward(self, x):
        return self.bn_t(self.conv_t(self.bn_s(self.conv_s(x)).relu())).relu()


def unnamed(c_in, c_out, kernel, stride, padding):
    """torchvision's names: 0, 1."""
    return nn.Sequential(nn.Conv3d(c_in, c_out, kernel, stride, padding, bias=False), norm(c_out), nn.ReLU())


def unnamed_basic(c_in, c_out):
    return unnamed(c_in, c_out, 1, 1, 0)


def unnamed_sep(c_in, c_out, k, s=1):
    p = k // 2
    return nn.Sequential(
        unnamed(c_in, c_out, (1, k, k), (1, s, s), (0, p, p)),
        unnamed(c_out, c_out, (k, 1, 1), (s, 1, 1), (p, 0, 0)),
    )


class Inception(nn.Module):
    def __init__(self, basic, sep, c_in, b0, b1, b2, b3, *, first_in_list):
        super().__init__()
        self.branch0 = nn.Sequential(basic(c_in, b0)) if first_in_list else basic(c_in, b0)
        self.branch1 = nn.Sequential(basic(c_in, b1[0]), sep(b1[0], b1[1], 3))
        self.branch2 = nn.Sequential(basic(c_in, b2[0]), sep(b2[0], b2[1], 3))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), basic(c_in, b3))

    def forward(self, x):
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], 1)


def layers(basic, sep, *, first_in_list) -> list[nn.Module]:
    made = {
        0: sep(3, 64, 7, 2),
        1: nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        2: basic(64, 64),
        3: sep(64, 192, 3),
        4: nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        7: nn.MaxPool3d(3, 2, 1),
        13: nn.MaxPool3d(2, 2),
    }
    made |= {i: Inception(basic, sep, *sizes, first_in_list=first_in_list) for i, sizes in BLOCKS.items()}
    return [made[i] for i in range(16)]


def original(publisher: str) -> tuple[nn.Module, list[nn.Module]]:
    """The published network with its names, and its sixteen layers in order."""
    network = nn.Module()
    if publisher == "kylemin":
        network.base = nn.Sequential(*layers(Basic, Sep, first_in_list=True))
        network.fc = nn.Sequential(nn.Conv3d(1024, 400, 1))
        return network, list(network.base)
    if publisher == "torchvision":
        network.features = nn.Sequential(*layers(unnamed_basic, unnamed_sep, first_in_list=False))
        network.classifier = nn.Sequential(nn.Dropout(0.2), nn.Conv3d(1024, 400, 1))
        return network, list(network.features)
    parts = layers(Basic, Sep, first_in_list=True)
    trunk = nn.Module()
    for stage, members in STAGES.items():
        trunk.add_module(stage, nn.Sequential(*(parts[i] for i in members)))
    if publisher == "ViNet":
        network.backbone, network.decoder = trunk, nn.Module()
        network.decoder.convtsp1 = nn.Sequential(nn.Conv3d(8, 8, 1))
        return network, parts
    if publisher == "AViNet":
        network.visual_model, network.audionet = nn.Module(), nn.Module()
        network.visual_model.backbone, network.visual_model.decoder = trunk, nn.Sequential(nn.Conv3d(8, 8, 1))
        network.audionet.conv1 = nn.Conv2d(1, 16, (64, 1))
        network.bilinear = nn.Bilinear(42, 3, 336)
        return network, parts
    if publisher == "TASED-Net":
        for number in range(1, 5):
            trunk.add_module(f"convtsp{number}", nn.Sequential(nn.Conv3d(8, 8, 1), norm(8)))
    if publisher == "STSANet":
        for name in ("ln_0_1", "SA_0", "CA_2", "inc_1_3", "readout_2", "branch3_1_a_q", "branch0_pre"):
            trunk.add_module(name, nn.Sequential(nn.Conv3d(8, 8, 1)))
    return trunk, parts


def randomised(network: nn.Module) -> nn.Module:
    """Batch norms whose statistics and scales are not those of a fresh network."""
    torch.manual_seed(7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, -0.2, 0.4)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.2, 0.6)
            module.num_batches_tracked.fill_(1000)
    return network.eval()


@torch.no_grad()
def taps(parts: list[nn.Module], clip: Tensor) -> list[Tensor]:
    found, x = [], clip
    for index, layer in enumerate(parts):
        x = layer(x)
        if index in TAPS:
            found.append(x)
    return found


PUBLISHERS = {
    "kylemin": "kylemin/S3D",
    "torchvision": "torchvision s3d",
    "ViNet": "ViNet",
    "AViNet": "AViNet",
    "TASED-Net": "TASED-Net",
    "STSANet": "STSANet",
    "alone": "base1 to base4 alone",
}


@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_every_tap_of_the_converted_network_is_the_originals(publisher):
    network, parts = original(publisher)
    randomised(network)
    state = network.state_dict()
    conversion = convert_state(state)
    assert (conversion.backbone, conversion.layout) == ("s3d", PUBLISHERS[publisher])
    assert (
        sum(tensor.numel() for name, tensor in conversion.tensors.items() if is_parameter(name)) == 7_910_048
    )

    ours = S3D().eval()
    ours.load_state_dict(conversion.tensors, strict=True)
    ours, network = ours.double(), network.double()  # rounding must not hide or feign a difference
    clip = (
        torch.rand(1, 3, 16, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    )
    with torch.no_grad():
        for mine, theirs in zip(ours(clip), taps(parts, clip), strict=True):
            assert theirs.std() > 0.05  # the signal has not faded, so that a difference would show
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def is_parameter(name: str) -> bool:
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))


@pytest.mark.parametrize("publisher", ["kylemin", "torchvision"])
def test_all_464_entries_are_used_or_dropped_on_purpose(publisher):
    state = original(publisher)[0].state_dict()
    assert len(state) == 464
    conversion = convert_state(state, "s3d")
    assert len(conversion.tensors) == 462
    assert conversion.notes == ("left out on purpose: 2 tensors of the Kinetics classifier",)


@pytest.mark.parametrize(
    ("publisher", "mean"), [("kylemin", 0.5), ("torchvision", 0.43216), ("ViNet", 0.485)]
)
def test_the_input_recipe_comes_with_the_layout(publisher, mean):
    recipe = convert_state(original(publisher)[0].state_dict()).recipe
    assert recipe.mean[0] == mean
    assert (recipe.channels, recipe.value_range, recipe.sample_rate) == ("rgb", 1.0, None)


def test_prefixes_of_wrappers_are_taken_off():
    state = original("kylemin")[0].state_dict()
    wrapped = {f"module.{key}": tensor for key, tensor in state.items()}
    twice = {f"module._orig_mod.{key}": tensor for key, tensor in state.items()}
    plain = convert_state(state).tensors
    for other in (wrapped, twice):
        conversion = convert_state(other)
        assert all(torch.equal(plain[key], tensor) for key, tensor in conversion.tensors.items())
        assert "prefix 'module.'" in conversion.notes[0]


def test_files_from_before_batch_counters_convert_with_a_note():
    state = original("kylemin")[0].state_dict()
    old = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    assert len(old) == 464 - 77
    conversion = convert_state(old)
    assert len(conversion.tensors) == 462
    assert "77 absent batch counters set to 0" in conversion.notes


def test_a_guess_at_the_recipe_is_said_to_be_one():
    assert "assumed" in convert_state(original("alone")[0].state_dict()).notes[-1]
