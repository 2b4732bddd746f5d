"""Convert published weights, show what a weight file is, list, fetch and publish.

avsal weights list
avsal weights fetch r3d_18_kinetics
avsal weights convert S3D_kinetics400.pt s3d.safetensors --as s3d
avsal weights convert ViNet_DHF1K.pt vinet.safetensors --as vinet
avsal weights show s3d.safetensors
avsal weights push runs/1/best.safetensors name/model --private
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.cli.parsing import Action, Given, Nothing
from avsal.configuration import Checked, setting
from avsal.errors import shown

if TYPE_CHECKING:
    from avsal.weights import BackboneHeader, CheckpointHeader, Conversion

__all__ = ["ACTIONS"]

BACKBONES = ("s3d", "soundnet", "vgg16", "mobilenet_v2", "r3d_18", "r2plus1d_18", "mc3_18", "resnet50_3d")
MODELS = ("esan", "unisal", "tased", "vinet", "vinet_s", "vinet_a", "avinet", "stavis", "stavis_visual")
INDENT = 12


@dataclass(frozen=True, kw_only=True)
class ConvertLine(Checked):
    """A published file, and where it goes."""

    file: Path = setting(help=".pt, .pth, .tar, .safetensors or .npz", metavar="FILE", position="1")
    out: Path = setting(help="the safetensors file to write", metavar="OUT", position="1")
    network: str = setting(
        help="which network it is: " + ", ".join((*BACKBONES, *MODELS)),
        metavar="NETWORK",
        flags=("--as",),
        known=(*BACKBONES, *MODELS),
    )


@dataclass(frozen=True, kw_only=True)
class ShowLine:
    """A file."""

    file: Path = setting(help="checkpoint, converted or published weights", metavar="FILE", position="1")


@dataclass(frozen=True, kw_only=True)
class FetchLine:
    """An entry."""

    name: str = setting(help="one of `avsal weights list`", metavar="NAME", position="1")


@dataclass(frozen=True, kw_only=True)
class PushLine:
    """A model, and where it goes."""

    model: str = setting(
        help="a checkpoint, a folder of save_pretrained, or a name", metavar="MODEL", position="1"
    )
    repository: str = setting(help="repository on the Hub, such as name/model", metavar="ID", position="1")
    private: bool = setting(False, help="a repository that is made now is seen by its owner alone")
    revision: str | None = setting(None, help="branch of the repository [the main one]", metavar="BRANCH")


def convert_file(given: Given) -> int:
    """Convert a published state dict to a safetensors file that knows its network and its input."""
    from avsal.weights import convert

    line = given.read(ConvertLine)
    _, made = convert(line.file, line.out, line.network)
    told = f"{made.backbone}, {len(made.tensors)} tensors, none left over or missing"
    return print_fields({"converted": f"{line.file} -> {line.out}"} | published_fields(made, told))


def show(given: Given) -> int:
    """Print what a checkpoint or converted file says of itself, or what a published file is."""
    from avsal.weights import BackboneHeader, CheckpointHeader, read_backbone
    from avsal.weights.header import KEY, parse
    from avsal.weights.state_file import file_kind, read_table

    path = given.read(ShowLine).file
    table = read_table(path) if file_kind(path) == "safetensors" else None
    if table is None or KEY not in table.metadata:
        found = read_backbone(path)
        line = f"avsal weights convert {path} OUT --as {found.backbone}"
        fields = published_fields(found, found.backbone) | {"to convert": line}
        return print_fields({"file": f"{path}, not converted"} | fields)
    header: BackboneHeader | CheckpointHeader
    if parse(table.metadata, path)[0] == "backbone":
        header = BackboneHeader.from_metadata(table.metadata, path)
        fields = published_fields(header, header.backbone)
        fields["layout"] += f" (converted from {header.source})"
    else:
        header = CheckpointHeader.from_metadata(table.metadata, path)
        fields = model_fields(header)
    written = f"avsal {header.avsal_version}, format {header.format_version}"
    file = {"file": f"{path}, {len(table.shapes)} tensors"}
    return print_fields(file | fields | {"written by": written, "SHA-256": header.sha256})


def published_fields(found: BackboneHeader | Conversion, told: str) -> dict[str, Any]:
    """What there is to say of published weights."""
    kind = "model" if found.backbone in MODELS else "backbone"
    recipe = found.recipe.describe()
    return {kind: told, "layout": found.layout, "input": recipe, "note": found.notes}


def model_fields(header: CheckpointHeader) -> dict[str, Any]:
    """What `show` prints of a model's checkpoint."""
    from avsal.weights import InputRecipe

    spec = header.spec
    shape = f"{spec.num_frames} frames of {spec.size[0]}x{spec.size[1]}, {spec.resize}"
    return {
        "model": header.model,
        "arguments": header.arguments,
        "trained": "yes" if header.trained else "no: its maps mean nothing",
        "input": [shape, InputRecipe.of(spec).describe()],
        "predicts": spec.predicts,
        "protocol": header.protocol,
        "data": header.data,
        "scores": header.scores,
        "licence": header.licence,
        "source": header.source,
        "other": header.extra,
    }


def list_weights(given: Given) -> int:
    """Print the published weights that are known: what for, licence, size, source, and how to get them."""
    from avsal.weights import CATALOGUE, cache_folder

    for entry in CATALOGUE.values():
        size = f"{entry.size / 1e6:.1f} MB" if entry.size else "size not known"
        here = cache_folder() / entry.file
        how = f"`avsal weights fetch {entry.name}`" if entry.hash else "bring it by hand: it has no hash"
        cut = " (first digits)" if entry.sha256 and len(entry.sha256) < 64 else ""
        print(entry.name)
        print_fields(
            {
                "for": f"{entry.purpose}; network {entry.backbone}",
                "licence": entry.licence,
                "source": entry.source,
                "file": f"{entry.file}, {size}",
                "expect": entry.expect,
                "SHA-256": entry.sha256 and f"{entry.sha256}{cut}",
                "git object": entry.git_blob,
                "status": f"in the cache: {here}" if here.is_file() else how,
            },
            margin=2,
        )
    print(f"\nFiles are kept in {cache_folder()} (AVSAL_CACHE moves it).")
    return 0


def fetch_file(given: Given) -> int:
    """Fetch a file and print its path, alone on standard output for scripts."""
    from avsal.weights import fetch

    print(fetch(given.read(FetchLine).name))
    return 0


def push(given: Given) -> int:
    """Upload a model with its card to the Hugging Face Hub, and print where it is."""
    from avsal.weights import load_model, push_to_hub

    line = given.read(PushLine)
    model = load_model(line.model)
    print(push_to_hub(model, line.repository, private=line.private, revision=line.revision))
    return 0


def print_fields(values: dict[str, Any], margin: int = 0) -> int:
    """Print names and values in two columns, of lists and mappings a line each; what is empty is left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            value = [f"{key}: {'undefined' if item is None else item}" for key, item in value.items()]
        lines = list(value) if isinstance(value, list | tuple) else [] if value in (None, "") else [value]
        for number, line in enumerate(lines):
            print(f"{'':{margin}}{'' if number else name:<{INDENT}}{shown(line)}")
    return 0


ACTIONS = {
    "convert": Action(ConvertLine, convert_file, "a published state dict to a file of ours"),
    "show": Action(ShowLine, show, "what a weight file is and where it comes from"),
    "list": Action(Nothing, list_weights, "published weights: what for, licence, size, source"),
    "fetch": Action(FetchLine, fetch_file, "download one of the list, check its hash, print where it is"),
    "push": Action(PushLine, push, "a model with its card to the Hugging Face Hub"),
}
