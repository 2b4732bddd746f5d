"""When and how well: validations, the best checkpoint, and how far above the centre bias it is."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from avsal.metrics.batch import resize_maps
from avsal.models import SaliencyModel
from avsal.training.centre_bias import centre_gaussian, mean_map
from avsal.training.pictures import write_picture
from avsal.training.run_folder import RunFolder
from avsal.training.settings import TrainSettings
from avsal.training.sources import ClipSource, ValidationBatch, ValidationSource
from avsal.training.state import Progress
from avsal.training.validation import ValidationRow, better, constant_rows, mean_scores, score_rows
from avsal.training.video_validation import WholeVideos, score_videos, truths_of
from avsal.weights import save_checkpoint

__all__ = ["Validator"]

_PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Validator:
    """Scores a model while it is trained.

    Args:
        settings: settings of the run.
        accelerator: accelerator that the processes share the frames by.
        model: model to score.
        clips: clips to learn from, for the baselines.
        source: frames to score on, None for none.
        folder: folder of the run.

    Attributes:
        fingerprint: of all clips, as plain values.
    """

    def __init__(
        self,
        settings: TrainSettings,
        accelerator: Accelerator,
        model: SaliencyModel,
        clips: ClipSource,
        source: ValidationSource | None,
        folder: RunFolder,
    ) -> None:
        self._settings, self._accelerator, self._model = settings, accelerator, model
        self._clips, self._source, self._folder = clips, source, folder
        train = dict(clips.fingerprint())
        validation = dict(source.fingerprint()) if source is not None else None
        digest = f"{train['sha256']}-{validation['sha256'] if validation else 'none'}"
        self.fingerprint: dict[str, Any] = {"sha256": digest, "train": train, "validation": validation}
        self._latest: tuple[int, dict[str, Any]] | None = None
        self._baselines: dict[str, dict[str, Any]] | None = None

    def due(self, epoch: int, last: bool) -> bool:
        """Whether a validation follows the epoch that has just ended as the `epoch`-th."""
        return self._source is not None and (last or epoch % self._settings.validation.every == 0)

    def validate(self, progress: Progress, facts: dict[str, Any]) -> dict[str, Any]:
        """Score the model, keep its checkpoint where it is the best so far, and note that in `progress`.

        Args:
            progress: changed.
            facts: protocol and data, for the checkpoint.

        Returns:
            A number by metric, and how many recordings and frames it is of.
        """
        assert self._source is not None
        settings = self._settings.validation
        accelerator = self._accelerator
        first, apart = accelerator.process_index, accelerator.num_processes
        found: list[tuple[int, ValidationRow]] = []
        if isinstance(self._source, WholeVideos):
            mine = range(first, self._source.num_videos, apart)
            pictured = self._pictured(self._source.num_videos)
            for part in score_videos(
                self._model,
                self._source,
                settings.metrics,
                videos=mine,
                use_sound=self._settings.sound.use,
                batch_size=settings.batch_size,
                precision=_PRECISIONS[self._settings.engine.precision],
            ):
                found += [(part.video, row) for row in part.rows]
                if part.video in pictured:
                    pictured.remove(part.video)  # of the first frames alone
                    self._draw(part.truth, part.pixels, part.predicted, progress.step)
        else:
            mine = range(first, len(self._source), apart)
            pictured = self._pictured(len(self._source))
            scored = score_rows(
                self._model, self._source, settings.metrics, indices=mine, use_sound=self._settings.sound.use
            )
            for index, (rows, batch, predicted) in zip(mine, scored, strict=True):
                found += [(index, row) for row in rows]
                if index in pictured:
                    self._draw(batch, self._pixels(batch), predicted, progress.step)
        if accelerator.num_processes > 1:
            found = sorted(gather_object(found), key=lambda pair: pair[0])
        scores = mean_scores([row for _, row in found], settings.metrics)
        self._latest = progress.step, scores
        if better(settings.select, scores[settings.select], progress.best):
            progress.best, progress.best_step, progress.stale = scores[settings.select], progress.step, 0
            if accelerator.is_main_process:
                self._model.trained = True
                save_checkpoint(self._model, self._folder.best, **facts, scores=scores)
        else:
            progress.stale += 1
        return scores

    def scores_at(self, step: int) -> dict[str, Any] | None:
        """The scores of the weights after a step, None where these were not validated."""
        return self._latest[1] if self._latest is not None and self._latest[0] == step else None

    def closing(self, progress: Progress) -> dict[str, Any]:
        """The facts at the end: the best score, and what knows nothing but where people look in general."""
        closing: dict[str, Any] = {"best": None, "best_step": progress.best_step}
        if self._source is None or progress.best is None:
            return closing
        select = self._settings.validation.select
        closing |= {"metric": select, "best": progress.best, "baselines": self.baselines()}
        closing["above"] = {
            name: abs(progress.best - scores[select])
            * (1 if better(select, progress.best, scores[select]) else -1)
            for name, scores in closing["baselines"].items()
        }
        return closing | {"skipped_steps": progress.skipped}

    def baselines(self) -> dict[str, dict[str, Any]]:
        """Scores of the centre bias and of the mean map of the training fixations, on the same frames."""
        if self._baselines is None:
            self._baselines = {}
            gaze = self._clips.gaze()
            if self._source is not None and len(gaze) > 1:
                size = self._model.spec.size
                for name, image in (
                    ("centre_bias", centre_gaussian(gaze, size)),
                    ("mean_map", mean_map(gaze, size)),
                ):
                    metrics = self._settings.validation.metrics
                    truths = truths_of(self._source)
                    self._baselines[name] = mean_scores(constant_rows(image, truths, metrics), metrics)
        return self._baselines

    def in_words(self, closing: dict[str, Any]) -> str:
        """The closing facts in a line."""
        if closing["best"] is None:
            return f"done; the last checkpoint is {self._folder.last}"
        text = f"best {closing['metric']} {closing['best']:.3f} after step {closing['best_step']}"
        for name, distance in closing["above"].items():
            words = name.replace("_", " ")
            side = "better than" if distance >= 0 else "WORSE than"
            text += f", {abs(distance):.3f} {side} the training clips' {words}"
        return f"{text}: {self._folder.best}"

    def _pictured(self, count: int) -> set[int]:
        """Those of `count` videos or batches of which a frame is drawn: spread over all, always the same."""
        number = min(self._settings.validation.pictures, count)
        return {index * count // number for index in range(number)}

    def _pixels(self, batch: ValidationBatch) -> Tensor:
        """(3, H, W) of the frame that a batch's first map belongs to."""
        clip, slot = int(batch.clip[0]), int(batch.slot[0])
        T = batch.frames.shape[2]
        place = {"last": T - 1, "centre": T // 2, "all": slot}[self._model.spec.predicts]
        return batch.frames[clip, :, place]

    def _draw(self, batch: ValidationBatch, pixels: Tensor, predicted: Tensor, step: int) -> None:
        name = batch.recording[0].replace("/", "_")
        path = self._folder.pictures / f"{name}_{batch.frame[0]:05d}" / f"step_{step:07d}.png"
        height, width = pixels.shape[-2:]
        shown = resize_maps(predicted[:1], (height, width))[0]
        write_picture(path, pixels, self._model.spec, batch.density[0], shown)
