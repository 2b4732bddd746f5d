"""The released layouts of ViNet, AViNet, ViNet-S and ViNet-A."""

from __future__ import annotations

from dataclasses import replace

from avsal.weights.layout import Layout
from avsal.weights.recipe import IMAGENET, SOUNDNET, InputRecipe
from avsal.weights.s3d_layouts import STAGED
from avsal.weights.soundnet_layouts import KEUNHONG

__all__ = ["AVINET", "VINET", "VINET_A", "VINET_S"]

BACKBONE = {f"backbone.{theirs}": f"encoder.{ours}" for theirs, ours in STAGED.items()}
DECODER = {
    "decoder.convtsp1.0": "decoder.steps.0",
    "decoder.convtsp2.0": "decoder.steps.1",
    "decoder.convtsp3.0": "decoder.steps.2",
    "decoder.convtsp4.0": "decoder.steps.3",
    "decoder.convtsp4.3": "decoder.steps.4",
    "decoder.convtsp4.6": "decoder.collapse",
    "decoder.convtsp4.8": "decoder.predict",
}
VISUAL = BACKBONE | DECODER
AUDIO = {f"audionet.{theirs}": f"soundnet.{ours}" for theirs, ours in KEUNHONG.items()} | {
    "audionet.conv8_objs": "classifiers.objects",
    "audionet.conv8_scns": "classifiers.scenes",
}

#: ViNet-S has the same names as ViNet, and other shapes
VINET = Layout("samyak0210/ViNet", VISUAL, IMAGENET)
VINET_S = Layout("ViNet-Saliency/vinet_v2", VISUAL, IMAGENET)
AVINET = Layout(
    "samyak0210/ViNet with sound",
    {f"visual_model.{theirs}": ours for theirs, ours in VISUAL.items()}
    | AUDIO
    | {"bilinear": "fusion.product"},
    replace(IMAGENET, **SOUNDNET.decided()),
)

SLOWFAST = [
    *(f"{path}_{layer}" for path in ("slow", "fast") for layer in ("conv1", "bn1")),
    *(f"Tconv{stage}" for stage in (1, 2, 3, 4)),
    *(
        f"{path}_res{stage}.{block}.{leaf}"
        for path in ("slow", "fast")
        for stage, count in ((1, 3), (2, 4), (3, 6), (4, 3))
        for block in range(count)
        for leaf in (
            *(f"{kind}{n}" for n in (1, 2, 3) for kind in ("conv", "bn")),
            *(("downsample.0", "downsample_bn") if block == 0 else ()),
        )
    ),
]
VINET_A = Layout(
    "ViNet-Saliency/vinet_v2",
    {
        **{
            f"backbone.{name}": f"encoder.{name.replace('downsample_bn', 'downsample.1')}"
            for name in SLOWFAST
        },
        "neck.conv_slow.0": "neck.slow",
        **{f"neck.conv_skip{level + 1}.0": f"neck.levels.{level}" for level in range(4)},
        **{f"decoder.convtsp{step + 1}.0": f"decoder.steps.{step}" for step in range(6)},
        "decoder.convtsp6.3": "decoder.collapse",
        "decoder.convtsp6.5": "decoder.mix",
        "decoder.convtsp6.7": "decoder.predict",
    },
    InputRecipe((0.45, 0.45, 0.45), (0.225, 0.225, 0.225), 1.0, "rgb"),
)
