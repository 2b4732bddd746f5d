"""How long the metrics take on one frame, beside a plain port of the MIT benchmark's procedure.

    python scripts/benchmark_metrics.py [--height 360] [--width 640] [--fixations 15 30 50] [--repeats 20]

Everything is measured in one run on one thread with the same data, in turns, so that a busy machine slows all
alike. The port draws its random numbers as the MATLAB code does; its values are printed beside the closed
forms.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy loads its linear algebra
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from avsal.metrics import (
    auc_borji,
    auc_judd,
    cc,
    information_gain,
    kl_divergence,
    nss,
    score_frame,
    shuffled_auc,
    sim,
)

#: Milliseconds a frame at 360 x 640 with up to 50 fixations on one thread.
TARGETS = {"AUC-J": 1.5, "s-AUC": 0.2, "all seven": 5.0}
_CALLS = 4  # of one function in a row: the first one warms the caches for the others
SEVEN = ("nss", "cc", "sim", "kl", "auc_judd", "s_auc", "ig")
Points = tuple[NDArray[np.int64], NDArray[np.int64]]


def port_auc_judd(
    saliency: NDArray[np.floating], fixation_map: NDArray[np.bool_], generator: np.random.Generator
) -> float:
    """AUC-Judd step by step: jitter, scale, one pass over the map for each fixated pixel, trapezoids."""
    jittered = saliency + generator.random(saliency.shape) / 1e7
    scaled = (jittered - jittered.min()) / (jittered.max() - jittered.min())
    thresholds = np.sort(scaled[fixation_map])[::-1]
    num_fixated, num_pixels = len(thresholds), scaled.size
    true_rates, false_rates = [0.0], [0.0]
    for number, threshold in enumerate(thresholds, start=1):
        above = np.sum(scaled >= threshold)
        true_rates.append(number / num_fixated)
        false_rates.append((above - number) / (num_pixels - num_fixated))
    return _area([*false_rates, 1.0], [*true_rates, 1.0])


def port_shuffled_auc(
    saliency: NDArray[np.floating],
    fixation_map: NDArray[np.bool_],
    other_map: NDArray[np.bool_],
    generator: np.random.Generator,
    num_splits: int = 100,
    step: float = 0.1,
) -> float:
    """Shuffled AUC step by step: scale, then the mean area over random subsets of the others' pixels."""
    scaled = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    fixated, others = scaled[fixation_map], scaled[other_map]
    num_others = min(len(fixated), len(others))
    areas = []
    for _ in range(num_splits):
        negatives = generator.permutation(others)[:num_others]
        highest = max(fixated.max(), negatives.max())
        true_rates, false_rates = [0.0], [0.0]
        for number in range(int(highest / step + 1e-9), -1, -1):
            true_rates.append(np.sum(fixated >= number * step) / len(fixated))
            false_rates.append(np.sum(negatives >= number * step) / num_others)
        areas.append(_area([*false_rates, 1.0], [*true_rates, 1.0]))
    return float(np.mean(areas))


def _area(false_rates: list[float], true_rates: list[float]) -> float:
    heights = np.array(true_rates)
    return float(np.sum(np.diff(false_rates) * (heights[1:] + heights[:-1]) / 2))


def make_frame(
    size: tuple[int, int], num_fixations: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], Points, Points]:
    """A smooth prediction, seeded fixations that it partly predicts, density, a centre baseline, others.

    Returns:
        Prediction, density and baseline, (H, W) each; fixations on distinct pixels and 300 others as rows and
        columns.
    """
    generator = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    baseline = np.exp(-(((rows - height / 2) / height) ** 2 + ((columns - width / 2) / width) ** 2) * 8)
    noise = gaussian_filter(generator.standard_normal(size), height / 24)
    prediction = baseline * np.exp(noise / noise.std())
    likely = (prediction * np.exp(generator.standard_normal(size))).ravel()
    pixels = generator.choice(likely.size, num_fixations, replace=False, p=likely / likely.sum())
    fixations = np.unravel_index(pixels, size)
    other_pixels = generator.choice(likely.size, 300, p=(baseline / baseline.sum()).ravel())
    density = np.zeros(size)
    np.add.at(density, fixations, 1)
    density = gaussian_filter(density, height / 18)
    prediction, density, baseline = (values.astype(np.float32) for values in (prediction, density, baseline))
    return prediction, density, baseline, fixations, np.unravel_index(other_pixels, size)


def best_and_median(
    functions: dict[str, Callable[[], object]], repeats: int
) -> dict[str, tuple[float, float]]:
    """Milliseconds of each function over `repeats` rounds, each a few calls of every function."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            for _ in range(_CALLS):
                start = time.perf_counter()
                function()
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: (min(rounds), float(np.median(rounds))) for name, rounds in times.items()}


def measure(size: tuple[int, int], num_fixations: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Milliseconds, best and median, of every metric and of the port on one frame."""
    prediction, density, baseline, fixations, others = make_frame(size, num_fixations)
    fixation_map, other_map = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    fixation_map[fixations], other_map[others] = True, True
    generator = np.random.default_rng(1)
    grey = np.round(255 * prediction / prediction.max()).astype(np.uint8)
    own: dict[str, Callable[[], object]] = {
        "NSS": lambda: nss(prediction, fixations),
        "CC": lambda: cc(prediction, density),
        "SIM": lambda: sim(prediction, density),
        "KL": lambda: kl_divergence(prediction, density),
        "IG": lambda: information_gain(prediction, fixations, baseline),
        "AUC-B": lambda: auc_borji(prediction, fixations),
        "AUC-J": lambda: auc_judd(prediction, fixations, "mit"),
        "AUC-J, exact": lambda: auc_judd(prediction, fixations),
        "AUC-J, 8-bit map": lambda: auc_judd(grey, fixations),
        "s-AUC": lambda: shuffled_auc(prediction, fixations, others, "mit"),
        "s-AUC, exact": lambda: shuffled_auc(prediction, fixations, others),
        "all seven": lambda: score_frame(
            prediction,
            frame="benchmark",
            fixations=fixations,
            density=density,
            others=others,
            baseline=baseline,
            metrics=SEVEN,
        ),
    }
    port = {
        "port AUC-J": lambda: port_auc_judd(prediction, fixation_map, generator),
        "port s-AUC": lambda: port_shuffled_auc(prediction, fixation_map, other_map, generator),
    }
    times = best_and_median({**own, **port}, repeats)
    print(
        f"\n{size[0]} x {size[1]}, {num_fixations} fixations, 300 others, {repeats} rounds of {_CALLS} calls"
    )
    print(f"{'':20}{'best ms':>10}{'median ms':>12}{'target ms':>12}")
    for name, (best, median) in times.items():
        target = f"{TARGETS[name]:12.1f}" if name in TARGETS else ""
        print(f"{name:20}{best:10.3f}{median:12.3f}{target}")
    for which, value in enumerate(("best", "median")):
        ratio = speed_up(times, which)
        print(f"AUC-J and s-AUC together: {ratio:.0f} times as fast as the port ({value})")
    closed = auc_judd(prediction, fixations, "mit"), shuffled_auc(prediction, fixations, others, "mit")
    drawn = (
        port_auc_judd(prediction, fixation_map, generator),
        port_shuffled_auc(prediction, fixation_map, other_map, generator),
    )
    for name, value, sample in zip(("AUC-J", "s-AUC"), closed, drawn, strict=True):
        print(f"{name}: closed form {value:.4f}, port with random numbers {sample:.4f}")
    return times


def speed_up(times: dict[str, tuple[float, float]], which: int = 0) -> float:
    """How many times as long the port takes for AUC-J and s-AUC together; `which` 0 best, 1 median."""
    port = times["port AUC-J"][which] + times["port s-AUC"][which]
    return port / (times["AUC-J"][which] + times["s-AUC"][which])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--fixations", type=int, nargs="+", default=[15, 30, 50])
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    for num_fixations in arguments.fixations:
        measure((arguments.height, arguments.width), num_fixations, arguments.repeats)


if __name__ == "__main__":
    main()
