"""Pages of the documentation that are made from the package itself: a hook of mkdocs, see `mkdocs.yml`.

Every data set's page comes from its reader's docstring and facts, the page of metrics from the metric table,
the list of commands from their own help, the reference from what packages offer.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import textwrap
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

__all__ = ["datasets_page", "help_page", "metrics_page", "on_files", "pages"]


DATASETS_HEAD = """\
# Data sets

Every reader gives recordings in the same form: frames with time stamps, sound on the same clock, gaze on each
frame. `avsal.load_dataset(name, root)` opens one in Python; every command takes `data=NAME root=FOLDER`.
`avsal data check NAME --root FOLDER` compares a copy with the published counts. Your own videos and gaze are
`data=manifest`.

This page is made from the readers themselves."""

METRICS_HEAD = """\
# Metrics

A metric is one entry of `avsal.metrics.METRIC_TABLE`; [add yours](extending.md) with
`avsal.metrics.register_metric`. Numbers of different *families* of definitions must not be compared: `exact`
is what the papers' equations say, the others reproduce what the published codes compute (`family=mit`).

This page is made from the table itself."""


def plain(docstring: str | None) -> str:
    """A docstring as Markdown: reST's literal blocks fenced, sections of Google style as paragraphs."""
    lines, out, fenced = inspect.cleandoc(docstring or "").splitlines(), [], False
    for number, line in enumerate(lines):
        follows = next((later for later in lines[number + 1 :] if later.strip()), "")
        if fenced and line.strip() and not line.startswith("    "):
            while out and not out[-1].strip():
                out.pop()
            out += ["```", ""]
            fenced = False
        if line.endswith("::") and follows.startswith("    "):
            out += [line[:-1], "", "```text"]
            fenced = True
        elif re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields|Example|Examples):", line):
            out += ["", f"**{line[:-1]}**", ""]
        elif fenced:
            out.append(line.removeprefix("    "))
        elif line.strip().startswith(">>>") and not fenced:
            out += ["```pycon", line.strip()]
            fenced = True
        elif out and re.match(r"    (\w[\w, |*`]*): ", line):
            name, rest = line.strip().split(": ", 1)
            out.append(f"- `{name}`: {rest}")
        else:
            out.append(line.strip() if line.startswith("    ") else line)
    if fenced:
        out += ["```"]
    return "\n".join(out).strip()


def row(*cells: Any) -> str:
    """A line of a table."""
    return "| " + " | ".join("-" if cell is None else str(cell).replace("|", "\\|") for cell in cells) + " |"


def datasets_page() -> str:
    """The table of all data sets and a section for each."""
    from datasets_av import dataset_class, list_datasets

    table = ["| name | videos | frames | sound | gaze | licence |", "|---|--:|--:|---|---|---|"]
    sections = []
    for name in list_datasets():
        reader = dataset_class(name)
        info = reader.info
        sound = "yes" if info.sound else None
        table.append(
            row(f"[`{name}`](#{name})", info.num_recordings, info.num_frames, sound, info.gaze, info.licence)
        )
        facts = [
            f"**Cite** {info.citation}",
            f"**Get it from** {info.source}",
            f"**Density maps** {info.sigma}",
        ]
        options = inspect.signature(reader).parameters
        words = ", ".join(f"`{key}=`" for key in options if key not in ("root", "self"))
        sections += [
            f"## {name}",
            plain(reader.__doc__),
            "  \n".join([*facts, f"**Settings** `root=`{', ' if words else ''}{words}"]),
        ]
    return "\n\n".join([DATASETS_HEAD, "\n".join(table), *sections]) + "\n"


def metrics_page() -> str:
    """The table of all metrics and the definition of each."""
    from avsal import metrics
    from avsal.metrics.table import METRIC_TABLE

    functions = {
        "nss": "nss", "cc": "cc", "sim": "sim", "kl": "kl_divergence", "auc_judd": "auc_judd",
        "auc_borji": "auc_borji", "s_auc": "shuffled_auc", "ig": "information_gain", "plcc": "object_plcc",
        "auc": "object_auc",
    }  # fmt: skip
    table = [
        "| name | label | better | smallest difference that matters | needs | families |",
        "|---|---|---|--:|---|---|",
    ]
    sections = []
    for name, metric in METRIC_TABLE.items():
        better = "higher" if metric.higher_is_better else "lower"
        needs = ", ".join(metric.needs) or "object mask"
        table.append(
            row(
                f"[`{name}`](#{name})", metric.label, better, metric.margin, needs, ", ".join(metric.families)
            )
        )
        function = (
            getattr(metrics, functions[name]) if name in functions else metric.compute or metric.of_masks
        )
        sections += [f"## {name}", plain(function.__doc__)]
    return "\n\n".join([METRICS_HEAD, "\n".join(table), *sections]) + "\n"


def help_page() -> str:
    """What `avsal VERB --help` prints, of every verb."""
    from avsal.cli import VERBS, main

    parts = ["# Every command", "What `avsal VERB --help` prints."]
    for verb in VERBS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main([verb, "--help"])
        parts += [f"## avsal {verb}", "```text\n" + textwrap.dedent(printed.getvalue()).strip() + "\n```"]
    return "\n\n".join(parts) + "\n"


#: packages with a page of the reference of their own, and what it is headed with
REFERENCE = {
    "avsal.types": "Types",
    "avsal.prediction": "Prediction",
    "avsal.models": "Models",
    "avsal.layers.fusion": "Fusions",
    "avsal.metrics": "Metrics",
    "avsal.evaluation": "Evaluation",
    "avsal.ablation.conditions": "Audio conditions",
    "avsal.ablation.verdicts": "Verdicts",
    "avsal.groundtruth": "Ground truth",
    "avsal.media": "Media",
    "avsal.weights": "Weights",
    "avsal.errors": "Errors",
    "datasets_av": "Readers of data sets",
}


def front_door_page() -> str:
    """All that `avsal.NAME` is, for mkdocstrings to write out."""
    import avsal
    from avsal.configuration import Checked, setting_fields

    lines = ["# The front door", "All of this is `avsal.NAME`; it is imported when it is first used."]
    for name in sorted(set(avsal.__all__) - {"__version__"}, key=str.lower):
        options = f"    options:\n      heading: avsal.{name}\n      toc_label: {name}"
        entry = getattr(avsal, name)
        lines.append(f"::: {entry.__module__}.{name}\n{options}")
        if inspect.isclass(entry) and issubclass(entry, Checked):
            told = {key: field.metadata for key, field in setting_fields(entry).items()}
            rows = [row(f"`{key}`", about["help"]) for key, about in told.items() if "help" in about]
            lines.append("\n".join(["| setting | what |", "|---|---|", *rows]))
    return "\n\n".join(lines) + "\n"


def reference_page(module: str, title: str) -> str:
    """What a package offers, for mkdocstrings to write out."""
    loaded = import_module(module)
    lines = [f"# {title}", inspect.cleandoc(loaded.__doc__ or "")]
    for name in loaded.__all__:
        entry = getattr(loaded, name)
        if inspect.isclass(entry) or inspect.isfunction(entry):
            lines.append(f"::: {entry.__module__}.{entry.__name__}")
    return "\n\n".join(lines) + "\n"


def pages() -> dict[str, Callable[[], str]]:
    """What makes each page, by its path below `docs/`."""
    found: dict[str, Callable[[], str]] = {
        "datasets.md": datasets_page,
        "metrics.md": metrics_page,
        "commands.md": help_page,
        "reference/front-door.md": front_door_page,
    }
    for module, title in REFERENCE.items():
        found[f"reference/{module.rpartition('.')[2]}.md"] = partial(reference_page, module, title)
    return found


def on_files(files: Any, config: Any) -> Any:
    """Add the made pages; mkdocs calls this."""
    from mkdocs.structure.files import File

    for name, make in pages().items():
        files.append(File.generated(config, name, content=make()))
    return files
