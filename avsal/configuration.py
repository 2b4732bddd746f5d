"""Where the YAML files are: inside an installed package, beside it in a checkout."""

from pathlib import Path

__all__ = ["config_dir"]


def config_dir() -> Path:
    """The folder that holds `train.yaml` and the groups beside it."""
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"
