"""List the models: name, parameters, input, whether it listens, and whose paper it is."""

from __future__ import annotations

import argparse
import json
from typing import Any

from avsal.cli.parsing import Parser

__all__ = ["add_arguments", "run"]


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--variants", action="store_true", help="also the papers' variants, by their arguments"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print two lines a model, one a variant."""
    import torch

    from avsal.models import argument_words, create_model, list_variants

    rows: list[dict[str, Any]] = []
    for name, options in list_variants():
        if options and not arguments.variants:
            continue
        with torch.device("meta"):  # shapes only: the largest model would fill a gigabyte
            model = create_model(name, **options)
        height, width = model.spec.size
        rows.append(
            {
                "name": name,
                "arguments": options,
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
    print(f"{'name':<22}{'parameters':>12}{'MB':>8}  {'input':<12}{'maps':<7}{'sound':<6}paper")
    for row in rows:
        height, width = row["size"]
        shape = f"{row['frames']}x{height}x{width}"
        words = argument_words(row["arguments"])
        name = f"  {words}" if words else row["name"]
        numbers = f"{row['parameters'] / 1e6:>10.2f} M{row['megabytes']:>8.1f}"
        line = f"{name:<22}{numbers}  {shape:<12}{row['predicts']:<7}{'yes' if row['sound'] else '-':<6}"
        print(line.rstrip() if words else f"{line}{row['paper']}")
        if not words:
            print(f"{'':<22}{row['summary']}")
    if arguments.variants:
        print("\nA variant's arguments: avsal predict -O KEY=VALUE, avsal train model.arguments.KEY=VALUE,")
        print("avsal evaluate model.KEY=VALUE, avsal.load_model(NAME, KEY=VALUE).")
    return 0
