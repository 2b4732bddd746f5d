"""STAViS: Tsiami, Koutras and Maragos, "STAViS: Spatio-Temporal AudioVisual Saliency Network", CVPR 2020.

A 3D-ResNet-50 of 16 frames whose four levels each give a side output: features for the final map and a map
of their own, which also weighs the level before the next one sees it (the attention of SUSiNet, Koutras and
Maragos, CVPRW 2019). SoundNet hears the frames; where sound and picture meet, per location of the second
stage, both are brought to 128 channels and multiplied by a bilinear layer. A last convolution joins the side
features and what sound gave to a map, which belongs to the clip's median frame, t of the frames t-8 .. t+7.

Layers and the constants that the paper does not print are those of the authors' released network. What was
ours to choose, and where the released code departs from the paper:

- Frames of a size that is no multiple of 16 are padded with the mean colour to the next one.
- The 8 first frames of a video, which the released code gives no map, repeat the first one; the last 7
  repeat the last one. There the released code begins its too short window again: `published=True` does that.
- The released code looks the sound of a video up in all of a list but its last entry, so that each list's
  last video is heard as silence. And it cuts a window's sound by its first and last frame alone, so that a
  window that begins again beyond the video's end hears only a part; `avsal.clips.soundtrack.released` is that
  rule. `published=True` does both, in `avsal.evaluate` and in training; else neither is done.
- Without sound (`audio=None`) the visual network answers: the same features, joined by the convolution of
  the visual stage of training (the paper's STAViS[ST]). Zeros are sound that is silent, and go through the
  branch.
- The sound's window: see `avsal.layers.audio_window`. More than one step of SoundNet's last layer, which
  only windows of more than 3.5 s have, are pooled by their maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.audio_window import hann_centred
from avsal.layers.bilinear import BilinearByLocation
from avsal.layers.framewise import one_operation
from avsal.layers.resnet50_3d import ResNet50
from avsal.layers.soundnet import SAMPLE_RATE, SCALE, SoundNet
from avsal.layers.width import scaled
from avsal.models.clip import check_visual_clip, frame_size, pad_to_multiple
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["STAViS", "STAViSVisual", "SideOutput"]

PAPER = "Tsiami et al., STAViS, 2020"

#: of ActivityNet, in units of 0 to 255
MEAN = (114.7748, 107.7354, 99.4750)

NUM_FRAMES = 16

#: a fresh map is as empty as a map of where people look
EMPTY = -6.0


class SideOutput(nn.Module):
    """A level's side output: features and a map of the input's size, and the map of the level's own size.

    Args:
        channels: of the level.
        features: channels of the side features, 16.
        scale: by how much the level is smaller than the input.
    """

    def __init__(self, channels: int, features: int, scale: int) -> None:
        super().__init__()
        self.prepare = nn.Conv2d(channels, features, 3, padding=1)
        self.score = nn.Conv2d(features, 1, 1)
        self.enlarge = enlarging(features, scale)
        self.enlarge_score = enlarging(1, scale)
        for layer in (self.prepare, self.score):
            nn.init.normal_(layer.weight, std=0.001)
        nn.init.zeros_(self.prepare.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.score.bias, EMPTY)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T, h, w) -> (B, 16, H, W) features, (B, 1, h, w) logits of the map."""
        prepared = self.prepare(x.mean(2))
        return self.enlarge(prepared), self.score(prepared)


def enlarging(channels: int, scale: int) -> nn.ConvTranspose2d:
    """Transposed convolution to `scale` times the size that begins as bilinear interpolation."""
    layer = nn.ConvTranspose2d(channels, channels, 2 * scale, scale, scale // 2, bias=False)
    tent = 1 - (torch.arange(2 * scale) - scale + 0.5).abs() / scale
    with torch.no_grad():
        layer.weight.copy_(torch.eye(channels)[:, :, None, None] * torch.outer(tent, tent))
    return layer


def joining(channels: int) -> nn.Conv2d:
    """1x1 convolution of joined features to a map's logits."""
    layer = nn.Conv2d(channels, 1, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.constant_(layer.bias, EMPTY)  # type: ignore[arg-type]
    return layer


def attended(x: Tensor, logits: Tensor) -> Tensor:
    """(B, C, T, h, w) times 1 + the softmax of (B, 1, h, w) over its positions."""
    attention = logits.flatten(2).softmax(-1).view_as(logits)
    return x * (1 + attention.unsqueeze(2))


@register_model(
    "stavis_visual", paper=PAPER, summary="3D-ResNet-50 with attentive side outputs; pictures only"
)
class STAViSVisual(SaliencyModel):
    """The visual network.

    Args:
        published: whether windows beyond the video's end begin again, as in the released code.
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `ResNet50`.
        sides: `SideOutput` of the stem and of each stage.
        join: of the side features to the map.
    """

    def __init__(
        self, *, published: bool = False, size: Sequence[int] = (112, 112), width: float = 1.0
    ) -> None:
        super().__init__()
        self.spec = ClipSpec(
            NUM_FRAMES,
            frame_size(size),
            MEAN,
            (1.0, 1.0, 1.0),
            value_range=255.0,
            predicts="centre",
            beyond_end="loop" if published else "repeat",
            normalise="range",
        )
        self.encoder = ResNet50(width)
        self.side_channels = scaled(16, width)
        self.sides = nn.ModuleList(
            SideOutput(channels, self.side_channels, 2**level)
            for level, channels in enumerate(self.encoder.channels, start=1)
        )
        self.join = joining(4 * self.side_channels)

    def forward(self, frames: Tensor, audio: Tensor | None = None, *, sides: bool = False) -> Tensor:
        """Predict the map of frame T // 2.

        Args:
            frames: (B, 3, 16, H, W), normalised as `spec` says.
            audio: None; this model is deaf.
            sides: whether the maps of the four side outputs come before it, as in training.

        Returns:
            (B, 1, H, W) in [0, 1], or (B, 5, H, W) with `sides`.

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        H, W = frames.shape[-2:]
        features, scores, _ = self.look(frames)
        maps = [self.join(features)]
        if sides:
            enlarged = [
                side.get_submodule("enlarge_score")(score)
                for side, score in zip(self.sides, scores, strict=True)
            ]
            maps = enlarged + maps
        return torch.sigmoid(torch.cat(maps, 1))[..., :H, :W]

    def look(self, frames: Tensor) -> tuple[Tensor, list[Tensor], Tensor]:
        """All that is seen.

        Args:
            frames: (B, 3, T, H, W); H and W are padded to multiples of 16.

        Returns:
            side features, (B, 64, H, W).
            logits of the side outputs' maps, each (B, 1, h, w).
            features of the second stage, (B, 512, T / 4, H / 8, W / 8), where sound meets them.
        """
        x = self.encoder.stem(pad_to_multiple(frames, 16))
        features: list[Tensor] = []
        scores: list[Tensor] = []
        levels: list[Tensor] = []
        for number, side in enumerate(self.sides):
            if number:
                x = self.encoder.stage(number, attended(x, scores[-1]))
            levels.append(x)
            one, score = side(x)
            features.append(one)
            scores.append(score)
        return torch.cat(features, 1), scores, levels[2]


@register_model("stavis", paper=PAPER, summary="STAViS: side outputs, SoundNet, bilinear fusion", sound=True)
class STAViS(STAViSVisual):
    """The visual network, SoundNet, and a second join of what is seen with what sound gives.

    Args:
        published: whether windows beyond the video's end begin again, sound is cut as in the released code,
            and the last video of a list is heard as silence; see above.
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        soundnet: `SoundNet`.
        fusion: `BilinearByLocation`.
        join_sound: of side features and fused ones to the map.
        samples: of the zeros in whose middle the sound lies: that of 16 frames at 10 a second.
    """

    samples = NUM_FRAMES * SAMPLE_RATE // 10

    def __init__(
        self, *, published: bool = False, size: Sequence[int] = (112, 112), width: float = 1.0
    ) -> None:
        super().__init__(published=published, size=size, width=width)
        self.spec = replace(
            self.spec,
            sample_rate=SAMPLE_RATE,
            audio_scale=SCALE,
            audio_lead=0.5,
            audio_rule="stavis" if published else "frames",
        )
        self.soundnet = SoundNet(width=width)
        self.fusion = BilinearByLocation(self.encoder.channels[2], self.soundnet.channels[-1], width)
        self.join_sound = joining(4 * self.side_channels + self.fusion.channels)
        for side in self.sides:  # their maps train the visual network alone
            side.get_submodule("enlarge_score").requires_grad_(False)
        self.sides[-1].get_submodule("score").requires_grad_(False)  # no level follows that it could weigh

    def forward(self, frames: Tensor, audio: Tensor | None = None, *, sides: bool = False) -> Tensor:
        """Predict the map of frame T // 2.

        Args:
            frames: (B, 3, 16, H, W), normalised as `spec` says.
            audio: (B, 1, A), the sound of the frames, in about [-256, 256]; None: the visual network answers.
            sides: of the visual network; only without sound.

        Returns:
            (B, 1, H, W) in [0, 1]; see `STAViSVisual.forward` for what `sides` adds.

        Raises:
            ValueError: frames or sound of another shape.
        """
        if audio is None:
            return super().forward(frames, sides=sides)
        if sides:
            raise ValueError("`sides` are maps of the visual network: leave `audio` out")
        check_visual_clip(self, frames, None)
        H, W = frames.shape[-2:]
        features, _, level = self.look(frames)
        fused = F.interpolate(self.fuse(level, audio), features.shape[-2:], mode="bilinear")
        return torch.sigmoid(self.join_sound(torch.cat([features, fused], 1)))[..., :H, :W]

    @one_operation
    def fuse(self, level: Tensor, audio: Tensor) -> Tensor:
        """Where sound and picture meet: (B, C, T, h, w) and (B, 1, A) -> (B, 64, h, w)."""
        sound = self.soundnet(hann_centred(audio, self.samples, len(level)))[-1].amax(2)
        fused: Tensor = self.fusion(level, sound)
        return fused
