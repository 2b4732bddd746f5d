"""The variants of each model that its paper or published weights know, as arguments of its constructor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avsal.models.registry import list_models

__all__ = ["VARIANTS", "argument_words", "list_variants"]

#: besides the model as its name gives it
VARIANTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "tsfpnet": (  # Tables 1 and 8
        {"num_frames": 16},
        {"num_frames": 48},
        {"levels": "multi"},
        {"levels": "final"},
    ),
    "tsfpnet_av": (
        {"fusion": "aligned"},  # ours
        {"fusion": "stavis"},
        {"fusion": "avinet"},
    ),
    "resnet3d": ({"backbone": "r3d_18"}, {"backbone": "r2plus1d_18"}),  # what torchvision's weights fit
    "sal3d": ({"variant": "base"},),  # Table 3
    "vinet": (  # Jain et al.'s ablations of clip length and of hierarchical features
        {"num_frames": 8},
        {"num_frames": 16},
        {"num_frames": 48},
        {"skips": 0},
        {"skips": 1},
        {"skips": 2},
    ),
    "stavis": ({"published": True},),  # the same network, with the released code's windows and sound
    "esan": (  # Table 3
        {"recurrent": "none"},
        {"recurrent": "backward"},
        {"recurrent": "forward"},
        {"alignment": "plain"},
        {"levels": ["p3", "p4"]},
        {"levels": ["p3"]},
        {"levels": ["p4", "p5"]},
        {"levels": ["p5"]},
        {"recurrent": "released"},  # the authors' code and weights
    ),
    "unisal": (
        {"domain": "hollywood"},
        {"domain": "ucf_sports"},
        {"domain": "salicon"},
    ),  # the released weights
}


def list_variants(name: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments: each model as its name gives it, followed by its variants.

    Args:
        name: of one model; None for all.
    """
    names = list_models() if name is None else [name]
    return [(one, dict(arguments)) for one in names for arguments in ({}, *VARIANTS.get(one, ()))]


def argument_words(arguments: Mapping[str, Any]) -> str:
    """Arguments as one types them, such as ``levels=[p3,p4]``."""
    texts = {
        key: f"[{','.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
        for key, value in arguments.items()
    }
    return " ".join(f"{key}={text}" for key, text in texts.items())
