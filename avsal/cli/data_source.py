"""Which data set, where it is, and how it is read: arguments that several actions share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting
from avsal.workflows.data import DataSettings, open_data

if TYPE_CHECKING:
    from datasets_av import Dataset

Line = TypeVar("Line", bound="SourceLine")

__all__ = ["SourceLine", "add_source_arguments", "line_of", "open_source", "print_lines"]


@dataclass(frozen=True, kw_only=True)
class SourceLine(DataSettings):
    """Which data set a line is about."""

    reader: Mapping[str, Any] = setting(
        factory=dict,
        help="of the reader, for instance fold=1 or videos=DIR; also as data.KEY=VALUE; may be repeated",
        flags=("-O", "--option"),
        group="data set",
        prefix="data",
    )
    strict: bool = setting(False, help="stop at the first recording that cannot be used", group="data set")


def add_source_arguments(parser: Parser, kind: type[SourceLine] = SourceLine) -> None:
    """Declare NAME and the settings of an action."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of `avsal data list`; or data=NAME")
    parser.add_settings(kind)


def line_of(arguments: argparse.Namespace, kind: type[Line]) -> Line:
    """The settings of an action."""
    named = {} if arguments.name is None else {"data": arguments.name}
    return settings_of(arguments, kind, **named)


def open_source(line: SourceLine) -> Dataset:
    """The data set that a line names.

    Raises:
        ConfigError: an unknown name or option.
        DatasetError: the folder is not this data set's.
    """
    return open_data(line, strict=line.strict)


def print_lines(title: str, lines: Sequence[str], limit: int | None = None) -> None:
    """Print a counted list, at most `limit` lines of it; nothing where it is empty."""
    if lines:
        print(f"{title} ({len(lines)}):")
        for line in lines[:limit]:
            print(f"  {line}")
        if limit is not None and len(lines) > limit:
            print(f"  and {len(lines) - limit} more")
