import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.resnet3d import VideoResNet

KINDS = ("r3d_18", "mc3_18", "r2plus1d_18")
CLASSIFIER = 512 * 400 + 400


def norm(name: str) -> list[str]:
    return [
        f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]


def torchvision_keys(kind: str) -> list[str]:
    """The names of the published state dicts, without the classifier's."""

    def convolution(name: str) -> list[str]:
        if kind != "r2plus1d_18":
            return [f"{name}.weight"]
        return [f"{name}.0.weight", *norm(f"{name}.1"), f"{name}.3.weight"]

    keys = ["stem.0.weight", *norm("stem.1")]
    if kind == "r2plus1d_18":
        keys += ["stem.3.weight", *norm("stem.4")]
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            name = f"layer{layer}.{block}"
            keys += [*convolution(f"{name}.conv1.0"), *norm(f"{name}.conv1.1")]
            keys += [*convolution(f"{name}.conv2.0"), *norm(f"{name}.conv2.1")]
            if layer > 1 and block == 0:
                keys += [f"{name}.downsample.0.weight", *norm(f"{name}.downsample.1")]
    return keys


def plain_trunk(state: dict[str, Tensor], kind: str, frames: Tensor) -> list[Tensor]:
    """The outputs of the stages by functions alone, from the shapes of the kernels."""

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kT, kH, kW = weight.shape[2:]
        # space is strided by kernels that span space, time by those that span time; 1x1x1 takes MC3's rule
        spatial = stride if kH > 1 or kT == kH else 1
        temporal = stride if kT > 1 or (kT == kH and kind != "mc3_18") else 1
        strides = (temporal, spatial, spatial)
        return F.conv3d(x, weight, None, strides, (kT // 2, kH // 2, kW // 2))

    def normalise(x: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{name}.{part}"][:, None, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def convolve_block(x: Tensor, name: str, stride: int) -> Tensor:
        if f"{name}.weight" in state:
            return convolve(x, name, stride)
        x = convolve(x, f"{name}.0", stride)
        return convolve(normalise(x, f"{name}.1").relu(), f"{name}.3", stride)

    if kind == "r2plus1d_18":
        x = F.conv3d(frames, state["stem.0.weight"], None, (1, 2, 2), (0, 3, 3))
        x = F.conv3d(normalise(x, "stem.1").relu(), state["stem.3.weight"], None, 1, (1, 0, 0))
        x = normalise(x, "stem.4").relu()
    else:
        x = F.conv3d(frames, state["stem.0.weight"], None, (1, 2, 2), (1, 3, 3))
        x = normalise(x, "stem.1").relu()
    stages = []
    for layer in (1, 2, 3, 4):
        for block in (0, 1):
            name = f"layer{layer}.{block}"
            stride = 2 if layer > 1 and block == 0 else 1
            y = normalise(convolve_block(x, f"{name}.conv1.0", stride), f"{name}.conv1.1").relu()
            y = normalise(convolve_block(y, f"{name}.conv2.0", 1), f"{name}.conv2.1")
            if f"{name}.downsample.0.weight" in state:
                x = normalise(convolve(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            x = (x + y).relu()
        stages.append(x)
    return stages


def lived_in(network: VideoResNet) -> VideoResNet:
    """Batch norms as after training: nothing is 0 or 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_those_of_torchvision(kind):
    with torch.device("meta"):
        assert set(VideoResNet(kind).state_dict()) == set(torchvision_keys(kind))


@pytest.mark.parametrize(
    ("kind", "published"), [("r3d_18", 33_371_472), ("mc3_18", 11_695_440), ("r2plus1d_18", 31_505_325)]
)
def test_with_the_classifier_the_number_of_parameters_is_the_published_one(kind, published):
    with torch.device("meta"):
        number = sum(parameter.numel() for parameter in VideoResNet(kind).parameters())
    assert number + CLASSIFIER == published


def test_the_projection_of_the_first_stage_is_the_only_addition_to_r3d_18():
    with torch.device("meta"):
        network = VideoResNet(project_first=True)
    names = {"layer1.0.downsample.0.weight", *norm("layer1.0.downsample.1")}
    assert set(network.state_dict()) == set(torchvision_keys("r3d_18")) | names
    assert sum(parameter.numel() for parameter in network.parameters()) == 33_160_768 + 9_728


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("project_first", [False, True])
def test_every_stage_equals_the_plain_network(kind, project_first):
    torch.manual_seed(0)
    network = lived_in(VideoResNet(kind, project_first=project_first, width=1 / 8))
    frames = torch.randn(2, 3, 9, 33, 40)
    with torch.no_grad():
        stages = network(frames)
        expected = plain_trunk(network.state_dict(), kind, frames)
    assert len(stages) == 4
    for stage, plain in zip(stages, expected, strict=True):
        torch.testing.assert_close(stage, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "times"),
    [("r3d_18", (16, 8, 4, 2)), ("r2plus1d_18", (16, 8, 4, 2)), ("mc3_18", (16, 16, 16, 16))],
)
def test_stages_of_the_published_size_have_the_published_shapes(kind, times):
    with torch.device("meta"):
        stages = VideoResNet(kind)(torch.empty(1, 3, 16, 112, 112))
    sides = (56, 28, 14, 7)
    channels = (64, 128, 256, 512)
    assert [tuple(stage.shape) for stage in stages] == [
        (1, c, t, side, side) for c, t, side in zip(channels, times, sides, strict=True)
    ]


def test_factorised_convolutions_have_the_weights_of_full_ones():
    with torch.device("meta"):
        full, factorised = (VideoResNet(kind).state_dict() for kind in ("r3d_18", "r2plus1d_18"))
    block = "layer2.1.conv1.0"
    pair = factorised[f"{block}.0.weight"].numel() + factorised[f"{block}.3.weight"].numel()
    assert pair == pytest.approx(full[f"{block}.weight"].numel(), rel=0.01)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="r2plus1d_18"):
        VideoResNet("r3d_34")
