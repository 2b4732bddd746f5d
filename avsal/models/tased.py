"""TASED-Net: Min and Corso, "TASED-Net: Temporally-Aggregating Spatial Encoder-Decoder Network for Video
Saliency Detection", ICCV 2019, arXiv 1908.05786. 32 frames in, the map of the last one out.

S3D encodes; the decoder enlarges by unpooling: values go where the encoder's maxima were. The decoder knows a
quarter of the encoder's moments, so the features are pooled over time once more, beside the encoder, for the
places of their maxima ("auxiliary pooling", Figure 3). At the end two convolutions with stride 2 in time
leave one moment. Layers are those of the authors' released network ("updated" in their table), which differs
from the paper's Figure 2 in the decoder's widths.

- Of equal maxima the first counts; ReLU makes many zeros equal. Rounding in the encoder may move a maximum,
  and with it a value of the decoder.
- Pools overlap: of several values that belong to one place the last stays, as on a CPU in the authors' code.
- Maps are blurred as the authors' are, but not rounded to 8 bits before. They scale frames bilinearly without
  an average where these shrink; of the filters here, the average over areas comes nearest.
- Frames whose sides are no multiples of 32, which the authors do not take, are padded with zeros below and to
  the right.
- Videos of fewer than 63 frames, which the authors skip: frames past the end are those before it, mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers import convolution
from avsal.layers.convolution import Conv3d, max_pool3d
from avsal.layers.framewise import each_frame
from avsal.layers.initialisation import he_initialise
from avsal.layers.s3d import S3D
from avsal.layers.unpooling import max_pool_frames, max_unpool_frames
from avsal.layers.width import scaled
from avsal.models.clip import check_visual_clip, frame_size, pad_to_multiple
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["TASEDNet", "UnpoolingDecoder"]

#: (kernel, stride) of pools over time alone
HALF, QUARTER = (2, 1, 1), (4, 1, 1)


class FrameDeconvolution(nn.ConvTranspose3d):
    """Transposed convolution without bias of every frame alone.

    Args:
        in_channels: C.
        out_channels: C'.
        kernel: its height and width.
        stride: in H and W.
    """

    is_framewise = True

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        side = 0 if kernel == 1 else 1
        super().__init__(
            in_channels, out_channels, (1, kernel, kernel), (1, stride, stride), (0, side, side), bias=False
        )

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T, stride H, stride W)."""
        weight, stride, side = self.weight[:, :, 0], self.stride[1:], self.kernel_size[1] > 1
        return each_frame(lambda flat: F.conv_transpose2d(flat, weight, None, stride, int(side)), x)


#: a layer, S3D's batch norm, ReLU
normalised = partial(convolution.normalised, eps=1e-3, momentum=0.001)


class UnpoolingDecoder(nn.Module):
    """The prediction network: from base4 to logits, each step twice as large.

    Args:
        channels: of the taps base1 to base4.
        width: factor on the decoder's own channel counts.

    Attributes:
        steps: what runs before the first, second and third unpooling.
        aggregate: the rest: once and twice as large, four moments to one.
        predict: the last convolution.
    """

    def __init__(self, channels: Sequence[int], width: float) -> None:
        super().__init__()
        base1, base2, base3, base4 = channels
        c64, few = scaled(64, width), 4
        self.steps = nn.ModuleList(
            [
                nn.Sequential(
                    normalised(Conv3d(base4, base4, 1, bias=False), base4),
                    normalised(FrameDeconvolution(base4, base3, 3), base3),
                ),
                normalised(FrameDeconvolution(base3, base2, 3), base2),
                normalised(FrameDeconvolution(base2, base1, 3), base1),
            ]
        )
        self.aggregate = nn.Sequential(
            normalised(FrameDeconvolution(base1, c64, 4, 2), c64),
            normalised(Conv3d(c64, c64, HALF, HALF, bias=False), c64),
            normalised(FrameDeconvolution(c64, few, 1), few),
            normalised(Conv3d(few, few, HALF, HALF, bias=False), few),
            FrameDeconvolution(few, few, 4, 2),
        )
        self.predict = Conv3d(few, 1, 1)

    def forward(self, features: Tensor, places: Sequence[tuple[Tensor, Sequence[int]]]) -> Tensor:
        """Decode.

        Args:
            features: base4, (B, C, 4, h, w).
            places: the indices and (H, W) of each pool that is undone, coarse to fine.

        Returns:
            (B, 1, 32h, 32w) logits.
        """
        x = features
        for step, (indices, size) in zip(self.steps, places, strict=True):
            x = max_unpool_frames(step(x), indices, size)
        logits: Tensor = self.predict(self.aggregate(x))
        return logits[:, :, 0]


@register_model(
    "tased",
    paper="Min and Corso, TASED-Net, 2019",
    summary="S3D, decoder that unpools where the encoder's maxima were; pictures only",
)
class TASEDNet(SaliencyModel):
    """The whole network: encoder, auxiliary pools, decoder, sigmoid.

    Args:
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `S3D`.
        decoder: `UnpoolingDecoder`.
    """

    def __init__(self, *, size: Sequence[int] = (224, 384), width: float = 1.0) -> None:
        super().__init__()
        self.spec = ClipSpec(num_frames=32, size=frame_size(size), blur=7.0, normalise="max")
        self.encoder = S3D(width)
        self.decoder = UnpoolingDecoder(self.encoder.channels, width)
        he_initialise(self.decoder, logits=self.decoder.predict)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the last frame's map.

        Args:
            frames: (B, 3, 32, H, W), oldest first, in [-1, 1].
            audio: None; this model is deaf.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        H, W = frames.shape[-2:]
        encoder = self.encoder
        base1 = encoder.base1(pad_to_multiple(frames, 32))
        base2 = encoder.base2(encoder.pool2(base1))
        base3 = encoder.base3(encoder.pool3(base2))
        pooled, indices = max_pool_frames(max_pool3d(base3, HALF, HALF, (0, 0, 0)), 2, 2)
        places = [(indices, base3.shape[-2:])]
        for tap in (base2, base1):
            _, indices = max_pool_frames(max_pool3d(tap, QUARTER, QUARTER, (0, 0, 0)), 3, 2, 1)
            places.append((indices, tap.shape[-2:]))
        return torch.sigmoid(self.decoder(encoder.base4(pooled), places))[..., :H, :W]
