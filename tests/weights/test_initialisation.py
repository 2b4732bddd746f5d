"""Published backbones into the parts of models, with the input they expect."""

import pytest
import torch

from avsal.errors import CheckpointError, ConfigError
from avsal.layers.resnet3d import VideoResNet
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SoundNet
from avsal.layers.vgg import VGG16
from avsal.models import create_model
from avsal.weights import convert, initialise, load_checkpoint, save_checkpoint
from avsal.weights.s3d_layouts import TORCHVISION


def randomised(network: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(8)
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.2, 0.8)
    return network.eval()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Published files of every backbone, by name, and the networks that they came from."""
    folder = tmp_path_factory.mktemp("published")
    networks = {
        "s3d": randomised(S3D()),
        "soundnet": randomised(SoundNet()),
        "vgg16": randomised(VGG16()),
        "r3d_18": randomised(VideoResNet("r3d_18")),
    }
    paths = {}
    for name, network in networks.items():
        state = network.state_dict()
        if name == "s3d":
            theirs = {ours: key for key, ours in TORCHVISION.items()}
            state = {f"{theirs[k.rpartition('.')[0]]}.{k.rpartition('.')[2]}": v for k, v in state.items()}
        paths[name] = folder / f"{name}.pth"
        torch.save(state, paths[name])
    return paths, networks


def same(module, network) -> bool:
    theirs = network.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in module.state_dict().items())


def test_tsfpnet_takes_s3d_and_soundnet_and_the_input_they_expect(files):
    paths, networks = files
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64))
    head = model.head[1].weight.clone()
    encoder, audio = initialise(model, encoder=paths["s3d"], audio=paths["soundnet"])
    assert (encoder.module, encoder.backbone, encoder.layout) == ("encoder", "s3d", "torchvision s3d")
    assert (audio.module, audio.backbone) == ("fusion.soundnet", "soundnet")
    assert same(model.encoder, networks["s3d"])
    assert same(model.fusion.soundnet, networks["soundnet"])
    assert torch.equal(model.head[1].weight, head)
    assert not model.trained
    assert model.spec.mean == (0.43216, 0.394666, 0.37645)
    assert (model.spec.sample_rate, model.spec.audio_scale, model.spec.num_frames) == (22_050, 256.0, 8)


def test_the_new_input_is_noted_and_saved_with_the_model(files, tmp_path, caplog):
    model = create_model("tsfpnet", num_frames=8, size=(64, 64))
    initialise(model, encoder=files[0]["s3d"])
    assert "its input is now RGB in 0..1, minus (0.43216" in caplog.text
    save_checkpoint(model, tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors").spec.mean == (0.43216, 0.394666, 0.37645)


def test_a_converted_file_does_what_the_published_one_does(files, tmp_path):
    paths, networks = files
    convert(paths["s3d"], tmp_path / "s3d.safetensors", "s3d")
    model = create_model("tsfpnet", num_frames=8, size=(64, 64))
    (done,) = initialise(model, encoder=tmp_path / "s3d.safetensors")
    assert same(model.encoder, networks["s3d"])
    assert model.spec.std == (0.22803, 0.22145, 0.216989)
    assert done.file == str(tmp_path / "s3d.safetensors")


def test_a_shorter_network_takes_what_lies_before_its_end(files):
    paths, networks = files
    model = create_model("tsfpnet_av", fusion="aligned", num_frames=8, size=(64, 64))
    assert model.fusion.soundnet.depth == 5
    (audio,) = initialise(model, audio=paths["soundnet"])
    assert same(model.fusion.soundnet, networks["soundnet"])
    assert audio.notes == ("left out on purpose: 14 tensors behind the part's end",)


@pytest.mark.parametrize("name", ["sal3d", "esan"])
def test_models_of_vgg16_take_it(name, files):
    paths, networks = files
    with torch.device("meta"):
        model = create_model(name)
    part = model.backbone if name == "sal3d" else model.encoder
    part.to_empty(device="cpu")
    (done,) = initialise(model, encoder=paths["vgg16"])
    assert done.backbone == "vgg16"
    assert same(part, networks["vgg16"])
    assert model.spec.mean == (0.485, 0.456, 0.406)


def test_the_papers_trunk_computes_what_r3d_18_does(files):
    paths, networks = files
    with torch.device("meta"):
        model = create_model("resnet3d_s")
    model.trunk.to_empty(device="cpu")
    (done,) = initialise(model, encoder=paths["r3d_18"])
    assert done.notes == ("layer1.0.downsample is the identity",)
    clip = torch.randn(1, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for mine, theirs in zip(model.trunk.eval()(clip), networks["r3d_18"](clip), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def refusal(kind, model, **files) -> str:
    with pytest.raises(kind) as caught:
        initialise(model, **files)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_network_in_a_parts_place_is_refused(files):
    paths, _ = files
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64), width=0.1)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    message = refusal(CheckpointError, model, encoder=paths["vgg16"])
    assert "is vgg16 in the layout of torchvision vgg16, not s3d" in message
    assert "is s3d in the layout of" in refusal(CheckpointError, model, audio=paths["s3d"])
    assert "must be of that kind and of width 1" in refusal(CheckpointError, model, encoder=paths["s3d"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_an_error_in_one_part_leaves_the_other_as_it_was(files):
    paths, _ = files
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    refusal(CheckpointError, model, encoder=paths["s3d"], audio=paths["vgg16"])
    assert model.spec.mean == (0.5, 0.5, 0.5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_file_of_a_whole_audio_visual_network_fills_either_part(files, tmp_path):
    _, networks = files
    s3d = {f"visual_model.backbone.{key}": x for key, x in networks["s3d"].state_dict().items()}
    soundnet = {
        f"audionet.{key}": x.unsqueeze(-1) if x.ndim == 3 else x
        for key, x in networks["soundnet"].state_dict().items()
    }
    torch.save(s3d | soundnet | {"bilinear.bias": torch.zeros(336)}, tmp_path / "avinet.pt")
    model = create_model("tsfpnet_av", num_frames=8, size=(64, 64))
    done = initialise(model, encoder=tmp_path / "avinet.pt", audio=tmp_path / "avinet.pt")
    assert [(entry.part, entry.layout) for entry in done] == [("encoder", "AViNet"), ("audio", "AViNet")]
    assert same(model.encoder, networks["s3d"])
    assert same(model.fusion.soundnet, networks["soundnet"])


def test_a_factorised_trunk_does_not_take_the_full_one(files):
    with torch.device("meta"):
        model = create_model("resnet3d_s", backbone="r2plus1d_18")
    assert "(r3d_18) does not fit the encoder of resnet3d_s" in refusal(
        CheckpointError, model, encoder=files[0]["r3d_18"]
    )


def test_a_part_that_the_model_does_not_have_is_refused(files):
    paths, _ = files
    model = create_model("tsfpnet", num_frames=8, size=(64, 64), width=0.1)
    assert "has no audio that takes published weights" in refusal(ConfigError, model, audio=paths["soundnet"])
    with torch.device("meta"):
        model = create_model("conv3d")
    assert "has no encoder that takes published weights" in refusal(
        ConfigError, model, encoder=paths["vgg16"]
    )


def test_a_file_that_is_missing_or_was_not_fetched_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))
    model = create_model("tsfpnet", num_frames=8, size=(64, 64), width=0.1)
    assert "there is no weight file" in refusal(CheckpointError, model, encoder=tmp_path / "absent.pth")
    message = refusal(CheckpointError, model, encoder="s3d_torchvision")
    assert "`avsal weights fetch s3d_torchvision`" in message
    assert str(tmp_path / "s3d-d76dad2f.pth") in message
