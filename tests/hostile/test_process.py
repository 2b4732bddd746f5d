"""Signals, closed outputs and unwritable places, seen from outside the process."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from avsal.cli import main
from avsal.cli.process import Ended, in_good_order
from avsal.errors import AvsalError, AvsalRuntimeError, MediaError, shown
from avsal.media import VideoInfo
from avsal.prediction import Prediction
from avsal.render import OUTPUTS, OutputRequest
from avsal.workflows.collection import name_outputs

ROOT = Path(__file__).parents[2]

WAITING = (
    "import sys, time\nfrom pathlib import Path\nimport avsal.cli as cli\n"
    "from avsal.media.atomic import atomic_path\n"
    "def work(words):\n"
    "    with atomic_path(Path(sys.argv[1])) as partial:\n"
    "        partial.write_text('half')\n        print('ready', flush=True)\n        time.sleep(60)\n"
    "class Parser:\n    def read(self, rest):\n        return rest\n"
    "cli.verb_parser = lambda words: (Parser(), work, [])\n"
    "sys.exit(cli.main(['predict']))\n"
)


@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_signals_end_in_good_order(tmp_path, number, code):
    target = tmp_path / "a.json"
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, str(target)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # the tests may run under nohup or in the background, where it is ignored
        preexec_fn=lambda: signal.signal(getattr(signal, number), signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(getattr(signal, number))
    told = process.communicate(timeout=60)[1]
    assert (process.returncode, list(tmp_path.iterdir())) == (code, [])
    assert "Traceback" not in told
    assert told.count("\n") == 1


def test_a_signal_that_an_import_turned_into_its_own_error_is_a_signal(monkeypatch, capsys):
    def work(_):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except BaseException as ended:
            raise ImportError("initialization failed") from ended

    parser = SimpleNamespace(read=lambda rest: rest)
    monkeypatch.setattr("avsal.cli.verb_parser", lambda words: (parser, work, []))
    assert main(["predict"]) == 143
    assert capsys.readouterr().err == "avsal: ended by SIGTERM\n"


def test_commands_that_were_killed_are_whole_when_they_have_been_run_again():
    """A moment of each; `scripts/kill_check.py` takes 20 for each signal."""
    line = [sys.executable, "scripts/kill_check.py", "--moments", "1", "--signals", "SIGKILL"]
    done = subprocess.run(
        [*line, "--verbs", "predict,prepare,train,evaluate,ablate"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("1 kills") == 5, done.stdout + done.stderr
    assert done.stdout.count(" 0 wrong") == 5, done.stdout
    assert done.returncode == 0


def test_signals_that_are_ignored_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with in_good_order():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)

    def work():
        with in_good_order():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(Ended):
        work()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_who_leaves_does_not_end_the_work(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom avsal.cli.process import in_good_order\n"
        "with in_good_order():\n    for number in range(20000):\n        print('line', number)\n"
        f"    Path({str(tmp_path / 'done')!r}).touch()\n"
    )
    line = f'{sys.executable} -c "$CODE" | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CODE": code},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "line 0\n")
    assert (tmp_path / "done").exists()


def test_what_is_logged_is_a_line_of_standard_error_unless_others_listen():
    code = (
        "import logging, sys\nfrom avsal.cli.process import log_to_stderr\n"
        "log = logging.getLogger('avsal.weights')\n"
        "with log_to_stderr():\n    log.warning('%s: taken', 'a\\x1b[31m')\n    log.info('nothing')\n"
        "with log_to_stderr(logging.DEBUG):\n    log.info('more')\n"
        "logging.basicConfig(format='other %(message)s')\nwith log_to_stderr():\n    log.warning('once')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines() == [
        r"avsal: warning: a\x1b[31m: taken",
        "avsal: info: more",
        "other once",
    ]


ERRORS = [
    (MediaError("bad"), 2), (AvsalRuntimeError("broke"), 1), (OSError(28, "No space left", "/out/a"), 1),
    (PermissionError(13, "Permission denied", "/out\x1b[2J"), 2), (MemoryError(), 1),
    (NotADirectoryError(20, "No"), 2),
]  # fmt: skip


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_every_way_to_fail_is_one_line_and_its_code(monkeypatch, capsys, error, code):
    def fail(words):
        raise error

    monkeypatch.setattr("avsal.cli.verb_parser", fail)
    assert main(["predict"]) == code
    told = capsys.readouterr().err
    assert told.startswith("avsal: error: ")
    assert told.count("\n") == 1
    assert "\x1b" not in told


NAMES = ["..mp4", "...mp4", ".mp4", "....", "a..mp4", "..mkv", "-.mp4"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_output_folder(name):
    ((_, base),) = name_outputs([(Path("videos") / name, Path(name))], Path("out/inner"))
    assert base.parent == Path("out/inner")
    assert base.name not in ("", ".", "..")
    assert base.with_name(base.name + ".json").parent == Path("out/inner")


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\nb", "a\u202eb", "a\udcffb", "a\x07", "a\x9bb"])
def test_control_characters_are_shown_as_escapes(text):
    assert shown(text).isprintable()
    assert str(AvsalError(text)) == shown(text)
    assert shown("plain é 中") == "plain é 中"


def test_maps_in_hdf5_stop_while_there_is_room_to_close_the_file(tmp_path, monkeypatch):
    info = VideoInfo(
        Path("a.mp4"), (8, 8), (8, 8), 25.0, 1.0, 25, 0.0, 0.0, Fraction(1, 25), 0, Fraction(1), "h264", False
    )
    monkeypatch.setattr("avsal.render.outputs.shutil.disk_usage", lambda path: SimpleNamespace(free=2**20))
    prediction = Prediction(0, 0.0, 0.04, np.ones((8, 8), np.float32))
    with pytest.raises(AvsalRuntimeError, match=r"no room is left for .*a\.h5"):
        write_all(OUTPUTS["h5"](tmp_path / "a.h5", OutputRequest(Path("a.mp4"), info)), prediction)
    assert not list(tmp_path.iterdir())


def write_all(output, prediction):
    with output:
        output.write(prediction)
