"""Export a model for another runtime: ONNX, torch.export or OpenVINO.

    avsal export                                                tsfpnet_av_mobile.onnx, any frame size
    avsal export tsfpnet_av_mobile --to openvino -o default.xml
    avsal export runs/1/best.safetensors --to torch-export --size 256x448 --dynamic false

The file is written after it gave PyTorch's maps on windows of a real video, at two frame sizes where it takes
any; otherwise nothing is written and the exit code is 1. See docs/export.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting
from avsal.workflows.export import SUFFIXES, ExportSettings, export
from avsal.workflows.model import LoadSettings, load

__all__ = ["ExportLine", "add_arguments", "run"]


@dataclass(frozen=True, kw_only=True)
class ExportLine(ExportSettings, LoadSettings):
    """All that a line says."""

    out: Path | None = setting(None, help="the file [MODEL.onnx]", metavar="FILE", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier file")

    def __post_init__(self) -> None:
        """Check each part."""
        LoadSettings.__post_init__(self)
        ExportSettings.__post_init__(self)


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "exported", nargs="?", metavar="MODEL", help="a name, file, folder or Hub id [the default]"
    )
    parser.add_settings(ExportLine, skip=("model",))


def run(arguments: argparse.Namespace) -> int:
    """Export and say what was checked."""
    named = {} if arguments.exported is None else {"model": arguments.exported}
    line = settings_of(arguments, ExportLine, **named)
    settings = ExportSettings(**{entry.name: getattr(line, entry.name) for entry in fields(ExportSettings)})
    model = load(line)
    out = line.out or Path(f"{model.name}{SUFFIXES[line.to or 'onnx']}")
    print(export(model, out, settings, overwrite=line.overwrite))
    return 0
