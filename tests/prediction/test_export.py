"""Exported graphs give the maps of PyTorch, or are not written."""

import json

import pytest
import torch
from command_line import read_line, run_line
from torch import nn

import avsal
from avsal.errors import AvsalRuntimeError, ConfigError
from avsal.layers.fusion import maxima
from avsal.layers.logmel import LogMelConvolution, LogMelNet, log_mel, mel_filters
from avsal.models import SaliencyModel
from avsal.models.registry import ModelInfo, create_model
from avsal.types import ClipSpec
from avsal.workflows import export as workflow
from avsal.workflows.export import ExportSettings


class Listener(SaliencyModel):
    """The parts that are hard to export, small: log-mel frames, pooling to half, resizing to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = ClipSpec(num_frames=4, size=(48, 64), sample_rate=22_050)
        self.see, self.hear = nn.Conv2d(3, 4, 3, 2, 1), LogMelNet(0.1)
        self.join = nn.Linear(self.hear.channels[0], 4)

    def forward(self, frames, audio=None):
        seen = self.see(frames[:, :, -1])
        seen = maxima(seen, [(side + 1) // 2 for side in seen.shape[-2:]])
        if audio is not None:
            seen = seen * torch.sigmoid(self.join(self.hear(audio)[0].mean(2)))[..., None, None]
        size = frames.shape[-2:]
        return torch.sigmoid(
            nn.functional.interpolate(seen, tuple(size), mode="bilinear").mean(1, keepdim=True)
        )


@pytest.fixture
def model(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setitem(ModelInfo.models, "listener", ModelInfo("listener", Listener, "", "", True, {}))
    made = create_model("listener")
    made.trained = True
    return made


@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_a_graph_of_any_size_gives_the_maps_of_pytorch(model, tmp_path, suffix):
    if suffix == ".onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    found = avsal.export(model, tmp_path / f"model{suffix}", windows=2)
    assert found.inputs == {"frames": (1, 3, 4, "H", "W"), "audio": (1, 1, "A")}
    assert found.other_size == (49, 53)
    assert found.fixed_because is None
    assert 0 <= found.difference < 1e-5
    assert "largest difference from PyTorch" in str(found)
    assert [path.name for path in tmp_path.iterdir()] == [f"model{suffix}"]
    frames, audio = torch.randn(1, 3, 4, 51, 70), torch.randn(1, 1, 9000)
    with torch.no_grad():
        wanted = model(frames, audio)
    if suffix == ".pt2":
        told = {"avsal.json": ""}
        got = torch.export.load(found.path, extra_files=told).module()(frames, audio)
        text = told["avsal.json"]
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(found.path)
        got = torch.from_numpy(session.run(["maps"], {"frames": frames.numpy(), "audio": audio.numpy()})[0])
        text = session.get_modelmeta().custom_metadata_map["avsal"]
    assert torch.allclose(got, wanted, atol=1e-5)
    assert json.loads(text)["input"]["sample_rate"] == 22_050


def test_what_differs_or_cannot_be_exported_is_not_written(model, tmp_path, monkeypatch):
    path = tmp_path / "model.pt2"
    settings = ExportSettings(windows=1, dynamic=False, sound=False)
    real = workflow.runner
    with monkeypatch.context() as patch:
        patch.setattr(workflow, "runner", lambda *given: lambda clip: real(*given)(clip) + 1e-3)
        with pytest.raises(
            AvsalRuntimeError, match=r"differs from PyTorch by \d\.\de-03 .*: nothing was written"
        ):
            avsal.export(model, path, settings)
    model.forward = lambda frames: frames[:, :1, -1].numpy().mean()
    with pytest.raises(AvsalRuntimeError, match="listener cannot be exported as torch-export: "):
        avsal.export(model, path, settings)
    assert list(tmp_path.iterdir()) == []


def test_one_size_is_told_where_another_fails(model, tmp_path):
    forward = model.forward

    def fixed(frames, audio=None):
        return forward(frames, audio) + 0 * frames.reshape(1, 3, 4, 48, 64)[:, :1, 0]

    model.forward = fixed
    found = avsal.export(model, tmp_path / "model.pt2", windows=1, sound=False)
    assert found.fixed_because
    assert found.inputs == {"frames": (1, 3, 4, 48, 64)}
    assert "one size" in str(found)


def test_log_mel_frames_by_convolution_are_those_by_fourier_transform():
    filters = torch.from_numpy(mel_filters())
    for length in (1, 219, 220, 439, 7003):
        audio = 0.1 * torch.randn(2, length)
        ours = LogMelConvolution()(audio, filters)
        assert ours.shape == log_mel(audio, filters).shape
        assert torch.allclose(ours, log_mel(audio, filters), atol=1e-4)


@pytest.mark.parametrize("size", [(24, 44), (25, 43), (3, 5), (1, 2)])
def test_maxima_written_out_are_those_of_the_operation(monkeypatch, size):
    x = torch.randn(2, 3, *size)
    half = [-(-side // 2) for side in size]
    wanted = maxima(x, half)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert torch.equal(maxima(x, half), wanted)


def test_wrong_use_is_told_before_any_work(model, tmp_path):
    for path, settings, text in (
        ("model.bin", {}, r"ends in one of \.onnx \(onnx\), \.pt2 \(torch-export\), \.xml \(openvino\)"),
        ("model.pt2", {"to": "onnx"}, "ends in one of"),
        ("no/model.pt2", {}, "expected a folder"),
        ("model.pt2", {"windows": 0}, "1 to 1000 `windows`"),
        ("model.pt2", {"to": "tflite"}, "must be one of onnx, torch-export, openvino"),
    ):
        with pytest.raises(ConfigError, match=text):
            avsal.export(model, tmp_path / path, **settings)
    (tmp_path / "there.pt2").touch()
    with pytest.raises(ConfigError, match="exists: replace it"):
        run_line("export", "tsfpnet_av-small", "-o", tmp_path / "there.pt2")
    assert read_line("export", "--to", "openvino").texts == {"to": "openvino"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what torch's compiler imports
def test_torch_compile_gives_the_same_maps(model):
    frames = torch.randn(1, 3, 4, 48, 64)  # sound would take the compiler many times as long
    compiled = torch.compile(model)
    with torch.no_grad():
        wanted = model(frames)
        try:
            got = compiled(frames)
        except torch._dynamo.exc.BackendCompilerFailed as error:
            pytest.skip(f"torch.compile finds no compiler here: {str(error)[:200]}")
    assert torch.allclose(got, wanted, atol=1e-5)
