"""What an evaluation scores: models and collections of maps, each with a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import ConfigError
from avsal.evaluation import BASELINES, MapCollection, MapSource
from avsal.models import SaliencyModel, require_model
from avsal.weights import ModelIdentity, TrainedOn, model_identity, trained_on
from avsal.workflows.model_maps import ModelMaps

if TYPE_CHECKING:
    from avsal.workflows.evaluate import EvaluateSettings

__all__ = ["Scored", "Sources", "named_models", "sources_of"]

#: one model or source of maps; several; or several under names of one's own
Scored = SaliencyModel | MapSource | Sequence[SaliencyModel | MapSource] | Mapping[str, SaliencyModel] | None


@dataclass(frozen=True)
class Sources:
    """Sources of maps and what is known of the models behind them.

    Attributes:
        all: in the order of the table's rows.
        facts: of each model, by its row, as results tell them.
        learned: of each model, by its row, what it was trained on.
    """

    all: tuple[MapSource, ...]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    learned: Mapping[str, TrainedOn] = field(default_factory=dict)

    def seen(self, row: str, dataset: str, videos: Sequence[str], *, split: str | None) -> str | None:
        """Whether a row's model was trained on what is scored, in words; None where nothing says so.

        Args:
            row: name of a model.
            dataset: its name.
            videos: videos that are scored.
            split: split that is scored; a checkpoint that names the data set alone is believed to have left
                val and test out.
        """
        known = self.learned.get(row)
        if known is None:
            return None
        both = sorted(set(videos) & known.recordings.get(dataset, frozenset()))
        if not both:
            if dataset in known.recordings or split in ("val", "test") or dataset not in known.words:
                return None
            return f"{row} was trained on {dataset}; which of its videos is not stated"
        which = (
            f" ({', '.join(both[:5])}{', ...' if len(both) > 5 else ''})" if len(both) < len(videos) else ""
        )
        return f"{row} was trained on {len(both)} of the {len(videos)} videos scored here{which}"


def named_models(
    model: SaliencyModel | Sequence[SaliencyModel] | Mapping[str, SaliencyModel],
) -> dict[str, SaliencyModel]:
    """Models by names: those given, else the checkpoint's or the model's own, told apart by arguments
    or hash where two would be called alike.

    Raises:
        ConfigError: no model, or one under two names.
    """
    if isinstance(model, Mapping):
        return dict(model)
    given = [require_model(one) for one in (model if isinstance(model, list | tuple) else [model])]
    identities = [model_identity(one) for one in given]
    names = _apart([who.checkpoint or who.name for who in identities], identities)
    if not given or len(set(names)) < len(names):
        raise ConfigError(
            "expected models, each once: give them by name, as in {'first': model, 'second': other}"
        )
    return dict(zip(names, given, strict=True))


def _apart(names: list[str], identities: Sequence[ModelIdentity | None]) -> list[str]:
    """Names told apart, where several are the same, by the arguments in which these differ, else by hash."""
    alike = {name for name in names if names.count(name) > 1}
    single = len(set(names)) == 1  # then only what differs need be said
    told = list(names)
    for name in alike:
        own = [who.arguments for one, who in zip(names, identities, strict=True) if one == name and who]
        keys = sorted({key for arguments in own for key in arguments})
        differing = [key for key in keys if any(one.get(key) != own[0].get(key) for one in own)]
        for place, who in enumerate(identities):
            if names[place] == name and who is not None:
                words = [f"{key}={who.arguments.get(key)}" for key in differing[:2]]
                told[place] = " ".join([*([] if single and words else [name]), *words])
    return [
        f"{name} ({who.sha256[:8]})" if who is not None and told.count(name) > 1 else name
        for name, who in zip(told, identities, strict=True)
    ]


def sources_of(model: Scored, maps: str | Path | None, settings: EvaluateSettings) -> Sources:
    """The sources that an evaluation was given.

    Args:
        model: model as `evaluate` takes it.
        maps: a path of maps instead.
        settings: settings of the evaluation.

    Raises:
        ConfigError: settings that contradict each other, an untrained model, or rows of one name.
    """
    if maps is not None:
        if model is not None:
            raise ConfigError("`maps` are scored instead of a model: leave `model` and `weights` out")
        if settings.engine is not None:
            raise ConfigError("`engine` says how a model is run, but `maps` are there already: leave it out")
        return Sources(_checked((MapCollection(maps, name=settings.name),)))
    if model is None:
        return Sources(())
    own_names: list[str] = []
    given: list[SaliencyModel | MapSource]
    if isinstance(model, Mapping):
        own_names, given = list(model), list(model.values())
    else:
        given = list(model) if isinstance(model, list | tuple) else [model]  # type: ignore[list-item]
    told = None if settings.name is None else [part.strip() for part in settings.name.split(",")]
    if told is not None and len(told) != len(given):
        raise ConfigError(f"`name` gives {len(told)} names for {len(given)} models: give one for each")
    identities = [_identity(one, settings) for one in given]
    usual = [_name(one, who) for one, who in zip(given, identities, strict=True)]
    names = told or own_names or _apart(usual, identities)
    found: list[MapSource] = []
    for name, one in zip(names, given, strict=True):
        if not isinstance(one, SaliencyModel):
            found.append(one)
            continue
        found.append(ModelMaps(one, name, audio=settings.audio, **settings.running))
    facts, learned = {}, {}
    for name, one, who in zip(names, given, identities, strict=True):
        if who is not None and isinstance(one, SaliencyModel):
            facts[name] = {**who.to_json(), "trained": True}
            learned[name] = trained_on(one)
    return Sources(_checked(found), facts, learned)


def _identity(model: object, settings: EvaluateSettings) -> ModelIdentity | None:
    """Of a model that may be scored; None for another source of maps."""
    if hasattr(model, "parameters") or not callable(model):
        require_model(model)
    if not isinstance(model, SaliencyModel):
        return None
    if settings.workers > 1:
        raise ConfigError("a model predicts in this process alone: leave `workers` out")
    if not model.trained:
        raise ConfigError(
            f"{model.name!r} lacks trained weights, so its scores would mean nothing; give weights=FILE"
        )
    return model_identity(model)


def _name(source: Any, identity: ModelIdentity | None) -> str:
    return source.name if identity is None else identity.checkpoint or identity.name


def _checked(sources: Sequence[MapSource]) -> tuple[MapSource, ...]:
    names = [source.name for source in sources]
    for name in names:
        if name in BASELINES or Path(name).name != name:
            raise ConfigError(f"{name!r} cannot name a row and its file: choose another with name=TEXT")
        if names.count(name) > 1:
            raise ConfigError(f"two rows would be called {name!r}: give each a name of its own with name=A,B")
    return tuple(sources)
