"""State dicts in torchvision's names of VGG-16 and the video networks, against plain restatements of them."""

import pytest
import torch
from torch import Tensor, nn

from avsal.errors import CheckpointError
from avsal.layers.resnet3d import VideoResNet
from avsal.layers.vgg import VGG16
from avsal.weights import convert_state

VGG_PLAN = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
KINDS = ("r3d_18", "mc3_18", "r2plus1d_18")


class OriginalVGG(nn.Module):
    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for step in VGG_PLAN:
            if step == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
                channels = step
        self.features = nn.Sequential(*layers)


def conv3d(kind: str, stage: int, c_in: int, c_out: int, stride: int, middle: int) -> nn.Module:
    if kind == "r2plus1d_18":
        return nn.Sequential(
            nn.Conv3d(c_in, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(middle),
            nn.ReLU(),
            nn.Conv3d(middle, c_out, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
        )
    if kind == "mc3_18" and stage > 1:
        return nn.Conv3d(c_in, c_out, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
    return nn.Conv3d(c_in, c_out, 3, stride, 1, bias=False)


class OriginalBlock(nn.Module):
    def __init__(self, kind, stage, c_in, c_out, stride):
        super().__init__()
        middle = (c_in * c_out * 27) // (c_in * 9 + 3 * c_out)
        self.conv1 = nn.Sequential(
            conv3d(kind, stage, c_in, c_out, stride, middle), nn.BatchNorm3d(c_out), nn.ReLU()
        )
        self.conv2 = nn.Sequential(conv3d(kind, stage, c_out, c_out, 1, middle), nn.BatchNorm3d(c_out))
        self.downsample = None
        if stride > 1:
            strides = (1, stride, stride) if kind == "mc3_18" else stride
            self.downsample = nn.Sequential(
                nn.Conv3d(c_in, c_out, 1, strides, bias=False), nn.BatchNorm3d(c_out)
            )

    def forward(self, x):
        rest = x if self.downsample is None else self.downsample(x)
        return (self.conv2(self.conv1(x)) + rest).relu()


class OriginalVideoResNet(nn.Module):
    def __init__(self, kind: str):
        super().__init__()
        if kind == "r2plus1d_18":
            self.stem = nn.Sequential(
                nn.Conv3d(3, 45, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
                nn.BatchNorm3d(45),
                nn.ReLU(),
                nn.Conv3d(45, 64, (3, 1, 1), 1, (1, 0, 0), bias=False),
                nn.BatchNorm3d(64),
                nn.ReLU(),
            )
        else:
            stem = nn.Conv3d(3, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
            self.stem = nn.Sequential(stem, nn.BatchNorm3d(64), nn.ReLU())
        widths = (64, 64, 128, 256, 512)
        for stage in (1, 2, 3, 4):
            c_in, c_out, stride = widths[stage - 1], widths[stage], 1 if stage == 1 else 2
            blocks = (
                OriginalBlock(kind, stage, c_in, c_out, stride),
                OriginalBlock(kind, stage, c_out, c_out, 1),
            )
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, 400)

    @torch.no_grad()
    def taps(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        found = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            found.append(x)
        return found


def original_video_network(kind: str) -> OriginalVideoResNet:
    torch.manual_seed(11)
    network = OriginalVideoResNet(kind)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, -0.2, 0.4)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.2, 0.6)
    return network.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_every_tap_of_a_converted_video_network_is_the_originals(kind):
    network = original_video_network(kind)
    conversion = convert_state(network.state_dict())
    assert conversion.backbone == kind
    assert conversion.notes == ("left out on purpose: 2 tensors of the Kinetics classifier",)
    assert conversion.recipe.mean == (0.43216, 0.394666, 0.37645)
    ours = VideoResNet(kind).eval()
    ours.load_state_dict(conversion.tensors, strict=True)
    ours, network = ours.double(), network.double()  # rounding must not hide or feign a difference
    clip = torch.randn(1, 3, 8, 32, 32, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    with torch.no_grad():
        for mine, theirs in zip(ours(clip), network.taps(clip), strict=True):
            assert theirs.std() > 0.05
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_every_layer_of_the_converted_vgg16_is_the_originals():
    torch.manual_seed(13)
    network = OriginalVGG().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.uniform_(module.bias, -0.1, 0.1)
    state = network.state_dict()
    sizes = {"0": (4096, 25088), "3": (4096, 4096), "6": (1000, 4096)}  # published, without their 0.5 GB
    for index, size in sizes.items():
        state[f"classifier.{index}.weight"] = torch.zeros(1).expand(size)
        state[f"classifier.{index}.bias"] = torch.zeros(size[0])
    assert len(state) == 32
    conversion = convert_state(state)
    assert (conversion.backbone, len(conversion.tensors)) == ("vgg16", 26)
    assert conversion.notes == ("left out on purpose: 6 tensors of the ImageNet classifier",)
    assert conversion.recipe.std == (0.229, 0.224, 0.225)
    ours = VGG16().eval()
    ours.load_state_dict(conversion.tensors, strict=True)
    ours, network = ours.double(), network.double()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    with torch.no_grad():
        x, expected = images, []
        for layer in network.features:
            x = layer(x)
            expected.append(x)
        for mine, theirs in zip(ours(images, range(31)), expected, strict=True):
            assert theirs.std() > 0.05
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "other"), [("r3d_18", "mc3_18"), ("mc3_18", "r2plus1d_18"), ("r2plus1d_18", "r3d_18")]
)
def test_video_networks_are_told_apart_though_their_names_are_the_same(kind, other):
    state = VideoResNet(kind).state_dict()
    assert convert_state(state).backbone == kind
    with pytest.raises(CheckpointError, match=f"is {kind} in the layout of torchvision {kind}, not {other}"):
        convert_state(state, other)
