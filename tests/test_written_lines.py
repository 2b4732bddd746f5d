"""Lines of `avsal` that README, docs and help show are all understood; those that need nothing large run."""

import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from written_lines import LINES, make_files, needs, run, words_of

from avsal.cli import verb_parser
from avsal.workflows.evaluate_sets import expand
from avsal.workflows.experiment import compose, varied_keys

#: one of those that are the same on made files
SHORT = list({tuple(words_of(line)): line for line in LINES if needs(line) is None}.values())


def test_the_lines_are_found():
    assert len(LINES) > 50
    assert any(place == "README.md" for place in LINES.values())
    assert len(SHORT) > 25


@pytest.mark.parametrize("line", LINES)
def test_a_written_line_is_understood(line, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 1\n")
    words = [word.replace("/home/me/configs", str(tmp_path)) for word in shlex.split(line)[1:]]
    parser, _, rest = verb_parser(words)
    given = parser.read(rest)
    if words[0] == "evaluate" and any("," in given.texts.get(key, "") for key in ("data", "fold")):
        assert len(expand(given.texts, (), Path("out"))) > 1
        return
    settings = given.read(parser.kind)
    assert set(given.texts) <= {entry.name for entry in fields(settings)}
    if words[0] == "train" and not (settings.multirun or varied_keys(settings.overrides)[0]):
        compose(settings.overrides)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines") / "files"
    make_files(folder)
    return folder


@pytest.mark.parametrize("line", SHORT)
def test_a_written_line_runs(line, files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = run(line, files, tmp_path)
    told = capsys.readouterr()
    assert code == 0, told.err
    assert told.out
