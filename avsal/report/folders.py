"""Tables from the folders that evaluations left: several models side by side, folds pooled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import VideoScores, protocol, read_rows
from avsal.report.published import citation_note, comparable_results, of_all_videos
from avsal.report.results import result_table
from avsal.report.table import ResultTable

__all__ = ["table_of_folders"]

#: settings that must agree for scores to stand in one table
_DEFINITIONS = ("family", "sampler", "seed", "density", "height", "min_fixations", "ig_floor")


def table_of_folders(
    folders: Sequence[str | Path],
    *,
    protocol_name: str | None = None,
    interval: Literal["bca", "percentile"] = "bca",
) -> ResultTable:
    """Average the rows of evaluations of one data set, without scoring anything again.

    Entries of different folds are pooled, so a video that two folds test counts twice. Of a baseline row
    that several evaluations of one fold have, the first counts.

    Args:
        folders: the `out` of evaluations.
        protocol_name: of averaging; None takes the evaluations' own.
        interval: kind of bootstrap interval.

    Raises:
        DatasetError: a folder is no evaluation, or an unfinished one.
        ConfigError: evaluations of different data sets, splits, definitions or protocols, or two evaluations
            of one model on one fold.
    """
    abouts = [_about(Path(folder)) for folder in folders]
    _require_alike(folders, abouts, protocol_name)
    scores: dict[str, list[VideoScores]] = {}
    taken: dict[tuple[str, int | None], str] = {}
    folds: list[int] = []
    for folder, about in zip(folders, abouts, strict=True):
        fold = about["choices"]["fold"]
        folds += [fold] if fold not in (None, *folds) else []
        for path in sorted((Path(folder) / "frames").glob("*.csv")):
            row = path.stem
            if (row, fold) in taken:
                if row in _baselines(about["settings"]):
                    continue
                raise ConfigError(
                    f"{folder} and {taken[row, fold]} both have {row!r} on fold {fold}: evaluate one of them "
                    "with another name=..., or leave it out"
                )
            taken[row, fold] = str(folder)
            scores.setdefault(row, []).extend(read_rows(path))
    choices, how = abouts[0]["choices"], protocol(protocol_name or abouts[0]["protocol"]["name"])
    settings = abouts[0]["settings"]
    title = [choices["data"], *([choices["split"]] if choices["split"] else [])]
    title += (
        [f"folds {', '.join(map(str, folds))} pooled" if len(folds) > 1 else f"fold {folds[0]}"]
        if folds
        else []
    )
    published = comparable_results(choices["data"], how.name, choices["split"], settings["sampler"])
    scopes = ", ".join(dict.fromkeys(str(about["scope"]) for about in abouts if about.get("scope")))
    if scopes and published:
        published = of_all_videos(published, scopes)
    return result_table(
        ", ".join(title),
        scores,
        how,
        published=published,
        notes=[
            *([f"NOT COMPARABLE: cited rows are means of whole sets; measured: {scopes}."] if scopes else []),
            *([citation_note(how.name)] if published else []),
            f"Evaluated with {', '.join(f'{key} {settings[key]}' for key in _DEFINITIONS)}.",
        ],
        interval=interval,
    )


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "evaluation.json"
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        choices, settings = about["choices"], about["settings"]
        sound = (
            isinstance(choices["data"], str)
            and isinstance(choices["split"], str | None)
            and isinstance(choices["fold"], int | None)
            and isinstance(about["protocol"]["name"], str)
            and all(key in settings for key in _DEFINITIONS)
            and all(isinstance(name, str) for name in _baselines(settings))
        )
    except KeyError as error:
        raise DatasetError(f"{path} is no evaluation's: it says nothing of {error}") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DatasetError(
            f"{folder} is no finished evaluation ({path.name}: {error}); give the out=DIR of avsal evaluate"
        ) from error
    if not sound:
        raise DatasetError(f"{path} was changed by hand: its choices are not of the kinds that were written")
    return about


def _require_alike(
    folders: Sequence[str | Path], abouts: Sequence[dict[str, Any]], protocol_name: str | None
) -> None:
    if not abouts:
        raise ConfigError("expected folders of evaluations but got none")
    parts = [
        *(("choices", key) for key in ("data", "split")),
        *(("settings", key) for key in _DEFINITIONS),
        *([("protocol", "name")] if protocol_name is None else []),
    ]
    for part, key in parts:
        first = abouts[0][part][key]
        for folder, about in zip(folders, abouts, strict=True):
            if about[part][key] != first:
                raise ConfigError(
                    f"{folder} was evaluated with {key} {about[part][key]!r}, {folders[0]} with {first!r}: "
                    "such numbers do not belong in one table"
                )


def _baselines(settings: Mapping[str, Any]) -> Sequence[str]:
    """The baseline rows of an evaluation; ``perspective`` is what earlier versions called them."""
    return settings["baselines"] if "baselines" in settings else settings["perspective"]
