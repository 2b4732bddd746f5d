"""The convolutional part of VGG-16 (Simonyan and Zisserman, 2015, configuration D).

Layers and parameter names are those of torchvision's `vgg16().features`, so that its published weights fit
key by key once the keys of the classifier are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from avsal.layers.initialisation import he_initialise
from avsal.layers.width import scaled

__all__ = ["VGG16"]

#: output channels of the convolutions of each block; a block ends in a 2x2 max-pool
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """Thirteen 3x3 convolutions with ReLU in five blocks, each block ended by a 2x2 max-pool.

    The pools have the indices 4, 9, 16, 23, 30 in `features`; the last ReLU of a block stands just before its
    pool. The outputs of the pools are H/2, H/4, H/8, H/16, H/32 high, rounded down.

    The published weights expect RGB in [0, 1] minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225).

    Args:
        width: factor on all channel counts.
        last: index of the last layer that is built, 30 for all; an earlier one saves the weights behind it.

    Attributes:
        features: the layers, by torchvision's indices.
        channels: output channels of the five blocks.
    """

    def __init__(self, *, width: float = 1.0, last: int = 30) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels_in = 3
        for block in BLOCKS:
            for published in block:
                channels = scaled(published, width)
                layers += [nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()]
                channels_in = channels
            layers.append(nn.MaxPool2d(2))
        if not 0 <= last < len(layers):
            raise ValueError(f"`last` must lie in 0..{len(layers) - 1} but is {last}")
        self.features = nn.Sequential(*layers[: last + 1])
        self.channels = tuple(scaled(block[-1], width) for block in BLOCKS)
        he_initialise(self)

    def forward(self, images: Tensor, after: Sequence[int]) -> list[Tensor]:
        """Outputs of the layers with the indices `after`; what lies behind the last of them is not computed.

        Args:
            images: (B, 3, H, W).
            after: ascending indices in `features`, for example (16, 23, 30) for the third to fifth pool.

        Returns:
            One (B, C, H', W') for each index.

        Raises:
            ValueError: indices that are not ascending or not built.
        """
        wanted = list(after)
        if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 0 or wanted[-1] >= len(self.features):
            raise ValueError(
                f"`after` must hold ascending indices in 0..{len(self.features) - 1} but is {tuple(wanted)}"
            )
        outputs = []
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in wanted:
                outputs.append(x)
            if index == wanted[-1]:
                break
        return outputs
