"""Help is quick: it imports nothing that computes."""

import subprocess
import sys

import pytest

from avsal.cli import VERBS

#: asks every verb and action for its help in one process, and tells what that imported
ASK = """
import contextlib, importlib, io, sys
from avsal.cli import VERBS, main
for verb in VERBS:
    actions = getattr(importlib.import_module(f"avsal.cli.{verb}"), "ACTIONS", {})
    for words in ([verb], *([verb, action] for action in actions)):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                main([*words, "--help"])
            except SystemExit as end:
                assert end.code == 0
        heavy = {"torch", "scipy", "librosa", "matplotlib", "hydra"} & set(sys.modules)
        print(" ".join(words), "usage:" in out.getvalue(), *heavy)
"""


@pytest.fixture(scope="module")
def told():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_no_help_imports_what_computes(told):
    assert len(told) > len(VERBS)
    assert [line for line in told if not line.endswith(" True")] == []


def test_every_verb_has_help(told):
    assert {line.split()[0] for line in told} == set(VERBS)
