"""Two processes with gloo on the CPU, as torchrun starts them, against one with the same global batch."""

import json
import os
import socket
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from training.tiny_run import log_of, trainer

CHANGES = {
    "engine__freeze_batch_norm": True,
    "clips__batch_size": 4,
    "clips__accumulation": 2,
    "validation__pictures": 0,
    "optim__average": 0.5,
}


def run(folder, steps):
    return trainer(folder, num_clips=12, steps=steps, **CHANGES).run()


def work(rank, port, runs, folder):
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    torch.set_num_threads(1)
    found = [run(folder / name, steps)["best"] for name, steps in runs]
    (folder / f"rank{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


def two_processes(folder, *runs):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    torch.multiprocessing.spawn(work, (port, runs, Path(folder)), nprocs=2)
    scores = [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert scores[0] == scores[1]
    return scores[0]


def test_two_processes_take_the_steps_of_one_and_runs_go_on_with_another_number(tmp_path):
    closing = run(tmp_path / "one", 5)
    (best, _) = two_processes(tmp_path, ("two", 5), ("parts", 1))
    run(tmp_path / "parts", 3)
    (again,) = two_processes(tmp_path, ("parts", 5))
    assert best == pytest.approx(closing["best"], abs=1e-4)
    assert again == pytest.approx(closing["best"], abs=1e-4)
    whole = log_of(tmp_path / "one")
    assert len(whole) == 5
    for name in ("two", "parts"):
        found = log_of(tmp_path / name)
        assert [entry["step"] for entry in found] == [1, 2, 3, 4, 5]
        for mine, expected in zip(found, whole, strict=True):
            assert set(mine) == set(expected)
            for key, value in expected.items():
                if key == "kind":
                    continue
                assert mine[key] == pytest.approx(value, abs=1e-5, rel=1e-5), (name, mine["step"], key)
    starts = json.loads((tmp_path / "parts" / "provenance.json").read_text())
    told = [(one["num_processes_before"], one["num_processes"], one["at_step"]) for one in starts]
    assert told == [(None, 2, 0), (2, 1, 1), (1, 2, 3)]
