"""The model card of a checkpoint, in the Hub's form, written from the header alone."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from avsal import __version__
from avsal.models import model_info
from avsal.weights.header import CheckpointHeader
from avsal.weights.recipe import InputRecipe

__all__ = ["model_card"]

#: licences that the Hub knows, by its identifiers
HUB_LICENCES = (
    "apache-2.0",
    "mit",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
)
NOT_STATED = "Not stated."
#: the nearest of the Hub's tasks: a value for each pixel
TASK = "image-segmentation"
USE = """Maps of where people look on average who watch a video freely{hearing}: for research on eye
movements and models of them, and for tools that need such a map of a file. Not for where one person
looks, nor for what people think, want or are."""
LIMITS = """What it was not trained on it predicts less well: look at the maps of your own videos, or
score them on gaze, before relying on them. Whether sound changes its maps for the better is to be
measured (`avsal ablate`), not to be taken for granted."""


def model_card(header: CheckpointHeader) -> str:
    """Markdown with the Hub's metadata block in front.

    Args:
        header: header of the checkpoint. What it does not state, the card says is not stated.
    """
    info = model_info(header.model)
    spec = header.spec
    weights = "its authors'" if "layout" in header.extra else "not its authors'"
    trained = "" if header.trained else "\n**The weights are untrained: the maps mean nothing.**\n"
    predicts = {"last": "the last frame", "centre": "the middle frame", "all": "every frame"}[spec.predicts]
    sections = {
        "Intended use": USE.format(hearing=" and hear it" if spec.sample_rate else ""),
        "Limits": str(header.extra.get("limits", LIMITS)),
        "Input": f"{spec.num_frames} frames of {spec.size[0]}x{spec.size[1]}, "
        f"{InputRecipe.of(spec).describe()}. The map belongs to {predicts}.",
        "Training": described(header.protocol),
        "Data": described(header.data),
        "Scores": table(header.scores),
        "Source": header.source or NOT_STATED,
        "Licence of the weights": header.licence or NOT_STATED,
        "Arguments": described(header.arguments),
        "Other": described({key: value for key, value in header.extra.items() if key != "limits"})
        if set(header.extra) - {"limits"}
        else "",
        "Cite": cited(header.model, info.paper),
        "File": f"SHA-256 of the tensors: `{header.sha256}`; avsal {header.avsal_version}, format "
        f"{header.format_version}.",
    }
    body = "\n".join(f"## {title}\n\n{text}\n" for title, text in sections.items() if text)
    return (
        f"{front_matter(header)}# {header.model}\n\n{info.summary}. The network: {info.paper}; the weights: "
        f"{weights}.\n{trained}\n"
        "```python\nimport avsal\n\n"
        'model = avsal.load_model("this folder or its Hub id")\n'
        'for prediction in avsal.predict(model, "video.mp4"):\n    prediction.time, prediction.map\n```\n\n'
        f"{body}"
    )


def cited(name: str, paper: str) -> str:
    """BibTeX of the network, as the registry names its paper, and of avsal."""
    year = max((word for word in paper.replace(",", " ").split() if word.isdecimal()), default="")
    entries = [
        f"@misc{{{name},\n  title = {{{paper}}},\n" + (f"  year = {{{year}}},\n" if year else "") + "}",
        f"@software{{avsal,\n  title = {{avsal: audio-visual saliency in Python}},\n"
        f"  author = {{{{The avsal developers}}}},\n  version = {{{__version__}}},\n}}",
    ]
    return "```bibtex\n" + "\n".join(entries) + "\n```"


def front_matter(header: CheckpointHeader) -> str:
    """The Hub's YAML block; its model-index: scores that are numbers, on what ``extra.scored_on`` says."""
    from huggingface_hub import EvalResult, ModelCardData

    licence = header.licence
    known = licence is not None and licence.lower() in HUB_LICENCES
    tags = ["saliency", "video", "eye-movements", *(["audio-visual"] if header.spec.sample_rate else [])]
    where = str(header.extra.get("scored_on", "not stated, see the card"))
    results = [
        EvalResult(
            task_type=TASK,
            task_name="video saliency",
            dataset_type=re.sub(r"[^a-z0-9]+", "-", where.lower()).strip("-") or "own",
            dataset_name=where,
            metric_type=name.lower(),
            metric_name=name,
            metric_value=value,
        )
        for name, value in header.scores.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]
    data = ModelCardData(
        pipeline_tag=TASK,
        model_name=header.model if results else None,
        eval_results=results or None,
        library_name="avsal",
        license=licence.lower() if licence and known else "other" if licence else None,
        license_name=None if known else licence,
        tags=tags,
    )
    return f"---\n{data.to_yaml()}\n---\n\n"


def described(value: Any) -> str:
    """A JSON value as Markdown: a mapping as a list, text as it is."""
    if value is None or value in ({}, [], ""):
        return NOT_STATED
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(f"- {key}: {inline(item)}" for key, item in value.items())
    return inline(value)


def inline(value: Any) -> str:
    """A JSON value within a line."""
    return value if isinstance(value, str) else f"`{json.dumps(value)}`"


def table(scores: Any) -> str:
    """Scores as a table; those without a number say so."""
    if not scores:
        return NOT_STATED
    rows = [
        f"| {name} | {'undefined' if value is None else inline(value)} |" for name, value in scores.items()
    ]
    return "\n".join(["| metric | value |", "| --- | --- |", *rows])
