"""Frames with the values that other implementations gave for them; see fixtures/README.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FOLDER = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@dataclass(frozen=True)
class Case:
    name: str
    saliency: NDArray[np.floating]
    fixations: tuple[NDArray[np.int64], NDArray[np.int64]]
    density: NDArray[np.float64]
    others: tuple[NDArray[np.int64], NDArray[np.int64]]
    baseline: NDArray[np.float64]
    oracles: dict[str, float]
    closed: dict[str, float]

    @property
    def truth(self) -> dict[str, object]:
        return {
            "fixations": self.fixations,
            "density": self.density,
            "others": self.others,
            "baseline": self.baseline,
        }


def blurred(
    fixations: tuple[NDArray[np.int64], ...], size: tuple[int, int], sigma: float
) -> NDArray[np.float64]:
    counts = np.zeros(size)
    np.add.at(counts, fixations, 1)
    return gaussian_filter(counts, sigma, mode="constant")


def centre(size: tuple[int, int]) -> NDArray[np.float64]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    vertical, horizontal = (rows - (size[0] - 1) / 2) / size[0], (columns - (size[1] - 1) / 2) / size[1]
    return np.exp(-(vertical**2 + horizontal**2) * 25 / 2)


def load(name: str) -> Case:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    size = arrays["saliency"].shape
    fixations = tuple(arrays["fix_yx"].T)
    return Case(
        name,
        arrays["saliency"],
        fixations,
        arrays.get("density", blurred(fixations, size, float(arrays["sigma"]))),
        tuple(arrays["other_yx"].T),
        arrays.get("baseline", centre(size)),
        dict(zip(arrays["oracle_names"].tolist(), arrays["oracle_values"].tolist(), strict=True)),
        dict(zip(arrays["closed_names"].tolist(), arrays["closed_values"].tolist(), strict=True)),
    )


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each stored frame in turn."""
    return load(request.param)


@pytest.fixture(scope="session")
def load_case() -> Callable[[str], Case]:
    """One stored frame by name."""
    return load
