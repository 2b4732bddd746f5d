"""Published layouts of S3D (464 entries with the classifier of kylemin/S3D and of torchvision)."""

from __future__ import annotations

from avsal.weights.layout import Layout, under
from avsal.weights.recipe import IMAGENET, KINETICS, SIGNED

__all__ = ["LAYOUTS"]

# index of a layer in kylemin's `base` and in torchvision's `features` -> ours
STAGES = {
    0: "base1.0", 2: "base1.2", 3: "base1.3",
    5: "base2.0", 6: "base2.1",
    8: "base3.0", 9: "base3.1", 10: "base3.2", 11: "base3.3", 12: "base3.4",
    14: "base4.0", 15: "base4.1",
}  # fmt: skip

# torchvision's leaves -> kylemin's, which are ours
SEPARABLE = {"0.0": "conv_s", "0.1": "bn_s", "1.0": "conv_t", "1.1": "bn_t"}
PLAIN = {"0": "conv", "1": "bn"}
MIXED = {
    **{f"branch0.{theirs}": f"branch0.0.{ours}" for theirs, ours in PLAIN.items()},
    **{f"branch{b}.0.{theirs}": f"branch{b}.0.{ours}" for b in (1, 2) for theirs, ours in PLAIN.items()},
    **{f"branch{b}.1.{theirs}": f"branch{b}.1.{ours}" for b in (1, 2) for theirs, ours in SEPARABLE.items()},
    **{f"branch3.1.{theirs}": f"branch3.1.{ours}" for theirs, ours in PLAIN.items()},
}
LEAVES = {index: {0: SEPARABLE, 2: PLAIN, 3: SEPARABLE}.get(index, MIXED) for index in STAGES}

ROWS = [(index, stage, *leaf) for index, stage in STAGES.items() for leaf in LEAVES[index].items()]
TORCHVISION = {f"features.{index}.{theirs}": f"{stage}.{ours}" for index, stage, theirs, ours in ROWS}
KYLEMIN = {f"base.{index}.{ours}": f"{stage}.{ours}" for index, stage, _, ours in ROWS}
STAGED = {f"{stage}.{ours}": f"{stage}.{ours}" for _, stage, _, ours in ROWS}

DECODER = "saliency decoder"
LAYOUTS = (
    Layout("kylemin/S3D", KYLEMIN, SIGNED, {"fc.*": "Kinetics classifier"}),
    Layout("torchvision s3d", TORCHVISION, KINETICS, {"classifier.*": "Kinetics classifier"}),
    Layout("base1 to base4 alone", STAGED, SIGNED, assumed=True),
    Layout("TASED-Net", STAGED, SIGNED, {"convtsp[1-4].*": DECODER}),
    Layout("ViNet", under("backbone", STAGED), IMAGENET, {"decoder.*": DECODER}),
    Layout(
        "AViNet",
        under("visual_model.backbone", STAGED),
        IMAGENET,
        {
            "visual_model.decoder.*": DECODER,
            "audionet.*": "audio encoder",
            "bilinear.*": "fusion",
            "transformer.*": "fusion",
            "conv_in_1x1.*": "fusion",
            "conv_out_1x1.*": "fusion",
            "audio_conv_1x1.*": "fusion",
        },
    ),
    Layout(
        "STSANet",
        STAGED,
        IMAGENET,
        {
            "ln_[0-3]_[01].*": "self-attention",
            "branch[0-3]_*": "self-attention",
            "SA_[0-2].*": "spatial attention",
            "CA_[0-2].*": "channel attention",
            "inc_[0-2]_[0-3].*": DECODER,
            "readout_[12].*": DECODER,
        },
    ),
)
