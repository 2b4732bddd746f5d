"""Print what a bug report needs: versions, devices, codecs, and the state of torchaudio."""

from __future__ import annotations

import os
import platform
from typing import Literal

from avsal.cli.parsing import Action, Given, Nothing
from avsal.cli.telling import columns

__all__ = ["VERB"]

PACKAGES = (
    "torch", "torchaudio", "numpy", "scipy", "av", "librosa", "soundfile", "soxr", "einops", "hydra-core",
    "safetensors", "pillow", "h5py", "tqdm", "matplotlib", "accelerate", "huggingface-hub",
)  # fmt: skip
DECODERS = ("h264", "hevc", "av1", "vp9", "mpeg4", "prores")
ENCODERS = ("libx264", "ffv1", "aac")


def run(given: Given) -> int:
    """Print one fact a line."""
    from importlib.metadata import PackageNotFoundError, version

    import av
    import torch

    from avsal import __version__

    def has(codec: str, mode: Literal["r", "w"]) -> bool:
        try:
            av.Codec(codec, mode)
        except ValueError:
            return False
        return True

    facts = [
        ("avsal", __version__),
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("cores", f"{os.cpu_count()}, torch uses {torch.get_num_threads()} threads"),
    ]
    for package in PACKAGES:
        try:
            facts.append((package, version(package)))
        except PackageNotFoundError:
            facts.append((package, "not installed"))
    facts.append(("torchaudio loads", torchaudio_state()))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(index).total_memory / 2**30
            facts.append((f"cuda:{index}", f"{torch.cuda.get_device_name(index)}, {memory:.0f} GiB"))
    else:
        facts.append(("cuda", "no device"))
    facts.append(("mps", "available" if torch.backends.mps.is_available() else "no device"))
    facts.append(("decoders", ", ".join(name for name in DECODERS if has(name, "r"))))
    facts.append(("encoders", ", ".join(name for name in ENCODERS if has(name, "w"))))
    print("\n".join(columns(facts, "<<")))
    return 0


def torchaudio_state() -> str:
    """Whether torchaudio loads; where it does not, avsal computes the mel filters itself."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else ""
        return (
            f"no, {type(error).__name__}: {os.path.basename(reason)}; not needed, filters are computed here"
        )
    return "yes"


VERB = Action(Nothing, run)
