"""The table of a sweep: what was varied and how well it does, beside the rows of the paper's table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from avsal.errors import ConfigError
from avsal.report.labels import ROW_LABELS, column_order, metric_label
from avsal.report.published import PublishedResult, published_results
from avsal.report.sweep_run import SweepRun
from avsal.report.table import Cell, ResultTable, TableRow
from avsal.training.rows import TableSettings

__all__ = ["sweep_table"]


def sweep_table(runs: Sequence[SweepRun], name: str = "runs") -> ResultTable:
    """One row for each run, or each stride of its windows, by its best checkpoint on the validation frames.

    A column "change in" a metric has the distance to the row that the others are a change of: of measured
    rows to the measured one of the same seed, of cited rows to the cited one of the same data set.

    Args:
        runs: of a sweep, those that failed among them.
        name: of the sweep, where the runs are of no paper's table.

    Raises:
        ConfigError: no runs.
    """
    if not runs:
        raise ConfigError("expected runs of a sweep but got none")
    table = next((run.table for run in runs if run.table is not None), None)
    order = list(table.rows) if table is not None else []
    runs = sorted(runs, key=lambda run: order.index(run.row) if run.row in order else len(order))
    names = _names(runs, table)
    select = next((run.settings["validation"]["select"] for run in runs if run.settings), "nss")
    change = f"change in {metric_label(select, arrow=False)}"
    rows = [*_baselines(runs), *_measured(list(zip(runs, names, strict=True)), table, select, change)]
    rows += [
        TableRow(name, "measured", {}) for run, name in zip(runs, names, strict=True) if run.header is None
    ]
    if table is not None:
        rows += _cited(table, select, change)
    found = {metric for row in rows for metric in row.cells}
    metrics = [metric for metric in column_order() if metric in found and metric != "parameters"]
    metrics += [metric for metric in (change, "parameters") if metric in found]
    title = table.title if table is not None else f"Sweep {name}"
    return ResultTable(title, metrics, rows, [*_notes(runs, names, table, select)])


def _names(runs: Sequence[SweepRun], table: TableSettings | None) -> list[str]:
    """How rows are called: as the table does, by the choices in which runs differ, and whether they ended."""
    choices = [{word.lstrip("+") for word in run.choices if not word.startswith("run.")} for run in runs]
    shared = set.intersection(*choices)
    names = []
    for run, chosen in zip(runs, choices, strict=True):
        own = [word for word in (word.lstrip("+") for word in run.choices) if word in chosen - shared]
        if table is not None and run.row is not None:
            own = [table.row(run.row).name, *(word for word in own if not word.startswith("row="))]
        state = "" if run.end is not None else " (unfinished)"
        names.append((", ".join(own) or run.folder.name) + (" (FAILED)" if run.error is not None else state))
    return names


class _Scored(NamedTuple):
    """A row of a run.

    Attributes:
        run: that it is of.
        name: of the row.
        scores: by metric, and of how many recordings and frames.
        usual: whether windows move on as the model itself has it.
    """

    run: SweepRun
    name: str
    scores: Mapping[str, Any]
    usual: bool = True


def _measured(
    runs: Sequence[tuple[SweepRun, str]], table: TableSettings | None, select: str, change: str
) -> list[TableRow]:
    """Rows of the runs that have a checkpoint."""
    found: list[_Scored] = []
    for run, name in runs:
        if run.header is None:
            continue
        usual = str(run.header.spec.stride)
        for stride, scores in run.strides.get("scores", {}).items():
            found.append(_Scored(run, f"{name}, stride {stride}", scores, stride == usual))
        if not run.strides:
            found.append(_Scored(run, name, run.header.scores))
    rows = []
    for run, name, scores, _ in found:
        cells = _cells(scores)
        if run.parameters is not None:
            cells["parameters"] = Cell(run.parameters / 1e6)
        against = _reference(run, found, table)
        if against is not None and against is not scores and {select} <= cells.keys():
            cells[change] = Cell(scores[select] - against[select])
        rows.append(TableRow(name, "measured", cells, "", scores["recordings"], scores["frames"]))
    return rows


def _cells(scores: Mapping[str, Any]) -> dict[str, Cell]:
    return {metric: Cell(scores[metric]) for metric in column_order() if scores.get(metric) is not None}


def _reference(
    run: SweepRun, found: Sequence[_Scored], table: TableSettings | None
) -> Mapping[str, Any] | None:
    """The scores that a run's are a change of."""
    for other in found:
        alike = other.run.settings["seed"] == run.settings["seed"]
        if table is not None and other.run.row == table.against and alike and other.usual:
            return other.scores
    return None


def _baselines(runs: Sequence[SweepRun]) -> list[TableRow]:
    """Where people look in general, as the first finished run scored it."""
    ended = next((run for run in runs if run.end is not None and run.end.get("baselines")), None)
    if ended is None or ended.end is None:
        return []
    labels = {"centre_bias": ROW_LABELS["centre_bias"], "mean_map": "mean map of the training gaze"}
    return [
        TableRow(
            labels[name],
            "baseline",
            _cells(scores),
            "",
            scores["recordings"],
            scores["frames"],
        )
        for name, scores in ended.end["baselines"].items()
    ]


def _cited(table: TableSettings, select: str, change: str) -> list[TableRow]:
    """The paper's rows, one for each data set that they are of."""
    results = [result for result in published_results() if result.source in table.sources]
    rows = []
    against = _by_place(results, table.rows[table.against].cited[:1])
    for row in table.rows.values():
        for (model, place), group in _by_place(results, row.cited).items():
            cells = {result.metric: Cell(result.value) for result in group}
            if "parameters" in cells:
                cells["parameters"] = Cell(cells["parameters"].value / 1e6)
            reference = next((own for (_, other), own in against.items() if other == place), group)
            base = next((result.value for result in reference if result.metric == select), None)
            if base is not None and reference != group and select in cells:
                cells[change] = Cell(cells[select].value - base)
            doubts = sorted({result.note for result in group if result.note})
            sources = ", ".join(dict.fromkeys(result.source for result in group))
            told = "; ".join([sources, *([place] if place else []), *doubts])
            rows.append(TableRow(model, "cited", cells, told))
    return rows


def _by_place(
    results: Iterable[PublishedResult], models: Sequence[str]
) -> dict[tuple[str, str], list[PublishedResult]]:
    """Results of these models, by model and by data set with its split, in the order of `models`."""
    grouped: dict[tuple[str, str], list[PublishedResult]] = {}
    for model in models:
        for result in results:
            if result.model == model:
                place = "" if result.dataset == "-" else f"{result.dataset} {result.split}"
                grouped.setdefault((model, place), []).append(result)
    return grouped


def _notes(
    runs: Sequence[SweepRun], names: Sequence[str], table: TableSettings | None, select: str
) -> list[str]:
    scored = [run for run in runs if run.header is not None]
    notes = []
    if scored:
        told = scored[0].settings
        data = ", ".join(dict.fromkeys(str(run.data) for run in scored))
        notes.append(
            "Measured rows: the checkpoint of each run that is best by "
            f"{metric_label(select, arrow=False)} on the validation frames of {data} (protocol "
            f"{told['protocol']}), scored on those frames at the size "
            "of the model's input."
        )
    if len({run.frames for run in scored}) > 1:
        notes.append("The runs were scored on DIFFERENT frames: their rows do not compare.")
    if table is not None:
        notes.append(
            "Cited rows: the authors' training, data and metric code, as named in their origin; they compare "
            "with measured rows only as far as data and training are the same. The columns of change compare "
            f"each row with {table.rows[table.against].name} of its own kind."
        )
        if table.note:
            notes.append(table.note)
    device = next((run.strides["device"] for run in scored if run.strides), None)
    if device is not None:
        notes.append(
            "Rows of a stride are scored on every validation frame, centre bias and mean map on those of the "
            f"run's validations. Maps a second: the network alone, measured while scoring, on {device}."
        )
    for run, name in zip(runs, names, strict=True):
        notes.append(f"{name}: {_state(run)}")
    return notes


def _state(run: SweepRun) -> str:
    """How far a run came, and where its checkpoint lies."""
    text = f"{run.steps} steps{'' if run.end is not None else ' so far'}"
    if run.error is not None:
        text = f"{run.error}; {text}"
    if run.header is None:
        return f"{text}, no checkpoint in {run.folder}"
    text += f", best after {run.header.protocol['step']}: {run.folder / 'best.safetensors'}"
    above = (run.end or {}).get("above", {})
    worse = [name.replace("_", " ") for name, distance in above.items() if distance < 0]
    if worse:
        text += f"; WORSE than the training clips' {' and '.join(worse)}: its numbers say nothing yet"
    return text
