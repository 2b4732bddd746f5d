"""The released layouts of STAViS and of the 3D-ResNet-50 that it begins from."""

from __future__ import annotations

from dataclasses import replace

from avsal.weights.layout import Layout, same_names
from avsal.weights.recipe import SOUNDNET, InputRecipe
from avsal.weights.soundnet_layouts import STAVIS as SOUNDNET8

__all__ = ["RESNET50", "STAVIS", "VISUAL"]

#: RGB in 0 to 255 minus the mean of ActivityNet
ACTIVITYNET = InputRecipe((114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0), 255.0, "rgb")

BLOCKS = [(stage, block) for stage, count in ((1, 3), (2, 4), (3, 6)) for block in range(count)]
LEAVES = [f"{kind}{n}" for n in (1, 2, 3) for kind in ("conv", "bn")]
PROJECTION = ["downsample.0", "downsample.1"]
TRUNK = ["conv1", "bn1"] + [
    f"layer{stage}.{block}.{leaf}"
    for stage, block in BLOCKS
    for leaf in (*LEAVES, *(PROJECTION if block == 0 else ()))
]
SIDES = {
    "side_prep": "prepare",
    "score_dsn": "score",
    "upscale": "enlarge",
    "upscale_": "enlarge_score",
}
SEEN = {
    **{name: f"encoder.{name}" for name in TRUNK},
    **{
        f"score_dsn.{level}.{theirs}": f"sides.{level}.{ours}"
        for level in range(4)
        for theirs, ours in SIDES.items()
    },
    "fuse": "join",
}
HEARD = {
    **{theirs: f"soundnet.{ours}" for theirs, ours in SOUNDNET8.items()},
    "fusion3.affine_rgb": "fusion.visual",
    "fusion3.affine_audio": "fusion.sound",
    "fusion3.w_a_rgb": "fusion.bilinear",
    "fuseav": "join_sound",
}

NAME = "atsiami/STAViS"
STAVIS = Layout(NAME, SEEN | HEARD, replace(ACTIVITYNET, **SOUNDNET.decided()))
#: a file of the visual stage holds the audio branch as it was before it was trained, told by its last bias
VISUAL = Layout(
    NAME,
    SEEN,
    ACTIVITYNET,
    {"soundnet8.*": "audio encoder", "fusion3.*": "fusion", "fuseav.*": "fusion"},
    signs={"fuseav.bias": -6.0},
)
RESNET50 = Layout(
    "kenshohara/3D-ResNets-PyTorch",
    same_names(*TRUNK),
    ACTIVITYNET,
    {"layer4.*": "fourth stage", "fc.*": "Kinetics classifier"},
)
