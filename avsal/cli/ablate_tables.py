"""Comparisons as text and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from avsal.ablation.statistics import Comparison
from avsal.media import atomic_path

__all__ = ["print_comparisons", "write_rows"]


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """One line a condition; `visible` is the difference that so many videos would show with 80 % power."""
    print(
        f"  {'original against':14} {'score':>6} {'differ by':>10} {'95 % interval':>17} {'p (Holm)':>9} "
        f"{'improved':>9} {'visible':>8}"
    )
    for one in comparisons:
        interval = f"{one.low:+.2f} to {one.high:+.2f}"
        print(
            f"  {one.condition:14} {one.condition_mean:6.2f} {one.difference:+10.3f} {interval:>17} "
            f"{one.p_holm:9.2g} {one.improved:9.0%} {one.detectable:8.3f}"
        )


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write dictionaries of the same keys as CSV."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
