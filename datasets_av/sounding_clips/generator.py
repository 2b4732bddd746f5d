"""Composites made on the fly: composite i of a seed is always the same one.

composites = SoundingClips("clips", seed=1)
composite = composites[17]
composite.frames, composite.sound, composite.fixations, composite.target
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError
from avsal.types import Fixations
from datasets_av.sounding_clips.layout import Tile, draw_ground, draw_tiles, paste
from datasets_av.sounding_clips.material import FOLDS, Footage, Match, Material, Part, Source, footage
from datasets_av.sounding_clips.mouth_motion import motion_against_loudness
from datasets_av.sounding_objects.expected_gaze import ExpectedGaze, expected_gaze
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.scene import Turns, scale_of

__all__ = ["CONDITIONS", "Composite", "SoundingClips"]

CONDITIONS = ("original", "swapped", "shifted", "silent")
"""What is heard: the heard source's own sound; that of another one that is seen; the heard source's from
another moment, at least `SHIFT` away; nothing."""

SHIFT = 0.4
"""Seconds; ten frames."""

ACTIVE = 0.6
"""Share of a window's frames in which a source has to be sounding in its own clip, heard or not: nothing but
the sound tells who is heard."""

LEVEL = (0.02, 0.15)
"""Root mean square of what is heard."""

NOISE = (0.0003, 0.003)
"""Standard deviation of the noise under it."""


@dataclass(frozen=True, eq=False)
class Composite:
    """One composite, whole. Legend: K sources, T frames, A audio samples.

    Gaze is EXPECTED, by the rule of `datasets_av.sounding_objects`, not measured: nobody has watched this.

    Attributes:
        index: within its seed.
        frames: (T, H, W, 3) uint8 RGB.
        sounds: by condition, (A,) float32 mono in [-1, 1].
        sample_rate: of the sound in Hz.
        frame_rate: in frames a second.
        sources: K clips that are seen.
        heard: index of the one that is heard.
        boxes: (K, 4) where each is, x0, y0, x1, y1 in pixels.
        faces: (K, 4) each one's face in the same form; its box where there is no face.
        fixations: simulated gaze, one row per observer and frame.
        gaze: the expected gaze: the target density and the best maps with and without sound.
    """

    index: int
    frames: NDArray[np.uint8]
    sounds: Mapping[str, NDArray[np.float32]]
    sample_rate: int
    frame_rate: float
    sources: tuple[Source, ...]
    heard: int
    boxes: NDArray[np.float64]
    faces: NDArray[np.float64]
    fixations: Fixations
    gaze: ExpectedGaze

    @property
    def sound(self) -> NDArray[np.float32]:
        """(A,) what is heard, the heard source's own sound."""
        return self.sounds["original"]

    @property
    def target(self) -> NDArray[np.float32]:
        """(H, W) target density of the last frame; sums to 1."""
        return self.gaze.density(-1)

    def favoured(self, saliency: NDArray[np.float32]) -> int:
        """Which source a map (H, W) favours: the one with the greatest mean inside its box."""
        means = []
        for x0, y0, x1, y1 in np.round(self.boxes).astype(int).tolist():
            means.append(float(saliency[y0:y1, x0:x1].mean()))
        return int(np.argmax(means))

    def map_by_hand(self) -> NDArray[np.float32]:
        """(H, W), sums to 1: the expected gaze of the last frame if the source were heard whose mouth's
        movement fits the loudness of `sound` best, see `motion_against_loudness`."""
        fits = motion_against_loudness(
            self.frames, self.sound, self.faces, frame_rate=self.frame_rate, sample_rate=self.sample_rate
        )
        order = np.arange(len(self.sources) + 1)
        picked = int(fits.argmax())
        order[[picked, self.heard]] = self.heard, picked
        told = self.gaze.weights_with_sound[:, order]
        return replace(self.gaze, weights_with_sound=told).best_map(-1, sound=True)


@dataclass(frozen=True)
class SoundingClips:
    """An endless sequence of composites: two to four real clips side by side, one of which is heard.

    All clips of a composite are of one kind and, by default, of one source, cut out about the face, and show
    different people; place, scale, ground, brightness, mirroring and level vary. All of them are sounding in
    their own clips at that time, so that only the sound tells who is heard. Composites depend on the
    arguments, the index and the files; on one machine equal arguments give equal bits in every process.

    Attributes:
        root: the folder of `clips.csv`; see `Material`.
        part: ``train`` or ``test``: people are held out, never files; None: everybody.
        fold: which people, 0 to 2.
        kinds: of sources.
        match: clips of one composite are of one ``source`` (default) or only of one ``kind``.
        num_sources: fewest and most sources; drawn uniformly among the numbers for which there are people.
        seed: of the sequence, 0 or more.
        num_frames: T.
        size: (H, W) in pixels, at least (64, 96).
        frame_rate: in frames a second.
        sample_rate: in Hz.
        observers: how the simulated observers behave.
    """

    root: str
    part: Part | None = None
    fold: int = 0
    kinds: tuple[str, ...] = ("face",)
    match: Match = "source"
    num_sources: tuple[int, int] = (2, 4)
    seed: int = 0
    num_frames: int = 32
    size: tuple[int, int] = (192, 256)
    frame_rate: float = 25.0
    sample_rate: int = 22050
    observers: Observers = field(default_factory=Observers)

    def __post_init__(self) -> None:
        """Check the arguments and read the list of clips.

        Raises:
            ConfigError: an argument makes no sense, or there are too few people for it.
            DatasetError: the list cannot be read.
        """
        object.__setattr__(self, "root", str(self.root))
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))
        object.__setattr__(self, "kinds", tuple(self.kinds))
        object.__setattr__(self, "num_sources", (int(self.num_sources[0]), int(self.num_sources[1])))
        choices = {"part": (None, *get_args(Part)), "match": get_args(Match)}
        for name, known in choices.items():
            value = getattr(self, name)
            if value not in known:
                raise ConfigError(f"`{name}` must be one of {', '.join(map(str, known))} but is {value!r}")
        if not 0 <= self.fold < FOLDS:
            raise ConfigError(f"`fold` must lie in 0..{FOLDS - 1} but is {self.fold}")
        if not 2 <= self.num_sources[0] <= self.num_sources[1] <= 4:
            raise ConfigError(f"`num_sources` must be two numbers from 2 to 4 but is {self.num_sources}")
        if self.seed < 0 or self.num_frames < 1 or self.frame_rate <= 0 or self.sample_rate < 4000:
            raise ConfigError(
                "expected `seed` >= 0, `num_frames` >= 1, `frame_rate` > 0, `sample_rate` >= 4000 but found "
                f"{self.seed}, {self.num_frames}, {self.frame_rate} and {self.sample_rate}"
            )
        if self.size[0] < 64 or self.size[1] < 96:
            raise ConfigError(f"`size` must be at least (64, 96) pixels but is {self.size}")
        if not self._numbers:
            raise ConfigError(
                f"{self.root}: expected {self.num_sources[0]} or more people of one {self.match} "
                f"({', '.join(self.kinds)}) with clips of {self.num_frames / self.frame_rate:.2f} s but "
                "there are none; ask for shorter composites, other kinds or match='kind'"
            )

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, tuple[Source, ...]]]:
        """Who may be seen beside whom: by group, the clips of each person."""
        material = Material.read(Path(self.root))
        # a frame more than the window, so that the last frame is shown to its end
        seconds = (self.num_frames + 1) / self.frame_rate
        return material.groups(self.kinds, self.match, seconds, self.part, self.fold)

    @cached_property
    def _numbers(self) -> list[int]:
        most = max((len(members) for members in self.groups.values()), default=0)
        return list(range(self.num_sources[0], min(self.num_sources[1], most) + 1))

    def __iter__(self) -> Iterator[Composite]:
        """Composites 0, 1, 2, ... without end."""
        return map(self.__getitem__, count())

    def __getitem__(self, index: int) -> Composite:
        """Make the composite of a 0-based index.

        Raises:
            IndexError: `index` is negative: the sequence has no end to count from.
            DatasetError: a clip cannot be read.
        """
        if index < 0:
            raise IndexError(f"`index` must be 0 or more but is {index}")
        # people, picture, sound and gaze have streams of their own, so that one never changes another
        people_rng, picture_rng, sound_rng, gaze_rng = (
            np.random.default_rng([self.seed, index, stream]) for stream in range(4)
        )
        sources, starts, clips = self._cast(people_rng)
        K = len(sources)
        heard = int(people_rng.integers(K))
        tiles = draw_tiles(picture_rng, [clip.frames.shape[1:3] for clip in clips], self.size)
        frames = draw_ground(picture_rng, self.size, self.num_frames)
        for tile, clip, start in zip(tiles, clips, starts, strict=True):
            paste(frames, clip.frames[start : start + self.num_frames], tile)
        boxes = np.array([tile.box for tile in tiles])
        faces = np.array([_face(tile, clip) for tile, clip in zip(tiles, clips, strict=True)])

        aims = np.empty((self.num_frames, K + 1, 2))
        aims[:, :K] = (faces[:, :2] + faces[:, 2:]) / 2
        aims[:, K] = self.size[1] / 2, self.size[0] / 2
        times = np.arange(self.num_frames) / self.frame_rate
        turns = Turns(np.zeros(1), np.array([heard]))
        scale = scale_of(self.size)
        return Composite(
            index=index,
            frames=frames,
            sounds=self._sounds(sound_rng, clips, starts, heard),
            sample_rate=self.sample_rate,
            frame_rate=self.frame_rate,
            sources=tuple(sources),
            heard=heard,
            boxes=boxes,
            faces=faces,
            fixations=self.observers.look(gaze_rng, turns, aims, times, self.size, scale),
            gaze=expected_gaze("decides", self.observers, turns, aims, times, self.size, scale),
        )

    def _cast(self, rng: np.random.Generator) -> tuple[list[Source], list[int], list[Footage]]:
        """Who is seen, from which frame of their clip on, and the clips."""
        K = int(rng.choice(self._numbers))
        names = [name for name, members in self.groups.items() if len(members) >= K]
        # a group counts by its people, so that everybody is seen about as often
        weights = np.array([len(self.groups[name]) for name in names], float)
        members = self.groups[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        people = list(members)
        sources, starts, clips = [], [], []
        for who in rng.permutation(len(people))[:K].tolist():
            takes = members[people[who]]
            source = takes[int(rng.integers(len(takes)))]
            clip = footage(source, self._side, self.frame_rate, self.sample_rate)
            sources.append(source)
            clips.append(clip)
            starts.append(self._start(rng, clip, source))
        return sources, starts, clips

    @property
    def _side(self) -> int:
        return round(0.6 * min(self.size))

    def _start(self, rng: np.random.Generator, clip: Footage, source: Source) -> int:
        """A frame from which on the source is sounding most of the time, or as much as it ever is."""
        last = len(clip.frames) - self.num_frames
        if last < 0:
            raise DatasetError(
                f"{source.path} is shorter than clips.csv says ({source.seconds} s): expected "
                f"{self.num_frames} frames at {self.frame_rate:g} a second; correct the list"
            )
        sums = np.concatenate([[0], np.cumsum(clip.active)])
        share = (sums[self.num_frames :] - sums[: last + 1]) / self.num_frames
        return int(rng.choice(np.flatnonzero(share >= min(ACTIVE, share.max()))))

    def _sounds(
        self, rng: np.random.Generator, clips: list[Footage], starts: list[int], heard: int
    ) -> dict[str, NDArray[np.float32]]:
        """What is heard under each of `CONDITIONS`, all at one level over one noise."""
        length = round(self.num_frames / self.frame_rate * self.sample_rate)
        level = float(np.exp(rng.uniform(*np.log(LEVEL))))
        noise = float(np.exp(rng.uniform(*np.log(NOISE)))) * rng.standard_normal(length)
        other = (heard + int(rng.integers(1, len(clips)))) % len(clips)
        own, start = clips[heard], starts[heard]
        away = round(SHIFT * self.frame_rate)
        places = np.arange(len(own.frames) - self.num_frames + 1)
        places = places[np.abs(places - start) >= away]
        turned = float(rng.random())

        def cut(clip: Footage, frame: int) -> NDArray[np.float64]:
            first = round(frame / self.frame_rate * self.sample_rate)
            samples = clip.sound[first : first + length].astype(np.float64)
            return np.pad(samples, (0, length - len(samples)))

        def at_level(samples: NDArray[np.float64]) -> NDArray[np.float32]:
            loudness = np.sqrt(np.mean(samples**2))
            heard = samples * (level / loudness if loudness > 0 else 0.0) + noise
            return np.clip(heard, -1.0, 1.0).astype(np.float32)

        if len(places):
            shifted = cut(own, int(places[int(turned * len(places))]))
        else:
            # the clip is hardly longer than the window: its end is heard first
            shortest = round(SHIFT * self.sample_rate)
            by = shortest + round(turned * max(0, length - 2 * shortest))
            shifted = np.roll(cut(own, start), by)
        return {
            "original": at_level(cut(own, start)),
            "swapped": at_level(cut(clips[other], starts[other])),
            "shifted": at_level(shifted),
            "silent": np.zeros(length, np.float32),
        }


def _face(tile: Tile, clip: Footage) -> tuple[float, float, float, float]:
    """Where the face is in the frame, mirrored as the tile is."""
    left, top, right, bottom = tile.box
    if clip.face is None:
        return tile.box
    height, width = clip.frames.shape[1:3]
    x0, y0, x1, y1 = clip.face
    if tile.mirrored:
        x0, x1 = width - x1, width - x0
    across, down = (right - left) / width, (bottom - top) / height
    return left + x0 * across, top + y0 * down, left + x1 * across, top + y1 * down
