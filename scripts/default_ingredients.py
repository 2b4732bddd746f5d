"""What each ingredient of the default model is worth: leave-scene-out NSS with short schedules.

    python scripts/default_ingredients.py DATA material.npz IMAGENET --photographs runs/default/photographs.pt

Every row is trained four times, without one fold of scenes each, for `STEPS` steps of the stage `videos`, and
scored on the fold; scenes set aside take no part. Rows of the first part share one full stage `photographs`;
those of the second make their own of `SHORT` steps.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from default_scores import Windows, model_scores, scenes
from train_default import STAGES, Material, Run

STEPS, SHORT = 100, 400
FOLDS = ("1", "2", "3", "4")
PHOTOGRAPHS, _, VIDEOS, _ = STAGES


@dataclass(frozen=True)
class Recipe:
    """A row.

    Attributes:
        own: whether it makes its own photographs stage; None: it has none, and all weights learn from videos.
        imagenet: whether that begins with ImageNet's weights.
        videos: whether there is a stage `videos`.
        rates: changes to that stage's rates; None leaves weights as they are.
        beside: photographs in a batch of videos.
        arguments: of the model.
    """

    own: bool | None = False
    imagenet: bool = True
    videos: bool = True
    rates: dict[str, float | None] = field(default_factory=dict)
    beside: int = 4
    arguments: dict[str, Any] = field(default_factory=dict)


RECIPES = {
    "the recipe": Recipe(),
    "photographs alone, no videos": Recipe(videos=False),
    "no motion": Recipe(rates={"motions": None}),
    "no photographs beside videos": Recipe(beside=0),
    "encoder learns from videos too": Recipe(rates={"encoder": 5e-5}),
    "videos alone, no photographs": Recipe(own=None, rates={"encoder": 2e-4}, beside=0),
    "short photographs": Recipe(own=True),
    "short photographs, no ImageNet": Recipe(own=True, imagenet=False),
    "short photographs, no prior": Recipe(own=True, arguments={"prior": False}),
}


def train(name: str, recipe: Recipe, fold: str, given: argparse.Namespace) -> Any:
    """The network of a row and fold."""
    folder = given.work / name.replace(" ", "-").replace(",", "")
    run = Run(Material(given.material, fold), folder / fold, **recipe.arguments)
    if recipe.imagenet:
        run.begin(given.imagenet)
    rates = {key: rate for key, rate in (VIDEOS.rates | recipe.rates).items() if rate is not None}
    run.stages = (replace(PHOTOGRAPHS, steps=SHORT), replace(VIDEOS, steps=STEPS, rates=rates))
    run.beside = recipe.beside
    shared = given.photographs if recipe.own is False else folder / "photographs.pt"
    if recipe.own is not None and shared.exists():
        shutil.copy(shared, run.folder / "photographs.pt")
    wanted = (["photographs"] if recipe.own else []) + (["videos"] if recipe.videos else [])
    run.go(wanted)
    if recipe.own and not shared.exists():
        shutil.copy(run.folder / "photographs.pt", shared)
    return run.model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("material", type=Path)
    parser.add_argument("imagenet", type=Path)
    parser.add_argument("--photographs", type=Path, required=True, help="state of the full stage")
    parser.add_argument("--work", type=Path, default=Path("runs/ingredients"))
    parser.add_argument("--rows", nargs="+", default=list(RECIPES), help="some of the rows")
    parser.add_argument("--folds", nargs="+", default=list(FOLDS), help="[%(default)s]")
    given = parser.parse_args()
    windows = Windows(given.work / "windows")
    folds = scenes()
    for name in given.rows:
        path = given.work / f"{name}.json"
        found: dict[str, dict[str, float]] = {}
        for fold in given.folds:
            model = train(name, RECIPES[name], fold, given)
            videos = [video for video, own in folds.items() if own == fold]
            for dataset, table in model_scores(dict.fromkeys(videos, model), given.data, windows).items():
                scores = {video: values["nss"] for video, values in table["model"].items()}
                found.setdefault(dataset, {}).update(scores)
        path.write_text(json.dumps(found, indent=1) + "\n")
        means = {
            dataset: round(float(np.mean(list(values.values()))), 3) for dataset, values in found.items()
        }
        print(name, means, {dataset: len(values) for dataset, values in found.items()}, flush=True)


if __name__ == "__main__":
    main()
