"""The layout of UNISAL's released state dict (835 entries)."""

from __future__ import annotations

from collections.abc import Mapping

from avsal.weights.layout import Layout
from avsal.weights.mobilenet_layouts import EXPANDED, OLDER, PLAIN
from avsal.weights.recipe import IMAGENET

__all__ = ["UNISAL"]

#: their names of the domains
DOMAINS = {"DHF1K": "dhf1k", "Hollywood": "hollywood", "UCFSports": "ucf_sports", "SALICON": "salicon"}


def norms(modules: Mapping[str, str]) -> dict[str, str]:
    """The batch norms of every domain, from the modules that hold them."""
    return {
        f"{theirs}.bn_{name}": f"{ours}.{domain}"
        for theirs, ours in modules.items()
        for name, domain in DOMAINS.items()
    }


# the GRU: theirs of the input and of the hidden state, by gate
CELL = "rnn.cell_list.0"
GATES = {"r": ("w_r", "u_r", "r"), "z": ("w_z", "u_z", "z"), "c": ("w", "u", "out")}
PRODUCTS = [
    (f"{CELL}.{GATES[gate][side]}", f"{CELL}.norm_{GATES[gate][2]}_{'xh'[side]}", f"recurrent.{of}.{gate}")
    for gate in GATES
    for side, of in enumerate(("of_input", "of_hidden"))
]
RECURRENT = {
    **{f"{theirs}.conv_dw": f"{ours}.depthwise" for theirs, _, ours in PRODUCTS},
    **{f"{theirs}.conv_sep": f"{ours}.pointwise" for theirs, _, ours in PRODUCTS},
    **norms({f"{theirs}.sep_bn": f"{ours}.inner_norm" for theirs, _, ours in PRODUCTS}),
    **norms({norm: f"{ours}.norm" for _, norm, ours in PRODUCTS}),
}
LETTERS = {"r": "r", "z": "z", "c": "h"}  # gate -> theirs in the names of factors and biases
SCALES = {
    f"{CELL}.a_{letter}_{side}": f"recurrent.{of}.{gate}.scale"
    for gate, letter in LETTERS.items()
    for side, of in {"x": "of_input", "h": "of_hidden"}.items()
}
BIASES = {f"{CELL}.b_{letter}": f"recurrent.bias.{gate}" for gate, letter in LETTERS.items()}

SKIPS = {"skip_2x": "skips.0", "skip_4x": "skips.1"}
ASCENDING = {"upsampling_2.inv_res": "ascend.0", "post_upsampling_2.inv_res": "ascend.1"}
CONVOLUTIONS, NORMS = ("conv.0", "conv.3", "conv.6"), ("conv.1", "conv.4", "conv.7")
DECODER = {
    "post_rnn.0": "remember.0",
    **norms({"post_rnn.1": "remember.1"}),
    **{f"{theirs}.expansion.0": f"{ours}.0.0" for theirs, ours in SKIPS.items()},
    **norms({f"{theirs}.expansion.1": f"{ours}.0.1" for theirs, ours in SKIPS.items()}),
    **{f"{theirs}.reduction.0": f"{ours}.2" for theirs, ours in SKIPS.items()},
    **norms({f"{theirs}.reduction.1": f"{ours}.3" for theirs, ours in SKIPS.items()}),
    **{f"{t}.{leaf}": f"{o}.{EXPANDED[leaf]}" for t, o in ASCENDING.items() for leaf in CONVOLUTIONS},
    **norms({f"{t}.{leaf}": f"{o}.{EXPANDED[leaf]}" for t, o in ASCENDING.items() for leaf in NORMS}),
}

UNISAL = Layout(
    "rdroste/unisal",
    {
        **{f"cnn.{theirs}": f"encoder.{ours}" for theirs, ours in OLDER.items()},
        **{f"post_cnn.inv_res.{theirs}": f"reduce.{ours}" for theirs, ours in PLAIN.items()},
        **RECURRENT,
        **DECODER,
        **{f"adaptation_{name.lower()}.0": f"adaptation.{domain}" for name, domain in DOMAINS.items()},
        **{f"smoothing_{name.lower()}": f"smoothing.{domain}" for name, domain in DOMAINS.items()},
    },
    IMAGENET,
    {"*.drop_mask_?": "dropout masks of the last training sequence"},
    tensors={
        **SCALES,
        **BIASES,
        **{
            f"coarse_gaussians_{name.lower()}": f"priors.{domain}.places_and_spreads"
            for name, domain in DOMAINS.items()
        },
    },
)
