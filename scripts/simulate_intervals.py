"""What intervals over videos cover, and how often tests err, by simulation; the table of docs/statistics.md.

python scripts/simulate_intervals.py                   2,000 repeats of each cell: about half an hour
python scripts/simulate_intervals.py --repeats 200     a look

The true mean difference is 0 and the standard deviation 1. `few gain much`: one video in ten gains 3, the
others lose 1/3, with noise of 0.2. Equivalence is tested where the true mean is the margin, 1: there it must
not be claimed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from avsal.ablation.statistics import equivalence_p, sign_flip_interval
from avsal.evaluation import bootstrap_interval

Values = NDArray[np.float64]


def few_gain_much(rng: np.random.Generator, number: int) -> Values:
    """Differences of mean 0: a tenth of the videos gains what the others lose."""
    return np.where(rng.random(number) < 0.1, 3.0, -1 / 3) + 0.2 * rng.standard_normal(number)


DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], Values]] = {
    "normal": lambda rng, number: rng.standard_normal(number),
    "t with 3 degrees": lambda rng, number: rng.standard_t(3, number) / np.sqrt(3),
    "lognormal": lambda rng, number: (rng.lognormal(0, 1, number) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e),
    "few gain much": few_gain_much,
}


def t_interval(values: Values) -> tuple[float, float]:
    """Student's, at 95 %."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def simulate(draw: Callable[[np.random.Generator, int], Values], number: int, repeats: int) -> list[float]:
    """Rates in per cent: three coverages, rejections above and below, wrong claims of equivalence."""
    rng = np.random.default_rng(number)
    counts = np.zeros(6)
    for _ in range(repeats):
        values = draw(rng, number)
        flip = sign_flip_interval(values)
        assert flip is not None
        bootstrap = bootstrap_interval(values, num_resamples=1999) or flip
        counts[:3] += [low <= 0 <= high for low, high in (flip, t_interval(values), bootstrap)]
        counts[3:5] += [flip[0] > 0, flip[1] < 0]
        counts[5] += equivalence_p(values + 1, 1.0) < 0.05
    return (100 * counts / repeats).tolist()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--videos", type=int, nargs="+", default=[6, 12, 30, 60])
    arguments = parser.parse_args()
    print(
        "| differences | videos | sign flips cover | t covers | BCa covers | 'better' | 'worse' | "
        "'equivalent' "
        "at the margin |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for name, draw in DISTRIBUTIONS.items():
        for number in arguments.videos:
            cells = " | ".join(f"{rate:.1f}" for rate in simulate(draw, number, arguments.repeats))
            print(f"| {name} | {number} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
