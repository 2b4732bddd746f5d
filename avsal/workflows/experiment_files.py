"""Experiment files that other people wrote: looked through before Hydra reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avsal.errors import ConfigError

__all__ = ["check_files", "search_folders"]

MOST_BYTES = 2**20
DEEPEST = 32
"""Lists and mappings within each other."""


def search_folders(words: Sequence[str]) -> list[Path]:
    """The folders that ``hydra.searchpath=[file://DIR, DIR]`` names; packages are the installer's choice."""
    named = [word.partition("=")[2] for word in words if word.lstrip("+").startswith("hydra.searchpath=")]
    parts = [part.strip(" '\"") for text in named for part in text.strip("[] ").split(",")]
    parts = [part.removeprefix("file://") for part in parts]
    return [Path(part) for part in parts if part and not re.match(r"\w+:", part)]


def check_files(words: Sequence[str]) -> None:
    """Read the YAML files of the folders that a line names, without making anything of them.

    A file may hold plain values only: a tag names a kind of Python object, and by aliases of aliases a file
    of a few lines fills the memory.

    Raises:
        ConfigError: no such folder, or a file of it is no plain YAML; names file and line.
    """
    for folder in search_folders(words):
        if not folder.is_dir():
            raise ConfigError(f"hydra.searchpath: there is no folder {folder}")
        for path in sorted(folder.rglob("*.yaml")):
            for problem, line in _problems(path):
                raise ConfigError(f"{path}:{line}: {problem}")


def _problems(path: Path) -> Iterator[tuple[str, int]]:
    """What is wrong with a file, and in which line."""
    import yaml

    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            yield f"expected a file of at most {MOST_BYTES // 2**20} MiB", 1
            return
        depth, text = 0, path.read_text("utf-8")
        for number, told in enumerate(text.splitlines(), 1):
            if re.match(r"\s*#\s*@", told) and not re.fullmatch(r"\s*#\s*@package +\w+\s*", told):
                yield f"expected the heading '# @package NAME' but found {told.strip()!r}", number
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1
            if (
                depth == 0
                and isinstance(event, yaml.NodeEvent)
                and not isinstance(event, yaml.MappingStartEvent)
            ):
                yield "expected settings as key: value", line
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                yield f"lists and mappings are more than {DEEPEST} deep", line
            elif isinstance(event, yaml.AliasEvent):
                yield f"expected plain values but found the alias *{event.anchor}: write it out", line
            elif getattr(event, "tag", None) is not None:
                yield f"expected plain values but found the tag {event.tag}: leave it out", line
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        yield error.problem or "this is no YAML", where.line + 1 if where is not None else 1
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        yield f"this is no YAML ({' '.join(str(error).split())})", 1
