"""3DSAL: Djilali, Sayah, McGuinness and O'Connor, "3DSAL: an efficient 3D-CNN architecture for video
saliency prediction", VISAPP 2020. VGG-16 features of six frames, weighted by their age, decoded by a 3-D
network; one map, of the last frame.

The decoder is the paper's Table 2. Where the table contradicts itself, and what we chose:

- Its second batch norm (after the first "Conv3D_2_1") is left out: without it the printed total of
  31,447,841 parameters comes out exactly, with it 2,048 more. Keras counts four numbers a channel for a
  batch norm, two of which are running statistics; the trainable parameters are fewer.
- Printed 179,728 parameters of the two 256-channel convolutions are 1,769,728; 9,258 are 9,248; 2,048 of
  the batch norm over 64 channels are 256. The total needs these numbers.
- The first max-pool is 4x2x2 with stride 1x2x2: six frames give three.
- Table 1's column "tanh(c)" holds 0.5 log10((1 + c) / (1 - c)), not tanh(c); it only motivates c. Features
  are multiplied by c itself, as in the released code.

What the paper leaves open:

- The newest frame's weight is 0.98 in the text, 1 in the released code. The text.
- Values given to VGG-16: RGB with the mean and deviation of ImageNet, which its published weights expect
  (the released code feeds values up to 255 in the order BGR, no mean subtracted).
- The first six frames of a video: the released code repeats frames and leaves the weights out; see
  `START_WINDOWS` and `Sal3D.forward_start`.
- A batch norm's epsilon is the default of Keras, 0.001.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.framewise import each_frame, framewise
from avsal.layers.initialisation import he_initialise
from avsal.layers.vgg import VGG16
from avsal.layers.width import scaled
from avsal.models.clip import IMAGENET_MEAN, IMAGENET_STD, check_visual_clip, frame_size, pad_to_multiple
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["COEFFICIENTS", "START_WINDOWS", "Deconv3d", "Sal3D", "Variant"]

#: weights of the six frames, oldest to newest (Section 3.2)
COEFFICIENTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.98)

#: frames that stand for the six when fewer than six precede, for video frames 0 to 5 (released code)
START_WINDOWS = (
    (0, 0, 0, 0, 0, 0),
    (0, 0, 1, 1, 1, 1),
    (0, 1, 1, 2, 2, 2),
    (0, 1, 2, 3, 3, 3),
    (0, 1, 2, 3, 4, 4),
    (0, 1, 2, 3, 4, 5),
)

#: index of the last ReLU before VGG-16's fifth pool
LAST_RELU = 29

Variant = Literal["weighted", "base"]
Triple = tuple[int, int, int]


class Deconv3d(nn.Module):
    """Transposed convolution with stride 1x2x2 and Keras' "SAME" output: H and W are doubled, T is kept.

    Of the 2H + 1 rows (and columns) that a kernel of 3 gives, Keras drops the last. PyTorch's `padding=1,
    output_padding=1` would drop the first and shift the result by one pixel, so it is not used.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: Triple) -> None:
        super().__init__()
        self.full = nn.ConvTranspose3d(channels_in, channels_out, kernel, (1, 2, 2), (kernel[0] // 2, 0, 0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T, 2H, 2W)."""
        H, W = x.shape[-2:]
        doubled: Tensor = self.full(x)[..., : 2 * H, : 2 * W]
        return doubled


def conv(channels_in: int, channels_out: int, kernel: Triple) -> nn.Sequential:
    """Convolution that keeps the size, and ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(Conv3d(channels_in, channels_out, kernel, 1, padding), nn.ReLU())


def deconv(channels_in: int, channels_out: int, kernel: Triple) -> nn.Sequential:
    """Transposed convolution that doubles H and W, and ReLU."""
    return nn.Sequential(Deconv3d(channels_in, channels_out, kernel), nn.ReLU())


def norm(channels: int) -> nn.BatchNorm3d:
    """Batch norm with the epsilon of Keras."""
    return nn.BatchNorm3d(channels, eps=1e-3)


def slow_fusion_decoder(channels: int, width: float) -> nn.Sequential:
    """The layers of Table 2.

    Args:
        channels: of the features.
        width: factor on all channel counts.

    Returns:
        (B, C, 6, H, W) -> (B, 1, 1, 16H, 16W) logits, for even H and W.
    """
    c512, c256, c128, c64, c32, c16 = (scaled(c, width) for c in (512, 256, 128, 64, 32, 16))
    return nn.Sequential(
        conv(channels, c512, (3, 3, 3)),
        conv(c512, c512, (3, 3, 3)),
        MaxPool3d((4, 2, 2), (1, 2, 2)),  # T: 6 -> 3
        norm(c512),
        deconv(c512, c512, (1, 3, 3)),
        conv(c512, c512, (3, 3, 3)),
        deconv(c512, c256, (3, 3, 3)),
        conv(c256, c256, (3, 3, 3)),
        conv(c256, c256, (3, 3, 3)),
        MaxPool3d((3, 1, 1), (1, 1, 1)),  # T: 3 -> 1
        norm(c256),
        deconv(c256, c128, (1, 3, 3)),
        conv(c128, c128, (1, 3, 3)),
        conv(c128, c128, (1, 3, 3)),
        norm(c128),
        deconv(c128, c64, (1, 3, 3)),
        conv(c64, c64, (1, 3, 3)),
        conv(c64, c64, (1, 3, 3)),
        norm(c64),
        deconv(c64, c32, (1, 3, 3)),
        conv(c32, c32, (1, 3, 3)),
        conv(c32, c16, (1, 3, 3)),
        Conv3d(c16, 1, (1, 3, 3), 1, (0, 1, 1)),
    )


@register_model(
    "sal3d",
    paper="Djilali et al., 3DSAL, 2020",
    summary="VGG-16 features of six frames, slow-fusion 3-D decoder; the last frame's map",
)
class Sal3D(SaliencyModel):
    """The whole network: VGG-16 on each frame, weights over time, decoder, sigmoid.

    Args:
        variant: ``weighted`` multiplies each frame's features by its weight of `COEFFICIENTS`, ``base`` by 1.
            Both have the same parameters.
        frozen: whether VGG-16 keeps its weights in training, as published. Meant for published weights: a
            fresh model's are random.
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        backbone: `VGG16`.
        decoder: the layers of Table 2.
    """

    coefficients: Tensor

    def __init__(
        self,
        *,
        variant: Variant = "weighted",
        frozen: bool = True,
        size: Sequence[int] = (224, 224),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if variant not in get_args(Variant):
            raise ValueError(f"`variant` must be one of {', '.join(get_args(Variant))} but is {variant!r}")
        self.spec = ClipSpec(
            num_frames=6,
            size=frame_size(size),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            predicts="last",
            start_windows=START_WINDOWS,
        )
        self.backbone = VGG16(width=width, last=LAST_RELU)
        self.backbone.requires_grad_(not frozen)
        self.decoder = slow_fusion_decoder(self.backbone.channels[-1], width)
        he_initialise(self.decoder, logits=self.decoder[-1])
        weights = COEFFICIENTS if variant == "weighted" else (1.0,) * len(COEFFICIENTS)
        self.register_buffer("coefficients", torch.tensor(weights), persistent=False)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the last frame's map.

        Args:
            frames: (B, 3, 6, H, W), oldest first, normalised as `spec` says.
            audio: None; this model is deaf.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        return self.decode(self.encode(frames) * self.coefficients[:, None, None], frames.shape[-2:])

    def forward_start(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """`forward` for the windows of `spec.start_windows`: the features are not weighted."""
        check_visual_clip(self, frames, audio)
        return self.decode(self.encode(frames), frames.shape[-2:])

    @framewise
    def encode(self, frames: Tensor) -> Tensor:
        """Features of each frame on its own.

        Args:
            frames: (B, 3, T, H, W), any T.

        Returns:
            (B, C, T, H / 16, W / 16), H and W rounded up to multiples of 32.
        """
        return each_frame(lambda images: self.backbone(images, [LAST_RELU])[0], pad_to_multiple(frames, 32))

    def decode(self, features: Tensor, size: Sequence[int]) -> Tensor:
        """Fuse six frames' features.

        Args:
            features: (B, C, 6, h, w) of `encode`, weighted or not.
            size: (H, W) of the map.

        Returns:
            (B, 1, H, W) in [0, 1].
        """
        return torch.sigmoid(self.decoder(features))[:, 0, :, : size[0], : size[1]]
