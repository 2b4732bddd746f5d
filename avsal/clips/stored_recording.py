"""One prepared recording: frames at training size, sound at the model's rate, gaze, all on one clock.

Its folder holds plain NumPy files, read where they lie::

    frames.npy       (N, h, w, 3) uint8 RGB
    spans.npy        (N, 2) float64, seconds on the video clock at which each frame appears and goes
    sound.npy        (A,) float32 mono from 0 of the video clock to the end of the last frame; absent when the
                     video has no sound
    fixations.npy    (4, M) float64: frame, x, y, observer, by frame; x and y in pixels of `gaze_size`;
                     absent when the release has maps only
    maps.npy         (N, h, w): density maps as float16 with maximum 1, or object masks as uint8 0 and 1;
                     absent when they are to be drawn from fixations
    meta.json        the rest

In a compressed store, frames and maps are as `frame_chunks` has them::

    frames.h264      pieces of eight frames, and frames.index.npy (pieces + 1,) int64: where they begin
    maps.png         8-bit images, and maps.index.npy likewise
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from avsal.clips.frame_chunks import read_frames, read_grey
from avsal.clips.soundtrack import excerpt
from avsal.clips.windows import Window
from avsal.errors import DatasetError
from avsal.types import ClipSpec, Fixations, ScreenGeometry, Split

__all__ = [
    "FIXATIONS",
    "FRAMES",
    "MAPS",
    "META",
    "PACKED_FRAMES",
    "PACKED_MAPS",
    "SOUND",
    "SPANS",
    "StoredRecording",
]

FRAMES, SPANS, SOUND = "frames.npy", "spans.npy", "sound.npy"
FIXATIONS, MAPS, META = "fixations.npy", "maps.npy", "meta.json"
PACKED_FRAMES, PACKED_MAPS = "frames.h264", "maps.png"


@dataclass(frozen=True, eq=False)
class StoredRecording:
    """One recording of a store. Nothing is read until asked for, and no file is kept open.

    Attributes:
        folder: where its files lie.
        id: unique within its data set.
        dataset: name of the data set.
        num_frames: N.
        size: (h, w) of the stored frames.
        video_size: (height, width) of the original frames.
        frame_rate: average, in frames a second.
        sample_rate: of the sound in Hz.
        has_sound: whether there is sound; without, the video has none.
        num_fixations: None where the release has no points.
        gaze_size: (height, width) of the frame that fixations are on; None where there are none.
        maps: what `target_map` gives: ``density``, ``mask``, or None for nothing.
        split: as the reader gave it when the recording was prepared.
        category: of the video.
        geometry: of the screen, in pixels of the original frame, where it is known.
        dropped: raw rows of gaze that were left out, by reason.
        notes: oddities met while preparing.
        source: fingerprint of the video and sound files.
        content: fingerprint of what was stored.
        compressed: whether frames and maps are as `frame_chunks` has them.
        muted: whether its sound is heard as silence; not stored.
    """

    folder: Path
    id: str
    dataset: str
    num_frames: int
    size: tuple[int, int]
    video_size: tuple[int, int]
    frame_rate: float
    sample_rate: int
    has_sound: bool
    num_fixations: int | None
    gaze_size: tuple[int, int] | None
    maps: Literal["density", "mask"] | None
    split: Split | None = None
    category: str | None = None
    geometry: ScreenGeometry | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: str = ""
    content: str = ""
    compressed: bool = False
    muted: bool = False

    def facts(self) -> dict[str, Any]:
        """The plain values that `from_facts` takes back."""
        kept = [entry.name for entry in fields(self) if entry.name not in ("folder", "muted")]
        values = {name: getattr(self, name) for name in kept}
        geometry = None if self.geometry is None else asdict(self.geometry)
        return values | {"geometry": geometry, "dropped": dict(self.dropped)}

    @classmethod
    def from_facts(cls, folder: Path, facts: Mapping[str, Any]) -> StoredRecording:
        """The recording in `folder` that `facts` are about.

        Raises:
            DatasetError: facts are missing or unknown.
        """
        try:
            values = dict(facts)
            if "film_size" in values:  # a store of before the name was changed
                values["video_size"] = values.pop("film_size")
            for name in ("size", "video_size", "notes"):
                values[name] = tuple(values[name])
            if values["gaze_size"] is not None:
                values["gaze_size"] = tuple(values["gaze_size"])
            if values["geometry"] is not None:
                screen = values["geometry"]
                values["geometry"] = ScreenGeometry(
                    tuple(screen["size_px"]), tuple(screen["size_cm"]), screen["distance_cm"]
                )
            made = cls(folder, **values)
            made._check()
            return made
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(
                f"{folder / META} is damaged ({error!r}); delete {folder} and prepare again"
            ) from error

    def _check(self) -> None:
        """Raise TypeError or ValueError where a fact is of the wrong kind or beyond all sense."""
        sizes = [self.size, self.video_size, *([] if self.gaze_size is None else [self.gaze_size])]
        counts = [self.num_frames, self.sample_rate, *(side for size in sizes for side in size)]
        if any(len(size) != 2 for size in sizes) or not all(type(n) is int and 0 < n < 2**31 for n in counts):
            raise ValueError("sizes, frames and sample rate must be positive whole numbers")
        if not (isinstance(self.frame_rate, int | float) and 0 < self.frame_rate < 1e6):
            raise ValueError(f"`frame_rate` is {self.frame_rate!r}")
        if not all(isinstance(text, str) for text in (self.id, self.dataset, *self.notes)):
            raise TypeError("names and notes must be text")
        if self.maps not in (None, "density", "mask") or self.split not in (None, "train", "val", "test"):
            raise ValueError(f"`maps` is {self.maps!r}, `split` {self.split!r}")
        if self.num_fixations is not None and (type(self.num_fixations) is not int or self.num_fixations < 0):
            raise ValueError(f"`num_fixations` is {self.num_fixations!r}")
        if type(self.compressed) is not bool:
            raise TypeError(f"`compressed` is {self.compressed!r}")
        dict(self.dropped)

    @classmethod
    def open(cls, folder: Path) -> StoredRecording:
        """The recording in `folder`.

        Raises:
            DatasetError: there is none, or it is damaged.
        """
        path = folder / META
        try:
            facts = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"{path} cannot be read ({error}); delete {folder} and prepare again"
            ) from error
        return cls.from_facts(folder, facts)

    @cached_property
    def spans(self) -> NDArray[np.float64]:
        """(N, 2) seconds on the video clock at which each frame appears and goes."""
        return np.array(self._array(SPANS))

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """(T, h, w, 3) uint8 RGB, a copy, of the 0-based `indices`, which may repeat and run backwards."""
        if self.compressed:
            with self._unpacked(PACKED_FRAMES) as path:
                return read_frames(path, indices, self.size, self.num_frames)
        stored = self._array(FRAMES)
        first, last = indices[0], indices[-1]
        if first >= 0 and list(indices) == list(range(first, last + 1)):
            return np.array(stored[first : last + 1])
        return np.asarray(stored[list(indices)])

    def sound(self, start: float, num_samples: int) -> NDArray[np.float32]:
        """(num_samples,) mono from `start` in seconds on the video clock; zeros where there is no sound."""
        samples = np.zeros(num_samples, np.float32)
        if self.has_sound and not self.muted:
            stored = self._whole_sound()
            first = round(start * self.sample_rate)
            begin, stop = max(first, 0), min(first + num_samples, len(stored))
            if begin < stop:
                samples[begin - first : stop - first] = stored[begin:stop]
        return samples

    def _whole_sound(self) -> NDArray[np.float32]:
        return self._array(SOUND)

    def window_sound(
        self, window: Window, spec: ClipSpec, *, read: bool = True
    ) -> NDArray[np.float32] | None:
        """The sound of a window's seconds, by the rule of prediction (`excerpt`).

        Args:
            window: window of frames of this recording.
            spec: spec of the model; its sample rate is this recording's.
            read: False gives zeros of the same length, for planning.

        Returns:
            (A,) samples in [-1, 1]; None where the video has no sound or the model hears none.
        """
        if spec.sample_rate is None or not self.has_sound:
            return None
        usual = spec.audio_samples(spec.num_frames / self.frame_rate)
        spans = self.spans[list(window.frames)].tolist()
        source = self.sound if read else lambda start, num_samples: np.zeros(num_samples, np.float32)
        return np.ascontiguousarray(
            excerpt(window, spans, self.sample_rate, usual, source, spec.audio_lead, spec.audio_rule)
        )

    @property
    def fixations(self) -> Fixations:
        """All fixations, in pixels of the original frame, by frame.

        Raises:
            DatasetError: the release has no points.
        """
        return self._points(*np.array(self._points_table()))

    def fixations_at(self, frames: Sequence[int]) -> Fixations:
        """The fixations on some video frames; their `frame` says which of the frames given, from 0."""
        stored = self._points_table()
        wanted = np.asarray(frames, np.float64)
        begin = np.searchsorted(stored[0], wanted, "left")
        count = np.searchsorted(stored[0], wanted, "right") - begin
        slot = np.repeat(np.arange(len(wanted)), count)
        rows = np.arange(len(slot)) - np.repeat(np.cumsum(count) - count, count) + begin[slot]
        return self._points(slot, *np.asarray(stored[1:, rows]))

    def some_fixations(self) -> Fixations | None:
        """Fixations that stand for all of the recording's; None where the release has no points."""
        return self.fixations if self.num_fixations else None

    def is_looked_at(self, frames: Sequence[int]) -> bool:
        """Whether anybody looked at one of some frames, by fixations or, without, by maps."""
        if self.num_fixations is not None:
            stored = self._points_table()[0]
            wanted = np.asarray(frames, np.float64)
            first = np.searchsorted(stored, wanted, "left")
            return bool((np.searchsorted(stored, wanted, "right") > first).any())
        return self.maps is None or any(self.target_map(frame).any() for frame in frames)

    def target_map(self, frame: int) -> NDArray[np.float32]:
        """(h, w): the release's density map of a frame, its maximum 1, or its object mask, 0 and 1.

        Raises:
            DatasetError: the recording has neither.
        """
        if self.maps is None:
            raise DatasetError(
                f"{self.id}: its density maps were not kept; prepare with maps, or draw maps from fixations"
            )
        if self.compressed:
            with self._unpacked(PACKED_MAPS) as path:
                return read_grey(path, frame, self.size, self.num_frames)
        return np.asarray(self._array(MAPS)[frame], np.float32)

    @contextmanager
    def _unpacked(self, name: str) -> Iterator[Path]:
        """A file of a compressed store, what is wrong with it told in one line."""
        path = self.folder / name
        try:
            yield path
        except (OSError, ValueError, EOFError) as error:
            reason = " ".join(str(error).split())
            raise DatasetError(
                f"{path} cannot be read ({reason}); delete {self.folder} and prepare again"
            ) from error

    def _points_table(self) -> NDArray[np.float64]:
        if self.num_fixations is None:
            raise DatasetError(f"{self.dataset} {self.id} has maps but no fixations: use its maps")
        return self._array(FIXATIONS)

    def _points(self, frame: NDArray[Any], *columns: NDArray[Any]) -> Fixations:
        x, y, observer = columns
        size = self.gaze_size or self.video_size
        try:
            return Fixations(frame, x, y, observer, size, self.geometry, self.dropped)
        except ValueError as error:
            raise DatasetError(
                f"{self.folder / FIXATIONS} is damaged ({error}); delete {self.folder} and prepare again"
            ) from error

    def _array(self, name: str) -> NDArray[Any]:
        # Mapped anew each time: a mapping kept open holds a file descriptor, and data sets have thousands.
        path = self.folder / name
        shapes: dict[str, tuple[str, tuple[int | None, ...]]] = {
            FRAMES: ("u1", (self.num_frames, *self.size, 3)),
            SPANS: ("f8", (self.num_frames, 2)),
            SOUND: ("f4", (None,)),
            FIXATIONS: ("f8", (4, self.num_fixations)),
            MAPS: ("u1" if self.maps == "mask" else "f2", (self.num_frames, *self.size)),
        }
        try:
            stored: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
            kind, shape = shapes[name]
            fits = len(shape) == stored.ndim and all(
                wanted in (None, found) for wanted, found in zip(shape, stored.shape, strict=True)
            )
            if stored.dtype.str[1:] != kind or not fits:
                raise ValueError(f"{stored.dtype} of {stored.shape} instead of {kind} of {shape}")
        except Exception as error:  # on a damaged header NumPy raises errors of every kind
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DatasetError(
                f"{path} cannot be read ({reason}); delete {self.folder} and prepare again"
            ) from error
        return stored
