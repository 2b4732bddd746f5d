"""What made an output: which model, with which weights, trained on what, under which licence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import nn

from avsal.errors import counted, shown
from avsal.models import SaliencyModel
from avsal.weights.checkpoint import HEADER, effective_arguments
from avsal.weights.header import CheckpointHeader, plain, sha256_of
from avsal.weights.shipped import shipped_as

__all__ = ["ModelIdentity", "TrainedOn", "model_identity", "trained_on"]

MAX_WORDS = 300
Origin = Literal["shipped", "demonstration", "published", "trained", "changed", "untrained"]
#: of each what stands behind the name in a label, and what a line says of it
ORIGINS: dict[Origin, tuple[str, str]] = {
    "shipped": ("", "shipped with avsal"),
    "demonstration": ("demonstration", "the demonstration that ships with avsal, no paper's weights"),
    "published": ("its authors' weights", "its authors' weights"),
    "trained": ("{sha256}", "own weights"),
    "changed": ("{sha256}", "trained on since it was loaded"),
    "untrained": ("untrained", "untrained: its maps mean nothing"),
}


@dataclass(frozen=True)
class ModelIdentity:
    """What an output says of the model that made it.

    Attributes:
        name: of the model in the registry, or its class's.
        arguments: all of its constructor's, as plain JSON values.
        sha256: of its tensors as they are, see `avsal.weights.header.sha256_of`.
        origin: ``shipped`` with avsal; ``demonstration``: shipped to show what avsal does, no paper's model;
            ``published``: its authors' weights; ``trained``: another checkpoint; ``changed``: trained on
            since it was loaded; ``untrained``: its maps mean nothing.
        checkpoint: name of the shipped checkpoint, None for others.
        trained_on: the data, None where the checkpoint does not state them.
        licence: of the weights, None where not stated.
        source: where the weights come from, None where not stated.
    """

    name: str
    arguments: Mapping[str, Any]
    sha256: str
    origin: Origin
    checkpoint: str | None = None
    trained_on: str | None = None
    licence: str | None = None
    source: str | None = None

    @property
    def label(self) -> str:
        """A few words for a table's row or a picture; never the title of a paper."""
        told = ORIGINS[self.origin][0].format(sha256=self.sha256[:8])
        return f"{self.checkpoint or self.name}{told and f' ({told})'}"

    def describe(self) -> str:
        """One line for people."""
        parts = [f"{self.checkpoint or self.name}: {ORIGINS[self.origin][1]}"]
        if self.origin != "untrained":
            parts.append(f"trained on {self.trained_on or 'data that are not stated'}")
            parts.append(f"licence {(self.licence or 'not stated').partition(';')[0]}")
        return "; ".join([*parts, f"SHA-256 {self.sha256[:12]}"])

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values, with the label."""
        return {"label": self.label, **plain(asdict(self))}


def model_identity(model: nn.Module) -> ModelIdentity:
    """What an output should say of a model: call it once a run, it reads every tensor.

    Args:
        model: model as it predicts; one that `load_model` gave knows where its weights come from.
    """
    sha256 = sha256_of(model.state_dict())
    if not isinstance(model, SaliencyModel) or not hasattr(model, "info"):
        origin: Origin = "changed" if getattr(model, "trained", True) else "untrained"
        return ModelIdentity(type(model).__name__, {}, sha256, origin)
    arguments = plain(effective_arguments(model.info, model.arguments))
    header: CheckpointHeader | None = vars(model).get(HEADER)
    if not model.trained:
        return ModelIdentity(model.name, arguments, sha256, "untrained")
    if header is None or header.sha256 != sha256:
        return ModelIdentity(model.name, arguments, sha256, "changed")
    shipped = shipped_as(sha256)
    if shipped is not None:
        origin = "demonstration" if shipped.demonstration else "shipped"
    else:
        origin = "published" if "layout" in header.extra else "trained"
    return ModelIdentity(
        model.name,
        arguments,
        sha256,
        origin,
        shipped.name if shipped else None,
        in_words(header.data),
        header.licence,
        header.source,
    )


@dataclass(frozen=True)
class TrainedOn:
    """What a checkpoint says it learned from.

    Attributes:
        recordings: by data set, where a training run noted them.
        words: what else it says, in lower case without spaces and signs.
    """

    recordings: Mapping[str, frozenset[str]]
    words: str = ""


def trained_on(model: nn.Module) -> TrainedOn:
    """What a model was trained on as far as its checkpoint says so; both empty where it does not."""
    header: CheckpointHeader | None = vars(model).get(HEADER)
    recordings: dict[str, set[str]] = {}
    words: list[str] = []

    def gather(noted: Any) -> None:
        if isinstance(noted, str):
            words.append(noted)
        elif isinstance(noted, list):
            for part in noted:
                gather(part)
        elif isinstance(noted, dict):
            named = noted.get("recordings")
            if isinstance(named, dict) and all(isinstance(ids, list) for ids in named.values()):
                for name, ids in named.items():
                    recordings.setdefault(str(name), set()).update(map(str, ids))
            else:
                for part in noted.values():
                    gather(part)

    if header is not None:
        data = header.data
        gather(data.get("train", data) if isinstance(data, dict) else data)
    plain_words = "".join(letter for letter in " ".join(words).lower() if letter.isalnum())
    return TrainedOn({name: frozenset(ids) for name, ids in recordings.items()}, plain_words)


def in_words(data: Any) -> str | None:
    """What a checkpoint says of its data, as one line: names of data sets where a training run noted them."""
    if data is None or data in ({}, [], ""):
        return None
    if isinstance(data, dict):
        named = list(data_sets(data.get("train", data)))
        plain_words = all(isinstance(value, str) for value in data.values())
        told = [f"{key}: {value}" for key, value in data.items()] if plain_words else [json.dumps(data)]
        data = named or told
    words = ", ".join(str(one) for one in data) if isinstance(data, list) else str(data)
    return shown(words if len(words) <= MAX_WORDS else f"{words[:MAX_WORDS]}...")


def data_sets(noted: Any) -> Iterator[str]:
    """Data sets and generators in what a training run notes of its clips, joined sources included."""
    if not isinstance(noted, dict):
        return
    generator = noted.get("videos", noted.get("films"))
    if isinstance(noted.get("recordings"), dict):
        for name, members in noted["recordings"].items():
            yield f"{name} ({counted(len(members), 'recording')})" if isinstance(members, list) else str(name)
    elif isinstance(generator, str):
        yield generator
    else:
        for part in noted.values():
            yield from data_sets(part)
