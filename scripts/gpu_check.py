"""Check and measure avsal on a GPU machine that has torch and numpy alone; see docs/gpu.md.

    python scripts/gpu_check.py --out DIR [--data FILE] [--minutes 9.5] [--device cuda] [--quick]

Parts, in order, each within its share of the time, none ending the others when it fails: the machine; engines
against the CPU, in single and half precision; waits of the host in the loop; maps a second by model, engine,
precision and batch; torch.compile and CUDA graphs against eager; a training step at full size; and, for the
rest of the time, a default trained from FILE, with whether its batches are made fast enough. `--quick` runs
all of it on small networks, to see that it runs. DIR gets results.json, written anew after each part, and
results.md. The exit code is 1 where a part failed or engines disagree.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bare_machine
import numpy as np
import torch

STANDS_IN = bare_machine.prepare()

import gpu_parts as parts  # noqa: E402  (after what stands in)
import gpu_training as training  # noqa: E402

Rows = list[dict[str, Any]]


def machine(device: torch.device) -> Rows:
    """What is measured on."""
    rows = [
        {"fact": "python", "value": platform.python_version()},
        {"fact": "torch", "value": torch.__version__},
        {"fact": "numpy", "value": np.__version__},
        {"fact": "CPU cores for torch", "value": torch.get_num_threads()},
        {"fact": "stand-ins", "value": ", ".join(STANDS_IN) or "none"},
        {"fact": "commit", "value": commit()},
    ]
    if device.type == "cuda":
        facts = torch.cuda.get_device_properties(device)
        rows += [
            {"fact": "GPU", "value": facts.name},
            {"fact": "GPU memory, GiB", "value": round(facts.total_memory / 2**30, 1)},
            {"fact": "compute capability", "value": f"{facts.major}.{facts.minor}"},
            {"fact": "CUDA", "value": str(torch.version.cuda)},
            {"fact": "cuDNN", "value": str(torch.backends.cudnn.version())},
        ]
    return rows


def commit() -> str:
    """Of the checkout, where git tells it."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            cwd=bare_machine.ROOT,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


class Report:
    """Collects rows of parts and writes them down at once.

    Args:
        folder: of results.json and results.md.
        device: that is measured.
        deadline: of all parts, on `time.monotonic`.
    """

    def __init__(self, folder: Path, device: torch.device, deadline: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.device, self.deadline = folder, device, deadline
        self.parts: dict[str, dict[str, Any]] = {}

    def run(self, name: str, title: str, share: float, part: Callable[[float], Rows]) -> None:
        """Run a part within a share of the time that is left."""
        began = time.monotonic()
        until = began + max(0.0, self.deadline - began) * share
        found: dict[str, Any] = {"title": title}
        print(f"{name} ...", flush=True)
        try:
            found["rows"] = part(until)
        except Exception as error:  # the other parts are worth having
            found["error"] = f"{type(error).__name__}: {error}"
            found["traceback"] = traceback.format_exc()
            print(found["traceback"], flush=True)
        found["seconds"] = round(time.monotonic() - began, 1)
        self.parts[name] = found
        self.write()
        print(markdown({name: found}), flush=True)

    @property
    def failed(self) -> bool:
        """Whether a part failed or a check within it did."""
        rows = [row for part in self.parts.values() for row in part.get("rows", ())]
        return any("error" in part for part in self.parts.values()) or any(
            row.get("right") is False for row in rows
        )

    def write(self) -> None:
        """Both files, whole."""
        content = {"parts": self.parts, "device": str(self.device)}
        for name, text in {
            "results.json": json.dumps(content, indent=1) + "\n",
            "results.md": "# GPU check\n\n" + markdown(self.parts),
        }.items():
            temporary = self.folder / f".{name}"
            temporary.write_text(text)
            temporary.replace(self.folder / name)


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """Tables of parts."""
    lines: list[str] = []
    for part in found.values():
        lines += [f"## {part['title']}", ""]
        if "error" in part:
            lines += [f"Failed: {part['error']}", ""]
        columns = list(dict.fromkeys(key for row in part.get("rows", ()) for key in row))
        if columns:
            lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
            lines += [
                "| " + " | ".join(shown(row.get(key)) for key in columns) + " |" for row in part["rows"]
            ]
        lines += ["", f"{part['seconds']} s", ""]
    return "\n".join(lines)


def shown(value: object) -> str:
    """A cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="FILE", help="of `train_default.py --pack`")
    parser.add_argument("--imagenet", type=Path, metavar="FILE", help="torchvision's MobileNetV2")
    parser.add_argument("--minutes", type=float, default=9.5, help="of everything [%(default)s]")
    parser.add_argument("--device", default="cuda", help="[%(default)s]")
    parser.add_argument("--quick", action="store_true", help="small networks, few repeats")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device here: --device cpu --quick shows that everything runs")
    quick = arguments.quick
    report = Report(arguments.out, device, time.monotonic() + 60 * arguments.minutes)
    report.run("machine", "The machine", 1, lambda until: machine(device))
    report.run(
        "agreement",
        "Engines against themselves on the CPU in single precision",
        0.25,
        lambda until: parts.agreement(device, quick, until),
    )
    report.run("waits", "Waits of the host, a map", 0.15, lambda until: parts.waits(device, quick, until))
    report.run("speed", "Maps a second", 0.3, lambda until: parts.speed(device, quick, until))
    report.run(
        "compilation",
        "torch.compile and CUDA graphs against eager, one forward",
        0.35,
        lambda until: parts.compilation(device, quick, until),
    )
    report.run("training step", "A training step", 0.3, lambda until: training.steps(device, quick, until))
    if arguments.data is None:
        print("no --data FILE: no default is trained")
    else:
        report.run(
            "default",
            "A default, trained for the rest of the time",
            0.97,
            lambda until: training.default(
                device, arguments.data, arguments.imagenet, arguments.out, until, quick=quick
            ),
        )
    print(f"-> {arguments.out / 'results.md'}")
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
