"""Convert published weights, show what a weight file is, list, fetch and publish.

avsal weights list
avsal weights fetch r3d_18_kinetics
avsal weights convert S3D_kinetics400.pt s3d.safetensors --as s3d
avsal weights convert ViNet_DHF1K.pt vinet.safetensors --as vinet
avsal weights show s3d.safetensors
avsal weights push runs/1/best.safetensors name/model --private
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import shown

if TYPE_CHECKING:
    from avsal.weights import CheckpointHeader

__all__ = ["add_arguments", "run"]

BACKBONES = ("s3d", "soundnet", "vgg16", "mobilenet_v2", "r3d_18", "r2plus1d_18", "mc3_18", "resnet50_3d")
MODELS = ("esan", "unisal", "tased", "vinet", "vinet_s", "vinet_a", "avinet", "stavis", "stavis_visual")
INDENT = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    convert = verbs.add_parser("convert", help="a published state dict to a file of ours")
    convert.add_argument("file", type=Path, metavar="FILE", help=".pt, .pth, .tar, .safetensors or .npz")
    convert.add_argument("out", type=Path, metavar="OUT", help="the safetensors file to write")
    convert.add_argument(
        "--as", dest="network", choices=(*BACKBONES, *MODELS), required=True, help="which network it is"
    )
    show = verbs.add_parser("show", help="what a weight file is and where it comes from")
    show.add_argument("file", type=Path, metavar="FILE", help="checkpoint, converted or published weights")
    verbs.add_parser("list", help="published weights: what for, licence, size, source")
    fetch = verbs.add_parser("fetch", help="download one of the list, check its hash, print where it is")
    fetch.add_argument("name", metavar="NAME", help="one of `avsal weights list`")
    push = verbs.add_parser("push", help="a model with its card to the Hugging Face Hub")
    push.add_argument("model", metavar="MODEL", help="a checkpoint, a folder of save_pretrained, or a name")
    push.add_argument("repository", metavar="ID", help="on the Hub, such as name/model")
    push.add_argument("--private", action="store_true", help="seen by its owner alone, where it is made")
    push.add_argument("--revision", metavar="BRANCH", help="[the main one]")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; the exit code."""
    actions = {
        "convert": run_convert,
        "show": run_show,
        "list": run_list,
        "fetch": run_fetch,
        "push": run_push,
    }
    actions[arguments.action](arguments)
    return 0


def run_convert(arguments: argparse.Namespace) -> None:
    """Convert a file and say how."""
    from avsal.weights import convert

    _, conversion = convert(arguments.file, arguments.out, arguments.network)
    kind = "model" if conversion.backbone in MODELS else "backbone"
    print_fields(
        {
            "converted": f"{arguments.file} -> {arguments.out}",
            kind: f"{conversion.backbone}, {len(conversion.tensors)} tensors, none left over or missing",
            "layout": conversion.layout,
            "input": conversion.recipe.describe(),
            "note": list(conversion.notes),
        }
    )


def run_show(arguments: argparse.Namespace) -> None:
    """Print a file's header, or what an unconverted file is."""
    from avsal.weights import BackboneHeader, CheckpointHeader, read_backbone
    from avsal.weights.header import KEY, parse
    from avsal.weights.state_file import file_kind, read_table

    path: Path = arguments.file
    table = read_table(path) if file_kind(path) == "safetensors" else None
    if table is None or KEY not in table.metadata:
        found = read_backbone(path)
        print_fields(
            {
                "file": f"{path}, not converted",
                "model" if found.backbone in MODELS else "backbone": found.backbone,
                "layout": found.layout,
                "input": found.recipe.describe(),
                "note": list(found.notes),
                "to convert": f"avsal weights convert {path} OUT --as {found.backbone}",
            }
        )
    elif parse(table.metadata, path)[0] == "backbone":
        backbone = BackboneHeader.from_metadata(table.metadata, path)
        print_fields(
            {
                "file": f"{path}, {len(table.shapes)} tensors",
                "backbone": backbone.backbone,
                "layout": f"{backbone.layout} (converted from {backbone.source})",
                "input": backbone.recipe.describe(),
                "note": list(backbone.notes),
                "written by": f"avsal {backbone.avsal_version}, format {backbone.format_version}",
                "SHA-256": backbone.sha256,
            }
        )
    else:
        print_fields(
            model_fields(CheckpointHeader.from_metadata(table.metadata, path), path, len(table.shapes))
        )


def model_fields(header: CheckpointHeader, path: Path, num_tensors: int) -> dict[str, Any]:
    """What `show` prints of a model's checkpoint."""
    from avsal.weights import InputRecipe

    spec = header.spec
    shape = f"{spec.num_frames} frames of {spec.size[0]}x{spec.size[1]}, {spec.resize}"
    return {
        "file": f"{path}, {num_tensors} tensors",
        "model": header.model,
        "arguments": as_lines(header.arguments),
        "trained": "yes" if header.trained else "no: its maps mean nothing",
        "input": [shape, InputRecipe.of(spec).describe()],
        "predicts": spec.predicts,
        "protocol": as_lines(header.protocol),
        "data": as_lines(header.data),
        "scores": as_lines(header.scores),
        "licence": header.licence,
        "source": header.source,
        "other": as_lines(header.extra),
        "written by": f"avsal {header.avsal_version}, format {header.format_version}",
        "SHA-256": header.sha256,
    }


def run_list(arguments: argparse.Namespace) -> None:
    """Print the catalogue."""
    from avsal.weights import CATALOGUE, cache_folder

    for entry in CATALOGUE.values():
        size = f"{entry.size / 1e6:.1f} MB" if entry.size else "size not known"
        here = cache_folder() / entry.file
        how = (
            f"`avsal weights fetch {entry.name}`"
            if entry.hash
            else "bring it by hand: no hash of it is published"
        )
        print(entry.name)
        print_fields(
            {
                "for": f"{entry.purpose}; network {entry.backbone}",
                "licence": entry.licence,
                "source": entry.source,
                "file": f"{entry.file}, {size}",
                "expect": entry.expect,
                "SHA-256": f"{entry.sha256} (first digits)"
                if entry.sha256 and len(entry.sha256) < 64
                else entry.sha256,
                "git object": entry.git_blob,
                "status": f"in the cache: {here}" if here.is_file() else how,
            },
            margin=2,
        )
    print(f"\nFiles are kept in {cache_folder()} (AVSAL_CACHE moves it).")


def run_fetch(arguments: argparse.Namespace) -> None:
    """Fetch a file and print its path, alone on standard output for scripts."""
    from avsal.weights import fetch

    print(fetch(arguments.name))


def run_push(arguments: argparse.Namespace) -> None:
    """Upload a model and print where it is."""
    from avsal.weights import load_model, push_to_hub

    model = load_model(arguments.model)
    print(push_to_hub(model, arguments.repository, private=arguments.private, revision=arguments.revision))


def as_lines(value: Any) -> Any:
    """A mapping as lines of `key: value`; everything else as it is."""
    if isinstance(value, dict):
        return [f"{key}: {'undefined' if item is None else item}" for key, item in value.items()]
    return value


def print_fields(values: dict[str, Any], margin: int = 0) -> None:
    """Print names and values in two columns; a list takes several lines; what is empty is left out."""
    for name, value in values.items():
        if value is None or value in ("", [], {}):
            continue
        first, *rest = map(shown, value if isinstance(value, list) else [value])
        print(f"{'':{margin}}{name:<{INDENT}}{first}")
        for line in rest:
            print(f"{'':{margin + INDENT}}{line}")
