"""Saliency metrics in two named families; see `score_frame` for all of one frame at once.

Plain functions take one frame as NumPy arrays; `avsal.metrics.batch` has the same for batches of torch
tensors.
"""

from avsal.metrics.auc import auc_borji, auc_judd
from avsal.metrics.correlation import cc
from avsal.metrics.family import FAMILIES, Family
from avsal.metrics.frame import (
    FrameScores,
    Score,
    score_frame,
    score_object_frame,
)
from avsal.metrics.gain import information_gain
from avsal.metrics.kl import kl_divergence
from avsal.metrics.maps import ConstantMapWarning, Map, MapError, as_density, resize_bicubic, resize_map
from avsal.metrics.objects import object_auc, object_nss, object_plcc, object_roc
from avsal.metrics.points import Points
from avsal.metrics.postprocessing import stavis_postprocess
from avsal.metrics.roc import RocCurve
from avsal.metrics.samplers import SAMPLERS, Sampler, create_sampler
from avsal.metrics.scanpath import nss
from avsal.metrics.shuffled import shuffled_auc
from avsal.metrics.similarity import sim
from avsal.metrics.table import METRIC_TABLE, METRICS, OBJECT_METRICS, Metric, register_metric

__all__ = [
    "FAMILIES",
    "METRICS",
    "METRIC_TABLE",
    "OBJECT_METRICS",
    "SAMPLERS",
    "ConstantMapWarning",
    "Family",
    "FrameScores",
    "Map",
    "MapError",
    "Metric",
    "Points",
    "RocCurve",
    "Sampler",
    "Score",
    "as_density",
    "auc_borji",
    "auc_judd",
    "cc",
    "create_sampler",
    "information_gain",
    "kl_divergence",
    "nss",
    "object_auc",
    "object_nss",
    "object_plcc",
    "object_roc",
    "register_metric",
    "resize_bicubic",
    "resize_map",
    "score_frame",
    "score_object_frame",
    "shuffled_auc",
    "sim",
    "stavis_postprocess",
]
