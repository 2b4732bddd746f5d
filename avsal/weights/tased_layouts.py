"""The layout of TASED-Net's released state dict (513 entries)."""

from __future__ import annotations

from avsal.weights.layout import Layout
from avsal.weights.recipe import SIGNED
from avsal.weights.s3d_layouts import STAGED

__all__ = ["TASED"]

# index of a layer in their `convtsp1` to `convtsp4` -> ours; a batch norm follows all but the last two
DECODER = {
    "convtsp1.0": "steps.0.0", "convtsp1.3": "steps.0.1",
    "convtsp2.0": "steps.1", "convtsp3.0": "steps.2",
    "convtsp4.0": "aggregate.0", "convtsp4.3": "aggregate.1",
    "convtsp4.6": "aggregate.2", "convtsp4.9": "aggregate.3",
}  # fmt: skip


def following(module: str) -> str:
    """The name of the module after `module` in its sequence."""
    block, _, index = module.rpartition(".")
    return f"{block}.{int(index) + 1}"


TASED = Layout(
    "MichiganCOG/TASED-Net",
    {
        **{theirs: f"encoder.{ours}" for theirs, ours in STAGED.items()},
        **{theirs: f"decoder.{ours}.0" for theirs, ours in DECODER.items()},
        **{following(theirs): f"decoder.{ours}.1" for theirs, ours in DECODER.items()},
        "convtsp4.12": "decoder.aggregate.4",
        "convtsp4.13": "decoder.predict",
    },
    SIGNED,
)
