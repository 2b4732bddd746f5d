"""The metrics for batches of torch tensors, on CPU and GPU: the same values as the functions for one frame.

Shapes: any leading dimensions, then (H, W) for maps, (N, 2) for points as rows and columns, (N,) for a mask
that is true for points and false for padding; padding must be valid indices, such as zeros. Results have the
leading dimensions and are NaN where a metric is undefined. Areas under ROC curves are exact and float64; the
others are computed in the prediction's type, at least float32. A map that is not finite is an error that
names its place in the batch. No gradient passes: `avsal.losses` are for training.
"""

from avsal.metrics.batch.areas import auc_borji, auc_judd, shuffled_auc
from avsal.metrics.batch.inputs import resize_maps
from avsal.metrics.batch.values import cc, information_gain, kl_divergence, nss, sim

__all__ = [
    "auc_borji",
    "auc_judd",
    "cc",
    "information_gain",
    "kl_divergence",
    "nss",
    "resize_maps",
    "shuffled_auc",
    "sim",
]
