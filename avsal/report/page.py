"""A report as one HTML file that opens from disk and loads nothing: tables, intervals and players."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from math import isfinite
from pathlib import Path

from avsal.media import atomic_path
from avsal.report.page_content import Curve, IntervalPlot, Page, PageTable, Players

__all__ = ["write_page"]

#: nothing may be fetched: styles, scripts, videos and pictures come with the page
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "media-src data:"
)

_WIDTH = 760
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2", "10 4", "4 4")


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
    yield from (f"<p>{escape(text)}</p>\n" for text in page.summary)
    parts = {
        "Scores": page.tables,
        "Intervals": page.plots,
        "Videos": page.players,
        "What was run": page.facts,
    }
    links = " ".join(f'<a href="#{_anchor(name)}">{name}</a>' for name, there in parts.items() if there)
    yield f"<nav>{links}</nav>\n"
    if page.tables:
        yield _heading("Scores")
        yield from map(_table, page.tables)
    if page.plots:
        yield _heading("Intervals")
        yield from map(_plot, page.plots)
    if page.players:
        yield _heading("Videos")
        yield (
            "<p>Those that sound moved most come first. All players of a video share one "
            "clock; the one with a frame is heard. On a video that was clicked or reached by Tab, space "
            "plays and pauses, the arrow keys step by a frame, Home and End go to its ends.</p>\n"
        )
        for number, players in enumerate(sorted(page.players, key=lambda one: -one.moved)):
            yield from _players(players, number)
    yield _heading("What was run")
    yield "<dl>\n"
    yield from (f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>\n" for key, text in page.facts.items())
    yield "</dl>\n"
    yield from (f'<p class="note">{escape(text)}</p>\n' for text in page.notes)
    yield f"<script>\n{script}</script>\n</body>\n</html>\n"


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


def _plot(plot: IntervalPlot) -> str:
    numbers = [v for row in plot.rows for v in (row.value, row.low, row.high, 0.0) if isfinite(v)]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    spread = (high - low) or 1.0
    left, right, line = 150, 20, 22
    height = line * len(plot.rows) + 34

    def x(value: float) -> float:
        return left + (value - low + 0.05 * spread) / (1.1 * spread) * (_WIDTH - left - right)

    parts = [f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="4" y2="{height - 26}"/>']
    for number, row in enumerate(plot.rows):
        y = line * number + 16
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>')
        if isfinite(row.low) and isfinite(row.high):
            ends = f'x1="{x(row.low):.1f}" x2="{x(row.high):.1f}"'
            parts.append(f'<line class="bar" {ends} y1="{y}" y2="{y}"/>')
        if isfinite(row.value):
            parts.append(f'<circle class="dot" cx="{x(row.value):.1f}" cy="{y}" r="4"/>')
    for value in (low, 0.0, high):
        if value == 0.0 or abs(x(value) - x(0)) > 40:
            text = f"{value:+.3g}" if value else "0"
            parts.append(
                f'<text class="soft" x="{x(value):.1f}" y="{height - 8}" text-anchor="middle">{text}</text>'
            )
    title = escape(f"{plot.title} ({plot.unit})")
    return (
        f'<figure><h3>{title}</h3><svg role="img" aria-label="{title}" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}">{"".join(parts)}</svg></figure>\n'
    )


def _players(players: Players, number: int) -> Iterator[str]:
    name = f"heard-{number}"
    yield (
        f'<section class="players" tabindex="0" data-frame-rate="{players.frame_rate!r}" '
        f'aria-label="{escape(players.name)}">\n<h3>{escape(players.name)}</h3>\n'
    )
    if players.caption:
        yield f'<p class="note">{escape(players.caption)}</p>\n'
    yield '<div class="grid" role="radiogroup" aria-label="What is heard">\n'
    for place, (condition, path) in enumerate(players.videos.items()):
        video = base64.b64encode(path.read_bytes()).decode("ascii")
        checked = " checked" if place == 0 else ""
        yield (
            f'<div class="cell"><video playsinline preload="auto" src="data:video/mp4;base64,{video}" '
            f'aria-label="{escape(condition)}"></video><label><input type="radio" name="{name}"{checked}> '
            f"{escape(condition)}</label></div>\n"
        )
    yield (
        '</div>\n<div class="controls"><button type="button">Play</button>'
        '<input type="range" min="0" max="1" step="any" value="0" aria-label="Time">'
        '<span class="time"></span></div>\n'
    )
    if players.curves:
        yield _curves(players.curves)
    yield "</section>\n"


def _curves(curves: Sequence[Curve]) -> str:
    left, top, height = 40, 8, 110
    seconds = max(curve.times[-1] for curve in curves) or 1.0
    span = _WIDTH - left - 10
    parts = [
        f'<line class="axis" x1="{left}" x2="{left + span}" y1="{top + height}" y2="{top + height}"/>',
        f'<text class="soft" x="{left - 6}" y="{top + 8}" text-anchor="end">1</text>',
        f'<text class="soft" x="{left - 6}" y="{top + height}" text-anchor="end">0</text>',
        f'<text class="soft" x="{left + span}" y="{top + height + 16}" text-anchor="end">'
        f"{seconds:.1f} s</text>",
    ]
    for number, curve in enumerate(curves):
        points = " ".join(
            f"{left + span * time / seconds:.1f},{top + height * (1 - value):.1f}"
            for time, value in zip(curve.times, curve.values, strict=True)
        )
        dash = f' stroke-dasharray="{_DASHES[number % len(_DASHES)]}"' if number else ""
        drawn = f'class="curve" style="--hue: {(210 + 67 * number) % 360}"{dash}'
        parts.append(f'<polyline {drawn} points="{points}"/>')
        x = left + number * (span - 60) / len(curves)
        parts.append(
            f'<line {drawn} x1="{x:.0f}" x2="{x + 18:.0f}" y1="{top + height + 12}" '
            f'y2="{top + height + 12}"/>'
            f'<text x="{x + 22:.0f}" y="{top + height + 16}">{escape(curve.label)}</text>'
        )
    parts.append(
        f'<line class="cursor" x1="{left}" x2="{left}" y1="{top}" y2="{top + height}" data-from="{left}" '
        f'data-span="{span}" data-seconds="{seconds!r}"/>'
    )
    return (
        '<figure><svg role="img" aria-label="How much of the map\'s mass audio moves, over time" '
        f'viewBox="0 0 {_WIDTH} {top + height + 22}" width="{_WIDTH}">{"".join(parts)}</svg>'
        "<figcaption>Share of the map's mass that lies elsewhere with the original audio than with each "
        "other one.</figcaption></figure>\n"
    )
