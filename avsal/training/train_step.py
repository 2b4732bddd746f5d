"""One step: some batches, one change of the parameters.

A step is taken on `clips.batch_size` clips, of all processes together, and its gradient is the mean over
them. Every random draw is a function of (seed, step, group), so that neither how many processes share a step
nor where it was resumed changes it.
"""

from __future__ import annotations

from contextlib import nullcontext
from math import isfinite
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.utils import gather_object

from avsal.clips import ClipBatch
from avsal.models import SaliencyModel
from avsal.training.optimiser import set_learning_rate
from avsal.training.schedule import factor
from avsal.training.settings import TrainSettings
from avsal.training.sound import drop_sound
from avsal.training.sources import StepShare
from avsal.training.state import Progress
from avsal.training.stopping import DivergedError

__all__ = ["TrainStep"]


class TrainStep:
    """Takes steps.

    Args:
        settings: settings of the run.
        accelerator: accelerator of this process.
        model: model to train.
        objective: the model with its loss, as the accelerator wrapped it.
        optimiser: optimiser as the accelerator wrapped it.
    """

    def __init__(
        self,
        settings: TrainSettings,
        accelerator: Accelerator,
        model: SaliencyModel,
        objective: torch.nn.Module,
        optimiser: AcceleratedOptimizer,
    ) -> None:
        self._settings, self._accelerator, self._model = settings, accelerator, model
        self._objective, self._optimiser = objective, optimiser

    def take(self, share: StepShare, progress: Progress, num_steps: int) -> dict[str, Any]:
        """Take a step.

        Args:
            share: share of this process.
            progress: progress before the step; steps that fp16's scaler leaves out are counted in it.
            num_steps: number of steps of the whole run, for the learning rate.

        Returns:
            The loss, its terms and what else is to be logged.

        Raises:
            DivergedError: the loss or the gradient is no number; the parameters are as they were.
        """
        settings, accelerator = self._settings, self._accelerator
        rate = settings.optim.learning_rate * factor(
            settings.optim.schedule, step=progress.step, epoch=progress.epoch, num_steps=num_steps
        )
        set_learning_rate(self._optimiser.optimizer, rate)
        clips = ", ".join(share.recordings)
        place = f"in step {progress.step + 1} (epoch {progress.epoch + 1}) on the clips {clips}"
        self._objective.train()
        self._optimiser.zero_grad()
        values: dict[str, list[tuple[torch.Tensor, float]]] = {}
        for number, group in enumerate(share.groups, start=1):
            seed = _seed(settings.seed, progress.step, group.number)
            torch.manual_seed(seed)  # dropout
            generator = torch.Generator().manual_seed(seed)
            weight = len(group.batch.recordings) / share.total if group.counts else 0.0
            waiting = number < len(share.groups)
            with accelerator.no_sync(self._objective) if waiting else nullcontext():
                loss, terms = self._objective(*self._on_device(group.batch, generator))
                _require_finite(loss, "loss", place)
                # processes' gradients are averaged, where they are to be added
                accelerator.backward(loss * (weight * accelerator.num_processes))
            for name, value in ({"loss": loss.detach()} | terms).items():
                values.setdefault(name, []).append((value.float().mean(), weight))
        limit = settings.optim.clip_gradient or float("inf")
        norm = accelerator.clip_grad_norm_(self._model.parameters(), limit)
        if accelerator.scaler is None:  # fp16's scaler leaves such steps out, and counts on it
            _require_finite(norm, "norm of the gradient", place)
        self._optimiser.step()
        progress.skipped += bool(accelerator.optimizer_step_was_skipped)
        means = self._means(values)
        means = {name: mean for name, mean in means.items() if mean or not name.startswith("without_")}
        return {
            "epoch": progress.epoch + 1,
            **means,
            "gradient_norm": norm.item(),
            "learning_rate": rate,
        }

    def _on_device(self, batch: ClipBatch, generator: torch.Generator) -> tuple[torch.Tensor | None, ...]:
        """What the objective takes: frames, sound, density, points, mask."""
        batch = batch.to(self._accelerator.device)
        audio = batch.audio if self._model.info.sound else None
        audio = drop_sound(audio, self._settings.sound, generator)
        return batch.frames, audio, batch.density, batch.points, batch.mask

    def _means(self, values: dict[str, list[tuple[torch.Tensor, float]]]) -> dict[str, float]:
        """Of each term over the clips that have it, of all processes."""
        sums = {}
        for name, found in values.items():
            if name.startswith("without_"):  # numbers of maps, which add up
                sums[name] = sum(float(value) for value, weight in found if weight), 0.0
            else:
                total = sum(float(value) * weight for value, weight in found)
                sums[name] = total, sum(weight for _, weight in found)
        if self._accelerator.num_processes > 1:
            gathered = gather_object([sums])
            names = dict.fromkeys(name for found in gathered for name in found)
            sums = {
                name: (
                    sum(found.get(name, (0.0, 0.0))[0] for found in gathered),
                    sum(found.get(name, (0.0, 0.0))[1] for found in gathered),
                )
                for name in names
            }
        return {name: total / weight if weight else total for name, (total, weight) in sums.items()}


def _require_finite(value: torch.Tensor, what: str, place: str) -> None:
    if not isfinite(value.item()):
        raise DivergedError(
            f"the {what} is {value.item():g} {place}: lower optim.learning_rate, set optim.clip_gradient, or "
            "look at these clips"
        )


def _seed(seed: int, step: int, group: int) -> int:
    """A number for each (seed, step, group), unlike those of their neighbours."""
    return int(np.random.SeedSequence([seed, step, group]).generate_state(1, np.uint64)[0] >> 1)
