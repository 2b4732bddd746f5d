"""What each ingredient of the default model is worth: leave-scene-out NSS with short schedules.

    python scripts/default_ingredients.py DATA material.npz IMAGENET --photographs runs/default/photographs.pt

Every row is trained four times, without one fold of scenes each, for `STEPS` steps of the stage `videos`, and
scored on the fold; scenes set aside take no part. Rows of the first part share one full stage `photographs`;
those of the second make their own of `SHORT` steps.

    python scripts/default_ingredients.py DATA material.npz IMAGENET --photographs ... --hearing

What the stage `hearing` is made of, one thing at a time, with a third of its windows and steps: scored on
windows of seeds and people that were never trained on, on top of what the shipped network sees, and, with
--runs, on the talking faces by the networks of `default_scores.py`, each with the row's fusion in its place.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from default_batches import Material
from default_hearing import CANVAS, CUES, Encoder, Window, attention, synthetic
from default_scores import CONDITIONS, Windows, hearing, model_scores, scenes, trained
from torch import Tensor
from train_default import ARGUMENTS, NAME, STAGES, Run

from avsal.models import create_model
from avsal.weights import load_model
from datasets_av.sounding_clips import SoundingClips
from datasets_av.sounding_objects import SoundingObjects

STEPS, SHORT = 100, 400
FOLDS = ("1", "2", "3", "4")
PHOTOGRAPHS, HEARING, VIDEOS, _ = STAGES
#: of the windows made for the stage `hearing`, and of its steps
SHARE = 0.33
#: windows that hearing is scored on, of each cue, and composites
SCORED = {"cue": 32, "composites": 60}


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


#: rows of what is heard: kinds of windows that are learned from, and arguments of the model
HEARD: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "all of it": (("made", "composites", "real"), {}),
    "no composites": (("made", "real"), {}),
    "no made videos": (("composites", "real"), {}),
    "no real pictures": (("made", "composites"), {}),
    "SoundNet for log-mel": (("made", "composites", "real"), {"audio_encoder": "soundnet"}),
}


def scored_windows(encode: Encoder, clips: Path) -> dict[str, list[Window]]:
    """Windows by what is heard in them, of seeds and of people that no stage has seen."""
    found = {}
    for cue in CUES:
        videos = SoundingObjects("decides", cue, seed=104, num_frames=32, size=CANVAS)
        found[cue] = list(synthetic(videos, "made", SCORED["cue"], encode, exact=True, foreign=True))
    composites = SoundingClips(str(clips), part="test", seed=104, size=CANVAS)
    found["composites"] = list(
        synthetic(composites, "composites", SCORED["composites"], encode, exact=True, foreign=True)
    )
    return found


def expected_nss(logits: Tensor, density: Tensor) -> float:
    """NSS of a softmax map where gaze is a distribution; both (h, w)."""
    saliency = logits.flatten().softmax(0)
    return float(((saliency - saliency.mean()) / saliency.std(correction=0)) @ density.flatten())


@torch.inference_mode()
def heard_scores(model: Any, tests: dict[str, list[Window]]) -> dict[str, dict[str, float]]:
    """Expected NSS by what is heard: own sound, silence, and the next window's sound."""
    found = {}
    for name, windows in tests.items():
        scores: dict[str, list[float]] = {"own": [], "silence": [], "another": []}
        for place, window in enumerate(windows):
            own, other = window.audio, windows[(place + 1) % len(windows)].audio
            assert own is not None
            assert other is not None
            assert window.with_own is not None
            for condition, sound in zip(scores, (own, torch.zeros_like(own), other), strict=True):
                moved = attention(model, window.taps[None].float(), sound[None, None])
                scores[condition].append(expected_nss(window.seen + moved[0], window.with_own))
        found[name] = {condition: round(float(np.mean(values)), 3) for condition, values in scores.items()}
    return found


def hear(given: argparse.Namespace) -> None:
    """Train and score the rows of `HEARD`."""
    clips = given.data / "sounding_clips"
    material = Material(given.material, "none")
    shared = given.work / "hearing-windows.pt"
    tests: dict[str, list[Window]] = {}
    networks = {
        fold: given.runs / f"without-{fold}" / "made.pt"
        for fold in (*FOLDS, "aside")
        if given.runs is not None
    }
    for name, (kinds, arguments) in HEARD.items():
        folder = given.work / name.replace(" ", "-")
        run = Run(material, folder, clips=clips, **arguments)
        if not (folder / "photographs.pt").exists():
            state = run.model.state_dict() | {
                key: value
                for key, value in torch.load(given.photographs, weights_only=True).items()
                if not key.startswith("fusion.")
            }
            torch.save(state, folder / "photographs.pt")
        if shared.exists() and not (folder / "windows.pt").exists():
            (folder / "windows.pt").symlink_to(shared.resolve())
        run.kinds, run.share = kinds, SHARE
        run.stages = (PHOTOGRAPHS, replace(HEARING, steps=round(SHARE * HEARING.steps)))
        run.go(["photographs", "hearing"])
        if not shared.exists():
            shutil.move(folder / "windows.pt", shared)
        model = run.model.eval()
        tests = tests or scored_windows(Encoder(load_model().eval(), torch.device("cpu")), clips)
        found: dict[str, Any] = heard_scores(model, tests)
        models = {}
        for video, fold in scenes().items():
            if fold in networks and video.startswith("mufvet/"):
                models[video] = create_model(NAME, **ARGUMENTS | arguments).eval()
                seen = trained(networks[fold]).state_dict()
                fusion = {
                    key: value for key, value in model.state_dict().items() if key.startswith("fusion.")
                }
                models[video].load_state_dict(
                    {key: value for key, value in seen.items() if not key.startswith("fusion.")} | fusion
                )
        if models:
            faces = hearing(models, given.data).values()
            found["talking faces"] = {
                condition: round(float(np.mean([one[condition] for one in faces])), 3)
                for condition in CONDITIONS
            }
        (given.work / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(name, found, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("material", type=Path)
    parser.add_argument("imagenet", type=Path)
    parser.add_argument("--photographs", type=Path, required=True, help="state of the full stage")
    parser.add_argument("--work", type=Path, default=Path("runs/ingredients"))
    parser.add_argument("--hearing", action="store_true", help="the rows of what is heard, and no others")
    parser.add_argument("--runs", type=Path, help="with --hearing: of `default_scores.py`, for talking faces")
    parser.add_argument("--rows", nargs="+", default=list(RECIPES), help="some of the rows")
    parser.add_argument("--folds", nargs="+", default=list(FOLDS), help="[%(default)s]")
    given = parser.parse_args()
    if given.hearing:
        hear(given)
        return
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
