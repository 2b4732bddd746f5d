"""The best scores that can be expected with and without sound, in closed form.

Gaze on a frame is a mixture of K + 1 Gaussians of standard deviation f (about K objects and the centre) with
weights p; the map to be scored is a mixture of Gaussians of standard deviation s about the same aims with
weights w. For aims far from each other and from the frame's edge, on frames of A pixels, with
r = s^2/(s^2 + f^2), m = 2 pi s^2/A and v = pi s^2/A,

    NSS   = (r sum(p w) - m) / sqrt(v sum(w^2) - m^2)
    CC    = (v sum(p w) - m^2) / sqrt((v sum(p^2) - m^2) (v sum(w^2) - m^2)), against a target of width s
    AUC-J = 1 - m sum_k p_k sum_j E[(ln(w_j/w_k) + f^2/s^2 X)+], X exponential with mean 1

One who hears knows p, so that w = p and NSS is about N1 sqrt(sum(p^2)), where N1 = (r - m)/sqrt(v - m^2) is
the score for one object. For one who does not hear, the objects share their weight p_any equally and NSS is
about N1 p_any/sqrt(K): what sound is worth grows with the number of objects.

These formulas leave out edges and overlaps. What a model could have scored on given clips comes from scoring
`ExpectedGaze.best_map` on the same fixations. Both, without -> with sound, over 3000 clips at the default
numbers (setting `decides`, last frame; standard errors .009 to .031 for NSS, at most .002 for CC and AUC-J):

    K     metric  formula           maps of width s = 5   sharper maps, s = f = 3.5
    2     NSS     4.22 -> 5.42      4.25 -> 5.46          4.52 -> 5.80
    3     NSS     3.41 -> 5.40      3.42 -> 5.42          3.64 -> 5.75
    4     NSS     2.92 -> 5.39      2.93 -> 5.40          3.11 -> 5.74
    2..4  NSS     3.51 -> 5.40      3.55 -> 5.43          3.77 -> 5.77
    2     CC      .770 -> 1         .773 -> 1             .727 -> .940
    3     CC      .615 -> 1         .621 -> 1             .584 -> .940
    4     CC      .519 -> 1         .524 -> 1             .493 -> .940
    2..4  CC      .635 -> 1         .642 -> 1             .603 -> .940
    2     AUC-J   .973 -> .978      .975 -> .979          .975 -> .982
    3     AUC-J   .961 -> .975      .963 -> .976          .964 -> .979
    4     AUC-J   .949 -> .973      .951 -> .974          .952 -> .977
    2..4  AUC-J   .961 -> .975      .963 -> .977          .964 -> .979

The formulas' column is for s = 5; at s = 3.5 they give NSS 3.74 -> 5.75 and AUC-J .963 -> .978 over all K.
Maps of width f are the best of all for NSS and AUC-J: a model that is sharper than its target can pass the
ceiling of maps as broad as the target by 6 % in NSS without hearing anything, but not this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets_av.sounding_objects.expected_gaze import Setting
from datasets_av.sounding_objects.observers import Observers
from datasets_av.sounding_objects.scene import REFERENCE_SIZE, scale_of

__all__ = ["Ceilings", "ceilings"]


@dataclass(frozen=True)
class Ceilings:
    """The best expected score of one metric.

    Attributes:
        without_sound: of one who only sees.
        with_sound: of one who sees and hears.
    """

    without_sound: float
    with_sound: float

    def normalised_gain(self, score: float) -> float:
        """Share of the gap between the ceilings that `score` has closed: 0 without sound, 1 at the best.

        NaN where there is no gap, as in the settings `irrelevant` and `visible`.
        """
        gap = self.with_sound - self.without_sound
        return (score - self.without_sound) / gap if gap > 0 else float("nan")


def ceilings(
    num_objects: int,
    *,
    setting: Setting = "decides",
    observers: Observers | None = None,
    size: tuple[int, int] = REFERENCE_SIZE,
    sigma: float | None = None,
) -> dict[str, Ceilings]:
    """Expected scores of the best maps, for frames on which every observer has noticed whose turn it is.

    Args:
        num_objects: K, at least 2.
        setting: what tells where gaze goes: sound (``decides``), sight too (``visible``), neither
            (``irrelevant``).
        observers: how they behave.
        size: (H, W) in pixels.
        sigma: standard deviation s of the maps' Gaussians, in pixels of a frame of 64 x 112; None: that of
            the target density, which is what a model trained on it approaches. At the observers' `scatter`
            NSS and AUC-J are as high as they can be for any map.

    Returns:
        For ``nss``, ``auc_judd`` (exact: all pixels are negatives) and ``cc`` (against a target density of
        the same `sigma`).
    """
    observers = observers or Observers()
    scale = scale_of(size)
    s = (observers.sigma if sigma is None else sigma) * scale
    f = observers.scatter * scale
    area = size[0] * size[1]
    told = np.full(num_objects + 1, observers.others / (num_objects - 1))
    told[0], told[-1] = observers.attended, observers.centre
    untold = np.full(num_objects + 1, (observers.attended + observers.others) / num_objects)
    untold[-1] = observers.centre
    seen = told if setting == "visible" else untold
    heard = untold if setting == "irrelevant" else told
    return {
        "nss": Ceilings(_nss(told, seen, s, f, area), _nss(told, heard, s, f, area)),
        "cc": Ceilings(_cc(told, seen, s, area), _cc(told, heard, s, area)),
        "auc_judd": Ceilings(_auc(told, seen, s, f, area), _auc(told, heard, s, f, area)),
    }


def _nss(gaze: NDArray[np.float64], weights: NDArray[np.float64], s: float, f: float, area: int) -> float:
    r, m, v = s**2 / (s**2 + f**2), 2 * np.pi * s**2 / area, np.pi * s**2 / area
    return float((r * (gaze * weights).sum() - m) / np.sqrt(v * (weights**2).sum() - m**2))


def _cc(target: NDArray[np.float64], weights: NDArray[np.float64], s: float, area: int) -> float:
    m, v = 2 * np.pi * s**2 / area, np.pi * s**2 / area
    variances = (v * (target**2).sum() - m**2) * (v * (weights**2).sum() - m**2)
    return float((v * (target * weights).sum() - m**2) / np.sqrt(variances))


def _auc(gaze: NDArray[np.float64], weights: NDArray[np.float64], s: float, f: float, area: int) -> float:
    # aims that are never looked at have no place in a map's ranking
    gaze, weights = gaze[weights > 0], weights[weights > 0]
    advantage = np.log(weights[None, :] / weights[:, None])
    spread = f**2 / s**2
    # E[(a + spread X)+] is a + spread where a >= 0
    area_above = np.where(
        advantage >= 0, advantage + spread, spread * np.exp(np.minimum(advantage, 0.0) / spread)
    )
    return float(1.0 - 2 * np.pi * s**2 / area * (gaze[:, None] * area_above).sum())
