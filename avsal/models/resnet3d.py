"""3D-ResNet: Sun, Wang, Zhang and Jiang, "Real-Time Video Saliency Prediction Via 3D Residual Convolutional
Neural Network", IEEE Access 7, 2019. A clip of 16 frames in, the maps of all 16 frames out.

Layers are those of the authors' released network; the numbers of parameters match the published "more than
200 million" with the feature pyramid and "about 50 million" without. What the paper leaves open or
contradicts, and what we chose:

- Values of the maps: the text says 0 to 1, the released network ends in a linear layer. A sigmoid, so that
  the text holds.
- Normalisation "with zero mean and unit variance" does not say of what: of each colour channel over the
  Kinetics videos, as the published weights of R3D-18 and R(2+1)D-18 expect.
- Frames are 128x128 in training, 112x112 in use: 112x112 unless asked, and `forward` takes any size.
- The text has all kernels 3x3x3; the first is 3x7x7.
- The text defines "Proposed-S" as the network without the pyramid and gives no layers: those of the released
  network that has the stated number of parameters. ReLU after its first two deconvolutions is our choice.
- What happens where fewer than 16 frames of the video are left is open. The kernels fit T = 16 alone, so
  windows always have 16 frames, and prediction decides which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d
from avsal.layers.initialisation import he_initialise
from avsal.layers.resnet3d import KINETICS_MEAN, KINETICS_STD, VideoResNet
from avsal.layers.width import scaled
from avsal.models.clip import check_visual_clip, frame_size, pad_to_multiple
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["Backbone", "PlainDecoder", "PyramidDecoder", "ResNet3D"]

PAPER = "Sun et al., 3D-ResNet, 2019"

Triple = tuple[int, int, int]
Backbone = Literal["paper", "r3d_18", "r2plus1d_18"]


def deconvolution(
    channels_in: int, channels_out: int, kernel: Triple, stride: Triple, padding: Triple
) -> nn.ConvTranspose3d:
    """Transposed convolution without bias."""
    return nn.ConvTranspose3d(channels_in, channels_out, kernel, stride, padding, bias=False)


def activated(layer: nn.Module, channels: int, dropout: float) -> nn.Sequential:
    """`layer`, batch norm, ReLU, dropout."""
    return nn.Sequential(layer, nn.BatchNorm3d(channels), nn.ReLU(), nn.Dropout(dropout))


class PyramidDecoder(nn.Module):
    """Brings the last three stages to one size, joins them and deconvolves: the paper's "Proposed".

    Args:
        channels: of the four stages.
        dropout: probability, after each deconvolution but the last.
        width: factor on all channel counts.
    """

    def __init__(self, channels: Sequence[int], *, dropout: float, width: float) -> None:
        super().__init__()
        _, c3, c4, c5 = channels
        joined, last = scaled(512, width), scaled(256, width)
        self.up4 = activated(deconvolution(c4, c4, (4, 4, 4), (2, 2, 2), (1, 1, 1)), c4, dropout)
        self.up5 = activated(deconvolution(c5, c5, (8, 8, 8), (2, 4, 4), (1, 2, 2)), c5, dropout)
        self.join = activated(Conv3d(c3 + c4 + c5, joined, (7, 3, 3), 1, 1, bias=False), joined, 0.0)
        self.up = activated(deconvolution(joined, last, (4, 4, 4), (2, 2, 2), (1, 1, 1)), last, dropout)
        self.predict = deconvolution(last, 1, (4, 4, 4), (2, 2, 2), (1, 1, 1))

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Outputs of the four stages -> (B, 1, 16, H, W) logits."""
        _, x3, x4, x5 = taps  # T is 8, 4, 2
        joined = self.join(torch.cat([self.up4(x4), self.up5(x5), x3], 1))  # T: 8 -> 4
        logits: Tensor = self.predict(self.up(joined))
        return logits


class PlainDecoder(nn.Module):
    """Three deconvolutions of the last stage: the paper's "Proposed-S".

    Args:
        channels: of the four stages.
        dropout: probability, after each deconvolution but the last.
        width: factor on all channel counts.
    """

    def __init__(self, channels: Sequence[int], *, dropout: float, width: float) -> None:
        super().__init__()
        wide, narrow = scaled(128, width), scaled(32, width)
        self.up = nn.Sequential(
            deconvolution(channels[-1], wide, (4, 8, 8), (2, 4, 4), (1, 2, 2)),
            nn.ReLU(),
            nn.Dropout(dropout),
            deconvolution(wide, narrow, (4, 4, 4), (2, 2, 2), (1, 1, 1)),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.predict = deconvolution(narrow, 1, (4, 4, 4), (2, 2, 2), (1, 1, 1))

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Outputs of the four stages -> (B, 1, 16, H, W) logits."""
        logits: Tensor = self.predict(self.up(taps[-1]))
        return logits


@register_model("resnet3d", paper=PAPER, summary="R3D-18 and a feature pyramid; maps of 16 frames at once")
@register_model("resnet3d_s", paper=PAPER, summary="3D-ResNet without the feature pyramid", pyramid=False)
class ResNet3D(SaliencyModel):
    """The whole network: residual trunk, decoder, sigmoid.

    Args:
        pyramid: whether the decoder reads three stages ("Proposed") or the last one ("Proposed-S").
        backbone: ``paper``, R3D-18 with one projection more, as published with Sports-1M; or ``r3d_18`` and
            ``r2plus1d_18``, which take torchvision's published Kinetics-400 weights.
        dropout: probability, after each deconvolution but the last.
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        trunk: `VideoResNet`.
        decoder: `PyramidDecoder` or `PlainDecoder`.
    """

    def __init__(
        self,
        *,
        pyramid: bool = True,
        backbone: Backbone = "paper",
        dropout: float = 0.2,
        size: Sequence[int] = (112, 112),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if backbone not in get_args(Backbone):
            raise ValueError(f"`backbone` must be one of {', '.join(get_args(Backbone))} but is {backbone!r}")
        self.spec = ClipSpec(16, frame_size(size), KINETICS_MEAN, KINETICS_STD, predicts="all", stride=8)
        if backbone == "paper":
            self.trunk = VideoResNet("r3d_18", project_first=True, width=width)
        else:
            self.trunk = VideoResNet(backbone, width=width)
        decoder = PyramidDecoder if pyramid else PlainDecoder
        self.decoder = decoder(self.trunk.channels, dropout=dropout, width=width)
        he_initialise(self.decoder, logits=self.decoder.predict)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict all 16 maps.

        Args:
            frames: (B, 3, 16, H, W), normalised as `spec` says.
            audio: None; this model is deaf.

        Returns:
            (B, 16, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        H, W = frames.shape[-2:]
        # where channels lie innermost, PyTorch's CPU code would copy the decoder's large kernels at each call
        taps = [tap.contiguous() for tap in self.trunk(pad_to_multiple(frames, 16))]
        return torch.sigmoid(self.decoder(taps))[:, 0, :, :H, :W]
