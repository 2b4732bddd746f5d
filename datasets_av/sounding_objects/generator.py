"""Sounding objects made on the fly: clip i of a seed is always the same clip.

videos = SoundingObjects(setting="decides", cue="synchrony", seed=1)
clip = videos[17]
clip.frames, clip.sound, clip.fixations, clip.target
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations
from datasets_av.sounding_objects.expected_gaze import ExpectedGaze, Setting, expected_gaze
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.picture import draw
from datasets_av.sounding_objects.scene import (
    RATE_JITTER,
    RATES,
    REFERENCE_SIZE,
    Cue,
    Scene,
    Turns,
    draw_scene,
    scale_of,
)
from datasets_av.sounding_objects.sound import synthesise

__all__ = ["SoundingObjects", "SyntheticClip"]


@dataclass(frozen=True, eq=False)
class SyntheticClip:
    """One video of sounding objects, whole. Legend: K objects, T frames, A audio samples.

    Attributes:
        index: of the clip within its seed.
        frames: (T, H, W, 3) uint8 RGB.
        sound: (A,) float32 mono in [-1, 1]; sample 0 is heard when frame 0 appears.
        sample_rate: of the sound in Hz.
        frame_rate: in frames a second.
        scene: what happens: `scene.tracks` (T, K, 2), `scene.pulses` (T, K), `scene.heard` (T,),
            `scene.times` (T,) in seconds, `scene.turns`.
        attended: (T,) index of the object that observers attend to, before their latency.
        fixations: simulated gaze, one row per observer and frame.
        gaze: the expected gaze: the target density and the best maps with and without sound.
    """

    index: int
    frames: NDArray[np.uint8]
    sound: NDArray[np.float32]
    sample_rate: int
    frame_rate: float
    scene: Scene
    attended: NDArray[np.int64]
    fixations: Fixations
    gaze: ExpectedGaze

    @property
    def target(self) -> NDArray[np.float32]:
        """(H, W) target density of the last frame; sums to 1."""
        return self.gaze.density(-1)


@dataclass(frozen=True)
class SoundingObjects:
    """An endless sequence of videos in which sound tells where people look, or does not.

    Two to four objects move over a textured background under a drifting camera, each opening and flashing to
    a rhythm of its own. At any time one of them is heard.

    Videos depend on `cue`, `seed`, the index and the numbers below, but not on `setting`: `decides` and
    `irrelevant` show the same videos with different gaze, `visible` adds a ring round the heard object. On
    one machine equal arguments give equal bits in every process.

    Attributes:
        setting: ``decides``: gaze follows the heard object. ``irrelevant``: gaze follows an object that is
            drawn independently of the sound. ``visible``: gaze follows the heard object, and a bright ring
            shows which it is, so that sound says nothing new.
        cue: what ties sound to object: ``identity``, ``rhythm`` or ``synchrony``; see `draw_scene`.
        seed: of the sequence, 0 or more.
        num_frames: T; 32 is enough for every cue, 16 for ``identity``.
        size: (H, W) in pixels, at least (32, 56); lengths scale with it.
        frame_rate: in frames a second, at least 15.
        sample_rate: in Hz, at least 4000.
        switch_every: mean seconds until another object is heard. No turn is shorter than 0.75 of it, so with
            the default the heard object is constant in videos of up to 3 s.
        observers: how the simulated observers behave.
    """

    setting: Setting = "decides"
    cue: Cue = "synchrony"
    seed: int = 0
    num_frames: int = 32
    size: tuple[int, int] = REFERENCE_SIZE
    frame_rate: float = 25.0
    sample_rate: int = 22050
    switch_every: float = 4.0
    observers: Observers = field(default_factory=Observers)

    def __post_init__(self) -> None:
        """Raise ValueError when an argument makes no sense."""
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))
        for name, value, known in (("setting", self.setting, Setting), ("cue", self.cue, Cue)):
            if value not in get_args(known):
                raise ValueError(f"`{name}` must be one of {', '.join(get_args(known))} but is {value!r}")
        fastest = max(RATES) * (1 + RATE_JITTER)
        for name, number, least in (
            ("seed", self.seed, 0),
            ("num_frames", self.num_frames, 1),
            ("frame_rate", self.frame_rate, 15),
            ("sample_rate", self.sample_rate, 4000),
        ):
            if number < least:
                reason = f" (pulses reach {fastest:.1f} a second)" if name == "frame_rate" else ""
                raise ValueError(f"`{name}` must be at least {least} but is {number}{reason}")
        for name, number, most in (
            ("num_frames", self.num_frames, 100_000),
            ("frame_rate", self.frame_rate, 1000),
            ("sample_rate", self.sample_rate, 192_000),
            ("size", max(self.size), 4096),
        ):
            if not number <= most:
                raise ValueError(f"`{name}` must be at most {most} but is {number}")
        if scale_of(self.size) < 0.5:
            raise ValueError(f"`size` must be at least (32, 56) pixels but is {self.size}")
        if self.switch_every <= 0:
            raise ValueError(f"`switch_every` must be positive seconds but is {self.switch_every}")

    def __iter__(self) -> Iterator[SyntheticClip]:
        """Clips 0, 1, 2, ... without end."""
        return map(self.__getitem__, count())

    def __getitem__(self, index: int) -> SyntheticClip:
        """Make the clip of a 0-based index.

        Raises:
            IndexError: `index` is negative: the sequence has no end to count from.
        """
        if index < 0:
            raise IndexError(f"`index` must be 0 or more but is {index}")
        # the scene, picture and noise have streams of their own, so that one never changes another
        scene_rng, picture_rng, sound_rng, gaze_rng, attention_rng = (
            np.random.default_rng([get_args(Cue).index(self.cue), self.seed, index, stream])
            for stream in range(5)
        )
        scene = draw_scene(
            scene_rng,
            self.cue,
            num_frames=self.num_frames,
            size=self.size,
            frame_rate=self.frame_rate,
            switch_every=self.switch_every,
        )
        attended = scene.turns
        if self.setting == "irrelevant":
            attended = Turns.draw(attention_rng, scene.num_objects, scene.seconds, self.switch_every)

        H, W = self.size
        centre = np.broadcast_to([W / 2, H / 2], (self.num_frames, 1, 2))
        aims = np.concatenate([scene.tracks, centre], axis=1)
        scale = scale_of(self.size)
        return SyntheticClip(
            index=index,
            frames=draw(scene, picture_rng, marked=self.setting == "visible"),
            sound=synthesise(scene, sound_rng, self.sample_rate),
            sample_rate=self.sample_rate,
            frame_rate=self.frame_rate,
            scene=scene,
            attended=attended.at(scene.times),
            fixations=self.observers.look(gaze_rng, attended, aims, scene.times, self.size, scale),
            gaze=expected_gaze(self.setting, self.observers, attended, aims, scene.times, self.size, scale),
        )
