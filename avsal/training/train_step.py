"""One step: some batches, one change of the parameters.

Every random draw is a function of (seed, step, process). With W processes and A accumulated batches of B
clips a step is taken on W x A x B clips, and its gradient is the mean over them.
"""

from __future__ import annotations

from contextlib import nullcontext
from math import isfinite
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer

from avsal.clips import ClipBatch
from avsal.models import SaliencyModel
from avsal.training.optimiser import set_learning_rate
from avsal.training.schedule import factor
from avsal.training.settings import TrainSettings
from avsal.training.sound import drop_sound
from avsal.training.state import Progress
from avsal.training.stopping import DivergedError

__all__ = ["TrainStep"]


class TrainStep:
    """Takes steps.

    Args:
        settings: of the run.
        accelerator: of this process.
        model: to train.
        objective: the model with its loss, as the accelerator wrapped it.
        optimiser: as the accelerator wrapped it.
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

    def take(self, batches: list[ClipBatch], progress: Progress, num_steps: int) -> dict[str, Any]:
        """Take a step.

        Args:
            batches: of this process; at least one.
            progress: before the step; steps that fp16's scaler leaves out are counted in it.
            num_steps: of the whole run, for the learning rate.

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
        seed = _seed(settings.seed, progress.step, accelerator.process_index)
        torch.manual_seed(seed)  # dropout
        generator = torch.Generator().manual_seed(seed)
        place = f"in step {progress.step + 1} (epoch {progress.epoch + 1}) on the clips {_names(batches)}"
        self._objective.train()
        self._optimiser.zero_grad()
        values: dict[str, list[torch.Tensor]] = {}
        total = sum(len(batch.recordings) for batch in batches)
        for number, batch in enumerate(batches, start=1):
            waiting = number < len(batches)
            with accelerator.no_sync(self._objective) if waiting else nullcontext():
                loss, terms = self._objective(*self._on_device(batch, generator))
                _require_finite(loss, "loss", place)
                accelerator.backward(loss * (len(batch.recordings) / total))
            for name, value in ({"loss": loss.detach()} | terms).items():
                values.setdefault(name, []).append(value)
        limit = settings.optim.clip_gradient or float("inf")
        norm = accelerator.clip_grad_norm_(self._model.parameters(), limit)
        if accelerator.scaler is None:  # fp16's scaler leaves such steps out, and counts on it
            _require_finite(norm, "norm of the gradient", place)
        self._optimiser.step()
        progress.skipped += bool(accelerator.optimizer_step_was_skipped)
        means = {name: self._mean(name, torch.stack(found)) for name, found in values.items()}
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

    def _mean(self, name: str, values: torch.Tensor) -> float:
        """Over the step's batches; over processes too, but for a term that batches without sound lack."""
        value = values.float().mean()
        if self._accelerator.num_processes > 1 and not name.startswith("attention"):
            value = self._accelerator.reduce(value, "mean")
        return float(value)


def _names(batches: list[ClipBatch]) -> str:
    return ", ".join(dict.fromkeys(name for batch in batches for name in batch.recordings))


def _require_finite(value: torch.Tensor, what: str, place: str) -> None:
    if not isfinite(value.item()):
        raise DivergedError(
            f"the {what} is {value.item():g} {place}: lower optim.learning_rate, set optim.clip_gradient, or "
            "look at these clips"
        )


def _seed(seed: int, step: int, process: int) -> int:
    """A number for each (seed, step, process), unlike those of their neighbours."""
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)
