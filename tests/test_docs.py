"""The documentation: its pages exist, links lead somewhere, Python compiles, made pages are whole."""

import ast
import importlib.util
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from avsal.cli import VERBS
from avsal.metrics.table import METRIC_TABLE
from datasets_av import list_datasets

ROOT = Path(__file__).parents[1]
TEXTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("avsal/**/*.md"),
    *ROOT.glob("datasets_av/*.md"),
]


def docs_pages():
    spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "scripts" / "docs_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_pages():
    return set(docs_pages().pages())


def navigation(entries):
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from navigation(value) if isinstance(value, list) else [value]


def anchors(text):
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    for heading in re.findall(r"^#+ (.*)$", text, flags=re.M):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        yield re.sub(r"[ ]+", "-", words.strip())


def test_every_page_of_the_navigation_exists_and_every_page_is_in_it():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    named = set(navigation(settings["nav"]))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    written |= {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.ipynb")}
    assert named == written | made_pages()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    made = made_pages()
    for target in re.findall(r"\]\(([^)\s]+)", re.sub(r"```.*?```", "", path.read_text(), flags=re.S)):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        aimed = path if not name else path.parent / name
        inside = path.parent == ROOT / "docs" and name in made
        assert aimed.exists() or inside, f"{target} in {path}"
        if anchor and aimed.suffix == ".md" and not inside:
            assert anchor in set(anchors(aimed.read_text())), f"{target} in {path}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_python_in_it_compiles(path):
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.S):
        assert ast.parse(textwrap.dedent(block)).body


def test_made_pages_name_everything():
    pages = docs_pages()
    datasets, metrics, commands = pages.datasets_page(), pages.metrics_page(), pages.help_page()
    assert all(f"\n## {name}\n" in datasets for name in list_datasets())
    assert all(f"\n## {name}\n" in metrics for name in METRIC_TABLE)
    assert all(f"\n## avsal {verb}\n" in commands for verb in VERBS)
    for page in (datasets, metrics, commands):
        assert page.count("```") % 2 == 0
