"""A report as one HTML file that opens from disk and loads nothing: tables, intervals and players."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path

from avsal.media import atomic_path
from avsal.render.palette import condition_tones
from avsal.report.page_content import Page, PageTable, Players
from avsal.report.page_drawing import interval_plot, timeline, tone_style

__all__ = ["write_page"]

#: nothing may be fetched: styles, scripts, videos and pictures come with the page
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:"
)


UNFOLDED = 10
"""Findings shown at once; more of them are folded away."""


def write_page(path: str | Path, page: Page) -> None:
    """Write a page.

    Args:
        path: of the HTML file.
        page: what is on it; its videos are read and put inside.

    Raises:
        MediaError: the file cannot be written.
        OSError: a video cannot be read.
    """
    with atomic_path(Path(path)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_page(page))


def _page(page: Page) -> Iterator[str]:
    style, script = (
        files("avsal.report").joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(page.title)}</title>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<h1>{escape(page.title)}</h1>\n"
    )
    yield from (f'<p class="answer">{_sentence(text)}</p>\n' for text in page.summary)
    if page.findings:
        told = "<ul>\n" + "".join(f"<li>{_sentence(text)}</li>\n" for text in page.findings) + "</ul>\n"
        if len(page.findings) > UNFOLDED:  # the pictures come first
            title = f"All {len(page.findings)} findings, with margins, intervals and p"
            told = f"<details><summary>{title}</summary>\n{told}</details>\n"
        yield told
    parts = {
        "Intervals": page.plots,
        "Videos": page.players,
        "Scores": page.tables,
        "What was run": page.facts,
    }
    links = " ".join(f'<a href="#{_anchor(name)}">{name}</a>' for name, there in parts.items() if there)
    yield f"<nav>{links}</nav>\n"
    if page.plots:
        yield _heading("Intervals")
        yield from map(interval_plot, page.plots)
    if page.players:
        yield _heading("Videos")
        yield (
            f"<p>{'Those that sound moved most come first. ' if len(page.players) > 1 else ''}All players of "
            "a video share one clock; the one with a frame is heard. On a video that was clicked or reached "
            "by Tab, space plays and pauses, the arrow keys step by a frame, Home and End go to its "
            "ends.</p>\n"
        )
        for number, players in enumerate(sorted(page.players, key=lambda one: -one.moved)):
            yield from _players(players, number)
    if page.tables:
        yield _heading("Scores")
        yield from map(_table, page.tables)
    yield _heading("What was run")
    yield "<dl>\n"
    yield from (f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>\n" for key, text in page.facts.items())
    yield "</dl>\n"
    yield from (f'<p class="note">{escape(text)}</p>\n' for text in page.notes)
    yield f"<script>\n{script}</script>\n</body>\n</html>\n"


def _sentence(text: str) -> str:
    """Escaped, with numbers and their per cent on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _heading(name: str) -> str:
    return f'<h2 id="{_anchor(name)}">{name}</h2>\n'


def _table(table: PageTable) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in table.header)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(text)}</th>' if column == 0 else f"<td>{escape(text)}</td>"
            for column, text in enumerate(row)
        )
        + "</tr>\n"
        for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>\n' if table.note else ""
    return (
        f'<h3>{escape(table.title)}</h3>\n<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>\n{note}"
    )


def _players(players: Players, number: int) -> Iterator[str]:
    name = f"heard-{number}"
    last = max((curve.times[-1] for curve in players.curves if len(curve.times)), default=0.0)
    seconds = players.seconds or last or 1.0
    yield (
        f'<section class="players" tabindex="0" data-frame-rate="{players.frame_rate!r}" '
        f'data-seconds="{seconds!r}" aria-label="{escape(players.name)}">\n<h3>{escape(players.name)}</h3>\n'
    )
    if players.caption and number == 0:
        yield f'<p class="note">{escape(players.caption)}</p>\n'
    tones = condition_tones([*players.videos, *(curve.label for curve in players.curves)])
    yield '<div class="grid" role="radiogroup" aria-label="What is heard">\n'
    for place, (condition, path) in enumerate(players.videos.items()):
        checked = " checked" if place == 0 else ""
        yield (
            f'<div class="cell tone" {tone_style(tones[condition])}>{_video(path, condition)}'
            f'<label><input type="radio" name="{name}"{checked}> {escape(condition)}</label></div>\n'
        )
    for label, path in players.pictures.items():
        yield f'<div class="cell">{_video(path, label)}<p>{escape(label)}</p></div>\n'
    yield (
        '</div>\n<div class="controls"><button type="button" class="play">Play</button>'
        '<span class="time"></span></div>\n'
        '<input class="slider" type="range" min="0" max="1" step="any" value="0" aria-label="Time">\n'
    )
    if players.curves or players.spectrogram is not None:
        yield from timeline(players, seconds)
    if players.moments:
        told = f": {escape(players.moments_of)}" if players.moments_of else ""
        yield f'<h4>Where sound moves the map most{told}</h4>\n<div class="moments">\n'
        for moment in players.moments:
            kind = "png" if moment.picture.startswith(b"\x89PNG") else "jpeg"
            data = base64.b64encode(moment.picture).decode("ascii")
            yield (
                f'<button type="button" class="moment" data-time="{moment.time!r}">'
                f'<img alt="" src="data:image/{kind};base64,{data}">'
                f"<span>{escape(moment.label)}</span></button>\n"
            )
        yield "</div>\n"
    yield "</section>\n"


def _video(path: Path, label: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<video playsinline preload="auto" src="data:video/mp4;base64,{data}" aria-label="{escape(label)}">'
        "</video>"
    )
