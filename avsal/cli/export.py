"""Export a model for another runtime: ONNX, torch.export or OpenVINO.

    avsal export                                                tsfpnet_av_mobile.onnx, any frame size
    avsal export tsfpnet_av_mobile --to openvino -o default.xml
    avsal export runs/1/best.safetensors --to torch-export --size 256x448 --dynamic false

The file is written after it gave PyTorch's maps on windows of a real video, at two frame sizes where it takes
any; otherwise nothing is written and the exit code is 1. See docs/export.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avsal.cli.parsing import Action, Given
from avsal.configuration import setting
from avsal.workflows.export import ExportSettings, export
from avsal.workflows.export_formats import SUFFIXES
from avsal.workflows.model import LoadSettings, load

__all__ = ["VERB", "ExportLine"]


@dataclass(frozen=True, kw_only=True)
class ExportLine(ExportSettings, LoadSettings):
    """All that a line says."""

    model: str | None = setting(
        None, help="a name, file, folder or Hub id [the default]", metavar="MODEL", position="?"
    )
    out: Path | None = setting(None, help="the file [MODEL.onnx]", metavar="FILE", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier file")


def run(given: Given) -> int:
    """Export and say what was checked."""
    line = given.read(ExportLine)
    model = load(line)
    out = line.out or Path(f"{model.name}{SUFFIXES[line.to or 'onnx']}")
    print(export(model, out, line, overwrite=line.overwrite))
    return 0


VERB = Action(ExportLine, run)
