"""List the models: name, parameters, input, whether it listens, and whose paper it is."""

from __future__ import annotations

import argparse
import json
from typing import Any

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a model."""
    import torch

    from avsal.models import create_model, list_models

    rows: list[dict[str, Any]] = []
    for name in list_models():
        with torch.device("meta"):  # shapes only: the largest model would fill a gigabyte
            model = create_model(name)
        height, width = model.spec.size
        rows.append(
            {
                "name": name,
                "paper": model.info.paper,
                "parameters": model.num_parameters,
                "megabytes": round(model.num_parameters * 4 / 1e6, 1),
                "frames": model.spec.num_frames,
                "size": [height, width],
                "predicts": model.spec.predicts,
                "sound": model.info.sound,
                "summary": model.info.summary,
            }
        )
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'name':<14}{'parameters':>12}{'MB':>8}  {'input':<12}{'maps':<7}{'sound':<6}paper")
    for row in rows:
        height, width = row["size"]
        shape = f"{row['frames']}x{height}x{width}"
        sound = "yes" if row["sound"] else "-"
        print(
            f"{row['name']:<14}{row['parameters'] / 1e6:>10.2f} M{row['megabytes']:>8.1f}  {shape:<12}"
            f"{row['predicts']:<7}{sound:<6}{row['paper']}"
        )
        print(f"{'':<14}{row['summary']}")
    return 0
