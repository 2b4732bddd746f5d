"""Parts of `gpu_check.py` that train: a step at full size, and a default for the rest of the time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import default_batches as batches
import numpy as np
import torch
from default_material import Photograph, load
from gpu_parts import RATE, wait
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from train_default import Run, Stage, sequence_logits

from avsal.losses import create_loss
from avsal.models import SaliencyModel, create_model

Rows = list[dict[str, Any]]

SHIPPED = Path(__file__).parents[1] / "avsal" / "checkpoints"


def steps(device: torch.device, quick: bool, until: float) -> Rows:
    """A whole step of `tsfpnet_av` (forward, loss, backward, AdamW), as clips a second; bfloat16 on a GPU."""
    options: dict[str, Any] = {"width": 0.1, "num_frames": 16, "size": (64, 64)} if quick else {}
    rows: Rows = []
    for how in ("eager", "checkpointing", "torch.compile", "torch.compile and checkpointing"):
        for batch in (2,) if quick else (1, 4, 16):
            row = {"model": "tsfpnet_av", "how": how, "batch": batch}
            if time.monotonic() > until:
                rows.append(row | {"note": "left out: no time"})
                continue
            try:
                rows.append(row | step(options, how, batch, device, quick))
            except torch.cuda.OutOfMemoryError:
                torch.cuda.empty_cache()
                rows.append(row | {"note": "out of memory"})
            except Exception as error:  # what cannot be compiled is a finding
                rows.append(row | {"note": f"{type(error).__name__}: {str(error)[:200]}"})
    return rows


def step(options: dict[str, Any], how: str, batch: int, device: torch.device, quick: bool) -> dict[str, Any]:
    """Time steps of one kind."""
    torch.manual_seed(0)
    model: SaliencyModel = create_model("tsfpnet_av", **options).to(device).train()
    if "checkpointing" in how:
        recompute(model)
    run: Any = model
    if "compile" in how:
        torch._dynamo.reset()
        run = torch.compile(model, backend="inductor" if device.type == "cuda" else "aot_eager")
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
    loss = create_loss("tsfpnet")
    spec = model.spec
    height, width = spec.size
    frames = torch.randn(batch, 3, spec.num_frames, height, width, device=device)
    audio = torch.randn(batch, 1, spec.audio_samples(spec.num_frames / RATE), device=device) * 30
    density = torch.rand(batch, 1, height, width, device=device)
    places = torch.rand(batch, 1, 20, 2, device=device) * torch.tensor([height, width], device=device)
    points, mask = places.long(), torch.ones(batch, 1, 20, device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def one() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            predicted = run(frames, audio)
        optimiser.zero_grad(set_to_none=True)
        loss(predicted.float(), density, points, mask).total.backward()
        optimiser.step()

    began = time.perf_counter()
    one()
    wait(device)
    first = time.perf_counter() - began
    one()
    wait(device)
    repeats, began = 2 if quick else 6, time.perf_counter()
    for _ in range(repeats):
        one()
    wait(device)
    spent = (time.perf_counter() - began) / repeats
    found = {"clips/s": batch / spent, "ms a step": 1000 * spent, "first step, s": first}
    if device.type == "cuda":
        found["peak MiB"] = round(torch.cuda.max_memory_allocated(device) / 2**20)
    return found


def recompute(model: SaliencyModel) -> None:
    """Have the stages of the encoder keep their inputs alone and compute the rest anew, backwards."""
    for stage in model.encoder.children():
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False)


def default(
    device: torch.device, data: Path, imagenet: Path | None, folder: Path, until: float, *, quick: bool
) -> Rows:
    """Train a default; its batches' rate, its steps' rate, and its NSS on photographs that were held out."""
    photographs, _ = load(data)
    held = [one for one in photographs if one.held and len(one.points)]
    held = held[: 8 if quick else 160]
    work = folder / "default"
    run = Run(batches.Material(data, "none"), work, device=str(device))
    begun = "an ImageNet encoder"
    if imagenet is not None:
        run.begin(imagenet)
    else:
        begun = "the shipped default's encoder"
        run.model.encoder.load_state_dict(shipped("encoder."))
    rows: Rows = [
        {"what": "begun from", "value": begun},
        {"what": "photographs, held out", "value": f"{len(photographs)}, {len(held)}"},
        {"what": "NSS on these, before", "value": held_nss(run.model, held, device)},
    ]
    made = batch_rate(run, run.stages[0], 8, 4 if quick else 24)
    rows.append({"what": "batches of photographs made a second, 8 threads", "value": made})
    score_time = 0.0 if quick else 10.0
    # without sounding clips the stage `hearing` would take the time of the others
    run.stages = tuple(stage for stage in run.stages if stage.name != "hearing")
    if quick:
        run.stages = tuple(replace(stage, steps=2) for stage in run.stages)
    else:
        left = max(1.0, until - time.monotonic() - score_time) / 60
        run.minutes = left / sum(stage.share for stage in run.stages)
    began = time.monotonic()
    run.go([stage.name for stage in run.stages])
    spent = time.monotonic() - began
    taken = trained_rate(run, 4 if quick else 20)
    rows += [
        {"what": "trained for, s", "value": round(spent, 1)},
        {"what": "steps of photographs a second, batches at hand", "value": taken},
        {"what": "batches made, for each step taken", "value": made / taken},
        {"what": "NSS on held photographs, after", "value": held_nss(run.model, held, device)},
    ]
    torch.save({name: value.cpu() for name, value in run.model.state_dict().items()}, work / "model.pt")
    return rows


def batch_rate(run: Run, stage: Stage, threads: int, count: int) -> float:
    """Batches of a stage that threads make a second."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(partial(run.batch, stage), range(threads)))
        began = time.perf_counter()
        list(pool.map(partial(run.batch, stage), range(count)))
        return count / (time.perf_counter() - began)


def trained_rate(run: Run, count: int) -> float:
    """Steps of the first stage a second where batches wait; their gradients are thrown away."""
    batch = run.batch(run.stages[0], 0)
    run.model.train()
    for parameter in run.model.parameters():
        parameter.requires_grad_(True)
    run.loss(batch).backward()
    wait(run.device)
    began = time.perf_counter()
    for _ in range(count):
        run.loss(batch).backward()
    wait(run.device)
    run.model.zero_grad(set_to_none=True)
    return count / (time.perf_counter() - began)


@torch.no_grad()
def held_nss(model: Any, photographs: Sequence[Photograph], device: torch.device) -> float:
    """Mean NSS of whole photographs, in single precision."""
    model.eval()
    found = []
    for one in photographs:
        frames, place = batches.show(
            torch.from_numpy(one.image)[None], batches.WHOLE, batches.CANVAS["photograph"], torch.ones(3)
        )
        points = batches.WHOLE.of_points(one.points)
        _, cells, weights = batches.target(
            points, place, batches.CANVAS["photograph"], batches.SIGMA["photograph"]
        )
        logits = sequence_logits(model, frames[None].to(device))[0, 0].flatten().float().cpu()
        standard = torch.softmax(logits, 0)
        standard = (standard - standard.mean()) / standard.std(correction=0)
        known = weights > 0
        if bool(known.any()):
            found.append(float(standard[cells[known]].mean()))
    return float(np.mean(found))


def shipped(part: str) -> dict[str, Tensor]:
    """The tensors of a part of the default that ships; safetensors keeps them behind a header of JSON."""
    (path,) = SHIPPED.glob("tsfpnet_av_mobile*.safetensors")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
    return dict(read_tensors(json.loads(content[8 : 8 + length]), content[8 + length :], kinds, part))


def read_tensors(
    header: dict[str, Any], content: bytes, kinds: dict[str, torch.dtype], part: str
) -> Iterator[tuple[str, Tensor]]:
    """Names, without the part's, and tensors."""
    for name, about in header.items():
        if name.startswith(part):
            begin, end = about["data_offsets"]
            flat = torch.frombuffer(bytearray(content[begin:end]), dtype=kinds[about["dtype"]])
            tensor = flat.reshape(about["shape"])
            yield name.removeprefix(part), tensor.float() if tensor.is_floating_point() else tensor
