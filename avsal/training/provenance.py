"""What a run must remember to be repeated and defended: code, packages, machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from avsal import __version__

__all__ = ["provenance"]

_PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "av", "soxr", "hydra-core", "omegaconf")


def provenance() -> dict[str, Any]:
    """Versions, machine and the state of the checkout, as plain values."""
    return {
        "avsal": __version__,
        "git": _git_state(Path(__file__).resolve().parents[2]),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES} | {"torch": torch.__version__},
        "cuda": torch.version.cuda,
        "devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "threads": torch.get_num_threads(),
        "command": sys.argv,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git_state(root: Path) -> dict[str, Any] | None:
    """Commit, and the files that differ from it; None where this is no checkout or there is no git."""
    if not (root / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        changed = git("status", "--porcelain").splitlines()
        commits = git("rev-list", "--all", "--max-count=1")
        return {"commit": git("rev-parse", "HEAD") if commits else None, "changed": changed}
    except (OSError, subprocess.SubprocessError):
        return None
