"""Salient-object protocol of the Conv3D paper: a map against a binary mask of one frame's salient objects.

Ding and Fang, Video saliency detection by 3D convolutional neural networks, section 3.1: PLCC (eq. 3), ROC
curve and its area (eq. 4-5), NSS (eq. 6). Unlike AUC on fixations there is no correction for few positives.
The paper does not say at which size maps are scored; here it is the mask's.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.metrics.maps import Map, MapLike
from avsal.metrics.roc import RocCurve

__all__ = ["binary_mask", "object_auc", "object_nss", "object_plcc", "object_roc"]


def object_plcc(saliency: MapLike, mask: ArrayLike) -> float:
    """Pearson's linear correlation coefficient of map and mask over pixels.

    Args:
        saliency: (H, W) finite prediction.
        mask: (H, W) of False and True, or 0 and 1.

    Returns:
        -1 to 1, 0 for a constant map; NaN for an empty or a full mask.

    Examples:
        >>> object_plcc([[5, 1], [1, 1]], [[1, 0], [0, 0]])
        1.0
    """
    saliency, inside = _validated(saliency, mask)
    share = inside.mean()
    if share in (0, 1):
        return float("nan")
    if not saliency.squares:
        return 0.0
    # Only pixels inside the mask contribute to the covariance: the centred map adds up to zero.
    covariance = (saliency.values[inside].mean(dtype=np.float64) - saliency.mean) * share
    return float(covariance / np.sqrt(saliency.squares / inside.size * share * (1 - share)))


def object_nss(saliency: MapLike, mask: ArrayLike) -> float:
    """Mean over the mask's pixels of the map with zero mean and unit (population) standard deviation.

    Args:
        saliency: (H, W) finite prediction.
        mask: (H, W) of False and True, or 0 and 1.

    Returns:
        0 for chance and for a constant map; NaN for an empty or a full mask.

    Examples:
        >>> object_nss([[1, 0], [0, 0]], [[1, 0], [0, 0]])
        1.7320508075688774
    """
    saliency, inside = _validated(saliency, mask)
    if inside.mean() in (0, 1):
        return float("nan")
    if not saliency.squares:
        return 0.0
    deviation = np.sqrt(saliency.squares / inside.size)
    return float((saliency.values[inside].mean(dtype=np.float64) - saliency.mean) / deviation)


def object_auc(saliency: MapLike, mask: ArrayLike) -> float:
    """Area under the ROC curve over all thresholds, ties half: mask pixels against all others.

    Args:
        saliency: (H, W) finite prediction.
        mask: (H, W) of False and True, or 0 and 1.

    Returns:
        0 to 1, 0.5 for a constant map; NaN for an empty or a full mask.

    Examples:
        >>> object_auc([[4, 3], [2, 1]], [[1, 0], [1, 0]])
        0.75
    """
    saliency, inside = _validated(saliency, mask)
    if inside.mean() in (0, 1):
        return float("nan")
    negatives = np.sort(saliency.values[~inside])
    positives = np.sort(saliency.values[inside])  # sorted look-ups stay in the cache
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return float((below + not_above).mean() / (2 * negatives.size))


def object_roc(saliency: MapLike, mask: ArrayLike) -> RocCurve:
    """The ROC curve over all thresholds; its area is `object_auc`.

    Args:
        saliency: (H, W) finite prediction.
        mask: (H, W) of False and True, or 0 and 1, neither empty nor full.

    Returns:
        One point per distinct value of the map, besides the origin.

    Raises:
        ValueError: an empty or a full mask, which has no curve.

    Examples:
        >>> curve = object_roc([[4, 3], [2, 1]], [[1, 0], [1, 0]])
        >>> curve.true_positive_rate, curve.false_positive_rate
        (array([0. , 0.5, 0.5, 1. , 1. ]), array([0. , 0. , 0.5, 0.5, 1. ]))
    """
    saliency, inside = _validated(saliency, mask)
    num_positives = np.count_nonzero(inside)
    if num_positives in (0, inside.size):
        raise ValueError(
            "a ROC curve needs pixels inside and outside the mask, but the mask is empty or full"
        )
    values = saliency.values.ravel()
    falling = np.argsort(values)[::-1]
    values = values[falling]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of each run of equal values
    detected = np.cumsum(inside.ravel()[falling])[last]
    return RocCurve(
        np.concatenate([[np.inf], values[last]]),
        np.concatenate([[0.0], (last + 1 - detected) / (inside.size - num_positives)]),
        np.concatenate([[0.0], detected / num_positives]),
    )


def binary_mask(mask: ArrayLike) -> NDArray[np.bool_]:
    """The mask as booleans.

    Raises:
        ValueError: not (H, W), or values besides 0 and 1: a mask of several objects or of grey levels has to
            be thresholded by someone who knows what the levels mean.
    """
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"`mask` must be (H, W) but has shape {array.shape}")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise ValueError(
            f"`mask` must hold 0 and 1 only but has values from {array.min()} to {array.max()}: "
            f"threshold it, for example `mask > 0`"
        )
    return array.astype(np.bool_)


def _validated(saliency: MapLike, mask: ArrayLike) -> tuple[Map, NDArray[np.bool_]]:
    saliency = Map.prediction(saliency)
    inside = binary_mask(mask)
    saliency.require_size((inside.shape[0], inside.shape[1]), "the mask")
    return saliency, inside
