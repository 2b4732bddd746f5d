"""Training clips: frames of a stored recording, the sound of the same seconds, and where people looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from avsal.clips.camera import camera_views
from avsal.clips.preparation import content_size, waveform
from avsal.clips.stored_recording import StoredRecording
from avsal.clips.targets import TargetRule, cut, mirror
from avsal.clips.training_windows import Short, num_steps, random_window, sped_window, step_window, surrounded
from avsal.clips.windows import Window
from avsal.errors import ConfigError
from avsal.groundtruth import DensityRecipe
from avsal.types import ClipSpec

__all__ = ["Clip", "ClipDataset", "recoloured"]

_DRAWS = 100
"""How often a clip is drawn before one is taken that nobody looked at."""


@dataclass(frozen=True)
class Clip:
    """One training example, not yet normalised.

    Attributes:
        images: (T, H, W, 3) uint8 RGB, of the model's size or its video's `content_size`; more than T where a
            window comes with frames of the video before and after it.
        audio: (1, A) float32 at the model's scale; None: the video has no sound, or the model hears none.
        density: (T', h, w) float32, each map sums to 1 or is zero everywhere where nobody looked.
        points: T' tensors (N, 2) int64, rows and columns of fixations in pixels of the maps.
        frames: (T',) int64, the video frames that the maps belong to.
        recording: id of the recording.
        dataset: name of its data set.
    """

    images: Tensor
    audio: Tensor | None
    density: Tensor
    points: tuple[Tensor, ...]
    frames: Tensor
    recording: str
    dataset: str


class ClipDataset(Dataset[Clip]):
    """Clips of stored recordings by a model's `ClipSpec`.

    In each epoch every recording gives `clips_per_recording` clips at random places. Clip i of an epoch
    depends on the seed, the epoch and i alone: not on workers, on what was read before, or on where a run was
    resumed. `set_epoch` reaches workers that live on between epochs.

    Args:
        recordings: recordings of one or several stores.
        spec: spec of the model.
        recipe: how fixations become density maps; None: the release's own maps, or object masks.
        seed: seed of everything random.
        map_size: (h, w) of the ground truth; None for the model's input size.
        clips_per_recording: clips per recording in an epoch.
        every: instead of random clips: those that begin this many frames apart, the same in each epoch.
        short: how videos shorter than a clip are filled up, see `training_windows`.
        min_frames: recordings with fewer frames are left out and named in `left_out`.
        flip: probability that a clip is mirrored left and right.
        crop: frames were stored larger than the model's input: cut a random rectangle of its size.
        context: frames of the video that a clip also has before and after its window, see `surrounded`; sound
            and ground truth stay the window's.
        colour: how far brightness, contrast and saturation of a clip may change, as a share.
        speed: how much faster or slower a clip may be shown: its frames lie further apart or repeat, its
            sound is stretched with them. 1 for never. Not for clips that begin at fixed places, nor with
            `context`.
        camera: of photographs (recordings of one frame): the share of clips in which a camera moves over the
            picture, see `camera_views`; in the others every frame is the same.

    Attributes:
        recordings: those that give clips.
        left_out: ids of the recordings that are too short.

    Raises:
        ConfigError: an impossible setting, no recording is left, or a recording's frame size, sample rate or
            ground truth does not fit; says how to prepare it.
    """

    def __init__(
        self,
        recordings: Sequence[StoredRecording],
        spec: ClipSpec,
        recipe: DensityRecipe | None,
        *,
        seed: int,
        map_size: tuple[int, int] | None = None,
        clips_per_recording: int = 1,
        every: int | None = None,
        short: Short = "repeat_first",
        min_frames: int = 1,
        flip: float = 0.0,
        colour: float = 0.0,
        speed: float = 1.0,
        crop: bool = False,
        context: int = 0,
        camera: float = 0.0,
    ) -> None:
        if not 0 <= colour < 1 or speed < 1 or (speed > 1 and (context or every is not None)):
            raise ConfigError(
                f"`colour` must be a share and `speed` at least 1, without `context` and `every`, but are "
                f"{colour} and {speed}"
            )
        if not 0 <= camera <= 1 or (camera and crop):
            raise ConfigError(
                f"`camera` must lie in 0..1, and in place of `crop`, but is {camera} with crop {crop}: a "
                "moving camera shows parts of a photograph as `crop` does"
            )
        if clips_per_recording < 1 or (every is not None and every < 1) or not 0 <= flip <= 1 or seed < 0:
            raise ConfigError(
                "`clips_per_recording` and `every` must be at least 1, `flip` in 0..1, `seed` not negative "
                f"but they are {clips_per_recording}, {every}, {flip} and {seed}"
            )
        self.recordings = [recording for recording in recordings if recording.num_frames >= min_frames]
        self.left_out = [recording.id for recording in recordings if recording.num_frames < min_frames]
        if not self.recordings:
            raise ConfigError(f"none of {len(recordings)} recordings has at least {min_frames} frames")
        self.spec, self.seed, self.short = spec, seed, short
        self.flip, self.crop, self.every, self.context = flip, crop, every, context
        self.camera, self.colour, self.speed = camera, colour, speed
        self.map_size = map_size or spec.size
        self._rule = TargetRule(spec, self.map_size, recipe)
        for recording in self.recordings:
            self._check(recording)
            self._rule.check(recording)
        counts = [
            clips_per_recording if every is None else num_steps(spec, recording.num_frames, every)
            for recording in self.recordings
        ]
        self._starts = np.concatenate([[0], np.cumsum(counts)])  # of each recording's clips among all
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def _check(self, recording: StoredRecording) -> None:
        spec, stored = self.spec, recording.size
        wanted = content_size(spec, recording.video_size)
        if self.crop:
            fits = spec.resize == "stretch" and stored[0] >= wanted[0] and stored[1] >= wanted[1]
        else:
            fits = stored == wanted
        if not fits:
            at_least = "at least " if self.crop else ""
            raise ConfigError(
                f"{recording.dataset} {recording.id} was prepared with frames of {stored[0]}x{stored[1]} but "
                f"the model wants {at_least}{wanted[0]}x{wanted[1]}; prepare the data again with that size"
            )
        if recording.has_sound and spec.sample_rate not in (None, recording.sample_rate):
            raise ConfigError(
                f"{recording.dataset} {recording.id} was prepared with sound at {recording.sample_rate} Hz "
                f"but the model wants {spec.sample_rate} Hz; prepare the data again at that rate"
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the clips of `epoch`, counted from 0."""
        self._epoch.fill_(epoch)

    @property
    def epoch(self) -> int:
        """The epoch whose clips are given out."""
        return int(self._epoch)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Clip:
        recording, window, rate = self._choose(index)
        random = np.random.default_rng((self.seed, self.epoch, index, 1))
        frames = [frame for _, frame in window.outputs]
        shown = surrounded(window, recording.num_frames, self.context)
        if self.camera and recording.num_frames == 1:
            views = camera_views(random, len(shown), recording.frame_rate, self.camera)
            images = views.images(torch.from_numpy(recording.frames([0])[0]))
            seen = views.at([self.context + frame for frame in self.spec.map_frames])
            targets = self._rule.targets(recording, frames, seen)
        elif self.crop:
            images = torch.from_numpy(recording.frames(shown))
            larger = TargetRule(self.spec, recording.size, self._rule.recipe)
            targets = larger.targets(recording, frames)
            images, targets = cut(images, targets, self.spec.size, self.map_size, random)
        else:
            images = torch.from_numpy(recording.frames(shown))
            targets = self._rule.targets(recording, frames)
        if random.random() < self.flip:
            images, targets = mirror(images, targets)
        if self.colour:
            images = recoloured(images, self.colour, random)
        sound = self._sound(recording, window, rate)
        return Clip(
            images,
            None if sound is None else waveform(sound, self.spec),
            torch.from_numpy(targets.density),
            targets.pixels(),
            torch.tensor(frames),
            recording.id,
            recording.dataset,
        )

    def audio_samples(self, index: int) -> int | None:
        """A of clip `index` in the current epoch, None where it has no sound; nothing is read for it."""
        recording, window, rate = self._choose(index)
        if rate != 1.0 and self.spec.sample_rate is not None and recording.has_sound:
            return self.spec.audio_samples(self.spec.num_frames / recording.frame_rate)
        sound = recording.window_sound(window, self.spec, read=False)
        return None if sound is None else len(sound)

    def _sound(self, recording: StoredRecording, window: Window, rate: float) -> NDArray[np.float32] | None:
        """The sound of a window's seconds; stretched to a clip's usual length where it is shown faster or
        slower."""
        if rate == 1.0 or self.spec.sample_rate is None or not recording.has_sound:
            return recording.window_sound(window, self.spec)
        usual = self.spec.audio_samples(self.spec.num_frames / recording.frame_rate)
        begin = float(recording.spans[window.frames[0]][0])
        whole = recording.sound(begin, max(2, round(usual * rate)))
        places = np.linspace(0, len(whole) - 1, usual)
        return np.interp(places, np.arange(len(whole)), whole).astype(np.float32)

    def _choose(self, index: int) -> tuple[StoredRecording, Window, float]:
        """Recording, window and speed of a clip; drawn again where nobody looked at what it is trained on."""
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        position = int(np.searchsorted(self._starts, index, side="right")) - 1
        recording = self.recordings[position]
        if self.every is not None and recording.num_frames >= self.spec.num_frames:
            step = index - int(self._starts[position])
            return recording, step_window(self.spec, recording.num_frames, self.every, step), 1.0
        epoch = self.epoch if self.every is None else 0
        random = np.random.default_rng((self.seed, epoch, index, 0))
        for _ in range(_DRAWS):
            window, rate = self._drawn(recording, random)
            if recording.is_looked_at([frame for _, frame in window.outputs]):
                break
        return recording, window, rate

    def _drawn(self, recording: StoredRecording, random: np.random.Generator) -> tuple[Window, float]:
        if self.speed > 1 and recording.num_frames > self.spec.num_frames:
            rate = float(self.speed ** random.uniform(-1, 1))
            window = sped_window(self.spec, recording.num_frames, rate, random)
            if window is not None:
                return window, rate
        return random_window(self.spec, recording.num_frames, self.short, random), 1.0


def recoloured(images: Tensor, most: float, random: np.random.Generator) -> Tensor:
    """A clip (T, H, W, 3) uint8 with another brightness, contrast and saturation, the same in all frames.

    Each is a factor between 1 - `most` and 1 + `most`.
    """
    brightness, contrast, saturation = random.uniform(1 - most, 1 + most, 3)
    values = images.float() * brightness
    values = (values - values.mean()) * contrast + values.mean()
    grey = values @ torch.tensor([0.299, 0.587, 0.114])
    values = grey[..., None] + (values - grey[..., None]) * saturation
    return values.round_().clamp_(0, 255).to(torch.uint8)
