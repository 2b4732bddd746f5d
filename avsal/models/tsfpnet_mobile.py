"""TSFP-Net in real time: the pyramid of Chang and Zhu (2021) over MobileNetV2 instead of S3D, ours.

Pictures are encoded one by one; time enters in the pyramid alone, as a weighted sum over the last frames at
every level, so that a new map costs one new picture and every engine gives the same maps. Ours throughout:

- levels at strides 4, 8, 16 and 32, each brought to the same width by a 1x1 convolution;
- motion: the level's features of the frames 0, 2, 4 and 8 before the map's, weighted per channel and summed,
  their magnitude mixed by a 1x1 convolution that starts at zero, added to the features of the map's frame;
- the top-down path sums, each sum smoothed by a depthwise separable convolution;
- a learned centre prior, added to the output's logits, in units of the input's height, so that it does not
  depend on how a picture was padded;
- maps are softmax over space, divided by their maximum;
- the sound's attention a (see `avsal.layers.fusion`) is added to the logits, so that it multiplies the map by
  exp(a): sound moves what is seen, and learns without changing how well the network sees.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.framewise import framewise, one_operation
from avsal.layers.fusion import create_fusion
from avsal.layers.mobilenet import LinearConv2d, MobileNetV2, SeparableConv2d
from avsal.layers.soundnet import SAMPLE_RATE, SCALE
from avsal.layers.width import scaled
from avsal.models.clip import frame_size
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["TSFPNetMobile", "TSFPNetMobileAV"]

PAPER = "after Chang and Zhu, TSFP-Net, 2021, and Sandler et al., MobileNetV2, 2018"
CHANNELS, HIDDEN = 64, 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: rows and columns of the learned prior, and half its height and width in heights of the input
PRIOR_SIZE, PRIOR_REACH = (13, 33), (0.5, 1.25)


class Motion(nn.Module):
    """What changed over the last frames, added to the newest one's features; starts as adding nothing.

    Args:
        channels: of the features.
        num_frames: K, of the frames that are weighted, the newest included.
    """

    def __init__(self, channels: int, num_frames: int) -> None:
        super().__init__()
        past = -1.0 / (num_frames - 1)
        weight = torch.full((num_frames, channels), past)
        weight[0] = 1.0
        self.weight = nn.Parameter(weight)
        self.mix = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        """K of (B, C, H, W), the newest first -> (B, C, H, W)."""
        weights = self.weight.to(frames[0].dtype)[..., None, None]
        total = frames[0] * weights[0]
        for frame, weight in zip(frames[1:], weights[1:], strict=True):
            total.addcmul_(frame, weight)
        changed: Tensor = self.mix(total.abs_())
        return changed.add_(frames[0])


def enlarged(x: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, H, W) interpolated linearly to another (H, W)."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)


@one_operation
def one_frame_ahead(audio: Tensor, steps: int) -> Tensor:
    """(B, 1, A) sound moved by one of its 2 `steps` frames, zeros at its end.

    A fusion takes position i to be frame 2 i; where it is frame 2 i + 1, sound moves with it.
    """
    frame = (audio.shape[2] + steps) // (2 * steps)  # whole numbers, which an export keeps
    return F.pad(audio[..., frame:], (0, frame))


@register_model(
    "tsfpnet_mobile",
    paper=PAPER,
    summary="MobileNetV2, feature pyramid with motion; pictures only",
)
class TSFPNetMobile(SaliencyModel):
    """The visual network.

    Args:
        size: (H, W) that frames are fitted into, their shape kept; any size may be given to `forward`.
        width: multiplies every channel count, for small versions.
        prior: whether a centre prior is learned.
    """

    #: a map depends on the frames that lie so many frames before its own
    offsets = (0, 2, 4, 8)
    windows_at_once = 4

    def __init__(self, *, size: Sequence[int] = (192, 352), width: float = 1.0, prior: bool = True) -> None:
        super().__init__()
        self.spec = ClipSpec(
            num_frames=self.offsets[-1] + 1,
            size=frame_size(size, 32),
            mean=MEAN,
            std=STD,
            resize="fit",
        )
        self.encoder = MobileNetV2(width)
        inner, hidden = scaled(CHANNELS, width), scaled(HIDDEN, width)
        self.laterals = nn.ModuleList(LinearConv2d(count, inner) for count in self.encoder.channels)
        self.motions = nn.ModuleList(Motion(inner, len(self.offsets)) for _ in self.encoder.channels)
        self.smooth = nn.ModuleList(
            SeparableConv2d(inner, inner, 5 if level == 3 else 3) for level in range(len(self.laterals))
        )
        self.head = nn.Sequential(SeparableConv2d(inner, hidden), nn.Conv2d(hidden, 1, 1))
        self.prior = nn.Parameter(torch.zeros(1, 1, *PRIOR_SIZE)) if prior else None

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """(B, 3, T, H, W), normalised as for ImageNet -> (B, 1, H, W), the map of the last frame, maximum 1.

        Args:
            frames: of a window; more frames than `spec.num_frames` are allowed, the last ones count.
            audio: None.

        Raises:
            ValueError: too few frames, or sound, which this network cannot hear.
        """
        if audio is not None:
            raise ValueError(f"{self.name} takes no sound: pass audio=None, or use tsfpnet_av_mobile")
        self._check(frames, self.offsets[-1] + 1)
        last = frames.shape[2] - 1
        taps = self.encode(frames[:, :, [last - offset for offset in self.offsets]])
        newest_first = [
            [tap[:, :, place] for place in range(len(self.offsets))] for tap in self.levels_of(taps)
        ]
        return self.read_out(self.logits_of(self.integrate(newest_first)), None, frames.shape[-2:])

    def _check(self, frames: Tensor, least: int) -> None:
        if frames.ndim != 5 or frames.shape[1] != 3 or frames.shape[2] < least:
            expected = f"(B, 3, {least} or more, H, W)"
            raise ValueError(f"`frames` must have the shape {expected} but has {tuple(frames.shape)}")
        if min(frames.shape[-2:]) < 32:
            raise ValueError(f"frames must be at least 32x32 pixels but are {tuple(frames.shape[-2:])}")

    @framewise
    def encode(self, frames: Tensor) -> tuple[Tensor, ...]:
        """The encoder's taps of every frame on its own: (B, 3, N, H, W) -> four of (B, C, N, h, w)."""
        B, _, N = frames.shape[:3]
        images = frames.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return tuple(tap.unflatten(0, (B, N)).transpose(1, 2) for tap in self.encoder(images))

    @framewise
    def levels_of(self, taps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Taps of frames at the pyramid's width, frame by frame: four of (B, C, N, h, w)."""
        levels = []
        for lateral, tap in zip(self.laterals, taps, strict=True):
            flat = lateral(tap.transpose(1, 2).flatten(0, 1))
            levels.append(flat.unflatten(0, (len(tap), tap.shape[2])).transpose(1, 2))
        return tuple(levels)

    @one_operation
    def integrate(self, levels: Sequence[Sequence[Tensor]]) -> Tensor:
        """Motion and the top-down path.

        Args:
            levels: for each level, finest first, (B, C, h, w) of the frames at `offsets`, newest first.

        Returns:
            (B, C, h, w) of the finest level.
        """
        above: Tensor | None = None
        for motion, smooth, frames in reversed(list(zip(self.motions, self.smooth, levels, strict=True))):
            features = motion(frames)
            if above is not None:
                features.add_(enlarged(above, features.shape[-2:]))
            above = smooth(features)
        assert above is not None  # there are four levels
        return above

    def logits_of(self, integrated: Tensor) -> Tensor:
        """(B, 1, h, w) whose softmax over space is the map of what is seen, from (B, C, h, w)."""
        logits: Tensor = self.head(integrated)
        return logits if self.prior is None else logits + self.prior_at(logits.shape[-2:])

    @one_operation
    def prior_at(self, size: Sequence[int]) -> Tensor:
        """The centre prior on a grid of (h, w), (1, 1, h, w)."""
        assert self.prior is not None
        height, width = size
        rows = (torch.arange(height, device=self.prior.device) + 0.5) / height - 0.5
        columns = ((torch.arange(width, device=self.prior.device) + 0.5) - width / 2) / height
        y, x = rows / PRIOR_REACH[0], columns / PRIOR_REACH[1]
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
        return F.grid_sample(
            self.prior.float(), grid, mode="bilinear", padding_mode="border", align_corners=True
        )

    @one_operation
    def read_out(self, logits: Tensor, attention: Tensor | None, size: Sequence[int]) -> Tensor:
        """(B, 1, H, W), maximum 1, from the logits and, with sound, (B, 1, h', w') attention."""
        total = enlarged(logits.float(), size)
        if attention is not None:
            total = total + enlarged(attention.float(), size)
        return torch.exp(total - total.amax((-2, -1), keepdim=True))


@register_model(
    "tsfpnet_av_mobile",
    paper=PAPER,
    summary="MobileNetV2, feature pyramid with motion, sound as attention; real time",
    sound=True,
)
class TSFPNetMobileAV(TSFPNetMobile):
    """`TSFPNetMobile` and an audio branch whose attention multiplies the map.

    The fusion sees every second frame of the window (the last one among them) at strides 8 and 16. Without
    sound (`audio=None`) the output is exactly the visual network's. Zeros are sound that is silent: they go
    through the branch.

    Args:
        fusion: ``aligned``, ours, which keeps time, or ``bilinear``, the paper's; see `avsal.layers.fusion`.
        audio_encoder: ``soundnet`` or ``logmel``; see `avsal.layers.fusion`.
        num_frames: T that are heard, even and at least 10; the picture's own time is `offsets`.
        size: see `TSFPNetMobile`.
        width: see `TSFPNetMobile`.
        prior: see `TSFPNetMobile`.
        audio_width: multiplies the channel counts of the fusion.
    """

    def __init__(
        self,
        *,
        fusion: str = "aligned",
        audio_encoder: str = "soundnet",
        num_frames: int = 32,
        size: Sequence[int] = (192, 352),
        width: float = 1.0,
        prior: bool = True,
        audio_width: float = 0.5,
    ) -> None:
        super().__init__(size=size, width=width, prior=prior)
        if num_frames % 2 or num_frames <= self.offsets[-1]:
            raise ValueError(f"`num_frames` must be even and at least 10, such as 32, but is {num_frames}")
        self.spec = ClipSpec(
            num_frames=num_frames,
            size=self.spec.size,
            mean=MEAN,
            std=STD,
            resize="fit",
            sample_rate=SAMPLE_RATE,
            audio_scale=SCALE,
        )
        self.fusion = create_fusion(fusion, self.encoder.channels, audio_width, audio_encoder=audio_encoder)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """(B, 3, T, H, W), normalised as for ImageNet, and (B, 1, A) in about [-256, 256] -> (B, 1, H, W).

        Args:
            frames: of a window.
            audio: the window's own seconds, or None, where 9 frames do.

        Raises:
            ValueError: too few frames, or sound of another shape.
        """
        if audio is None:
            return super().forward(frames)
        self._check(frames, self.spec.num_frames)
        taps = self.encode(frames[:, :, 1::2])
        last = frames.shape[2] // 2 - 1
        newest_first = [
            [level[:, :, last - offset // 2] for offset in self.offsets] for level in self.levels_of(taps)
        ]
        attention = self.attend(taps, audio)
        return self.read_out(self.logits_of(self.integrate(newest_first)), attention, frames.shape[-2:])

    def attend(self, taps: Sequence[Tensor], audio: Tensor) -> Tensor:
        """Attention logits at stride 16, (B, 1, h, w).

        Args:
            taps: of the window's second, fourth ... last frame, each (B, C, T / 2, h, w).
            audio: (B, 1, A).
        """
        if audio.ndim != 3 or audio.shape[:2] != (len(taps[0]), 1) or audio.shape[2] < 1:
            expected = f"({len(taps[0])}, 1, A)"
            raise ValueError(f"`audio` must have the shape {expected} but has {tuple(audio.shape)}")
        return self.fusion(taps[1], taps[2], one_frame_ahead(audio, taps[0].shape[2]))

    def attention_map(self, frames: Tensor, audio: Tensor) -> Tensor:
        """Where the sound is looked for: (B, H, W) above -1, what the map is multiplied by, minus 1."""
        self._check(frames, self.spec.num_frames)
        return self.spread(self.attend(self.encode(frames[:, :, 1::2]), audio), frames.shape[-2:])

    def spread(self, attention: Tensor, size: Sequence[int]) -> Tensor:
        """Attention as it acts on the map, (B, H, W) above -1: what the map is multiplied by, minus 1."""
        return torch.expm1(enlarged(attention.float(), size))[:, 0]
