"""From downloaded data to a paper's table: prepare, train every stage in order, score, and set beside the
paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.clips import StoreNeed
from avsal.configuration import from_mapping
from avsal.errors import ConfigError, DatasetError
from avsal.media.atomic import write_text
from avsal.report import ResultTable
from avsal.workflows.data import find_root, load_dataset
from avsal.workflows.evaluate import Progress
from avsal.workflows.evaluate_sets import Part, evaluate_parts
from avsal.workflows.evaluate_settings import EvaluateChoices, EvaluateSettings
from avsal.workflows.experiment import chosen_row, compose, resolve, words_of
from avsal.workflows.paper_tables import PaperTable, ReproduceSettings, paper_table
from avsal.workflows.prepare import PrepareSettings, prepare
from avsal.workflows.stages import Stage, chain

if TYPE_CHECKING:
    from avsal.workflows.training_data import SetSettings

__all__ = ["ReproduceSettings", "Reproduction", "reproduce"]


@dataclass(frozen=True)
class Reproduction:
    """Our table beside the paper's; prints as Markdown.

    Attributes:
        title: paper and number.
        tables: one for each data set.
        files: that they were written to.
        complete: whether nothing had to be left out.
        notes: what differs from the paper, and what was left out.
    """

    title: str
    tables: Sequence[ResultTable]
    files: Sequence[Path]
    complete: bool
    notes: Sequence[str]

    def __str__(self) -> str:
        told = "\n".join(f"- {note}" for note in self.notes)
        tables = [table.to_markdown() for table in self.tables]
        return "\n".join([f"# {self.title}\n", *tables, told]).rstrip()


def reproduce(
    paper: str,
    table: str,
    settings: ReproduceSettings,
    *,
    say: Callable[[str], None] = lambda text: None,
    progress: Progress | None = None,
    announce: Callable[[StoreNeed], None] | None = None,
) -> Reproduction:
    """Make a paper's table from the downloaded data; what is done already is not done again.

    Data are prepared, stages trained in order, and models scored; stopped at any moment, the same call goes
    on.

    Examples:
        >>> print(avsal.reproduce("tsfpnet", "table7", avsal.ReproduceSettings(root="DATA")))

    Args:
        paper: see `avsal reproduce --help`.
        table: table of the paper.
        settings: where things are.
        say: told of each thing that is begun.
        progress: called after each video that is scored.
        announce: told what preparing a data set takes, before it begins.

    Raises:
        AvsalError: data, weights or settings are not what they should be; or the run was stopped.
    """
    plan = paper_table(paper, table)
    usual: dict[str, Any] = {"family": "mit", "metrics": plan.metrics, "costs": False}
    chosen = from_mapping(EvaluateSettings, usual | dict(settings.evaluate))
    work = _Work(settings, say, announce)
    if plan.sweep is not None:
        tables, complete, files = work.sweep(plan)
    else:
        tables, complete, files = work.scores(f"{paper}_{table}", plan, chosen, progress)
    notes = [*([plan.about] if plan.about else []), *work.notes]
    made = Reproduction(plan.title, tables, (), complete, notes)
    path = settings.out / f"{paper}_{table}.md"
    write_text(path, f"{made}\n")
    return replace(made, files=(path, *files))


class _Work:
    """The steps of a reproduction."""

    def __init__(
        self,
        settings: ReproduceSettings,
        say: Callable[[str], None],
        announce: Callable[[StoreNeed], None] | None,
    ) -> None:
        self._settings, self._say, self._announce = settings, say, announce
        self.notes: list[str] = []
        shared: dict[str, Any] = {"run_root": str(settings.out), "data_root": str(settings.stores)}
        shared |= {"protocol": settings.protocol}
        if settings.from_scratch:
            shared["from_scratch"] = True
            self.notes.append("Trained from scratch: without the published weights the paper starts from.")
        if settings.allow_missing:
            shared["data.allow_missing"] = True
        self._shared = words_of(shared)
        self._changes = words_of(settings.train)
        if settings.train:
            told = ", ".join(f"{key}={value}" for key, value in settings.train.items())
            self.notes.append(f"Trained with {told}, which is not the paper's.")
        if settings.evaluate:
            told = ", ".join(f"{key}={value}" for key, value in settings.evaluate.items())
            self.notes.append(f"Evaluated with {told}.")

    def sweep(self, plan: PaperTable) -> tuple[list[ResultTable], bool, list[Path]]:
        """A table whose rows are trained side by side."""
        from avsal.workflows.sweep import SweepResult
        from avsal.workflows.train import launch

        words = [f"experiment={plan.sweep}", *self._shared, *self._changes]
        for row in _rows(words):
            self._prepare([*words, f"row={row}"])
        self._say(f"training the rows of {plan.title}")
        result = launch([*words, "run.resume=auto"], multirun=True)
        assert isinstance(result, SweepResult)
        self.notes += [f"FAILED: {text}" for text in result.failed]
        tables = [] if result.table is None else [result.table]
        return tables, not result.failed, list(result.files)

    def scores(
        self, name: str, plan: PaperTable, how: EvaluateSettings, progress: Progress | None
    ) -> tuple[list[ResultTable], bool, list[Path]]:
        """A table of models that are trained fold by fold and scored on test videos."""
        folds: Sequence[int | None] = plan.folds if self._settings.folds is None else self._settings.folds
        if self._settings.folds is not None and plan.folds != (None,):
            self.notes.append(f"Of the folds {', '.join(map(str, folds))}.")
        checkpoints = {
            (experiment, fold): self._trained(experiment, fold)
            for fold in folds
            for experiment in plan.experiments
        }
        parts = []
        for row in plan.rows:
            for data in plan.data:
                for fold in folds:
                    place = self._settings.out / name / row.name.replace(" ", "_") / data
                    settings = replace(how, name=row.name.replace(" ", "_"), audio=row.audio)
                    choices = EvaluateChoices(
                        **asdict(settings),
                        weights=str(checkpoints[row.experiment, fold]),
                        arguments=plan.choices.get(data, {}),
                        data=data,
                        root=find_root(data, self._settings.root),
                        split=plan.split,
                        fold=fold,
                        out=place if fold is None else place / f"fold_{fold}",
                    )
                    parts.append(Part(choices))
        found = evaluate_parts(
            parts, progress=progress, begun=lambda part: self._say(f"scoring into {part.choices.out}")
        )
        self.notes += [
            f"{problem.kind} in {folder.relative_to(self._settings.out)}: {problem.text}"
            for folder, problems in found.problems.items()
            for problem in problems.found
            if problem.kind == "unusable recording"
        ]
        tables = [_of_source(table, plan.source) for table in found.tables.values()]
        return tables, found.complete, [found.save(self._settings.out / name)]

    def _trained(self, experiment: str, fold: int | None) -> Path:
        """The checkpoint of an experiment, trained now where it is not there, its stages before it."""
        from avsal.workflows.train import train_stage

        words = [f"experiment={experiment}", *self._shared]
        words += [] if fold is None else [f"split={fold}"]
        stages = chain(words)
        last = Stage(experiment, tuple(words[1:]), Path(compose(words).run.folder))
        stages = [*stages, last]
        if self._settings.initial is not None:
            if len(stages) < 2:
                raise ConfigError(f"`initial` stands for the first stage, but {experiment} comes after none")
            first = stages[1]
            start = words_of({"model.initial": str(self._settings.initial)})
            stages = [replace(first, words=(*first.words, *start)), *stages[2:]]
        for stage in stages:
            whole = replace(stage, words=(*stage.words, *self._changes))
            if whole.ended:
                continue
            self._prepare([f"experiment={whole.experiment}", *whole.words])
            self._say(f"training {whole.experiment} into {whole.folder}")
            train_stage(whole)
        return last.checkpoint

    def _prepare(self, words: Sequence[str]) -> None:
        """Store the data that a line trains on, where they are not stored yet."""
        from avsal.workflows.training_stores import to_prepare

        config = compose(words)
        told, data = resolve(chosen_row(config, words))
        for part, size, fit in to_prepare(data, told, str(config.get("stored_size"))):
            how = PrepareSettings(size=size, fit=fit, maps=part.recipe is None, compress=True)
            for entry in part.sets:
                if not (Path(entry.store) / "index.json").exists():
                    self._store(entry, how)

    def _store(self, entry: SetSettings, how: PrepareSettings) -> None:
        self._say(f"preparing {entry.name} into {entry.store}")
        made = prepare(
            load_dataset(entry.name, find_root(entry.name, self._settings.root)),
            entry.store,
            how,
            progress=None,
            announce=self._announce,
        )
        if made.problems and not self._settings.allow_missing:
            (Path(entry.store) / "index.json").unlink()
            raise DatasetError(
                f"{entry.name}: {len(made.problems)} recordings cannot be used, the first: "
                f"{made.problems[0]}; mend them, or leave them out with allow_missing=true"
            )
        self.notes += [f"{entry.name}: left out of training: {text}" for text in made.problems]


def _rows(words: Sequence[str]) -> list[str]:
    config = compose(words)
    return [str(row) for row in config.table.rows]


def _of_source(table: ResultTable, source: str) -> ResultTable:
    """The table with the cited rows of one source; all of them where it names none."""
    if not source:
        return table
    rows = [row for row in table.rows if row.kind != "cited" or row.source.startswith(source)]
    return replace(table, rows=rows)
