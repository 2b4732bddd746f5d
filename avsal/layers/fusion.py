"""Where sound and picture meet: attention over the base3 grid (TSFP-Net, section 3.1; STAViS).

The paper says that "the bilinear transformation" fuses base3 with SoundNet's representation and is upsampled
to an attention map; it gives neither where it acts, its width, its activation nor how time is pooled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial, reduce, wraps
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from avsal.layers.audio_window import hann_centred
from avsal.layers.bilinear import BilinearByChannel, BilinearByLocation, per_location
from avsal.layers.convolution import Conv3d
from avsal.layers.framewise import each_frame, framewise, one_operation
from avsal.layers.logmel import LogMelNet
from avsal.layers.soundnet import SoundNet
from avsal.layers.width import scaled

__all__ = [
    "AUDIO_ENCODERS",
    "FUSIONS",
    "AViNetFusion",
    "AlignedFusion",
    "BilinearFusion",
    "Fusion",
    "STAViSFusion",
    "create_fusion",
]

#: what listens, by name: made from the layers of SoundNet that a fusion uses and the width
AUDIO_ENCODERS: dict[str, Callable[[int, float], SoundNet | LogMelNet]] = {
    "soundnet": SoundNet,
    "logmel": lambda depth, width: LogMelNet(width),
}


#: added to a variance over time, which keeps still channels still
STILL = 0.05


def single_precision(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method in single precision, whatever the visual network computes in.

    What hears silence divides by a spread near 0: rounding to half precision would become the signal.
    """

    @wraps(function)
    def call(module: nn.Module, *inputs: Tensor) -> Tensor:
        device = inputs[0].device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                return function(module, *(values.float() for values in inputs))
        return function(module, *inputs)

    return call


class Fusion(nn.Module, ABC):
    """Base: visual taps and a waveform in, attention logits on the base3 grid out.

    Args:
        channels: of the visual taps.
        width: multiplies every channel count.
        audio_encoder: ``soundnet``, the paper's, on the raw waveform; ``logmel``, ours, on log-mel frames.
            Its parameters are below its name in a state dict.
        time_stride: frames from one of base2's positions to the next; the first is centred on frame 0.
    """

    #: layers of SoundNet that are used
    depth: ClassVar[int]

    def __init__(
        self,
        channels: Sequence[int],
        width: float = 1.0,
        *,
        audio_encoder: str = "soundnet",
        time_stride: int = 2,
    ) -> None:
        super().__init__()
        if audio_encoder not in AUDIO_ENCODERS:
            raise ValueError(
                f"`audio_encoder` must be one of {', '.join(AUDIO_ENCODERS)} but is {audio_encoder!r}"
            )
        self.audio_encoder = audio_encoder
        self.time_stride = time_stride
        self.add_module(audio_encoder, AUDIO_ENCODERS[audio_encoder](self.depth, width))
        self.build(channels, width)

    @abstractmethod
    def build(self, channels: Sequence[int], width: float) -> None:
        """Make what meets what `hearing` gives; see the class for the arguments."""

    @single_precision
    def __call__(self, *inputs: Tensor) -> Tensor:
        """`forward`."""
        return super().__call__(*inputs)

    @property
    def hearing(self) -> SoundNet | LogMelNet:
        """The network that hears."""
        encoder = self.get_submodule(self.audio_encoder)
        assert isinstance(encoder, SoundNet | LogMelNet)
        return encoder

    @abstractmethod
    def forward(self, base2: Tensor, base3: Tensor, audio: Tensor) -> Tensor:
        """Fuse.

        Args:
            base2: (B, C2, T2, H2, W2).
            base3: (B, C3, T3, H, W).
            audio: (B, 1, A), the sound of the same seconds from the first frame's start to the last's end.

        Returns:
            (B, 1, H, W) logits.
        """


class BilinearFusion(Fusion):
    """The paper's fusion, per location as in STAViS: sound and picture pooled over the clip, then multiplied.

    Visual: mean of base3 over time, linear to 128, ReLU. Sound: maximum of conv7 (the last layer of another
    encoder) over time, linear to 128, ReLU. Bilinear to 64, linear to 1. Works for any frame size and any
    length of sound; times are of no concern to it.
    """

    depth = 7

    def build(self, channels: Sequence[int], width: float) -> None:
        """See `Fusion.build`."""
        hidden, out = scaled(128, width), scaled(64, width)
        self.visual = nn.Linear(channels[2], hidden)
        self.sound = nn.Linear(self.hearing.channels[-1], hidden)
        self.bilinear = nn.Bilinear(hidden, hidden, out)
        self.attention = nn.Linear(out, 1)

    def forward(self, base2: Tensor, base3: Tensor, audio: Tensor) -> Tensor:
        """See `Fusion.forward`."""
        visual = torch.relu(self.visual(rearrange(base3.mean(2), "b c h w -> b h w c")))
        sound = torch.relu(self.sound(self.hearing(audio)[-1].amax(2)))
        return self.attention(per_location(self.bilinear, visual, sound)).movedim(-1, 1)


class AlignedFusion(Fusion):
    """Ours: time is kept on both sides until picture and sound are multiplied.

    Visual features are base3 beside base2 (a silently trained base3 has dropped what tells alike objects
    apart). Sound is two of the encoder's layers, its `timed` ones. Both are brought to base2's positions by
    their true centres. Two paths are summed:

    - synchrony: each channel standardised over time, picture times sound, mean over time;
    - content: a short temporal convolution and ReLU on each side, then mean over time, then bilinear.
    """

    depth = 5

    def build(self, channels: Sequence[int], width: float) -> None:
        """See `Fusion.build`."""
        hidden, out = scaled(128, width), scaled(32, width)
        self.visual = Conv3d(channels[1] + channels[2], hidden, 1)
        self.sound = nn.Conv1d(sum(self.hearing.channels[n - 1] for n in self.hearing.timed), hidden, 1)
        self.synchrony = nn.Linear(hidden, out)
        self.visual_content = Conv3d(hidden, hidden, (5, 1, 1), padding=(2, 0, 0))
        self.visual_content.sees_beyond = False  # as sound does not: both are those of the window's seconds
        self.sound_content = nn.Conv1d(hidden, hidden, 5, padding=2)
        self.bilinear = nn.Bilinear(hidden, hidden, out)
        self.attention = nn.Linear(out, 1)

    def forward(self, base2: Tensor, base3: Tensor, audio: Tensor) -> Tensor:
        """See `Fusion.forward`."""
        visual = self.see(base2, base3)
        return self.meet(visual, torch.relu(self.visual_content(visual)), audio)

    @framewise
    @single_precision
    def see(self, base2: Tensor, base3: Tensor) -> Tensor:
        """(B, hidden, T2, H, W) visual features: frame by frame where both taps have as many positions."""
        fine = each_frame(partial(maxima, size=base3.shape[-2:]), base2)
        times = base2.shape[2] // base3.shape[2]
        coarse = base3.repeat_interleave(times, 2) if times > 1 else base3
        return self.visual(torch.cat([fine, coarse], 1))

    @one_operation
    @single_precision
    def meet(self, visual: Tensor, content: Tensor, audio: Tensor) -> Tensor:
        """Logits of `forward` from visual features, their content, each (B, hidden, T, H, W), and sound."""
        times = self.step_times(audio, visual.shape[2])
        hearing = self.hearing
        features = hearing(audio)
        sound = []
        for layer in hearing.timed:
            heard_at = hearing.step_times(layer, features[layer - 1].shape[-1], device=audio.device)
            sound.append(at_times(features[layer - 1], heard_at, times))
        heard = self.sound(torch.cat(sound, 1))

        synchrony = self.synchrony(rearrange(correlation(visual, heard), "b c h w -> b h w c"))
        seen = rearrange(mean_over_time(content), "b c h w -> b h w c")
        both = per_location(self.bilinear, seen, torch.relu(self.sound_content(heard)).mean(2))
        return self.attention(torch.relu(synchrony + both)).movedim(-1, 1)

    def step_times(self, audio: Tensor, num_steps: int) -> Tensor:
        """(num_steps,) when base2's positions are seen, in samples of (B, 1, A) sound from its start.

        Position i is centred on frame `time_stride` i of `time_stride` `num_steps` frames.
        """
        steps = torch.arange(num_steps, device=audio.device, dtype=torch.float32)
        stride = self.time_stride
        return (stride * steps + 0.5) * (audio.shape[-1] / (stride * num_steps))


class STAViSFusion(Fusion):
    """STAViS's: sound under a Hann window, the two middle positions of the picture, `BilinearByLocation`.

    STAViS joins what results with visual features by a 1x1 convolution; here the convolution makes attention
    of it, as the other fusions do. Sound is as long as its frames: STAViS's zeros around it only fix its
    length.
    """

    depth = 7

    def build(self, channels: Sequence[int], width: float) -> None:
        """See `Fusion.build`."""
        self.product = BilinearByLocation(channels[2], self.hearing.channels[-1], width)
        self.attention = nn.Linear(self.product.channels, 1)

    def forward(self, base2: Tensor, base3: Tensor, audio: Tensor) -> Tensor:
        """See `Fusion.forward`."""
        heard = self.hearing(hann_centred(audio, audio.shape[-1], len(base3)))[-1].amax(2)
        return self.attention(self.product(base3, heard).movedim(1, -1)).movedim(-1, 1)


class AViNetFusion(Fusion):
    """AViNet's: sound under a Hann window, `BilinearByChannel` on its grid of 7x12 positions and 3 steps.

    AViNet fuses S3D's last features, with as many channels as SoundNet has, and decodes what results. Here it
    is base3, brought to the grid by its maxima, sound is brought to as many channels, and a convolution makes
    attention of the result, interpolated to base3's grid.
    """

    depth = 7
    grid = (7, 12)
    steps = 3

    def build(self, channels: Sequence[int], width: float) -> None:
        """See `Fusion.build`."""
        self.sound = nn.Linear(self.hearing.channels[-1], channels[2])
        self.product = BilinearByChannel((1, *self.grid), self.steps)
        self.attention = nn.Linear(channels[2], 1)

    def forward(self, base2: Tensor, base3: Tensor, audio: Tensor) -> Tensor:
        """See `Fusion.forward`."""
        heard = self.hearing(hann_centred(audio, audio.shape[-1], len(base3)))[-1]
        heard = self.sound(F.adaptive_max_pool1d(heard, self.steps).transpose(1, 2)).transpose(1, 2)
        pooled = F.adaptive_max_pool2d(base3.amax(2), self.grid)
        fused = self.product(pooled.unsqueeze(2), heard)[:, :, 0]
        logits = self.attention(fused.movedim(1, -1)).movedim(-1, 1)
        return F.interpolate(logits, base3.shape[-2:], mode="bilinear")


FUSIONS: dict[str, type[Fusion]] = {
    "bilinear": BilinearFusion,
    "aligned": AlignedFusion,
    "stavis": STAViSFusion,
    "avinet": AViNetFusion,
}


def create_fusion(name: str, channels: Sequence[int], width: float, *, audio_encoder: str) -> Fusion:
    """A fusion of `FUSIONS`; see `Fusion` for the other arguments.

    Raises:
        ValueError: no such fusion, or no such encoder.
    """
    if name not in FUSIONS:
        raise ValueError(f"`fusion` must be one of {', '.join(FUSIONS)} but is {name!r}")
    return FUSIONS[name](channels, width, audio_encoder=audio_encoder)


def maxima(x: Tensor, size: Sequence[int]) -> Tensor:
    """`torch.nn.functional.adaptive_max_pool2d` of (B, C, H, W) to at least half of each side.

    In an export it is written by rows and columns, since the operation would fix the size of the frames.
    """
    if not torch.compiler.is_exporting():
        return F.adaptive_max_pool2d(x, tuple(size))
    for dim, out in zip((-2, -1), size, strict=True):
        length, place = x.shape[dim], torch.arange(out, device=x.device)
        first, last = place * length // out, ((place + 1) * length + out - 1) // out - 1
        rows = [x.index_select(dim, torch.minimum(first + step, last)) for step in range(3)]
        x = torch.maximum(torch.maximum(rows[0], rows[1]), rows[2])
    return x


def mean_over_time(x: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B, C, H, W): three times as fast as `Tensor.mean` where channels lie innermost."""
    return reduce(torch.add, x.unbind(2)) / x.shape[2]


def correlation(visual: Tensor, heard: Tensor) -> Tensor:
    """Mean over time of the product of picture and sound, each standardised over time first.

    The picture's spread is divided by once, after the mean, and moments are taken one by one, in the cache.

    Args:
        visual: (B, C, T, H, W).
        heard: (B, C, T).

    Returns:
        (B, C, H, W).
    """
    moments = (visual - mean_over_time(visual).unsqueeze(2)).unbind(2)
    sounds = standardised(heard, 2).transpose(1, 2).contiguous()[..., None, None].unbind(1)
    square, product = moments[0].square(), moments[0] * sounds[0]
    for moment, sound in zip(moments[1:], sounds[1:], strict=True):
        square = torch.addcmul(square, moment, moment)
        product = torch.addcmul(product, moment, sound)
    count = len(moments)
    return product / count * torch.rsqrt(square / count + STILL)


def standardised(x: Tensor, dim: int) -> Tensor:
    """Zero mean and about unit variance over `dim`."""
    centred = x - x.mean(dim, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(dim, keepdim=True) + STILL)


def at_times(features: Tensor, centres: Tensor, times: Tensor) -> Tensor:
    """Resample (B, C, L) features from their centres to other times with a triangular kernel.

    The kernel is as wide as the coarser of the two grids: linear interpolation where the features are the
    coarser ones, a weighted mean where they are finer.

    Args:
        features: (B, C, L).
        centres: (L,) ascending times of the features.
        times: (T,) ascending times wanted, in the same unit.

    Returns:
        (B, C, T).
    """
    # numbers stay tensors: reading them would make the processor wait for the device, and stop an export
    widest = centres.new_ones(())
    for grid in (centres, times):
        if grid.shape[0] > 1:
            widest = torch.maximum(widest, grid[1] - grid[0])
    nearest = times.clamp(centres[0], centres[-1])
    weight = (1 - (nearest[None] - centres[:, None]).abs() / widest).clamp(min=0)
    weight = weight / weight.sum(0, keepdim=True)
    return features @ weight.to(features.dtype)
