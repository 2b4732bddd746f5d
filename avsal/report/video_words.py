"""What sound does to the map of one video without gaze, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from avsal.ablation.floor import Floor
from avsal.ablation.map_shift import MapShift, averages
from avsal.report.ablation_words import OTHER_PATHS, signed
from avsal.report.page_content import PageTable

__all__ = ["move_table", "share", "towards", "video_answer", "video_findings"]

#: share of the map's mass below which two maps are called the same
SAME = 1e-4

#: in frame sizes: a centre of mass that moves less goes nowhere in particular
NOWHERE = 0.003


def share(moved: float) -> str:
    """A share of a map's mass, in per cent."""
    if moved == 0:
        return "0 %"
    if moved < SAME:
        return "less than 0.01 %"
    percent = 100 * moved
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def towards(move: MapShift) -> str:
    """Where the map goes, such as "towards the upper left"; empty where it goes nowhere in particular."""
    down = "lower" if move.down > NOWHERE else "upper" if move.down < -NOWHERE else ""
    right = "right" if move.right > NOWHERE else "left" if move.right < -NOWHERE else ""
    if down and not right:
        return f"towards the {'bottom' if down == 'lower' else 'top'}"
    return f"towards the {' '.join(filter(None, (down, right)))}" if right else ""


def video_answer(moves: Mapping[str, Sequence[MapShift]], floor: Floor | None, times: Sequence[float]) -> str:
    """One sentence: does the sound of this video move the map?

    Args:
        moves: from each condition to the original audio, one a frame.
        floor: what moves the map without meaning anything.
        times: seconds of the frames.
    """
    heard = {name: found for name, found in moves.items() if not name.startswith(OTHER_PATHS)}
    if not heard:
        return "Only the visual path was compared, which does not say whether sound matters."
    largest = max(heard, key=lambda name: averages(heard[name])["moved"])
    mean = averages(heard[largest])["moved"]
    if max(move.moved for found in heard.values() for move in found) < SAME:
        return "Its sound does not matter to this network: the map is the same, whatever is heard."
    at = int(np.argmax([move.moved for move in heard[largest]]))
    most = heard[largest][at]
    told = f"by {share(mean)} of its mass on average (against {largest})"
    peak = f"most at {times[at]:.1f} s, by {share(most.moved)} {towards(most)}".rstrip()
    if floor is None:
        return f"Its sound moves the map {told}, {peak}."
    if mean <= floor.meaningless:
        return (
            f"Its sound moves the map no more than changes do that should not matter: {told}, against "
            f"{share(floor.meaningless)}."
        )
    if mean <= floor.frames:
        return (
            f"Its sound moves the map a little: {told}, {peak}. That is more than what should not matter "
            f"({share(floor.meaningless)}), and no more than from one computed frame to the next "
            f"({share(floor.frames)})."
        )
    return f"Its sound moves the map {told}, {peak}."


def video_findings(moves: Mapping[str, Sequence[MapShift]], floor: Floor | None) -> list[str]:
    """One sentence for each thing that was found.

    Args:
        moves: from each condition to the original audio, one a frame.
        floor: what moves the map without meaning anything.
    """
    found = []
    if floor is not None:
        found.append(
            f"What should not matter moves the map by {share(floor.quieter)} (the same audio 1 dB fainter) "
            f"and {share(floor.noise)} (one draw of noise against another). From one computed frame to the "
            f"next it moves by {share(floor.frames)}."
        )
    means = {name: averages(list(one)) for name, one in moves.items()}
    level = 0.0 if floor is None else floor.meaningless
    sounds = [name for name in means if not name.startswith(OTHER_PATHS)]
    above = sorted(
        (n for n in sounds if means[n]["moved"] > max(level, SAME)), key=lambda n: -means[n]["moved"]
    )
    below = [name for name in sounds if name not in above]
    for name in above:
        mean = MapShift(**means[name])
        where = towards(mean)
        found.append(
            f"Against {name}, the original audio moves {share(mean.moved)} of the map's mass"
            + (f", on the whole {where}." if where else ".")
        )
    if below:
        than = "the maps are the same" if level < SAME else "it moves no more than what should not matter"
        found.append(f"Against {', '.join(below)} {than}.")
    for name in means:
        if name.startswith(OTHER_PATHS):
            found.append(
                f"Apart from the sounds stands {name}: the visual network alone gives a map of which "
                f"{share(means[name]['moved'])} lies elsewhere. That is another path through the network, "
                "not another sound."
            )
    found.append("Nothing here says which map is right: there is no gaze.")
    return found


def move_table(moves: Mapping[str, Sequence[MapShift]]) -> PageTable:
    """Means over frames, a row for each condition."""
    rows = []
    for name, found in moves.items():
        mean = averages(list(found))
        cc = "" if mean["cc"] != mean["cc"] else f"{mean['cc']:.3f}"
        rows.append([name, share(mean["moved"]), cc, signed(mean["right"]), signed(mean["down"])])
    return PageTable(
        "The map with the original audio against that of each other condition",
        ["condition", "mass moved", "CC", "to the right", "downwards"],
        rows,
        "Means over frames. Mass moved: share of the map that lies elsewhere. To the right, downwards: where "
        "the original audio takes the map's centre of mass, in frame widths and heights.",
    )
