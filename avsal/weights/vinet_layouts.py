"""The released layouts of ViNet, ViNet-S and AViNet."""

from __future__ import annotations

from avsal.weights.layout import Layout
from avsal.weights.recipe import IMAGENET, SOUNDNET, InputRecipe
from avsal.weights.s3d_layouts import STAGED
from avsal.weights.soundnet_layouts import KEUNHONG

__all__ = ["AVINET", "VINET", "VINET_S"]

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
    InputRecipe(
        IMAGENET.mean,
        IMAGENET.std,
        IMAGENET.value_range,
        IMAGENET.channels,
        SOUNDNET.sample_rate,
        SOUNDNET.audio_scale,
    ),
)
