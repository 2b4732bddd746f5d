"""Which data set, where it is, and how it is read: arguments that several actions share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.cli.arguments import key_value

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["add_source_arguments", "open_source", "print_lines"]


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare NAME, --root and what the readers take."""
    parser.add_argument("name", metavar="NAME", help="one of `avsal data list`")
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="the folder of the data")
    parser.add_argument("--split", choices=("train", "val", "test"), help="only these recordings [all]")
    parser.add_argument(
        "-O",
        "--option",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the reader, for instance fold=1 or videos=DIR; may be repeated",
    )
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first recording that cannot be used"
    )


def open_source(arguments: argparse.Namespace) -> Dataset:
    """The data set that the arguments name.

    Raises:
        ConfigError: an unknown name or option.
        DatasetError: the folder is not this data set's.
    """
    from datasets_av import open_dataset

    options = dict(arguments.option)
    return open_dataset(
        arguments.name, arguments.root, split=arguments.split, strict=arguments.strict, **options
    )


def print_lines(title: str, lines: Sequence[str], limit: int | None = None) -> None:
    """Print a counted list, at most `limit` lines of it; nothing where it is empty."""
    if lines:
        print(f"{title} ({len(lines)}):")
        for line in lines[:limit]:
            print(f"  {line}")
        if limit is not None and len(lines) > limit:
            print(f"  and {len(lines) - limit} more")
