"""Every line of `avsal` that README, docs and help show is understood, from its verb to its settings."""

import re
import shlex
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from avsal.cli import VERBS, verb_parser
from avsal.cli.ablate_runs import expand
from avsal.cli.data_source import line_of
from avsal.cli.parsing import settings_of
from avsal.workflows.experiment import compose, experiments, varied_keys

ROOT = Path(__file__).parents[1]


def lines_of(text: str) -> list[str]:
    """The lines of `avsal` in a text, continued ones joined, without what is said beside them."""
    text = re.sub(r"\\\\?\n\s*", " ", text)
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*(?:\$ )?(avsal [a-z-].*)", line)
        if match and not re.match(r"avsal (VERB|is|takes|knows|needs|computes)\b", match[1]):
            found += [
                part.strip()
                for part in re.split(r"\s#|\s{2,}|;", match[1])
                if part.strip().startswith("avsal ")
            ]
    return [line for line in found if line.split()[1] in VERBS]


def written() -> dict[str, str]:
    """Where each line stands, by line."""
    texts = {"README.md": (ROOT / "README.md").read_text()}
    texts |= {f"docs/{path.name}": path.read_text() for path in (ROOT / "docs").glob("*.md")}
    names = [*VERBS, "data_check", "data_stats", "data_show", "data_prepare", "data_import"]
    texts |= {f"avsal {name} --help": import_module(f"avsal.cli.{name}").__doc__ or "" for name in names}
    texts["avsal train --help, experiments"] = "\n".join(experiments().values())
    return {line: place for place, text in texts.items() for line in lines_of(text)}


LINES = written()


def test_the_lines_are_found():
    assert len(LINES) > 50
    assert any(place == "README.md" for place in LINES.values())


@pytest.mark.parametrize("line", LINES)
def test_a_written_line_is_understood(line):
    words = shlex.split(line)[1:]
    parser, _, rest = verb_parser(words)
    arguments = parser.read(rest)
    kind = parser._kind
    if words[0] == "train":
        swept, _ = varied_keys(arguments.overrides)
        if not (arguments.multirun or swept):
            compose(arguments.overrides)
    elif words[0] == "evaluate" and any("," in arguments.texts.get(key, "") for key in ("data", "fold")):
        given_words = [f"{key}={text}" for key, text in arguments.texts.items()]
        assert len(expand(given_words, (), Path("out"), hears=False)) > 1
    elif kind is not None and "name" in vars(arguments):
        given = line_of(arguments, kind)
        assert given.data
    elif kind is not None:
        given = settings_of(arguments, kind)
        assert set(arguments.texts) <= {entry.name for entry in fields(given)}
