import csv
import json

from avsal.training.log import RunLog
from avsal.training.run_folder import RunFolder


def entries(folder):
    return [json.loads(line) for line in folder.log.read_text().splitlines()]


def test_steps_after_the_state_are_taken_out_of_the_log_and_a_cut_line_too(tmp_path):
    folder = RunFolder(tmp_path)
    with RunLog(folder, step=0) as log:
        for step in range(1, 6):
            log.write("step", step, {"loss": 1 / step})
            log.write("validation", step, {"nss": step})
    with folder.log.open("a") as file:
        file.write('{"kind": "step", "st')
    with RunLog(folder, step=3) as log:
        assert [entry["step"] for entry in entries(folder)] == [1, 1, 2, 2, 3, 3]
        log.write("validation", 4, {"nss": 9.0, "undefined": {"nss": 2}})
    rows = list(csv.DictReader(folder.validation.read_text().splitlines()))
    assert [row["nss"] for row in rows] == ["1.0", "2.0", "3.0", "9.0"]
    assert rows[-1]["undefined/nss"] == "2.0"
    assert rows[0]["undefined/nss"] == ""


def test_what_is_no_number_becomes_null(tmp_path):
    folder = RunFolder(tmp_path)
    with RunLog(folder, step=0) as log:
        log.write("step", 1, {"loss": float("nan"), "terms": [float("inf"), 1.0]})
    assert entries(folder) == [{"kind": "step", "step": 1, "loss": None, "terms": [None, 1.0]}]


def test_other_processes_write_nothing(tmp_path):
    with RunLog(RunFolder(tmp_path), step=0, write=False) as log:
        log.write("step", 1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_who_tracks_the_run_is_told_the_numbers_by_name(tmp_path):
    told = []
    with RunLog(RunFolder(tmp_path), step=0, track=lambda values, step: told.append((values, step))) as log:
        log.write("step", 3, {"loss": 1, "terms": {"kl": 2.0}, "name": "x"})
    assert told == [({"step/loss": 1.0, "step/terms/kl": 2.0}, 3)]
