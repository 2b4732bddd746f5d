"""Preparing recordings for training: each is decoded once and written to a store, resumable at any time.

A recording is written beside its place and renamed when it is whole, so a run that was stopped or killed has
stored every finished recording completely and the others not at all; the next run goes on from there.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from avsal.clips.frame_chunks import LENGTH, decoded, encoded
from avsal.clips.recording_writer import (
    has_ground_truth,
    kept_maps,
    source_fingerprint,
    store_folder,
    write_recording,
)
from avsal.clips.store import write_index
from avsal.clips.store_settings import StoreSettings
from avsal.clips.stored_recording import META, StoredRecording
from avsal.configuration import duration
from avsal.errors import ConfigError, DatasetError, MediaError, counted
from avsal.media.atomic import only_one
from avsal.media.video import open_frames
from avsal.types import Recording

__all__ = ["StoreNeed", "StoreReport", "prepare"]

_COMPRESSED = 0.15
"""Bytes of a pixel of compressed frames, as of maps, on test videos (scripts/benchmark_loader.py)."""

_RESERVE = 64 * 2**20
"""Bytes that are left free on the disk."""


@dataclass(frozen=True)
class StoreNeed:
    """What preparing would take.

    Attributes:
        num_recordings: to be stored.
        num_kept: stored before from the same videos and sounds.
        num_frames: to be decoded.
        unknown: recordings whose number of frames shows only when they are read; not in the numbers.
        num_bytes: that the new recordings take on the disk.
        free_bytes: on the disk.
        seconds: that it will take, by the pace of a few frames of the first recording; None where that cannot
            be read.
    """

    num_recordings: int
    num_kept: int
    num_frames: int
    unknown: int
    num_bytes: int
    free_bytes: int
    seconds: float | None = None

    def __str__(self) -> str:
        kept = f", {self.num_kept} stored before" if self.num_kept else ""
        unknown = f", and {self.unknown} of unknown length" if self.unknown else ""
        seconds = "" if self.seconds is None else f", about {duration(self.seconds)}"
        return (
            f"{counted(self.num_recordings, 'recording')} to store{kept}: {counted(self.num_frames, 'frame')}"
            f"{unknown}, about "
            f"{self.num_bytes / 1e9:.2f} GB of {self.free_bytes / 1e9:.1f} GB free{seconds}"
        )

    def check(self, folder: Path) -> None:
        """Raise ConfigError when the disk has too little room."""
        if self.num_bytes + _RESERVE > self.free_bytes:
            raise ConfigError(
                f"the store needs about {self.num_bytes / 1e9:.1f} GB but {folder} has "
                f"{self.free_bytes / 1e9:.1f} GB free; take a smaller size, fewer recordings or another disk"
            )


@dataclass(frozen=True)
class StoreReport:
    """What a run of `prepare` did.

    Attributes:
        stored: recordings written by this run.
        kept: recordings that were stored before.
        problems: one line for each that could not be stored, naming the file and the remedy.
        notes: one line for each oddity of a stored recording.
    """

    stored: int
    kept: int
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(
    recordings: Iterable[Recording],
    folder: str | Path,
    settings: StoreSettings,
    *,
    workers: int | None = None,
    strict: bool = False,
    progress: bool | None = False,
    announce: Callable[[StoreNeed], None] | None = None,
) -> StoreReport:
    """Store recordings at training size; those stored before from the same files are kept.

    Videos are decoded by threads, as FFmpeg works outside Python's lock. A recording that is damaged, lacks a
    file or whose gaze cannot be read is left out and reported; one without ground truth, such as a held-out
    test video, is only counted. Recordings that the store holds already stay.

    Args:
        recordings: recordings of any data sets.
        folder: folder of the store; made if it is missing.
        settings: size, rate and the like.
        workers: recordings at a time, None for one a core.
        strict: raise on the first recording that cannot be stored.
        progress: show a bar with the time left; None: on a terminal only.
        announce: told what it will take, before anything is decoded.

    Returns:
        What was done; `Store(folder)` then opens the result.

    Raises:
        ConfigError: the folder holds a store made with other settings, another process is writing to it, two
            recordings have one id, or the disk has too little room.
        MediaError: the store cannot be written.
        DatasetError: a recording cannot be stored, and `strict`.
    """
    folder, given = Path(folder), list(recordings)
    chosen = [recording for recording in given if has_ground_truth(recording)]
    for name, count in Counter(store_folder(recording) for recording in chosen).items():
        if count > 1:
            raise ConfigError(f"{count} recordings would be stored as {name}; give each its own id")
    with only_one(folder, "preparing"):
        settings.claim(folder)
        missing = [recording for recording in chosen if not _is_kept(recording, folder)]
        at_once = workers or os.cpu_count() or 1
        need = _estimate(missing, len(chosen) - len(missing), folder, settings, at_once)
        if announce is not None:
            announce(need)
        need.check(folder)
        for stale in folder.glob("*/.*.part"):
            shutil.rmtree(stale)
        with tqdm(
            total=need.num_frames,
            desc="preparing",
            unit="frame",
            disable=None if progress is None else not progress,
            dynamic_ncols=True,
        ) as bar:
            results = _write_all(missing, folder, settings, at_once, strict, bar)
        stored = [result for result in results if isinstance(result, StoredRecording)]
        problems = [result for result in results if isinstance(result, str)]
        everything = [StoredRecording.open(path.parent) for path in folder.glob(f"*/*/{META}")]
        write_index(folder, everything, problems)
    notes = [f"{recording.id}: {note}" for recording in stored for note in recording.notes]
    if len(chosen) < len(given):
        notes.append(f"{len(given) - len(chosen)} recordings have neither gaze nor maps and are not stored")
    return StoreReport(len(stored), need.num_kept, tuple(problems), tuple(notes))


class _StoppedError(Exception):
    """This thread was told to stop."""


def _write_all(
    recordings: Sequence[Recording],
    folder: Path,
    settings: StoreSettings,
    workers: int,
    strict: bool,
    bar: tqdm,
) -> list[StoredRecording | str]:
    """Each recording stored, or one line that says why not."""
    stop, lock = threading.Event(), threading.Lock()

    def advance() -> None:
        if stop.is_set():
            raise _StoppedError
        with lock:
            bar.update()

    def write(recording: Recording) -> StoredRecording | str:
        try:
            return write_recording(recording, folder / store_folder(recording), settings, advance)
        except (DatasetError, MediaError) as error:
            reason = str(error)
        except OSError as error:
            if error.filename is None or Path(error.filename).is_relative_to(folder):
                raise
            reason = f"{error.filename} cannot be read ({error.strerror}); see to its permissions"
        problem = f"{recording.dataset} {recording.id}: {reason}"
        if strict:
            raise DatasetError(problem)
        return problem

    pool = ThreadPoolExecutor(workers)
    try:
        futures = [pool.submit(write, recording) for recording in recordings]
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:  # on an error or Ctrl-C the other threads stop at their next frame
        pool.shutdown(wait=False, cancel_futures=True)
        stop.set()
        pool.shutdown()
    errors = [future.exception() for future in futures if not future.cancelled()]
    for error in errors:
        if isinstance(error, OSError):
            raise MediaError(
                f"cannot write the store {folder}: {error.strerror or error}; what is whole was kept: make "
                "room and run the same again"
            ) from error
        if error is not None and not isinstance(error, _StoppedError):
            raise error
    return [future.result() for future in futures]


def _estimate(
    missing: Sequence[Recording], num_kept: int, folder: Path, settings: StoreSettings, workers: int
) -> StoreNeed:
    """What storing the `missing` recordings takes, from counts, headers and a few frames."""
    num_frames = unknown = num_bytes = 0
    for recording in missing:
        count, rate = _expected_frames(recording)
        if count is None:
            unknown += 1
            continue
        num_frames += count
        map_bytes = {None: 0, "mask": 1, "density": 2}[kept_maps(recording, settings)]
        per_pixel = _COMPRESSED * (2 if map_bytes else 1) if settings.compress else 3 + map_bytes
        num_bytes += round(count * settings.size[0] * settings.size[1] * per_pixel)
        if recording.audio is not None:
            num_bytes += round(4 * settings.sample_rate * count / rate)
    free = shutil.disk_usage(folder).free
    pace = next((pace for pace in (_seconds_a_frame(one, settings) for one in missing[:3]) if pace), None)
    share = min(workers, os.cpu_count() or 1, max(1, len(missing)))
    seconds = None if pace is None else pace * num_frames / share
    return StoreNeed(len(missing), num_kept, num_frames, unknown, num_bytes, free, seconds)


def _seconds_a_frame(recording: Recording, settings: StoreSettings) -> float | None:
    """What decoding, scaling and writing takes, by a few frames; None where they cannot be read."""
    frames = []
    try:
        reader = open_frames(recording.frames, frame_rate=recording.frame_rate)
        size = settings.content_size(reader.info.size)
        began = time.perf_counter()
        with open_frames(recording.frames, size, frame_rate=recording.frame_rate) as scaled:
            for frame in scaled:
                if frame.index == 0:  # opening is not counted
                    began = time.perf_counter()
                    continue
                frames.append(frame.image)
                if len(frames) == LENGTH:
                    break
            if frames and settings.compress:
                decoded(encoded(frames, 18))
            return (time.perf_counter() - began) / len(frames) if frames else None
    except (MediaError, OSError):
        return None


def _is_kept(recording: Recording, folder: Path) -> bool:
    """Whether the recording was stored before from the video and sound that are still there."""
    place = folder / store_folder(recording)
    try:
        return StoredRecording.open(place).source == source_fingerprint(recording)
    except DatasetError:  # not stored, or its files are missing, which `write_recording` will report
        return False


def _expected_frames(recording: Recording) -> tuple[int | None, float]:
    """How many frames a recording will have, None where only reading tells, and how many a second."""
    if recording.num_frames is not None and recording.frame_rate is not None:
        return recording.num_frames, recording.frame_rate
    try:
        info = open_frames(recording.frames, frame_rate=recording.frame_rate).info
    except MediaError:  # `write_recording` meets it again and reports it
        return 0, 1.0
    count = recording.num_frames or info.num_frames
    if count is None and info.duration is not None:
        count = round(info.duration * info.frame_rate)
    return count, info.frame_rate
