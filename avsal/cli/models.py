"""List the models: name, parameters, input, whether it listens, and whose paper it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from avsal.cli.parsing import Action, Given
from avsal.cli.telling import Listed, as_json
from avsal.configuration import setting

__all__ = ["VERB", "ModelsLine"]


@dataclass(frozen=True, kw_only=True)
class ModelsLine(Listed):
    """All that a line says."""

    variants: bool = setting(False, help="list the papers' variants too, by their arguments")


def run(given: Given) -> int:
    """Print two lines a model, one a variant."""
    import torch

    from avsal.models import argument_words, create_model, list_variants

    line = given.read(ModelsLine)
    rows: list[dict[str, Any]] = []
    for name, options in list_variants():
        if options and not line.variants:
            continue
        with torch.device("meta"):  # shapes only: the largest model would fill a gigabyte
            model = create_model(name, **options)
        rows.append(
            {
                "name": name,
                "arguments": options,
                "paper": model.info.paper,
                "parameters": model.num_parameters,
                "megabytes": round(model.num_parameters * 4 / 1e6, 1),
                "frames": model.spec.num_frames,
                "size": list(model.spec.size),
                "predicts": model.spec.predicts,
                "sound": model.info.sound,
                "summary": model.info.summary,
            }
        )
    if line.json:
        return as_json(rows)
    print(f"{'name':<22}{'parameters':>12}{'MB':>8}  {'input':<12}{'maps':<7}{'sound':<6}paper")
    for row in rows:
        words = argument_words(row["arguments"])
        name = f"  {words}" if words else row["name"]
        shape = "x".join(map(str, (row["frames"], *row["size"])))
        numbers = f"{row['parameters'] / 1e6:>10.2f} M{row['megabytes']:>8.1f}"
        text = f"{name:<22}{numbers}  {shape:<12}{row['predicts']:<7}{'yes' if row['sound'] else '-':<6}"
        print(text.rstrip() if words else f"{text}{row['paper']}\n{'':<22}{row['summary']}")
    if line.variants:
        print("\nA variant's arguments: avsal predict -O KEY=VALUE, avsal train model.arguments.KEY=VALUE,")
        print("avsal evaluate model.KEY=VALUE, avsal.load_model(NAME, KEY=VALUE).")
    return 0


VERB = Action(ModelsLine, run)
