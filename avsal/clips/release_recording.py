"""A recording read where its release lies, without a store: what a stored one gives, decoded when asked for.

It costs no room and no preparation, and much more time for each clip: pictures are decoded and scaled anew,
the whole sound of a video for each of its clips. Gaze that lies in one file a frame is read frame by frame,
other gaze whole, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.clips.preparation import content_size
from avsal.clips.recording_writer import has_ground_truth, scaled_map, source_fingerprint
from avsal.clips.stored_recording import StoredRecording
from avsal.errors import DatasetError
from avsal.media.audio import load_sound
from avsal.media.images import ImageFolderReader
from avsal.media.video import open_frames
from avsal.types import ClipSpec, Fixations, Recording

__all__ = ["ReleaseRecording"]

_SAMPLED = 60
"""Frames whose fixations stand for a recording's, where all of them would take long to read."""


@dataclass(frozen=True, eq=False)
class ReleaseRecording(StoredRecording):
    """One recording of a release; see `StoredRecording`, whose `folder` is here that of the frames.

    Attributes:
        recording: as its data set's reader gives it.
        times: (N,) seconds on the video clock at which each frame appears.
    """

    recording: Recording | None = None
    times: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, recording: Recording, spec: ClipSpec, times: NDArray[np.float64] | None = None
    ) -> ReleaseRecording:
        """A recording for a model.

        Args:
            recording: recording with gaze, maps or masks.
            spec: spec of the model: frames are scaled to its size, sound to its rate.
            times: times of the frames, where a reader of the data set knows them; None: by the frame rate.

        Raises:
            DatasetError: nobody looked at it, or it cannot be read.
            MediaError: its video cannot be opened.
        """
        if not has_ground_truth(recording):
            raise DatasetError(f"{recording.dataset} {recording.id} has neither gaze nor maps")
        info = open_frames(recording.frames, frame_rate=recording.frame_rate).info
        count = recording.num_frames if times is None else min(len(times), recording.num_frames or len(times))
        count = count or info.num_frames
        if count is None:
            raise DatasetError(
                f"{recording.frames}: how many frames it has shows only when it is read: prepare it"
            )
        if times is None:
            times = np.arange(count) / info.frame_rate
        maps = "mask" if recording.load_mask else "density" if recording.load_density else None
        return cls(
            folder=recording.frames,
            id=recording.id,
            dataset=recording.dataset,
            num_frames=count,
            size=content_size(spec, info.size),
            video_size=info.size,
            frame_rate=info.frame_rate,
            sample_rate=spec.sample_rate or 22050,
            has_sound=recording.audio is not None,
            num_fixations=None if recording.load_fixations is None else -1,  # not counted
            gaze_size=None,
            maps=maps,  # type: ignore[arg-type]
            split=recording.split,
            category=recording.category,
            source=source_fingerprint(recording),
            content=source_fingerprint(recording),
            recording=recording,
            times=times[:count],
        )

    @property
    def of_release(self) -> Recording:
        """The recording."""
        assert self.recording is not None
        return self.recording

    @cached_property
    def spans(self) -> NDArray[np.float64]:
        """See `StoredRecording`."""
        assert self.times is not None
        ends = np.append(self.times[1:], self.times[-1] + 1 / self.frame_rate)
        return np.stack([self.times, ends], axis=1)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """See `StoredRecording`.

        Raises:
            DatasetError: a frame cannot be decoded.
        """
        wanted = sorted(set(indices))
        if isinstance(self._reader, ImageFolderReader):
            found = {index: self._reader.image(index) for index in wanted}
        else:
            half = 0.5 / self.frame_rate
            first, last = self.spans[wanted[0]][0], self.spans[wanted[-1]][0]
            found = {}
            video = open_frames(self.folder, self.size, start=max(0.0, first - half), end=last + half)
            with video as frames:
                for frame in frames:
                    place = int(np.abs(self.spans[:, 0] - frame.time).argmin())
                    if abs(self.spans[place, 0] - frame.time) <= half:
                        found[place] = frame.image
        missing = [index for index in wanted if index not in found]
        if missing:
            raise DatasetError(
                f"{self.folder}: frame {missing[0]} cannot be read; extract or download it again"
            )
        return np.stack([found[index] for index in indices])

    @cached_property
    def _reader(self) -> Any:
        return open_frames(self.folder, self.size, frame_rate=self.of_release.frame_rate)

    def _whole_sound(self) -> NDArray[np.float32]:
        audio = self.of_release.audio
        assert audio is not None  # asked for where there is sound
        origin = self._reader.info.origin if audio == self.folder else None
        return _read_sound(audio, self.sample_rate, origin, float(self.spans[-1][1]))

    @cached_property
    def _all(self) -> Fixations:
        assert self.of_release.load_fixations is not None
        return self.of_release.load_fixations()

    def fixations_at(self, frames: Sequence[int]) -> Fixations:
        """See `StoredRecording`."""
        at = getattr(self.of_release.load_fixations, "at", None)
        if at is not None:
            found: Fixations = at(frames)
            return found
        whole = self._all
        parts = [np.flatnonzero(whole.frame == frame) for frame in frames]
        slot = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        rows = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return Fixations(
            slot,
            whole.x[rows],
            whole.y[rows],
            whole.observer[rows],
            whole.size,
            whole.geometry,
            whole.dropped,
        )

    def some_fixations(self) -> Fixations | None:
        """See `StoredRecording`; those of some frames."""
        if self.num_fixations is None:
            return None
        return self.fixations_at(range(0, self.num_frames, max(1, self.num_frames // _SAMPLED)))

    def is_looked_at(self, frames: Sequence[int]) -> bool:
        """See `StoredRecording`."""
        if self.num_fixations is not None:
            return len(self.fixations_at(frames)) > 0
        return self.maps is None or any(self.target_map(frame).any() for frame in frames)

    def target_map(self, frame: int) -> NDArray[np.float32]:
        """See `StoredRecording`.

        Raises:
            DatasetError: there is none, or it is negative or not finite.
        """
        if self.maps is None:
            raise DatasetError(f"{self.id} has no density maps: draw maps from its fixations")
        return scaled_map(self.of_release, frame, self.size).astype(np.float32, copy=False)


@lru_cache(maxsize=4)
def _read_sound(path: Path, rate: int, origin: float | None, end: float) -> NDArray[np.float32]:
    return load_sound(path, rate, origin=origin, end=end)[0]
