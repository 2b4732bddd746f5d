"""Two processes with gloo on the CPU against one with the same global batch."""

import os
import socket
from pathlib import Path

import torch
import torch.multiprocessing
from training.tiny_run import trainer

CHANGES = {
    "engine__freeze_batch_norm": True,
    "loss": {"kl": 1.0, "cc": 0.5},
    "sound__zero": 0.0,
    "sound__missing": 0.0,
    "optim__clip_gradient": 1e9,
    "validation__pictures": 0,
}


def gradients(engine):
    (batches, *_) = engine._steps_of_epoch()
    engine._step(batches)
    return {n: p.grad.clone() for n, p in engine.model.named_parameters() if p.grad is not None}


def work(rank, port, folder):
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
    }
    torch.set_num_threads(1)
    engine = trainer(folder / "steps", num_clips=8, clips__batch_size=2, clips__accumulation=2, **CHANGES)
    assert engine.accelerator.num_processes == 2
    found = gradients(engine)
    if rank == 0:
        torch.save(found, folder / "two.pt")
    run = trainer(folder / "run", num_clips=8, clips__batch_size=2, steps=3, **CHANGES)
    closing = run.run()
    torch.save({"closing": closing["best"], "model": run.model.state_dict()}, folder / f"rank{rank}.pt")
    torch.distributed.destroy_process_group()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_two_processes_give_the_gradients_of_one_with_the_same_global_batch(tmp_path):
    folder = Path(tmp_path)
    torch.multiprocessing.spawn(work, (free_port(), folder), nprocs=2)
    two = torch.load(folder / "two.pt", weights_only=True)
    one = gradients(trainer(folder / "one", num_clips=8, clips__batch_size=8, **CHANGES))
    assert set(one) == set(two)
    for name, gradient in one.items():
        scale = max(1.0, float(gradient.abs().max()))
        assert torch.allclose(gradient, two[name], atol=1e-5 * scale, rtol=0), name

    # a whole run: both processes end with the same weights and the same score
    ranks = [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert ranks[0]["closing"] == ranks[1]["closing"]
    for name, value in ranks[0]["model"].items():
        assert torch.equal(value, ranks[1]["model"][name]) or "running" in name or "num_batches" in name
    assert (folder / "run" / "best.safetensors").exists()
