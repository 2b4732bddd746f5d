"""What a shell completes, asked of bash itself."""

import shutil
import subprocess

import pytest

from avsal.cli import VERBS, completion, main

ASK = """
source "$1"
asked() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_avsal; echo "${COMPREPLY[@]}"; }
asked avsal ''; asked avsal pre; asked avsal data pre; asked avsal predict --prec
asked avsal predict --precision ''; asked avsal evaluate --ro; asked avsal weights co
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here to be asked")
def test_bash_completes_verbs_actions_options_and_their_values(tmp_path, capsys):
    assert main(["--completion", "bash"]) == 0
    script = tmp_path / "avsal.bash"
    script.write_text(capsys.readouterr().out)
    done = subprocess.run(["bash", "-c", ASK, "bash", script], capture_output=True, text=True, check=True)
    verbs, *rest = done.stdout.splitlines()
    assert set(VERBS) <= set(verbs.split())
    assert rest[:3] == ["predict", "prepare", "--precision"]
    assert rest[3] == "float32 bfloat16 float16"
    assert rest[4:] == ["--root", "convert"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same_verbs(shell):
    script = completion(shell)
    assert all(verb in script for verb in VERBS)
    assert "precision" in script
