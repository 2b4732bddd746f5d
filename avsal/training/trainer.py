"""The engine: steps, epochs, validations, saves. One process or many, on any device, by Accelerate.

A run that is stopped at any step and resumed computes what an unbroken one computes: what comes next depends
on the saved state, the seed and the number of the step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list

from avsal.clips import ClipBatch
from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.training.log import RunLog
from avsal.training.objective import Objective
from avsal.training.optimiser import create_optimiser
from avsal.training.progress_line import ProgressLine, duration
from avsal.training.provenance import provenance
from avsal.training.run_folder import RunFolder, remove_partial_files
from avsal.training.settings import TrainSettings
from avsal.training.sources import ClipSource, ValidationSource
from avsal.training.state import Progress, load_state, save_state
from avsal.training.stopping import DivergedError, StoppedError, StopRequest
from avsal.training.train_step import TrainStep
from avsal.training.validator import Validator
from avsal.weights import save_checkpoint

__all__ = ["Trainer"]


class Trainer:
    """Trains a model.

    Args:
        settings: of the run.
        model: with the weights it starts from.
        clips: to learn from.
        validation: frames to score on; None: the last checkpoint counts as the best.
        notes: lines on where the weights came from, for the log.

    Attributes:
        folder: of the run.
        progress: how far it is.
        num_steps: of the whole run. Where only the number of epochs is given and videos differ in frame rate,
            epochs may differ by a step, and this is an estimate.

    Raises:
        ConfigError: settings, model and clips do not go together.
    """

    def __init__(
        self,
        settings: TrainSettings,
        model: SaliencyModel,
        clips: ClipSource,
        validation: ValidationSource | None,
        notes: list[str] | None = None,
    ) -> None:
        self.settings, self.model, self.clips = settings, model, clips
        self.notes = notes or []
        self.folder = RunFolder(settings.run.folder)
        self.progress = Progress()
        if settings.engine.threads:
            torch.set_num_threads(settings.engine.threads)
        # one process may train several models one after the other, as a sweep does, in different precisions
        AcceleratorState._reset_state()
        unused = DistributedDataParallelKwargs(find_unused_parameters=model.info.sound)
        try:
            self.accelerator = Accelerator(
                mixed_precision=settings.engine.precision,
                dynamo_backend="inductor" if settings.engine.compile else None,
                kwargs_handlers=[unused],
            )
        except ValueError as error:
            raise ConfigError(f"`engine.precision` {settings.engine.precision}: {error}") from error
        self.objective = Objective(model, settings)
        optimiser = create_optimiser(model, settings.optim)
        wrapped, self._optimiser = self.accelerator.prepare(self.objective, optimiser)
        self._train_step = TrainStep(settings, self.accelerator, model, wrapped, self._optimiser)
        self.validator = Validator(settings, self.accelerator, model, clips, validation, self.folder)
        if self.steps_in_epoch(0) < 1:
            raise ConfigError(
                f"an epoch has too few clips for one batch of {settings.clips.batch_size} in each of "
                f"{self.accelerator.num_processes} processes: make clips.batch_size smaller"
            )
        ends = [settings.steps, settings.epochs and settings.epochs * self.steps_in_epoch(0)]
        self.num_steps = min(end for end in ends if end is not None)

    def run(self) -> dict[str, Any]:
        """Train to the end, or go on from where the run was stopped.

        Returns:
            The closing facts, as in the log's last line.

        Raises:
            StoppedError: Ctrl-C or SIGTERM came; all is saved.
            DivergedError: the loss is no number any more; the last good state is kept.
            CheckpointError: the disk refuses, or the state to go on from is damaged.
            ConfigError: the folder holds another run.
        """
        self._open()
        main = self.accelerator.is_main_process
        tensorboard = self.settings.run.tensorboard
        log = RunLog(self.folder, step=self.progress.step, tensorboard=tensorboard, write=main)
        line = ProgressLine(self.progress.step, self.num_steps, show=main)
        started = time.monotonic()
        with log, StopRequest() as stop:
            try:
                for note in self.notes if self.progress.step == 0 else ():
                    line.line(note, 0)
                while not self._ended():
                    self._epoch(log, line, stop)
                closing = self.validator.closing(self.progress)
                closing["seconds"] = round(time.monotonic() - started, 1)
                log.write("end", self.progress.step, closing)
            finally:
                line.close()
        if main:
            line.line(f"{self.validator.in_words(closing)}; {duration(closing['seconds'])}", self.num_steps)
        return closing

    def _open(self) -> None:
        """Begin a run folder, or take up the state in it. The main process writes, the others follow."""
        settings, fingerprint = asdict(self.settings), self.validator.fingerprint
        found = [False]
        if self.accelerator.is_main_process:
            found = [self.folder.open(self.settings.run.resume)]
            remove_partial_files(self.folder.path)
            if found[0]:
                self.folder.check_same(settings, fingerprint)
            else:
                self.folder.write_json(self.folder.settings, settings)
                self.folder.write_json(self.folder.data, fingerprint)
            self.folder.note_start(provenance() | {"num_processes": self.accelerator.num_processes})
        found = broadcast_object_list(found)
        if found[0]:
            self.progress, scaler = load_state(
                self.folder.state,
                model=self.model,
                optimiser=self._optimiser.optimizer,
                num_processes=self.accelerator.num_processes,
            )
            if scaler is not None and self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(dict(scaler))
        elif self.accelerator.is_main_process:
            self._save(checkpoint=False)

    def steps_in_epoch(self, epoch: int) -> int:
        """Steps of a 0-based epoch; the last one may be taken on fewer batches."""
        clips = self.settings.clips
        batches = self.clips.num_batches(epoch, clips.batch_size, self.accelerator.num_processes)
        return -(-batches // clips.accumulation)

    def _at_end(self) -> bool:
        """Whether as many steps or epochs are done as were asked for."""
        steps, epochs = self.settings.steps, self.settings.epochs
        enough = steps is not None and self.progress.step >= steps
        return enough or (epochs is not None and self.progress.epoch >= epochs)

    def _ended(self) -> bool:
        patience = self.settings.validation.patience
        return self._at_end() or (patience is not None and self.progress.stale >= patience)

    def _epoch(self, log: RunLog, line: ProgressLine, stop: StopRequest) -> None:
        """The rest of the epoch that is under way, and what follows at its end."""
        progress, run = self.progress, self.settings.run
        in_epoch = self.steps_in_epoch(progress.epoch)
        losses = []
        for batches in self._steps_of_epoch():
            entry = self._step(batches)
            progress.step += 1
            progress.step_in_epoch += 1
            losses.append(entry["loss"])
            line.step(entry["loss"], progress.epoch + 1)
            if progress.step % run.log_every == 0:
                log.write("step", progress.step, entry)
            if self._asked_to_stop(stop):
                self._save()
                self.accelerator.wait_for_everyone()
                raise StoppedError(
                    f"stopped by {stop.name or 'another process'} after step {progress.step} of "
                    f"{self.num_steps}; all is saved in {self.folder.path}: go on with run.resume=auto",
                    stop.code,
                )
            if self._at_end() or progress.step_in_epoch == in_epoch:
                break
            if progress.step % run.save_every == 0:
                self._save()
        number = progress.epoch + 1
        if progress.step_in_epoch >= in_epoch:
            progress.epoch += 1
            progress.step_in_epoch = 0
        text = f"epoch {number}: step {progress.step} of {self.num_steps}"
        if losses:
            text += f", loss {sum(losses) / len(losses):.4f}"
        if self.validator.due(number, self._at_end()):
            scores = self.validator.validate(progress, self._checkpoint_facts())
            log.write("validation", progress.step, {"epoch": number, **scores})
            text += "".join(f", {name} {scores[name]:.3f}" for name in self.settings.validation.metrics)
        self._save()
        line.line(text, progress.step)

    def _steps_of_epoch(self) -> Iterator[list[ClipBatch]]:
        """This process's batches of each step that is left of the epoch."""
        clips = self.settings.clips
        if self.progress.step_in_epoch >= self.steps_in_epoch(self.progress.epoch):
            return
        batches = self.clips.batches(
            self.progress.epoch,
            clips.batch_size,
            start=self.progress.step_in_epoch * clips.accumulation,
            process=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )
        while step := list(islice(batches, clips.accumulation)):
            yield step

    def _step(self, batches: list[ClipBatch]) -> dict[str, Any]:
        """One change of the parameters; returns the line of the log."""
        try:
            return self._train_step.take(batches, self.progress, self.num_steps)
        except DivergedError as error:
            raise DivergedError(f"{error}; {self.folder.path} keeps the last good state") from None

    def _asked_to_stop(self, stop: StopRequest) -> bool:
        if self.accelerator.num_processes == 1:
            return stop.name is not None
        flag = torch.tensor([float(stop.name is not None)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum").item())

    def _checkpoint_facts(self) -> dict[str, Any]:
        settings = self.settings
        facts = {name: value for name, value in asdict(settings).items() if name not in ("run", "model")}
        started = {"initial": settings.model.initial, "encoder": settings.model.encoder}
        return {
            "protocol": facts | {"step": self.progress.step, "epoch": self.progress.epoch, **started},
            "data": self.validator.fingerprint,
        }

    def _save(self, *, checkpoint: bool = True) -> None:
        """Write the checkpoint, then the state that a resumed run begins from; each is whole."""
        if not self.accelerator.is_main_process:
            return
        if checkpoint:
            self.model.trained = True
            scores = self.validator.scores_at(self.progress.step)
            save_checkpoint(self.model, self.folder.last, **self._checkpoint_facts(), scores=scores)
        scaler = self.accelerator.scaler
        save_state(
            self.folder.state,
            model=self.model,
            optimiser=self._optimiser.optimizer,
            scaler=None if scaler is None else scaler.state_dict(),
            progress=self.progress,
            num_processes=self.accelerator.num_processes,
        )
