"""Clips of prepared stores: to train on, drawn at random; to validate on, the windows of prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from avsal.clips import (
    Clip,
    ClipBatch,
    ClipDataset,
    StoredRecording,
    Window,
    WindowPlan,
    content_region,
    dealt,
    grouped,
    normalise_clips,
    planned_steps,
    waveform,
)
from avsal.clips.targets import TargetRule
from avsal.errors import AvsalError, AvsalRuntimeError
from avsal.groundtruth import DensityRecipe
from avsal.media.frames import Frame
from avsal.prediction.engines.runs import WindowJob, WindowMaps
from avsal.training.sources import StepGroup, StepShare, ValidationBatch
from avsal.types import ClipSpec

__all__ = ["StoredClips", "StoredFrames", "hold_out"]

_GAZE_ROWS = 2_000_000  # fixations that the baselines are fitted on at most


class StoredClips:
    """Training clips of a `ClipDataset`.

    Args:
        dataset: data set of clips.
        workers: processes that read them, 0 for the training process itself.
        facts: what else to write into the fingerprint, such as the density recipe.
    """

    def __init__(
        self, dataset: ClipDataset, *, workers: int = 0, facts: Mapping[str, Any] | None = None
    ) -> None:
        self.dataset, self.workers, self.facts = dataset, workers, dict(facts or {})
        self._wanted: list[list[int]] = []
        self._loader: DataLoader[Any] | None = None

    def num_steps(self, epoch: int, batch_size: int) -> int:
        """See `ClipSource`; the last step may be smaller."""
        return -(-len(self.dataset) // batch_size)

    def steps(
        self, epoch: int, batch_size: int, groups: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[StepShare]:
        """See `ClipSource`; a step of videos of several frame rates has more groups than asked for."""
        self.dataset.set_epoch(epoch)
        most = -(-batch_size // groups)
        steps = planned_steps(self.dataset, epoch, batch_size)[start:]
        mine = [
            (dealt(grouped(step, most, self.dataset.audio_samples), process, num_processes), len(step))
            for step in steps
        ]
        batches = self._loaded([group.clips for dealt_out, _ in mine for group in dealt_out])
        for dealt_out, total in mine:
            found = [StepGroup(group.number, next(batches), group.counts) for group in dealt_out]
            yield StepShare(found, total)

    def _loaded(self, wanted: list[list[int]]) -> Iterator[ClipBatch]:
        """Batches of clips, read ahead by workers that live on between epochs.

        Raises:
            DatasetError: a clip cannot be read.
            AvsalRuntimeError: a worker died.
        """
        if self._loader is None:
            self._loader = DataLoader(
                _Told(self.dataset),
                batch_sampler=self._wanted,
                num_workers=self.workers,
                persistent_workers=self.workers > 0,
                collate_fn=partial(_collected, spec=self.dataset.spec),
                pin_memory=torch.cuda.is_available(),
            )
        self._wanted[:] = wanted
        try:
            for batch in self._loader:
                if isinstance(batch, AvsalError):
                    raise batch
                yield batch
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise AvsalRuntimeError(
                "a process that reads clips died, as when memory ends: use fewer with clips.workers=, go on "
                "with run.resume=auto"
            ) from error

    def gaze(self) -> NDArray[np.float64]:
        """See `ClipSource`; of very many fixations every n-th, of recordings without points none."""
        found = []
        for recording in self.dataset.recordings:
            fixations = recording.some_fixations()
            if fixations is not None:
                found.append(np.stack([fixations.y, fixations.x], 1) / fixations.size)
        points = np.concatenate(found) if found else np.zeros((0, 2))
        return points[:: max(1, -(-len(points) // _GAZE_ROWS))]

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ClipSource`."""
        return _fingerprint(self.dataset.recordings, self.facts) | {
            "clips_an_epoch": len(self.dataset),
            "too_short": self.dataset.left_out,
        }


class _Told(Dataset[Clip | AvsalError]):
    """Clips; an error of ours is handed over as it is, where a worker would wrap it in its traceback."""

    def __init__(self, clips: ClipDataset) -> None:
        self._clips = clips

    def __getitem__(self, index: int) -> Clip | AvsalError:
        try:
            return self._clips[index]
        except AvsalError as error:
            return type(error)(str(error))


def _collected(found: list[Clip | AvsalError], spec: ClipSpec) -> ClipBatch | AvsalError:
    clips = [one for one in found if isinstance(one, Clip)]
    if len(clips) == len(found):
        return ClipBatch.collect(clips, spec)
    return next(one for one in found if isinstance(one, AvsalError))


class StoredFrames:
    """The frames of recordings to validate on, each seen through the window that prediction shows.

    Args:
        recordings: recordings of one or several stores.
        spec: spec of the model.
        recipe: how fixations become density maps; None: the release's own.
        first_frames: first frames of each recording; None: all. Windows never look beyond them.
        frame_step: every how many of those frames.
        batch_size: windows at once.
        facts: what else to write into the fingerprint.

    Raises:
        ConfigError: a recording does not fit the model or has no ground truth.
    """

    def __init__(
        self,
        recordings: Sequence[StoredRecording],
        spec: ClipSpec,
        recipe: DensityRecipe | None,
        *,
        first_frames: int | None = None,
        frame_step: int = 1,
        batch_size: int = 4,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        ClipDataset(recordings, spec, recipe, seed=0)  # for its checks
        self.recordings, self.spec = list(recordings), spec
        self.facts = dict(facts or {}) | {"first_frames": first_frames, "frame_step": frame_step}
        self._rule = TargetRule(spec, spec.size, recipe)
        self._first, self._step = first_frames, frame_step
        self._batches: list[tuple[StoredRecording, list[tuple[Window, list[tuple[int, int]]]]]] = []
        for recording in self.recordings:
            groups: dict[tuple[bool, int], list[tuple[Window, list[tuple[int, int]]]]] = {}
            for window in WindowPlan(spec).take(self._count(recording), ended=True):
                wanted = self._wanted(window)
                if wanted:
                    sound = recording.window_sound(window, spec, read=False)
                    samples = 0 if sound is None else len(sound)
                    groups.setdefault((window.start, samples), []).append((window, wanted))
            for group in groups.values():
                for begin in range(0, len(group), batch_size):
                    self._batches.append((recording, group[begin : begin + batch_size]))

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> ValidationBatch:
        recording, group = self._batches[index]
        scored = [(number, slot, frame) for number, (_, wanted) in enumerate(group) for slot, frame in wanted]
        images = [torch.from_numpy(recording.frames(window.frames)) for window, _ in group]
        sounds = [recording.window_sound(window, self.spec) for window, _ in group]
        heard = [waveform(sound, self.spec) for sound in sounds if sound is not None]
        return self._truth(recording, [frame for _, _, frame in scored])._replace(
            frames=normalise_clips(images, self.spec),
            audio=torch.stack(heard) if heard else None,
            clip=torch.tensor([number for number, _, _ in scored]),
            slot=torch.tensor([slot for _, slot, _ in scored]),
            start=group[0][0].start,
        )

    @property
    def num_videos(self) -> int:
        """See `WholeVideos`."""
        return len(self.recordings)

    def jobs(self, video: int, *, use_sound: bool = True, single: bool = False) -> Iterator[WindowJob]:
        """See `WholeVideos`; each frame is read once."""
        recording = self.recordings[video]
        alone = replace(self.spec, num_frames=1, predicts="last", stride=1, margin=0, start_windows=())
        images: dict[int, NDArray[np.uint8]] = {}
        plan = WindowPlan(alone if single else self.spec)
        for window in plan.take(self._count(recording), ended=True):
            wanted = self._wanted(window)
            if not wanted and not single:
                continue
            missing = sorted(set(window.frames) - set(images))
            images = {index: image for index, image in images.items() if index in window.frames}
            if missing:
                images |= dict(zip(missing, recording.frames(missing), strict=True))
            sound = recording.window_sound(window, self.spec) if use_sound else None
            yield WindowJob(
                window,
                [Frame(index, 0.0, 0.0, index, images[index]) for index in window.frames],
                (None if sound is None else waveform(sound, self.spec),),
                [WindowMaps(slot, frame, 0.0, 0.0) for slot, frame in wanted],
            )

    def scored_frames(self, video: int) -> list[int]:
        """See `WholeVideos`."""
        return list(range(0, self._count(self.recordings[video]), self._step))

    def truth(self, video: int, frames: Sequence[int]) -> ValidationBatch:
        """See `WholeVideos`."""
        return self._truth(self.recordings[video], frames)

    def _truth(self, recording: StoredRecording, frames: Sequence[int]) -> ValidationBatch:
        """Where people looked on some frames; the batch has no windows."""
        targets = self._rule.targets(recording, frames)
        rows, columns = content_region(self.spec, recording.video_size, self.spec.size)
        looks = targets.pixels()
        longest = max(1, max(len(points) for points in looks))
        points = torch.zeros(len(frames), longest, 2, dtype=torch.long)
        mask = torch.zeros(len(frames), longest, dtype=torch.bool)
        corner = torch.tensor([rows.start, columns.start])
        for place, found in enumerate(looks):
            points[place, : len(found)] = found - corner
            mask[place, : len(found)] = True
        return ValidationBatch(
            frames=torch.zeros(0),
            audio=None,
            clip=torch.zeros(0, dtype=torch.long),
            slot=torch.zeros(0, dtype=torch.long),
            recording=[f"{recording.dataset}/{recording.id}"] * len(frames),
            frame=list(frames),
            density=torch.from_numpy(targets.density)[:, rows, columns],
            points=points,
            mask=mask,
            region=(rows, columns),
        )

    def _count(self, recording: StoredRecording) -> int:
        """Frames of a recording that are looked at."""
        return min(recording.num_frames, self._first or recording.num_frames)

    def _wanted(self, window: Window) -> list[tuple[int, int]]:
        """Slot and frame of the maps of a window that are scored."""
        return [(slot, frame) for slot, frame in window.outputs if frame % self._step == 0]

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ValidationSource`."""
        return _fingerprint(self.recordings, self.facts)


def hold_out(
    recordings: Sequence[StoredRecording], share: float
) -> tuple[list[StoredRecording], list[StoredRecording]]:
    """Divide recordings into those to train on and a part held out, by a hash of their names.

    The division depends on names alone: not on seeds or order, so that runs can be compared. Each data set
    gives its share, at least one recording where it has two.

    Returns:
        To train on, and held out.
    """
    training, held_out = [], []
    for dataset in dict.fromkeys(recording.dataset for recording in recordings):
        members = [recording for recording in recordings if recording.dataset == dataset]
        members.sort(key=lambda recording: sha256(f"{dataset}/{recording.id}".encode()).digest())
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held_out += members[:count]
        training += members[count:]
    return training, held_out


def _fingerprint(recordings: Sequence[StoredRecording], facts: Mapping[str, Any]) -> dict[str, Any]:
    digest = sha256(repr(sorted(facts.items())).encode())
    for recording in recordings:
        digest.update(recording.content.encode())
    by_dataset: dict[str, list[str]] = {}
    for recording in recordings:
        by_dataset.setdefault(recording.dataset, []).append(recording.id)
    return {
        "recordings": by_dataset,
        "frames": sum(recording.num_frames for recording in recordings),
        **facts,
        "sha256": digest.hexdigest()[:16],
    }
