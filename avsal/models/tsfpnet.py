"""TSFP-Net: Chang and Zhu, "Temporal-Spatial Feature Pyramid for Video Saliency Detection", arXiv 2021
(Cognitive Computation 15(3), 2023), without and with sound.

No official code was published. What the paper leaves open, and what we chose:

- input values: those of the published S3D weights, RGB in [-1, 1];
- widths, kernels and the resolution in time of pyramid and decoder: see `avsal.layers.pyramid`;
- the bilinear fusion's place and width: see `avsal.layers.fusion`; its logits a become attention by
  ELU(a) > -1, so that attended features x (1 + attention) never change sign, and zero logits change nothing;
- the output network: 3x3 to 16 channels, ReLU, 1x1 to 1, bilinear to the input's size, sigmoid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d
from avsal.layers.framewise import one_operation
from avsal.layers.fusion import create_fusion
from avsal.layers.pyramid import Levels, Pyramid, SpatialConv, resize
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SAMPLE_RATE, SCALE
from avsal.layers.width import scaled
from avsal.models.clip import frame_size
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["TSFPNet", "TSFPNetAV"]

PAPER = "Chang and Zhu, TSFP-Net, 2021"

Taps = tuple[Tensor, Tensor, Tensor, Tensor]


@register_model("tsfpnet", paper=PAPER, summary="S3D, temporal-spatial feature pyramid; pictures only")
class TSFPNet(SaliencyModel):
    """The visual network.

    Args:
        num_frames: T, a multiple of 8 (the paper tries 16, 32 and 48; Table 1).
        size: (H, W) that frames are resized to; any size may be given to `forward`.
        levels: ``pyramid``, or the paper's ablations ``multi`` and ``final`` (Table 8).
        width: multiplies every channel count, for small versions.
        batch_norm_momentum: of the encoder; 0.1 suits training from scratch.
    """

    def __init__(
        self,
        *,
        num_frames: int = 32,
        size: Sequence[int] = (192, 352),
        levels: Levels = "pyramid",
        width: float = 1.0,
        batch_norm_momentum: float = 0.001,
    ) -> None:
        super().__init__()
        if num_frames < 8 or num_frames % 8:
            raise ValueError(
                f"`num_frames` must be a multiple of 8, such as 16, 32 or 48, but is {num_frames}"
            )
        self.spec = ClipSpec(num_frames=num_frames, size=frame_size(size, 32))
        self.encoder = S3D(width, batch_norm_momentum)
        positions = [num_frames // stride for stride in self.encoder.time_strides]
        self.pyramid = Pyramid(self.encoder.channels, positions, levels, width)
        hidden = scaled(16, width)
        self.head = nn.Sequential(SpatialConv(self.pyramid.out_channels, hidden), Conv3d(hidden, 1, 1))

    def forward(self, frames: Tensor, audio: Tensor | None = None, *, context: int = 0) -> Tensor:
        """(B, 3, T, H, W) in [-1, 1] -> (B, 1, H, W) in [0, 1], the map of the last frame.

        Args:
            frames: of a window; with `context` frames of the video before and after it.
            audio: None.
            context: see `encode`.

        Raises:
            ValueError: a number of frames other than `num_frames`, or sound, which this network cannot hear.
        """
        if audio is not None:
            raise ValueError(f"{self.name} takes no sound: pass audio=None, or use tsfpnet_av")
        taps = self.encode(frames, context)
        return self.read_out(self.pyramid(taps), None, frames.shape[-2:])

    def encode(self, frames: Tensor, context: int = 0) -> Taps:
        """The encoder's taps of a window; see `S3D`.

        Args:
            frames: (B, 3, context + T + context, H, W).
            context: frames of the video that the encoder sees before and after the window, where it would see
                zeros: a multiple of 8, its longest stride. 48 are all that a window's taps depend on.
        """
        if context < 0 or context % 8:
            raise ValueError(f"`context` must be a multiple of 8, such as 16, but is {context}")
        T = self.spec.num_frames
        if frames.ndim != 5 or frames.shape[1:3] != (3, T + 2 * context):
            expected = f"(B, 3, {T + 2 * context}, H, W)"
            raise ValueError(f"`frames` must have the shape {expected} but has {tuple(frames.shape)}")
        if min(frames.shape[-2:]) < 32:
            raise ValueError(f"frames must be at least 32x32 pixels but are {tuple(frames.shape[-2:])}")
        taps: Taps = self.encoder(frames)
        if context:
            taps = tuple(  # type: ignore[assignment]
                tap[:, :, context // stride : (context + T) // stride]
                for tap, stride in zip(taps, self.encoder.time_strides, strict=True)
            )
        return taps

    def read_out(self, integrated: Tensor, logits: Tensor | None, size: Sequence[int]) -> Tensor:
        """The output network.

        Args:
            integrated: (B, C, 1, h, w), the pyramid's sum.
            logits: (B, 1, h', w') of the attention, or None for a video without sound.
            size: (H, W) of the map.

        Returns:
            (B, 1, H, W) in [0, 1].
        """
        if logits is not None:
            attention = F.elu(resize(logits.unsqueeze(2), integrated.shape[-2:]))
            integrated = integrated * attention + integrated
        return torch.sigmoid(resize(self.head(integrated), size).squeeze(2))


@register_model(
    "tsfpnet_av", paper=PAPER, summary="TSFP-Net with SoundNet and bilinear attention", sound=True
)
class TSFPNetAV(TSFPNet):
    """`TSFPNet` and an audio branch whose attention multiplies the integrated visual features.

    Without sound (`audio=None`) the output is exactly the visual network's. Zeros are sound that is silent:
    they go through the branch.

    Args:
        fusion: ``bilinear``, the paper's, sound pooled over the clip; ``aligned``, ours, which keeps time;
            ``stavis`` and ``avinet``, those of the peers.
        audio_encoder: ``soundnet``, the paper's; ``logmel``, ours; see `avsal.layers.fusion`.
    """

    def __init__(
        self,
        *,
        fusion: str = "bilinear",
        audio_encoder: str = "soundnet",
        num_frames: int = 32,
        size: Sequence[int] = (192, 352),
        levels: Levels = "pyramid",
        width: float = 1.0,
        batch_norm_momentum: float = 0.001,
    ) -> None:
        super().__init__(
            num_frames=num_frames,
            size=size,
            levels=levels,
            width=width,
            batch_norm_momentum=batch_norm_momentum,
        )
        self.spec = ClipSpec(
            num_frames=num_frames, size=self.spec.size, sample_rate=SAMPLE_RATE, audio_scale=SCALE
        )
        self.fusion = create_fusion(fusion, self.encoder.channels, width, audio_encoder=audio_encoder)

    def forward(self, frames: Tensor, audio: Tensor | None = None, *, context: int = 0) -> Tensor:
        """(B, 3, T, H, W) in [-1, 1] and (B, 1, A) in about [-256, 256] -> (B, 1, H, W) in [0, 1].

        Args:
            frames: of a window; with `context` frames of the video before and after it.
            audio: the window's own seconds, or None.
            context: see `encode`.

        Raises:
            ValueError: a number of frames other than `num_frames`, or sound of another shape.
        """
        taps = self.encode(frames, context)
        logits = None if audio is None else self.attend(taps, audio)
        return self.read_out(self.pyramid(taps), logits, frames.shape[-2:])

    @one_operation
    def attend(self, taps: Taps, audio: Tensor) -> Tensor:
        """Attention logits on the base3 grid, (B, 1, h, w), from the taps and (B, 1, A) sound."""
        if audio.ndim != 3 or audio.shape[:2] != (len(taps[0]), 1) or audio.shape[2] < 1:
            expected = f"({len(taps[0])}, 1, A)"
            raise ValueError(f"`audio` must have the shape {expected} but has {tuple(audio.shape)}")
        return self.fusion(taps[1], taps[2], audio)

    def attention_map(self, frames: Tensor, audio: Tensor) -> Tensor:
        """Where the sound is looked for: (B, H, W) above -1, what features are multiplied by, minus 1."""
        return self.spread(self.attend(self.encode(frames), audio), frames.shape[-2:])

    def spread(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        """Attention as it acts on the integrated features, (B, H, W) above -1, from (B, 1, h, w) logits."""
        fine = F.elu(resize(logits.unsqueeze(2), [-(-side // 4) for side in size]))
        return resize(fine, size)[:, 0, 0]
