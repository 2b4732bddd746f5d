"""The engine: steps, epochs, validations, saves. One process or many, on any device, by Accelerate.

A run that is stopped at any step and resumed computes what an unbroken one computes: what comes next depends
on the saved state, the seed and the number of the step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from typing import Any

import torch
from accelerate.utils import broadcast_object_list

from avsal.configuration import duration
from avsal.errors import ConfigError
from avsal.media.atomic import only_one
from avsal.models import SaliencyModel
from avsal.training.alternating_clips import AlternatingClips
from avsal.training.averaging import WeightAverage
from avsal.training.checkpointing import checkpoint_blocks
from avsal.training.initial import Start, started_from
from avsal.training.log import RunLog
from avsal.training.machine import create_accelerator, largest_memory, start_trackers
from avsal.training.objective import Objective
from avsal.training.optimiser import create_optimiser
from avsal.training.progress_line import ProgressLine
from avsal.training.provenance import provenance
from avsal.training.run_folder import RunFolder, remove_partial_files
from avsal.training.settings import TrainSettings
from avsal.training.sources import ClipSource, StepShare, ValidationSource
from avsal.training.state import Progress, load_state, save_state
from avsal.training.stopping import DivergedError, StoppedError, StopRequest
from avsal.training.train_step import TrainStep
from avsal.training.validator import Validator
from avsal.weights import save_checkpoint

__all__ = ["Trainer"]


class Trainer:
    """Trains a model.

    Args:
        settings: settings of the run.
        model: model with the weights it starts from.
        clips: clips to learn from.
        validation: frames to score on; None: the last checkpoint counts as the best.
        start: where the model's weights come from; None where nobody knows.

    Attributes:
        folder: of the run.
        progress: how far it is.
        num_steps: of the whole run.

    Raises:
        ConfigError: settings, model and clips do not go together.
    """

    def __init__(
        self,
        settings: TrainSettings,
        model: SaliencyModel,
        clips: ClipSource,
        validation: ValidationSource | None,
        start: Start | None = None,
    ) -> None:
        self.settings, self.model, self.clips = settings, model, clips
        self.start = start or Start()
        self.folder = RunFolder(settings.run.folder)
        self.progress = Progress()
        if settings.engine.threads:
            torch.set_num_threads(settings.engine.threads)
        turns = clips.turns if isinstance(clips, AlternatingClips) else {}
        unused = model.info.sound or bool(turns) or bool(settings.optim.waiting)
        self.accelerator = create_accelerator(settings, self.folder, unused=unused)
        self.objective = Objective(model, settings, turns)
        if settings.engine.checkpointing:
            checkpoint_blocks(model)
        if settings.engine.sync_batch_norm and self.accelerator.num_processes > 1:
            torch.nn.SyncBatchNorm.convert_sync_batchnorm(self.objective)
        decay = settings.optim.average
        self._average = None if decay is None else WeightAverage(model, decay)
        optimiser = create_optimiser(model, settings.optim)
        wrapped, self._optimiser = self.accelerator.prepare(self.objective, optimiser)
        self._train_step = TrainStep(settings, self.accelerator, model, wrapped, self._optimiser)
        self.validator = Validator(settings, self.accelerator, model, clips, validation, self.folder)
        if self.steps_in_epoch(0) < 1:
            raise ConfigError(
                f"an epoch has too few clips for a step of {settings.clips.batch_size}: make clips.batch_size"
                " smaller"
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
        with ExitStack() as stack:
            main = self.accelerator.is_main_process
            if main:
                self.folder.check_free(self.settings.run.resume)
                stack.enter_context(only_one(self.folder.path, "training"))
            note = self._open()
            step = self.progress.step
            name = self.folder.path.name
            track = start_trackers(self.accelerator, asdict(self.settings), name, step)
            log = stack.enter_context(RunLog(self.folder, step=step, track=track, write=main))
            line = ProgressLine(step, self.num_steps, show=main)
            stack.callback(line.close)
            stop = stack.enter_context(StopRequest())
            started = time.monotonic()
            for text in [*(self.start.notes if step == 0 else ()), *([note] if note else [])]:
                line.line(text, self.num_steps)
            while not self._ended():
                self._epoch(log, line, stop)
            closing = self.validator.closing(self.progress)
            closing["seconds"] = round(time.monotonic() - started, 1)
            closing["validation_share"] = round(line.validation_share, 4)
            log.write("end", self.progress.step, closing)
            if track is not None:
                self.accelerator.end_training()
            share = f"; {100 * line.validation_share:.0f} % of it to validate" if line.validating else ""
            text = f"{self.validator.in_words(closing)}; {duration(closing['seconds'])}{share}"
            line.line(text, self.num_steps)
        return closing

    def _open(self) -> str | None:
        """Begin a run folder, or take up the state in it. The main process writes, the others follow.

        Returns:
            What the user should know of the state that was taken up, None for nothing.
        """
        fingerprint = self.validator.fingerprint
        found = [False]
        main = self.accelerator.is_main_process
        if main:
            found = [self.folder.has_state]
            remove_partial_files(self.folder.path)
            if found[0]:
                self.folder.check_same(self.settings, fingerprint)
            else:
                self.folder.write_json(self.folder.settings, asdict(self.settings))
                self.folder.write_json(self.folder.data, fingerprint)
        found = broadcast_object_list(found)
        note, before = None, None
        if found[0]:
            saved = load_state(
                self.folder.state,
                model=self.model,
                optimiser=self._optimiser.optimizer,
                before=self.folder.state_before,
            )
            self.progress, note, before = saved.progress, saved.note, saved.num_processes
            if saved.scaler is not None and self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(dict(saved.scaler))
            if self._average is not None and saved.average is not None:
                self._average.load(saved.average)
        if main:
            facts = {
                "num_processes": self.accelerator.num_processes,
                "num_processes_before": before,
                "at_step": self.progress.step,
                "starts_from": started_from(self.start),
            }
            self.folder.note_start(provenance() | facts)
            if not found[0]:
                self._save(checkpoint=False)
        return note

    def steps_in_epoch(self, epoch: int) -> int:
        """Steps of a 0-based epoch; the last one may be taken on fewer clips."""
        return self.clips.num_steps(epoch, self.settings.clips.batch_size)

    def _at_end(self) -> bool:
        """Whether as many steps or epochs are done as were asked for."""
        steps, epochs = self.settings.steps, self.settings.epochs
        enough = steps is not None and self.progress.step >= steps
        return enough or (epochs is not None and self.progress.epoch >= epochs)

    def _ended(self) -> bool:
        patience = self.settings.validation.patience
        enough = self._at_end() and self.progress.ended_at == self.progress.step
        return enough or (patience is not None and self.progress.stale >= patience)

    def _epoch(self, log: RunLog, line: ProgressLine, stop: StopRequest) -> None:
        """The rest of the epoch that is under way, and what follows at its end."""
        progress, run = self.progress, self.settings.run
        in_epoch = self.steps_in_epoch(progress.epoch)
        losses = []
        began = time.monotonic()
        for share in self._steps_of_epoch():
            if self.accelerator.is_main_process:
                self.folder.check_there()
            entry = self._step(share)
            progress.step += 1
            progress.step_in_epoch += 1
            if self._average is not None:
                self._average.update(progress.step)
            losses.append(entry["loss"])
            now = time.monotonic()
            line.step(entry["loss"], progress.epoch + 1, progress.step, share.total, now - began)
            began = now
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
            began = time.monotonic()
            with self._shown_weights():
                scores = self.validator.validate(progress, self._checkpoint_facts())
            line.validating += time.monotonic() - began
            log.write("validation", progress.step, {"epoch": number, **scores})
            text += "".join(f", {name} {scores[name]:.3f}" for name in self.settings.validation.metrics)
        memory = largest_memory(self.accelerator.device)
        pace = {
            "clips_per_second": round(line.clips_per_second, 4),
            "memory_gb": round(memory, 3),
            "seconds_left": line.left(progress.step),
            "validation_share": round(line.validation_share, 4),
        }
        log.write("epoch", progress.step, {"epoch": number, **pace})
        progress.ended_at = progress.step
        self._save()
        line.line(f"{text}; {memory:.2f} GB", progress.step)

    def _steps_of_epoch(self) -> Iterator[StepShare]:
        """This process's share of each step that is left of the epoch."""
        clips, progress = self.settings.clips, self.progress
        if self._at_end() or progress.step_in_epoch >= self.steps_in_epoch(progress.epoch):
            return iter(())
        return self.clips.steps(
            progress.epoch,
            clips.batch_size,
            clips.accumulation,
            start=progress.step_in_epoch,
            process=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
        )

    def _shown_weights(self) -> AbstractContextManager[None]:
        """The weights that are scored and kept as checkpoints: the averaged ones, where there are any."""
        return nullcontext() if self._average is None else self._average.applied()

    def _step(self, share: StepShare) -> dict[str, Any]:
        """One change of the parameters; returns the line of the log."""
        try:
            with self.objective.turn(share.turn, self.progress.epoch):
                entry = self._train_step.take(share, self.progress, self.num_steps)
            return entry if share.turn is None else {"turn": share.turn, **entry}
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
        started = {
            "initial": settings.model.initial,
            "encoder": settings.model.encoder,
            "audio": settings.model.audio,
            "starts_from": started_from(self.start),
        }
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
            with self._shown_weights():
                save_checkpoint(self.model, self.folder.last, **self._checkpoint_facts(), scores=scores)
        scaler = self.accelerator.scaler
        save_state(
            self.folder.state,
            model=self.model,
            optimiser=self._optimiser.optimizer,
            scaler=None if scaler is None else scaler.state_dict(),
            progress=self.progress,
            num_processes=self.accelerator.num_processes,
            average=None if self._average is None else self._average.values,
            before=self.folder.state_before,
        )
