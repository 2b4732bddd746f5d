"""Make the checkpoint that ships with avsal: `tsfpnet_av_mobile`, trained on real gaze and on made videos.

    python scripts/train_default.py --pack DATA --data material.npz
    python scripts/train_default.py --data material.npz --imagenet mobilenet_v2-b0353104.pth

The first line puts the material into one file of about 53 MB (DATA holds `hevc/`, `mufvet/` and `images/`);
the second trains from it, with torch, numpy and einops alone. `--imagenet` is torchvision's file of
MobileNetV2 (SHA-256 b03531047ffacf1e...). Four stages, each of which takes up where it was stopped:

- photographs: all weights but motion and hearing, norms learning; the encoder is fixed from then on;
- hearing: the fusion alone, from videos of `datasets_av.sounding_objects`, composites of real sounding clips
  (`--clips FOLDER`, which needs all of avsal; left out without), and real pictures under foreign sounds;
- videos: pyramid and motion, from stretches of six frames, and photographs still;
- made: the same, with made videos without sound among them.

`--without N` leaves out the scenes of a fold (`default_scenes.csv`) and, as all but ``none`` do, those that
are set aside: what leave-scene-out scores come from. The network that ships has seen all of them. `--minutes`
stretches or cuts the stages to fit, for a GPU (`--device cuda`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from default_batches import SEED, Material
from default_hearing import Encoder, Heard, Hearing, Window, attention, unheard, windows
from default_material import pack
from torch import Tensor, nn
from torch.nn import functional as F

from avsal.models import create_model

NAME = "tsfpnet_av_mobile"
ARGUMENTS = {"fusion": "aligned", "audio_encoder": "logmel"}
#: places in a stretch of every second frame that the network's offsets (0, 2, 4, 8) are
PLACES = (0, 1, 2, 4)
DATA = {
    "measured gaze": "OSIE, EyeCrowd, Scene, EMOd (nine of ten photographs), HEVC (27), MUFVET-I (7 videos)",
    "expected gaze": "datasets_av.sounding_objects; composites of talking heads (datasets_av.sounding_clips)",
    "start": "MobileNetV2 trained on ImageNet (torchvision)",
}
LICENCE = (
    "Apache-2.0 for our part; learned from material under other terms, some of it footage from the web for "
    "local research use: see the card beside this file before you use it for anything else"
)


@dataclass(frozen=True)
class Stage:
    """Part of a run.

    Attributes:
        name: of its state file.
        steps: of the optimiser.
        rates: peak learning rates by the beginning of parameters' names; parameters without one are left.
        norms: whether batch norms learn.
        share: of `--minutes`.
    """

    name: str
    steps: int
    rates: dict[str, float]
    norms: bool
    share: float


REST = ("laterals", "smooth", "head", "prior")
STAGES = (
    Stage("photographs", 1533, {"encoder": 2e-4, **dict.fromkeys(REST, 2e-3)}, True, 0.4),
    Stage("hearing", 600, {"fusion": 3e-3}, False, 0.3),
    Stage("videos", 120, {"motions": 1e-3, **dict.fromkeys(REST, 1e-3)}, False, 0.2),
    Stage("made", 100, {"motions": 5e-4, **dict.fromkeys(REST, 1e-3)}, False, 0.1),
)


def sequence_logits(model: Any, frames: Tensor) -> Tensor:
    """(B, N, h, w) logits of every frame of a stretch without sound, from (B, 3, N, H, W).

    What lies before the stretch is its first frame again.
    """
    B, _, N = frames.shape[:3]
    levels = model.levels_of(model.encode(frames))
    past = [[max(0, place - back) for place in range(N)] for back in PLACES]
    newest_first = [
        [level[:, :, places].transpose(1, 2).flatten(0, 1) for places in past] for level in levels
    ]
    logits: Tensor = model.logits_of(model.integrate(newest_first)).float()
    return logits[:, 0].unflatten(0, (B, N))


def loss_of(logits: Tensor, density: Tensor, points: Tensor | None, weights: Tensor | None) -> Tensor:
    """KL - .5 CC - .1 NSS of softmax maps, each over the frames that have gaze.

    Args:
        logits: (B, h, w).
        density: (B, h, w), sums to 1 or 0.
        points: (B, P) cells of fixations; None leaves NSS out.
        weights: (B, P) 1 for fixations, 0 for padding.
    """
    flat, target = logits.flatten(1), density.flatten(1)
    predicted = F.log_softmax(flat, 1)
    known = (target.sum(1) > 0).float()
    divergence = (target * (torch.log(target + 1e-12) - predicted)).sum(1)
    centred = predicted.exp() - 1 / flat.shape[1]
    other = target - target.mean(1, keepdim=True)
    product = (centred * other).sum(1)
    correlation = product / (centred.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-12)
    total = ((divergence - 0.5 * correlation) * known).sum() / known.sum().clamp(min=1)
    if points is None or weights is None:
        return total
    deviation = centred.square().mean(1, keepdim=True).sqrt().clamp(min=1e-12)
    reached = ((centred / deviation).gather(1, points) * weights).sum(1) / weights.sum(1).clamp(min=1)
    looked = (weights.sum(1) > 0).float()
    return total - 0.1 * (reached * looked).sum() / looked.sum().clamp(min=1)


class Run:
    """The four stages.

    Attributes:
        beside: photographs in a batch of videos.
        save_every: steps from one state that a stopped run takes up to the next.
        stages: in order.
        kinds: of windows that hearing is learned from.
        share: of the windows that are made for it.

    Args:
        material: to learn from.
        folder: of the states.
        device: to train on.
        minutes: of all stages together; None: their own numbers of steps.
        clips: the folder of sounding clips, for composites; None: hearing is learned from made videos alone.
        **arguments: of the model, where they are not `ARGUMENTS`.
    """

    beside = 4
    save_every = 100
    stages = STAGES
    kinds: tuple[str, ...] = ("made", "composites", "real")
    share = 1.0

    def __init__(
        self,
        material: Material,
        folder: Path,
        *,
        device: str = "cpu",
        minutes: float | None = None,
        clips: Path | None = None,
        **arguments: Any,
    ) -> None:
        self.material, self.folder, self.minutes, self.clips = material, folder, minutes, clips
        self.device = torch.device(device)
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(SEED)
        self.model: Any = create_model(NAME, **ARGUMENTS | arguments)
        self.model.to(device)
        for name, part in self.model.named_children():
            if name != "fusion":
                part.to(memory_format=torch.channels_last)

    def begin(self, imagenet: Path) -> None:
        """Take the encoder's weights from torchvision's file."""
        state = torch.load(imagenet, weights_only=True)
        wanted = self.model.encoder.state_dict()
        self.model.encoder.load_state_dict({name: state[name] for name in wanted})

    def go(self, stages: list[str]) -> None:
        """The stages that are not done yet, in order."""
        for stage in self.stages:
            done = self.folder / f"{stage.name}.pt"
            if done.exists():
                self.model.load_state_dict(torch.load(done, weights_only=True, map_location=self.device))
            elif stage.name in stages:
                self.stage(stage)
                write(self.model.state_dict(), done)

    def stage(self, stage: Stage) -> None:
        """One stage, from where it was stopped."""
        groups = [
            {"params": [p for n, p in self.model.named_parameters() if n.startswith(part)]}
            for part in stage.rates
        ]
        chosen = {id(parameter) for group in groups for parameter in group["params"]}
        for parameter in self.model.parameters():
            parameter.requires_grad_(id(parameter) in chosen)
        self.model.eval()
        if stage.norms:
            self.model.train()
        if "fusion" in stage.rates and self.hearing:  # which encodes in evaluation mode, the first time
            self.model.fusion.train()
        steps = stage.steps
        if self.minutes is not None:
            steps = self.steps_in(stage, 60 * self.minutes * stage.share)
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, list(stage.rates.values()), total_steps=steps + 1, pct_start=0.1, cycle_momentum=False
        )
        state, first = self.folder / f"{stage.name}-running.pt", 0
        if state.exists():
            saved = torch.load(state, weights_only=True, map_location=self.device)
            self.model.load_state_dict(saved["model"])
            optimiser.load_state_dict(saved["optimiser"])
            schedule.load_state_dict(saved["schedule"])
            first = saved["step"]
        began, losses = time.monotonic(), []
        for step, batch in self.prepared(stage, first, steps):
            loss = self.loss(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], 5.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
            if (step + 1) % 20 == 0:
                mean = torch.stack(losses).mean().item()
                print(
                    f"{stage.name} {step + 1}/{steps} {mean:.3f} {time.monotonic() - began:.0f} s", flush=True
                )
                losses = []
            if (step + 1) % self.save_every == 0:
                saved = {"model": self.model.state_dict(), "optimiser": optimiser.state_dict()}
                write(saved | {"schedule": schedule.state_dict(), "step": step + 1}, state)
        state.unlink(missing_ok=True)

    def steps_in(self, stage: Stage, seconds: float) -> int:
        """How many steps fit, by the time that some take; their gradients are thrown away."""
        self.loss(self.batch(stage, 0)).backward()
        began = time.monotonic()
        for step, batch in self.prepared(stage, 1, 6):
            self.loss(batch).backward()
            if step == 5 and self.device.type == "cuda":
                torch.cuda.synchronize()
        self.model.zero_grad(set_to_none=True)
        return max(20, round(seconds / ((time.monotonic() - began) / 5)))

    def prepared(self, stage: Stage, first: int, steps: int) -> Iterator[tuple[int, Any]]:
        """The batches of a stage; for a GPU they are made ahead, by threads."""
        if self.device.type == "cpu":
            yield from ((step, self.batch(stage, step)) for step in range(first, steps))
            return
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(self.batch, stage, step) for step in range(first, min(first + 16, steps))]
            for step in range(first, steps):
                batch = waiting.pop(0).result()
                if step + 16 < steps:
                    waiting.append(pool.submit(self.batch, stage, step + 16))
                yield step, batch

    def batch(self, stage: Stage, step: int) -> Any:
        """Batch `step` of a stage, on the CPU."""
        if stage.name == "photographs":
            return (self.material.epoch(step, 12),)
        if stage.name == "hearing":
            return self.hearing.batch(step)
        if stage.name == "made":
            rng = np.random.default_rng([SEED + 11, step])
            parts = [self.material.stretches(rng, 2, 6), self.material.some(rng, 4)]
            return [*parts, unheard(step, 6, 3)]
        rng = np.random.default_rng([SEED + 10, step])
        parts = [self.material.stretches(rng, 3, 6)]
        if self.beside:
            parts.append(self.material.some(rng, self.beside))
        return parts

    def loss(self, batch: Any) -> Tensor:
        """Of a batch; photographs beside videos count a third."""
        weights = (1.0, 0.33, 1.0)
        if isinstance(batch, Heard):
            heard = (part.to(self.device) for part in (batch.taps, batch.seen, batch.audio, batch.density))
            taps, seen, audio, density = heard
            return loss_of(seen + attention(self.model, taps, audio), density, None, None)
        total = torch.zeros((), device=self.device)
        for part, weight in zip(batch, weights, strict=False):
            moved = part.to(self.device)
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = sequence_logits(self.model, moved.frames)
            targets = (logits, moved.density, moved.points, moved.weights)
            total = total + weight * loss_of(*(target.flatten(0, 1) for target in targets))
        return total

    @cached_property
    def hearing(self) -> Hearing:
        """Windows to hear from, encoded by the network as the photographs left it; kept."""
        path = self.folder / "windows.pt"
        if not path.exists():
            encode = Encoder(self.model.eval(), self.device)
            found = windows(
                encode, self.material.every, self.material.photographs, self.clips, print, self.share
            )
            write([vars(window) for window in found], path)
        found = [Window(**fields) for fields in torch.load(path, weights_only=True)]
        return Hearing([window for window in found if window.kind in self.kinds])


def write(content: Any, path: Path) -> None:
    """A state file, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="of packed material")
    parser.add_argument(
        "--pack", type=Path, metavar="FOLDER", help="write that file from these data, no more"
    )
    parser.add_argument("--imagenet", type=Path, metavar="FILE", help="MobileNetV2's weights")
    parser.add_argument(
        "--clips", type=Path, metavar="FOLDER", help="sounding clips, for the stage `hearing`"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/default"), help="[%(default)s]")
    parser.add_argument("--without", default="none", help="fold to leave out: 1 to 4, aside [%(default)s]")
    parser.add_argument("--stages", nargs="+", default=[stage.name for stage in STAGES])
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="write what came out as a checkpoint")
    parser.add_argument("--device", default="cpu", help="[%(default)s]")
    parser.add_argument("--minutes", type=float, help="all stages together; else as many steps as on a CPU")
    arguments = parser.parse_args()
    if arguments.pack is not None:
        pack(arguments.pack, arguments.data)
        return
    run = Run(
        Material(arguments.data, arguments.without),
        arguments.work,
        device=arguments.device,
        minutes=arguments.minutes,
        clips=arguments.clips,
    )
    if not (arguments.work / "photographs.pt").exists():
        if arguments.imagenet is None:
            parser.error("the stage `photographs` begins with --imagenet FILE")
        run.begin(arguments.imagenet)
    run.go(arguments.stages)
    if arguments.checkpoint is not None:
        save(run.model, arguments.checkpoint, arguments.without)


def save(model: Any, path: Path, without: str) -> None:
    """The checkpoint; this takes safetensors."""
    from avsal.weights import save_checkpoint

    model.trained = True
    header = save_checkpoint(
        model.cpu().to(memory_format=torch.contiguous_format).eval(),
        path,
        protocol={
            "script": "scripts/train_default.py",
            "steps": {stage.name: stage.steps for stage in STAGES},
            "seed": SEED,
            "scenes left out": without,
        },
        data=DATA,
        licence=LICENCE,
        source="the avsal developers",
    )
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, SHA-256 of the tensors {header.sha256}")


if __name__ == "__main__":
    main()
