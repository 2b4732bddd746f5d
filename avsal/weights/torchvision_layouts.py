"""torchvision's layouts of VGG-16 and of the 18-layer video networks, whose names we share.

Their one difference from ours is the classifier.
"""

from __future__ import annotations

from avsal.weights.layout import Layout, same_names
from avsal.weights.recipe import IMAGENET, KINETICS

__all__ = ["MC3_18", "R2PLUS1D_18", "R3D_18", "VGG16"]

VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
BLOCKS = [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]
PROJECTED = ("layer2.0", "layer3.0", "layer4.0")


def video_resnet(stem: tuple[int, ...], convolution: tuple[str, ...]) -> dict[str, str]:
    """The table of an 18-layer video network.

    Args:
        stem: indices of the modules with tensors in the stem.
        convolution: names of the modules with tensors within `conv1` and `conv2` of a block.
    """
    return same_names(
        *(f"stem.{index}" for index in stem),
        *(
            f"{block}.{part}.{name}"
            for block in BLOCKS
            for part in ("conv1", "conv2")
            for name in convolution
        ),
        *(f"{block}.downsample.{index}" for block in PROJECTED for index in (0, 1)),
    )


FULL = video_resnet((0, 1), ("0", "1"))
FACTORISED = video_resnet((0, 1, 3, 4), ("0.0", "0.1", "0.3", "1"))
CLASSIFIER = {"fc.*": "Kinetics classifier"}

VGG16 = Layout(
    "torchvision vgg16",
    same_names(*(f"features.{index}" for index in VGG16_CONVOLUTIONS)),
    IMAGENET,
    {"classifier.*": "ImageNet classifier"},
)
R3D_18 = Layout("torchvision r3d_18", FULL, KINETICS, CLASSIFIER)
MC3_18 = Layout("torchvision mc3_18", FULL, KINETICS, CLASSIFIER)
R2PLUS1D_18 = Layout("torchvision r2plus1d_18", FACTORISED, KINETICS, CLASSIFIER)
