"""Writing one recording of a store: decode, check, scale, and put frames, sound and gaze on one clock."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avsal.clips.array_file import GrowingArray
from avsal.clips.fingerprint import array_fingerprint, file_fingerprint, text_fingerprint
from avsal.clips.frame_chunks import FrameChunks, GreyImages
from avsal.clips.preparation import resize_map
from avsal.clips.store_settings import StoreSettings
from avsal.clips.stored_recording import (
    FIXATIONS,
    FRAMES,
    MAPS,
    META,
    PACKED_FRAMES,
    PACKED_MAPS,
    SOUND,
    SPANS,
    StoredRecording,
)
from avsal.errors import DatasetError
from avsal.media.audio import load_sound
from avsal.media.frames import VideoInfo
from avsal.media.video import open_frames
from avsal.types import Fixations, Recording

__all__ = [
    "has_ground_truth",
    "kept_maps",
    "scaled_map",
    "source_fingerprint",
    "store_folder",
    "write_recording",
]

Maps = Literal["density", "mask"]


def has_ground_truth(recording: Recording) -> bool:
    """Whether there is anything to train on: gaze, density maps or object masks."""
    return bool(recording.load_fixations or recording.load_density or recording.load_mask)


def kept_maps(recording: Recording, settings: StoreSettings) -> Maps | None:
    """Which maps of a recording are stored: all masks, density maps where asked for or where all there is."""
    if recording.load_mask is not None:
        return "mask"
    wanted = settings.maps or recording.load_fixations is None
    return "density" if recording.load_density is not None and wanted else None


def scaled_map(recording: Recording, frame: int, size: tuple[int, int]) -> NDArray[np.generic]:
    """(h, w) of a frame: its object mask, bool, or its density map, whose maximum becomes 1.

    Raises:
        DatasetError: the density is negative or not finite.
    """
    if recording.load_mask is not None:
        return resize_map(recording.load_mask(frame).astype(np.float32), size) >= 0.5
    assert recording.load_density is not None  # or nobody asks
    density = resize_map(recording.load_density(frame), size)
    peak = density.max()
    if not np.isfinite(peak) or density.min() < 0:
        raise DatasetError(f"{recording.id}: the density map of frame {frame} is negative or not finite")
    return density / peak if peak > 0 else density


def store_folder(recording: Recording) -> Path:
    """Where a recording lies in a store: data set and id, in letters that every file system takes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", recording.id).lstrip(".")
    if name != recording.id:
        name = f"{name}-{text_fingerprint(recording.id)[:8]}"
    return Path(recording.dataset) / name


def source_fingerprint(recording: Recording) -> str:
    """Of a recording's video and sound files and the number of frames wanted.

    Raises:
        DatasetError: a file is missing.
    """
    paths = [recording.frames] if recording.audio is None else [recording.frames, recording.audio]
    try:
        return text_fingerprint(str(recording.num_frames), *map(file_fingerprint, paths))
    except OSError as error:
        raise DatasetError(
            f"{error.filename} cannot be read ({error.strerror}); extract it from the release"
        ) from error


def write_recording(
    recording: Recording, folder: Path, settings: StoreSettings, advance: Callable[[], None]
) -> StoredRecording:
    """Store one recording as `folder`, which appears when it is whole and replaces what was there.

    Damaged pictures are refused: of frames that are lost nobody can say which gaze belongs to the others. A
    hole in the sound is filled with silence and noted, as the rest keeps its time.

    Args:
        recording: recording to be stored.
        folder: its place in the store.
        settings: settings of the store.
        advance: called after each frame; what it raises passes through.

    Raises:
        DatasetError: gaze or maps cannot be read, or pictures or sound are damaged or missing.
        MediaError: the video or sound cannot be read.
    """
    source = source_fingerprint(recording)
    writing = _Writing(recording, settings)
    with _whole(folder) as temporary:
        writing.gaze()
        info = writing.pictures(temporary, advance)
        writing.sound(temporary, info)
        num_fixations = writing.fixations_on_video(temporary)
        writing.maps(temporary)
        gaze = writing.fixations
        facts = StoredRecording(
            folder=temporary,
            id=recording.id,
            dataset=recording.dataset,
            num_frames=len(writing.spans),
            size=writing.size,
            video_size=info.size,
            frame_rate=info.frame_rate,
            sample_rate=settings.sample_rate,
            has_sound=recording.audio is not None,
            num_fixations=num_fixations,
            gaze_size=None if gaze is None else gaze.size,
            maps=kept_maps(recording, settings),
            split=recording.split,
            category=recording.category,
            geometry=None if gaze is None else gaze.geometry,
            dropped={} if gaze is None else writing.dropped,
            notes=tuple(writing.notes),
            source=source,
            content=text_fingerprint(
                source, str(writing.size), *writing.content, *(["compressed"] if settings.compress else [])
            ),
            compressed=settings.compress,
        )
        (temporary / META).write_text(json.dumps(facts.facts(), indent=1) + "\n")
    return StoredRecording.open(folder)


@dataclass
class _Writing:
    """What is known of a recording while it is being written."""

    recording: Recording
    settings: StoreSettings
    size: tuple[int, int] = (0, 0)
    spans: list[tuple[float, float]] = field(default_factory=list)
    fixations: Fixations | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)

    def gaze(self) -> None:
        if self.recording.load_fixations is not None:
            self.fixations = self.recording.load_fixations()
            self.dropped = dict(self.fixations.dropped)

    def pictures(self, folder: Path, advance: Callable[[], None]) -> VideoInfo:
        recording = self.recording
        limit = recording.num_frames
        info = open_frames(recording.frames, frame_rate=recording.frame_rate).info
        self.size = self.settings.content_size(info.size)
        reader = open_frames(recording.frames, self.size, frame_rate=recording.frame_rate)
        packed = self.settings.compress
        written: GrowingArray | FrameChunks = (
            FrameChunks(folder / PACKED_FRAMES)
            if packed
            else GrowingArray(folder / FRAMES, (*self.size, 3), np.uint8)
        )
        with reader, written as frames:
            for frame in reader:
                if frames.num_rows == limit:
                    break
                frames.append(frame.image)
                self.spans.append((frame.time, frame.time + frame.duration))
                advance()
        if reader.damage:
            raise DatasetError(
                f"{recording.frames} is damaged ({reader.damage.describe()}), so that gaze cannot be laid on "
                "the right frames; extract or download it again"
            )
        if not self.spans:
            raise DatasetError(f"{recording.frames} has no frame; extract or download it again")
        if limit is not None and len(self.spans) < limit:
            self.notes.append(f"{recording.frames.name} has {len(self.spans)} frames, published are {limit}")
        np.save(folder / SPANS, np.array(self.spans))
        return info

    def sound(self, folder: Path, info: VideoInfo) -> None:
        audio, rate = self.recording.audio, self.settings.sample_rate
        if audio is None:
            return
        origin = info.origin if audio == self.recording.frames else None
        samples, damage = load_sound(audio, rate, origin=origin, end=self.spans[-1][1])
        if len(samples) == 0:
            raise DatasetError(f"{audio} holds no sound within the video; extract or download it again")
        if damage:
            self.notes.append(f"{audio.name} is damaged ({damage.describe()}); silence stands in the gaps")
        wanted = round(self.spans[-1][1] * rate)
        short = (wanted - len(samples)) / rate
        if short > 1:
            self.notes.append(f"{audio.name} ends {short:.1f} s before the pictures; silence follows")
        samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
        if not samples.any():
            self.notes.append(f"{audio.name} is digital silence from beginning to end")
        np.save(folder / SOUND, samples)
        self.content.append(array_fingerprint(samples))

    def fixations_on_video(self, folder: Path) -> int | None:
        """Write the fixations on stored frames, by frame; how many they are."""
        points = self.fixations
        if points is None:
            return None
        height, width = points.size
        inside = (points.x >= 0) & (points.x < width) & (points.y >= 0) & (points.y < height)
        if not inside.all():
            raise DatasetError(
                f"{self.recording.id} has {int((~inside).sum())} fixations outside its frame; "
                "drop and count them where they are read"
            )
        shown = points.frame < len(self.spans)
        if not shown.all():
            self.dropped["fixations after the last stored frame"] = int((~shown).sum())
        order = np.argsort(points.frame[shown], kind="stable")
        columns = (points.frame, points.x, points.y, points.observer)
        table = np.stack([column[shown][order].astype(np.float64) for column in columns])
        np.save(folder / FIXATIONS, table)
        self.content.append(array_fingerprint(table))
        return int(shown.sum())

    def maps(self, folder: Path) -> None:
        kind = kept_maps(self.recording, self.settings)
        if kind is None:
            return
        fingerprints = []
        written: GrowingArray | GreyImages = (
            GreyImages(folder / PACKED_MAPS)
            if self.settings.compress
            else GrowingArray(folder / MAPS, self.size, np.uint8 if kind == "mask" else np.float16)
        )
        with written as maps:
            for index in range(len(self.spans)):
                image = scaled_map(self.recording, index, self.size)
                maps.append(image)
                fingerprints.append(array_fingerprint(image))
        self.content.append(text_fingerprint(*fingerprints))


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place on success and is removed otherwise."""
    temporary = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(4)}.part")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
