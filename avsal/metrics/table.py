"""The one table of metrics: label, direction, what each needs, how it is computed. A new metric is one entry.

Everything else reads it: scores of frames, validation while training, statistics, tables and reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from numpy.typing import ArrayLike

from avsal.metrics.auc import auc_borji, auc_judd
from avsal.metrics.correlation import cc
from avsal.metrics.family import FAMILIES, Family
from avsal.metrics.gain import information_gain
from avsal.metrics.kl import kl_divergence
from avsal.metrics.maps import Map, MapLike
from avsal.metrics.objects import object_auc, object_nss, object_plcc
from avsal.metrics.points import Points
from avsal.metrics.scanpath import nss
from avsal.metrics.shuffled import shuffled_auc
from avsal.metrics.similarity import sim

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "METRICS",
    "METRIC_TABLE",
    "OBJECT_METRICS",
    "BatchTruth",
    "FrameNeeds",
    "Metric",
    "register_metric",
]

Need = Literal["fixations", "density", "others", "baseline"]


class FrameNeeds(Protocol):
    """The ground truth of one frame; what a metric does not need may be None."""

    @property
    def fixations(self) -> Points | None:
        """Of the frame."""

    @property
    def density(self) -> Map | None:
        """Of the frame."""

    @property
    def others(self) -> Points | None:
        """Fixations of other frames or videos, the negatives of shuffled AUC."""

    @property
    def baseline(self) -> Map | None:
        """The map that information gain is measured against."""


class BatchTruth(Protocol):
    """The ground truth of M frames as tensors."""

    @property
    def points(self) -> Tensor:
        """(M, N, 2) rows and columns of fixations."""

    @property
    def mask(self) -> Tensor:
        """(M, N), True where there is a fixation."""

    @property
    def density(self) -> Tensor:
        """(M, H, W)."""


@dataclass(frozen=True)
class Metric:
    """All that is known of a metric.

    Attributes:
        name: what one types.
        label: what tables and plots call it.
        higher_is_better: its direction.
        margin: the smallest difference that matters, where an ablation declares none.
        needs: of the ground truth.
        families: of definitions in which it is defined.
        compute: of a (H, W) map, the frame's ground truth and the family; None where it is of masks only.
        batch: of (M, H, W) maps and their truth, (M,) values, NaN where undefined, for validation while
            training; None where it cannot be computed so.
        of_masks: of a (H, W) map and a (H, W) object mask; None where it is of gaze only.
    """

    name: str
    label: str
    higher_is_better: bool
    margin: float
    needs: tuple[Need, ...] = ()
    families: tuple[Family, ...] = FAMILIES
    compute: Callable[[Map, Any, Family], float] | None = None
    batch: Callable[[Tensor, BatchTruth], Tensor] | None = None
    of_masks: Callable[[MapLike, ArrayLike], float] | None = None

    def of_gaze(self, saliency: Map, truth: FrameNeeds, family: Family) -> float:
        """`compute`, where there is one.

        Raises:
            ValueError: the metric is of masks only.
        """
        if self.compute is None:
            raise ValueError(f"`{self.name}` compares maps with object masks, not with gaze")
        return self.compute(saliency, truth, family)

    def of_mask(self, saliency: MapLike, mask: ArrayLike) -> float:
        """`of_masks`, where there is one.

        Raises:
            ValueError: the metric is of gaze only.
        """
        if self.of_masks is None:
            raise ValueError(f"`{self.name}` compares maps with gaze, not with object masks")
        return self.of_masks(saliency, mask)

    @property
    def of_density(self) -> bool:
        """Whether maps are compared with a density map alone."""
        return self.needs == ("density",)


def _in_batches(name: str, *arguments: str) -> Callable[[Tensor, BatchTruth], Tensor]:
    """The function called `name` of `avsal.metrics.batch`, which imports torch only when it is used."""

    def compute(predicted: Tensor, truth: BatchTruth) -> Tensor:
        from avsal.metrics import batch

        values: Tensor = getattr(batch, name)(predicted, *(getattr(truth, part) for part in arguments))
        return values

    return compute


#: by name, in the order of tables
METRIC_TABLE: dict[str, Metric] = {}


def register_metric(metric: Metric) -> Metric:
    """Add a metric to the table.

    Raises:
        ValueError: the name is taken, or nothing computes it.
    """
    if metric.name in METRIC_TABLE:
        raise ValueError(f"there is a metric {metric.name!r} already: choose another name")
    if metric.compute is None and metric.of_masks is None:
        raise ValueError(f"`{metric.name}` needs `compute` or `of_masks`: nothing says how it is computed")
    METRIC_TABLE[metric.name] = metric
    return metric


_POINTS, _DENSITY = ("points", "mask"), ("density",)

# Margins: NSS 0.05, some 2 % of what good models reach; the others lie near it on the same maps, and
# published gains by sound are of the order of 0.01 CC.
for entry in (
    Metric(
        "nss", "NSS", True, 0.05, ("fixations",),
        compute=lambda saliency, truth, family: nss(saliency, truth.fixations, family),
        batch=_in_batches("nss", *_POINTS),
        of_masks=object_nss,
    ),
    Metric(
        "cc", "CC", True, 0.01, ("density",),
        compute=lambda saliency, truth, family: cc(saliency, truth.density),
        batch=_in_batches("cc", *_DENSITY),
    ),
    Metric(
        "sim", "SIM", True, 0.01, ("density",),
        compute=lambda saliency, truth, family: sim(saliency, truth.density, family),
        batch=_in_batches("sim", *_DENSITY),
    ),
    Metric(
        "kl", "KL", False, 0.02, ("density",),
        compute=lambda saliency, truth, family: kl_divergence(saliency, truth.density, family),
        batch=_in_batches("kl_divergence", *_DENSITY),
    ),
    Metric(
        "auc_judd", "AUC-J", True, 0.005, ("fixations",),
        compute=lambda saliency, truth, family: auc_judd(saliency, truth.fixations, family),
        batch=_in_batches("auc_judd", *_POINTS),
    ),
    Metric(
        "auc_borji", "AUC-B", True, 0.005, ("fixations",), ("mit",),
        compute=lambda saliency, truth, family: auc_borji(saliency, truth.fixations),
    ),
    Metric(
        "s_auc", "s-AUC", True, 0.005, ("fixations", "others"),
        compute=lambda saliency, truth, family: shuffled_auc(saliency, truth.fixations, truth.others, family),
    ),
    Metric(
        "ig", "IG (bit)", True, 0.03, ("fixations", "baseline"),
        compute=lambda saliency, truth, family: information_gain(
            saliency, truth.fixations, truth.baseline, family
        ),
    ),
    Metric("plcc", "PLCC", True, 0.01, of_masks=object_plcc),
    Metric("auc", "AUC", True, 0.005, of_masks=object_auc),
):  # fmt: skip
    register_metric(entry)


class _Names(Sequence[str]):
    """The names of some entries of the table as it is now."""

    def __init__(self, chosen: Callable[[Metric], bool], first: tuple[str, ...] = ()) -> None:
        self._chosen, self._first = chosen, first

    def _all(self) -> tuple[str, ...]:
        found = [name for name, entry in METRIC_TABLE.items() if self._chosen(entry)]
        return (*self._first, *(name for name in found if name not in self._first))

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._all()[index]

    def __repr__(self) -> str:
        return repr(self._all())


#: names of the metrics of gaze
METRICS = _Names(lambda metric: metric.compute is not None)
#: names of the metrics of object masks
OBJECT_METRICS = _Names(lambda metric: metric.of_masks is not None, ("plcc", "auc", "nss"))
