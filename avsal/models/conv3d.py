"""Conv3DNet and Deconv3DNet: Ding and Fang, "Video Saliency Detection by 3D Convolutional Neural Networks",
2018. Three frames in, the salient-object mask of the middle frame out.

The text gives five groups down and five up, 3x3x3 kernels, the strides of the pools, one map of the input's
size and little more. What it leaves open or contradicts, and what we chose:

- Convolutions a group and their channels: those of VGG-16 down (2, 2, 3, 3, 3 of 64 to 512); up, 3, 3, 2,
  2, 2 as stated, with the channels that the pools' indices ask for, in reverse.
- Three frames become one only if the pools that stride in time round up (3, 2, 1), as TensorFlow's "SAME"
  does.
- The decoder's groups 3 to 5 begin with a "pooling layer" in print: an unpooling layer.
- Unpooling puts a value where its pool had found the maximum, in space only: the two last pools also shrink
  time, which is fixed to 1 in the decoder. Where a pool's output has several frames, the indices are those
  of the one that holds the middle frame.
- Kernels of the decoder and of the last layer are 1x3x3. At T = 1 a kernel of 3 in time would multiply
  zeros with two thirds of its weights.
- A deconvolution of stride 1 is a convolution with the kernel turned by 180 degrees and is computed as one;
  the learned functions are the same.
- ReLU is named as the activation throughout. After the last layer it could die and leave an empty map: a
  sigmoid there.
- Normalisation: RGB in [-1, 1].
- The video's first and last frame have one neighbour each: the frame itself is repeated by prediction.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, normalised
from avsal.layers.initialisation import he_initialise
from avsal.layers.unpooling import max_unpool_frames
from avsal.layers.width import scaled
from avsal.models.clip import check_visual_clip, frame_size, pad_to_multiple
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["Conv3DNet", "Conv3DSaliency", "Deconv3DNet"]

Triple = tuple[int, int, int]

#: (channels, convolutions, stride of the pool) of the groups on the way down
DOWN: tuple[tuple[int, int, Triple], ...] = (
    (64, 2, (1, 2, 2)),
    (128, 2, (1, 2, 2)),
    (256, 3, (1, 2, 2)),
    (512, 3, (2, 2, 2)),
    (512, 3, (2, 2, 2)),
)

#: deconvolutions of the groups on the way up
UP = (3, 3, 2, 2, 2)

#: where the middle frame is in time behind each pool: of 3, 3, 3 frames, in the pair (t-1, t), the only one
MIDDLE = (1, 1, 1, 0, 0)


def convolution(channels_in: int, channels_out: int, kernel: Triple) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return normalised(Conv3d(channels_in, channels_out, kernel, 1, padding, bias=False), channels_out)


class Conv3DNet(nn.Module):
    """The way down: five groups of 3x3x3 convolutions, each ended by a max-pool.

    Args:
        width: factor on all channel counts.

    Attributes:
        channels: of the groups.
    """

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.channels = tuple(scaled(published, width) for published, _, _ in DOWN)
        self.groups = nn.ModuleList()
        before = 3
        for channels, (_, count, _) in zip(self.channels, DOWN, strict=True):
            inputs = [before] + [channels] * (count - 1)
            self.groups.append(nn.Sequential(*(convolution(c, channels, (3, 3, 3)) for c in inputs)))
            before = channels

    def forward(self, frames: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Extract features.

        Args:
            frames: (B, 3, 3, H, W), H and W multiples of 32.

        Returns:
            features: (B, C, 1, H / 32, W / 32).
            indices: of each pool, (B, C, 1, H / 2, W / 2) to (B, C, 1, H / 32, W / 32): where in its plane
                the maximum was found, for the middle frame.
        """
        x = frames
        indices = []
        for group, (_, _, stride), middle in zip(self.groups, DOWN, MIDDLE, strict=True):
            x = group(x)
            plane = x.shape[-2] * x.shape[-1]
            x, found = F.max_pool3d(x, stride, stride, ceil_mode=True, return_indices=True)
            indices.append(found[:, :, middle : middle + 1] % plane)  # counted over T, H, W
        return x, indices


class Deconv3DNet(nn.Module):
    """The way up: five groups, each an unpooling and deconvolutions; then one convolution to a map.

    Args:
        channels: of the groups on the way down.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.groups = nn.ModuleList()
        inputs = channels[::-1]
        outputs = [*inputs[1:], inputs[-1]]
        for before, after, count in zip(inputs, outputs, UP, strict=True):
            sizes = [before] * count + [after]
            self.groups.append(
                nn.Sequential(*(convolution(sizes[i], sizes[i + 1], (1, 3, 3)) for i in range(count)))
            )
        self.predict = Conv3d(outputs[-1], 1, (1, 3, 3), 1, (0, 1, 1))

    def forward(self, features: Tensor, indices: Sequence[Tensor]) -> Tensor:
        """The outputs of `Conv3DNet` -> (B, 1, 1, H, W) logits."""
        x = features
        for group, index in zip(self.groups, reversed(indices), strict=True):
            x = group(max_unpool_frames(x, index, [2 * side for side in x.shape[-2:]]))
        logits: Tensor = self.predict(x)
        return logits


@register_model(
    "conv3d",
    paper="Ding and Fang, Video saliency detection by 3D CNNs, 2018",
    summary="Conv3DNet and Deconv3DNet: salient object of the middle of three frames",
)
class Conv3DSaliency(SaliencyModel):
    """The whole network: way down, way up, sigmoid.

    Args:
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `Conv3DNet`.
        decoder: `Deconv3DNet`.
    """

    def __init__(self, *, size: Sequence[int] = (224, 224), width: float = 1.0) -> None:
        super().__init__()
        self.spec = ClipSpec(num_frames=3, size=frame_size(size), predicts="centre")
        self.encoder = Conv3DNet(width=width)
        self.decoder = Deconv3DNet(self.encoder.channels)
        he_initialise(self, logits=self.decoder.predict)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the middle frame's map.

        Args:
            frames: (B, 3, 3, H, W), normalised as `spec` says.
            audio: None; this model is deaf.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        H, W = frames.shape[-2:]
        features, indices = self.encoder(pad_to_multiple(frames, 32))
        return torch.sigmoid(self.decoder(features, indices))[:, 0, :, :H, :W]
