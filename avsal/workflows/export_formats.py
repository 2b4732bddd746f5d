"""The formats that models are exported to, ONNX, torch.export and OpenVINO: writing a graph, running it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from avsal import __version__
from avsal.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

    from avsal.models import SaliencyModel
    from avsal.weights import ModelIdentity

__all__ = ["SUFFIXES", "Format", "Run", "facts", "format_of", "require_packages", "runner", "write"]

Format = Literal["onnx", "torch-export", "openvino"]
Run = Callable[[Sequence["Tensor"]], "Tensor"]

SUFFIXES: Mapping[str, str] = {"onnx": ".onnx", "torch-export": ".pt2", "openvino": ".xml"}
PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino", "onnx", "onnxscript")}


def format_of(path: Path, to: Format | None) -> Format:
    """The format that a suffix or a setting names.

    Raises:
        ConfigError: neither does, or they contradict each other.
    """
    by_suffix = {suffix: name for name, suffix in SUFFIXES.items()}.get(path.suffix.lower())
    named = to or by_suffix
    for known in get_args(Format):
        if named == known and by_suffix in (None, known):
            if by_suffix is None:
                raise ConfigError(f"expected a file {path.stem}{SUFFIXES[known]} of {known} but found {path}")
            return known
    expected = ", ".join(f"{suffix} ({name})" for name, suffix in SUFFIXES.items())
    raise ConfigError(f"expected a file that ends in one of {expected} but found {path}, to={to}")


def require_packages(form: Format) -> None:
    """Raise ConfigError where a format's packages are not installed."""
    from importlib.util import find_spec

    missing = [name for name in PACKAGES.get(form, ()) if find_spec(name) is None]
    if missing:
        extra = "openvino" if form == "openvino" else "export"
        raise ConfigError(f"{form} needs {', '.join(missing)}: pip install 'avsal[{extra}]'")


def facts(identity: ModelIdentity, network: SaliencyModel, clip: Sequence[Tensor]) -> str:
    """What a file says of itself, as JSON."""
    told = {
        "avsal": __version__,
        "model": identity.to_json(),
        "input": asdict(network.spec),
        "frames": "(pixel * value_range / 255 - mean) / std, (1, 3, T, H, W)",
        "audio": "samples in [-1, 1] * audio_scale of the window's seconds" if len(clip) > 1 else None,
    }
    return json.dumps(told)


def program_of(network: SaliencyModel, clip: tuple[Tensor, ...], dynamic: bool) -> ExportedProgram:
    """The network's graph, of one frame size or of any."""
    import torch
    from torch.export import Dim

    shapes: dict[str, Any] | None = None
    if dynamic:
        shapes = {"frames": {3: Dim.AUTO, 4: Dim.AUTO}}
        if len(clip) > 1:
            shapes["audio"] = {2: Dim.AUTO}
    with torch.no_grad():
        return torch.export.export(network, clip, dynamic_shapes=shapes)


def write(
    network: SaliencyModel, clip: tuple[Tensor, ...], file: Path, form: Format, dynamic: bool, told: str
) -> dict[str, tuple[int | str, ...]]:
    """Write a graph; the shapes of its inputs."""
    import torch

    if form != "torch-export":
        network, clip = copy.deepcopy(network).cpu(), tuple(one.cpu() for one in clip)
    program = program_of(network, clip, dynamic)
    if form == "torch-export":
        torch.export.save(program, file, extra_files={"avsal.json": told})
    else:
        graph = torch.onnx.export(program, (), dynamo=True, output_names=["maps"], verbose=False)
        assert graph is not None
        graph.model.metadata_props["avsal"] = told
        onnx = file.with_suffix(".onnx")
        graph.save(onnx, external_data=False)
        if form == "openvino":
            import openvino

            converted = openvino.convert_model(onnx)
            converted.set_rt_info(told, "avsal")
            openvino.save_model(converted, file, compress_to_fp16=False)
            onnx.unlink()
    names, free = ("frames", "audio"), {"frames": {3: "H", 4: "W"}, "audio": {2: "A"}}
    return {
        name: tuple(
            free[name].get(place, length) if dynamic else length for place, length in enumerate(one.shape)
        )
        for name, one in zip(names, clip, strict=False)
    }


def runner(form: Format, file: Path) -> Run:
    """What runs a file, with as many threads as PyTorch."""
    import torch

    threads = torch.get_num_threads()
    if form == "torch-export":
        module = torch.export.load(file).module()
        return lambda clip: module(*clip)
    if form == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        names = [entry.name for entry in session.get_inputs()]

        def run_onnx(clip: Sequence[Tensor]) -> Tensor:
            inputs = {name: one.cpu().numpy() for name, one in zip(names, clip, strict=True)}
            return torch.from_numpy(session.run(None, inputs)[0])

        return run_onnx
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(file, "CPU", options)
    return lambda clip: torch.from_numpy(compiled([one.cpu().numpy() for one in clip])[0])
