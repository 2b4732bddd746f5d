"""Experiment files that are no plain YAML: one line, at once, nothing made."""

import pytest
from hostile.corpus import Input, cases, check_refused

from avsal.cli import main
from avsal.workflows.experiment import compose, resolve

PLAIN = """# @package _global_
defaults:
  - override /model: tsfpnet_av_small
  - override /data: sounding_objects
name: own
steps: 3
run: {folder: "${run_root}/own"}
"""
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 12)
)


def hostile(name: str, content: str | bytes, says: str) -> Input:
    def make(folder):
        (folder / "experiment").mkdir()
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / "experiment" / "own.yaml").write_bytes(raw)
        return folder

    return Input(name, make, read, says)


def read(folder):
    return resolve(compose(["experiment=own", f"hydra.searchpath=[file://{folder}]"]))


HOSTILE = [
    hostile("bomb", BOMB, r"own\.yaml:2: .*alias \*a0"),
    hostile("itself", "a: &a [*a]\n", r"own\.yaml:1: .*alias"),
    hostile("merged", "a: &a {b: 1}\nc: {<<: *a}\n", r"own\.yaml:2: .*alias"),
    hostile("system", "name: !!python/object/apply:os.system [touch ran]\n", r"own\.yaml:1: .*the tag"),
    hostile("module", "a: 1\nb: !!python/module:os\n", r"own\.yaml:2: .*the tag"),
    hostile("own tag", "a: !mine 1\n", "the tag !mine"),
    hostile("unclosed", "a: [1, 2\nb: }\n", r"own\.yaml:2: "),
    hostile("quote", "a: 'b\nc: d\n", r"own\.yaml:\d"),
    hostile("tab", "a:\n\tb: 1\n", r"own\.yaml:2: "),
    hostile("twice", "a: 1\na: 2\n", "duplicate key a"),
    hostile("deep", "a: " + "[" * 100_000 + "\n", "more than 32 deep"),
    hostile("deep mapping", "{a: " * 5000, "more than 32 deep"),
    hostile("large", "#" * 2**21, "at most 1 MiB"),
    hostile("binary", bytes(range(256)), "no YAML"),
    hostile("utf-16", "a: 1\n".encode("utf-16"), "no YAML"),
    hostile("colours", "a: \x1b[31m\n", "no YAML"),
    hostile("heading", PLAIN.replace("# @package _global_", "# @papin²]"), r"own\.yaml:1: .*heading"),
    hostile("long heading", PLAIN.replace("_global_", "_global_ too"), r"own\.yaml:1: .*heading"),
    hostile("defaults of numbers", "defaults: [1, 2]\n", "own|defaults|composed"),
    hostile("defaults of text", "defaults: model\n", "own|defaults|composed"),
    hostile("list", "- 1\n- 2\n", r"own\.yaml:1: expected settings"),
    hostile("word", "hello\n", "expected settings"),
    hostile("number", "17\n", "expected settings"),
    hostile("other key", PLAIN + "colour: red\n", "colour"),
    hostile("other kind", PLAIN.replace("steps: 3", "steps: 2020-01-01"), "steps.* must be a whole number"),
    hostile("circle", "name: ${steps}\nsteps: ${name}\n", "name|steps|nterpolation"),
    hostile("own defaults", "defaults:\n  - /experiment: own\n", "lead back|own"),
    hostile("environment", PLAIN.replace("name: own", "name: ${oc.env:NOT_THERE}"), "NOT_THERE"),
    hostile("call", PLAIN.replace("name: own", "name: ${eval:1}"), "eval"),
    hostile("target", PLAIN + "_target_: os.system\n", "_target_"),
]


@cases(HOSTILE)
def test_experiments_that_are_no_plain_values_are_refused(hostile, tmp_path):
    check_refused(hostile, tmp_path)


def test_experiments_of_a_folder_of_ones_own_are_found(tmp_path, capsys):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(PLAIN)
    settings, _ = read(tmp_path)
    assert settings.steps == 3
    words = ["train", "experiment=own", f"hydra.searchpath=[file://{tmp_path}]"]
    assert main([*words, "--show"]) == 0
    assert "name: own" in capsys.readouterr().out
    (tmp_path / "experiment" / "own.yaml").write_text(BOMB)
    for sweep in ([], ["-m"]):
        assert main([*words, *sweep]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("word", ["hydra.searchpath=[file:///not/there]", "hydra.searchpath=[/not/there]"])
def test_a_folder_that_is_not_there_is_named(word):
    with pytest.raises(Exception, match="there is no folder /not/there"):
        compose([word])
