"""Batched areas under ROC curves: AUC-Judd, AUC-Borji and shuffled AUC, exact and without sorting a map."""

import torch
from torch import Tensor

from avsal.metrics import formulas
from avsal.metrics.auc import THRESHOLDS
from avsal.metrics.batch.inputs import flat_points, flat_prediction, point_weights, result
from avsal.metrics.family import Family, check_family
from avsal.metrics.ranks import count_above

__all__ = ["auc_borji", "auc_judd", "shuffled_auc"]


def auc_judd(saliency: Tensor, points: Tensor, mask: Tensor, family: Family = "exact") -> Tensor:
    """Area under the ROC curve against the frame's pixels, see `avsal.metrics.auc.auc_judd`."""
    check_family(family)
    maps = flat_prediction(saliency)
    points, mask = flat_points(points, mask, maps, "points")
    weights = point_weights(points, mask, maps, family).double()
    fixated = formulas.at_points(maps, points)
    greater, equal = _count_above(maps.flatten(1), fixated, mask)
    num_pixels = maps.shape[1] * maps.shape[2]
    if family == "exact":
        return result(1 - _mean((greater + equal / 2) / num_pixels, weights), mask.any(1), saliency)

    once = weights > 0
    greater_fixated, equal_fixated = _count_above(fixated.masked_fill(~once, -torch.inf), fixated, mask)
    greater, equal = greater - greater_fixated, equal - equal_fixated
    num_fixated = once.sum(1).double()
    num_negatives = num_pixels - num_fixated
    area = 1 - _mean(greater + equal / 2, weights) / num_negatives
    lowest = fixated.masked_fill(~once, torch.inf).argmin(1, keepdim=True)
    greater, equal, tied = (counts.gather(1, lowest)[:, 0] for counts in (greater, equal, equal_fixated))
    last_rate = (greater + equal * tied / (tied + 1)) / num_negatives
    return result(area + last_rate / (2 * num_fixated), once.any(1) & (num_negatives > 0), saliency)


def auc_borji(saliency: Tensor, points: Tensor, mask: Tensor) -> Tensor:
    """Expected area under the ROC curve against random pixels, see `avsal.metrics.auc.auc_borji`."""
    maps = flat_prediction(saliency)
    points, mask = flat_points(points, mask, maps, "points")
    once = point_weights(points, mask, maps, "mit")
    scaled, contrast = _scaled(maps)
    true_rates = _rates_at_steps(formulas.at_points(scaled, points), once)
    pixels = scaled.flatten(1)
    false_rates = torch.stack([(pixels >= step).double().mean(1) for step in THRESHOLDS], dim=1)
    area = torch.where(contrast, _stepped_area(false_rates, true_rates), 0.5)
    return result(area, once.sum(1) > 1, saliency)


def shuffled_auc(
    saliency: Tensor,
    points: Tensor,
    mask: Tensor,
    others: Tensor,
    others_mask: Tensor,
    family: Family = "exact",
) -> Tensor:
    """Area under the ROC curve against the fixations of others, see `avsal.metrics.shuffled`.

    `others` (..., K, 2) and `others_mask` (..., K) are padded like the points.
    """
    check_family(family)
    maps = flat_prediction(saliency)
    points, mask = flat_points(points, mask, maps, "points")
    others, others_mask = flat_points(others, others_mask, maps, "others")
    defined = mask.any(1) & others_mask.any(1)
    if family == "mit":
        scaled, contrast = _scaled(maps)
        true_rates, false_rates = (
            _rates_at_steps(formulas.at_points(scaled, where), point_weights(where, valid, maps, "mit"))
            for where, valid in ((points, mask), (others, others_mask))
        )
        return result(torch.where(contrast, _stepped_area(false_rates, true_rates), 0.5), defined, saliency)
    negatives = formulas.at_points(maps, others).masked_fill(~others_mask, -torch.inf)
    greater, equal = _count_above(negatives, formulas.at_points(maps, points), mask)
    lost = (greater + equal / 2) / others_mask.sum(1, keepdim=True)
    return result(1 - _mean(lost, mask.double()), defined, saliency)


def _count_above(values: Tensor, thresholds: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """How many of each row's values are greater than and equal to each of its thresholds, exactly.

    Args:
        values: (B, P), minus infinity where there is none.
        thresholds: (B, N) of the same type.
        valid: (B, N) which thresholds count; the others give anything.

    Returns:
        (B, N) and (B, N) float64 counts.
    """
    if values.device.type == "cpu":
        return _count_by_row(values, thresholds, valid)
    return _count_by_edges(values, thresholds, valid)


def _count_by_row(values: Tensor, thresholds: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Each row by the function for one frame, the fastest on a CPU."""
    greater, equal = (torch.zeros(valid.shape, dtype=torch.float64) for _ in range(2))
    for row, among in enumerate(valid):
        found = count_above(values[row].numpy(), thresholds[row][among].numpy())
        greater[row, among], equal[row, among] = (torch.from_numpy(counts) for counts in found)
    return greater, equal


def _count_by_edges(values: Tensor, thresholds: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """All rows at once, by a look-up in the few sorted thresholds and the numbers just above them."""
    thresholds = thresholds.masked_fill(~valid, torch.inf)
    above = torch.nextafter(thresholds, torch.full_like(thresholds, torch.inf))
    edges = torch.cat([thresholds, above], dim=1).sort(1).values
    num_bins = edges.shape[1] + 1
    bins = torch.searchsorted(edges, values.contiguous(), right=True)  # how many edges each value reaches
    bins += torch.arange(len(values), device=values.device)[:, None] * num_bins
    counts = torch.bincount(bins.flatten(), minlength=len(values) * num_bins).reshape(-1, num_bins)
    reached = counts.flip(1).cumsum(1).flip(1)  # how many values reach at least so many edges
    at_least, greater = (
        reached.gather(1, torch.searchsorted(edges, level) + 1) for level in (thresholds, above)
    )
    return greater.double(), (at_least - greater).double()


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum(1) / weights.sum(1)


def _scaled(maps: Tensor) -> tuple[Tensor, Tensor]:
    """(B, H, W) float64 scaled to 0..1, and (B,) which maps have contrast."""
    low, high = (extreme((1, 2), keepdim=True).double() for extreme in (maps.amin, maps.amax))
    contrast = high > low
    return (maps.double() - low) / torch.where(contrast, high - low, 1), contrast[:, 0, 0]


def _rates_at_steps(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 11) share of the (B, N) values that reach each of the MIT code's thresholds."""
    steps = torch.as_tensor(THRESHOLDS, device=values.device)[:, None]
    reached = (values[:, None] >= steps) & weights[:, None]
    return reached.sum(2) / weights.sum(1, keepdim=True).double()


def _stepped_area(false_rates: Tensor, true_rates: Tensor) -> Tensor:
    start = false_rates.new_zeros(len(false_rates), 1)
    return torch.trapezoid(torch.cat([start, true_rates], 1), torch.cat([start, false_rates], 1))
