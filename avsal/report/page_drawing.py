"""Pictures of a page, drawn as HTML that keeps its letters readable at every width."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

from avsal.render.palette import Tone, condition_tones
from avsal.report.ablation_words import signed
from avsal.report.page_content import Estimate, IntervalPlot, Players

__all__ = ["interval_plot", "timeline", "tone_style"]

#: pixels: rows of an interval plot, and lanes that its dots are spread over
_LANES, _LANE, _TOP = 5, 4, 16


def tone_style(tone: Tone) -> str:
    """The style attribute by which an element of the class ``tone`` gets its colour."""
    return f'style="--light:{tone[0]};--dark:{tone[1]}"'


def interval_plot(plot: IntervalPlot) -> str:
    """Intervals with every video as a dot; what lies within the margin is shaded."""
    numbers = [0.0, plot.margin, -plot.margin]
    for row in plot.rows:
        numbers += [v for v in (row.value, row.low, row.high, *row.dots) if isfinite(v)]
    low, high = min(numbers), max(numbers)
    spread = (high - low) or 1.0
    low, high = low - 0.04 * spread, high + 0.04 * spread

    def at(value: float) -> str:
        return f"{100 * (value - low) / (high - low):.2f}%"

    band = ""
    if plot.margin > 0:
        wide = _width(2 * plot.margin, high - low)
        band = f'<i class="band" style="left:{at(-plot.margin)};width:{wide}"></i>'
    zero = f'<i class="zero" style="left:{at(0)}"></i>'
    tones = condition_tones(row.label for row in plot.rows)
    rows = "".join(
        f'<div class="row tone" {tone_style(tones[row.label])}><span class="name">{escape(row.label)}</span>'
        f'<div class="strip">{band}{zero}{_marks(row, low, high)}</div></div>\n'
        for row in plot.rows
    )
    ticks = "".join(f'<span style="left:{at(value)}">{text}</span>' for value, text in ticks_of(low, high))
    about = escape(f"{plot.title} ({plot.unit})")
    told = "; ".join(
        f"{row.label} {signed(row.value)}"
        + (f", {signed(row.low)} to {signed(row.high)}" if isfinite(row.low) else "")
        for row in plot.rows
        if isfinite(row.value)
    )
    shaded = f" Shaded: smaller than the margin, {plot.margin:.2g}." if plot.margin > 0 else ""
    return (
        f'<figure class="plot"><h3>{about}</h3>\n'
        f'<div role="img" aria-label="{about}: {escape(told)}">\n{rows}'
        f'<div class="row"><span class="name"></span><div class="strip ticks">{ticks}</div></div>\n</div>\n'
        f"<figcaption>Dots are videos, the bar is the 95 % interval of their mean, the mark on it.{shaded}"
        "</figcaption></figure>\n"
    )


def _width(width: float, whole: float) -> str:
    return f"{100 * width / whole:.2f}%"


def _marks(row: Estimate, low: float, high: float) -> str:
    """Dots, bar and mean of one row."""
    whole = high - low
    parts = []
    for number, value in enumerate(sorted(v for v in row.dots if isfinite(v))):
        top = _TOP + _LANE * (number * 2 % _LANES)
        parts.append(f'<i class="dot" style="left:{_width(value - low, whole)};top:{top}px"></i>')
    if isfinite(row.low) and isfinite(row.high):
        left, wide = _width(row.low - low, whole), _width(row.high - row.low, whole)
        parts.append(f'<i class="bar" style="left:{left};width:{wide}"></i>')
    if isfinite(row.value):
        parts.append(f'<i class="mean" style="left:{_width(row.value - low, whole)}"></i>')
    return "".join(parts)


def ticks_of(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round values of an axis with their texts."""
    step = _round_step((high - low) / most)
    decimals = max(0, -floor(log10(step)))
    return [
        (number * step, signed(number * step, decimals) if number else "0")
        for number in range(ceil(low / step), floor(high / step) + 1)
    ]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def timeline(players: Players, seconds: float) -> Iterator[str]:
    """Curves, spectrogram and playhead, as wide as the slider and on its clock."""
    curves = players.curves
    yield '<div class="timeline">\n'
    if curves:
        tones = condition_tones([*players.videos, *(curve.label for curve in curves)])
        peak = max([v for curve in curves for v in curve.values] + [players.floor or 0.0])
        step = _round_step(max(peak, 1e-4) / 2)
        top = step * max(1, ceil(peak / step - 1e-9))
        decimals = max(0, -floor(log10(100 * step)))
        lines = []
        for value in (0.0, step, 2 * step) if top > step else (0.0, step):
            share = f"{100 * (1 - value / top):.2f}%"
            lines.append(f'<span class="tick" style="top:{share}">{100 * value:.{decimals}f} %</span>')
        yield f'<div class="curves">{"".join(lines)}'
        yield (
            '<svg role="img" aria-label="How much of the map\'s mass each sound moves, over time" '
            'viewBox="0 0 1000 100" preserveAspectRatio="none">'
        )
        if players.floor is not None:
            y = 100 * (1 - players.floor / top)
            yield f'<rect class="floor" x="0" width="1000" y="{y:.2f}" height="{100 - y:.2f}"/>'
        for curve in curves:
            yield _polyline(curve.times, curve.values, seconds, top, tones[curve.label])
        yield '</svg><i class="playhead"></i></div>\n'
    if players.spectrogram is not None:
        data = base64.b64encode(players.spectrogram).decode("ascii")
        yield (
            '<div class="sound"><img alt="Spectrogram of the original audio" '
            f'src="data:image/png;base64,{data}"><i class="playhead"></i></div>\n'
        )
    yield "</div>\n"
    if curves:
        labels = "".join(
            f'<li class="tone" {tone_style(tones[curve.label])}><i></i>{escape(curve.label)}</li>'
            for curve in curves
        )
        if players.floor is not None:
            labels += f'<li class="below"><i></i>what should not matter ({100 * players.floor:.2g} %)</li>'
        yield f'<ul class="legend">{labels}</ul>\n'
        yield (
            '<p class="note">Curves: share of the map\'s mass that lies elsewhere with the original audio '
            "than with each other one. Click to jump."
        )
        if players.spectrogram is not None:
            yield " Below: spectrogram of the original audio, low pitches at the bottom."
        yield "</p>\n"


def _polyline(times: Sequence[float], values: Sequence[float], seconds: float, top: float, tone: Tone) -> str:
    points = " ".join(
        f"{1000 * time / seconds:.1f},{100 * (1 - value / top):.2f}"
        for time, value in zip(times, values, strict=True)
    )
    return f'<polyline class="curve tone" {tone_style(tone)} points="{points}"/>'
