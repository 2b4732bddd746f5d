"""ViNet and AViNet: Jain et al., "ViNet: Pushing the limits of Visual Modality for Audio-Visual Saliency
Prediction", IROS 2021, arXiv 2012.06170; ViNet-S: Girmaji et al., "Minimalistic Video Saliency Prediction
via Efficient Decoder and Spatio Temporal Action Cues", ICASSP 2025.

S3D sees 32 frames; on the way up each level is joined with the encoder's features of the same size along
TIME, and a convolution whose kernel equals its stride brings all of them back to the few positions of the
coarsest tap. AViNet multiplies sound into the coarsest tap, channel by channel. Layers are those of the
authors' released networks; that the decoder has neither batch norm nor biases but the last is theirs. What
was ours to choose:

- Frames of another size than the one the network was built for: levels are interpolated to the size of the
  encoder's taps, which at multiples of 32 is the authors' factor of two; AViNet's coarsest tap is
  interpolated to the grid of its bilinear layer and back.
- Videos of fewer than 63 frames, which the authors skip: frames past the end are those before it, mirrored.
- ViNet-S repeats a video's first frame before its start; ViNet and AViNet play the first frames backwards.
- AViNet without sound (`audio=None`) is its visual network on the same weights. The authors only know zeros.
- SoundNet's two classifiers, which AViNet's files hold and nothing uses, are kept: what is converted is
  whole, and the number of parameters is the published one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from avsal.layers.audio_window import hann_centred, num_steps
from avsal.layers.bilinear import BilinearByChannel
from avsal.layers.convolution import Conv3d, common_groups
from avsal.layers.framewise import one_operation
from avsal.layers.initialisation import he_initialise
from avsal.layers.pyramid import resize, sizes_upwards
from avsal.layers.s3d import S3D
from avsal.layers.soundnet import SAMPLE_RATE, SCALE, SoundNet
from avsal.layers.width import scaled
from avsal.models.clip import IMAGENET_MEAN, IMAGENET_STD, check_visual_clip, frame_size
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["AViNet", "ConcatenatingDecoder", "ViNet"]

PAPER = "Jain et al., ViNet, 2021"

#: of the last two convolutions; those before them have the channels of the taps they are joined with
CHANNELS = (64, 32)

#: of ViNet-S's convolutions, coarse to fine
GROUPS = (32, 16, 8, 4, 2)

#: positions in time of the taps base3, base2 and base1 for one of base4
RATIOS = (2, 4, 4)

#: Pillow's filter for frames; for maps OpenCV's Gaussian of 11x11 pixels of the video, all of grey
FINISH: dict[str, Any] = {
    "scaling": "bilinear",
    "blur": 2.0,
    "blur_on": "video",
    "blur_radius": 2.5,
    "normalise": "range",
}


class ConcatenatingDecoder(nn.Module):
    """From four taps to logits: five 3x3 convolutions, each followed by ReLU and twice the size.

    Args:
        channels: of the taps, coarsest first.
        positions: of the coarsest tap in time.
        skips: how many finer taps are joined, coarsest first (the paper's ablation; 3 as published).
        grouped: whether the convolutions are ViNet-S's.
        width: factor on all channel counts.

    Attributes:
        steps: the convolutions, coarse to fine.
        collapse: over the time that is left, or None where the steps leave one position.
        predict: the last convolution.
    """

    def __init__(
        self, channels: Sequence[int], positions: int, *, skips: int, grouped: bool, width: float
    ) -> None:
        super().__init__()
        outputs = [*channels[1:], *(scaled(c, width) for c in CHANNELS)]
        inputs = [channels[0], *outputs[:-1]]
        # joined along time: as many positions again of the step before, and those of the tap
        lengths = [1, *(1 + ratio if skip < skips else 1 for skip, ratio in enumerate(RATIOS))]
        lengths.append(2 if positions > 1 else 1)
        left = positions // lengths[-1]
        groups = GROUPS if grouped else (1,) * len(GROUPS)
        self.skips = skips
        self.steps = nn.ModuleList()
        for before, after, length, group in zip(inputs, outputs, lengths, groups, strict=True):
            kernel, stride = (length, 3, 3), (length, 1, 1)
            divides = common_groups(before, after, group)
            self.steps.append(Conv3d(before, after, kernel, stride, (0, 1, 1), groups=divides, bias=False))
        last = outputs[-1]
        self.collapse = (
            Conv3d(last, last, (left, 1, 1), (left, 1, 1), bias=positions > 4) if left > 1 else None
        )
        self.predict = Conv3d(last, 1, 1)

    def forward(self, taps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Decode.

        Args:
            taps: base4 to base1, each (B, C, T, h, w).
            size: (H, W) of the map.

        Returns:
            (B, 1, H, W) logits.
        """
        finer = list(taps[1:])
        x = taps[0]
        for number, (step, target) in enumerate(zip(self.steps, sizes_upwards(finer, size), strict=True)):
            x = resize(torch.relu(step(x)), target)
            if number < self.skips:
                x = torch.cat([x, finer[number]], 2)
        if self.collapse is not None:
            x = torch.relu(self.collapse(x))
        logits: Tensor = self.predict(x)
        return logits[:, :, 0]


@register_model("vinet", paper=PAPER, summary="S3D, decoder that joins skips along time; pictures only")
@register_model(
    "vinet_s",
    paper="Girmaji et al., ViNet-S, 2025",
    summary="ViNet with grouped convolutions in its decoder, 36 MB",
    grouped=True,
    repeat_first=True,
)
class ViNet(SaliencyModel):
    """The whole visual network: encoder, decoder, sigmoid.

    Args:
        num_frames: T: 8, 16, 32 (as published) or 48.
        skips: of the decoder, 0 to 3.
        grouped: whether the decoder's convolutions are grouped (ViNet-S).
        repeat_first: whether windows of a video's first frames repeat the first one; else they play the video
            backwards.
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `S3D`.
        decoder: `ConcatenatingDecoder`.
    """

    def __init__(
        self,
        *,
        num_frames: int = 32,
        skips: int = 3,
        grouped: bool = False,
        repeat_first: bool = False,
        size: Sequence[int] = (224, 384),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if num_frames not in (8, 16, 32, 48):
            raise ValueError(f"`num_frames` must be 8, 16, 32 or 48 but is {num_frames}")
        if not 0 <= skips <= 3:
            raise ValueError(f"`skips` must lie in 0..3 but is {skips}")
        start = [[max(0, i) for i in range(t - num_frames + 1, t + 1)] for t in range(num_frames - 1)]
        self.spec = ClipSpec(
            num_frames=num_frames,
            size=frame_size(size, 32),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            start_windows=tuple(map(tuple, start)) if repeat_first else (),
            **FINISH,
        )
        self.encoder = S3D(width)
        self.decoder = ConcatenatingDecoder(
            self.encoder.channels[::-1], num_frames // 8, skips=skips, grouped=grouped, width=width
        )
        he_initialise(self.decoder, logits=self.decoder.predict)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the last frame's map.

        Args:
            frames: (B, 3, T, H, W), oldest first, normalised as `spec` says; H and W at least 32.
            audio: None; this model is deaf.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        return torch.sigmoid(self.decoder(self.encoder(frames)[::-1], frames.shape[-2:]))


@register_model("avinet", paper=PAPER, summary="ViNet with SoundNet and a bilinear layer", sound=True)
class AViNet(ViNet):
    """`ViNet` whose coarsest tap is fused with the sound of its frames.

    Args:
        num_frames: T: 8, 16, 32 (as published) or 48.
        size: (height, width) in pixels that frames are resized to, which the bilinear layer is built for.
        width: factor on all channel counts, for small versions.

    Attributes:
        soundnet: `SoundNet`.
        classifiers: of SoundNet, unused and not trained.
        fusion: `BilinearByChannel`.
        samples: of the zeros in whose middle the sound lies: that of T frames at 10 a second.
    """

    def __init__(self, *, num_frames: int = 32, size: Sequence[int] = (224, 384), width: float = 1.0) -> None:
        super().__init__(num_frames=num_frames, size=size, width=width)
        H, W = self.spec.size
        self.spec = replace(self.spec, sample_rate=SAMPLE_RATE, audio_scale=SCALE, audio_lead=0.5)
        self.soundnet = SoundNet(width=width)
        heard, seen = self.soundnet.channels[-1], self.encoder.channels[-1]
        self.classifiers = nn.ModuleDict(
            {
                "objects": nn.Conv1d(heard, scaled(1000, width), 8, 2),
                "scenes": nn.Conv1d(heard, 401 if width == 1 else scaled(401, width), 8, 2),
            }
        ).requires_grad_(False)
        # 1024 both as published, where channel meets channel
        self.match = nn.Identity() if heard == seen else nn.Conv1d(heard, seen, 1)
        self.samples = num_frames * SAMPLE_RATE // 10
        grid = (num_frames // 8, H // 32, W // 32)
        self.fusion = BilinearByChannel(grid, num_steps(self.samples))

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the last frame's map.

        Args:
            frames: (B, 3, T, H, W), oldest first, normalised as `spec` says; H and W at least 32.
            audio: (B, 1, A), the sound of the frames, in about [-256, 256]; None: the visual network answers.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames or sound of another shape.
        """
        check_visual_clip(self, frames, None)
        taps = list(self.encoder(frames)[::-1])
        if audio is not None:
            taps[0] = self.fuse(taps[0], audio)
        return torch.sigmoid(self.decoder(taps, frames.shape[-2:]))

    @one_operation
    def fuse(self, base4: Tensor, audio: Tensor) -> Tensor:
        """The coarsest tap, (B, C, T, h, w), with the sound of its frames, (B, 1, A), multiplied in."""
        sound = self.match(self.soundnet(hann_centred(audio, self.samples, len(base4)))[-1])
        return resize(self.fusion(resize(base4, self.fusion.grid[1:]), sound), base4.shape[-2:])
