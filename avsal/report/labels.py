"""How metrics and rows are called in tables and plots."""

from collections.abc import Mapping

__all__ = ["METRIC_LABELS", "NUM_DECIMALS", "PERCENT", "ROW_LABELS", "metric_label", "model_words"]

#: label, and whether larger is better, None where neither is
METRIC_LABELS: dict[str, tuple[str, bool | None]] = {
    "nss": ("NSS", True),
    "cc": ("CC", True),
    "sim": ("SIM", True),
    "kl": ("KL", False),
    "auc_judd": ("AUC-J", True),
    "auc_borji": ("AUC-B", True),
    "s_auc": ("s-AUC", True),
    "ig": ("IG (bit)", True),
    "ig_explained": ("IG explained", True),
    "plcc": ("PLCC", True),
    "auc": ("AUC", True),
    "favoured": ("heard source favoured", True),
    "fps": ("maps a second", True),
    "parameters": ("M parameters", None),
}
PERCENT = frozenset({"ig_explained"})
NUM_DECIMALS = 3

ROW_LABELS = {
    "uniform": "uniform",
    "centre_bias": "centre bias",
    "video_mean": "video mean (half of observers)",
    "split_half": "split-half observers",
    "gold_standard": "gold standard (leave one observer out)",
    "infinite_observers": "infinite observers (estimate)",
}


def metric_label(metric: str, arrow: bool = True) -> str:
    """A metric's name, with an arrow towards better where there is a better."""
    label, rising = METRIC_LABELS.get(metric, (metric, None))
    return f"{label} {'↑' if rising else '↓'}" if arrow and rising is not None else label


def model_words(name: str, arguments: Mapping[str, object]) -> str:
    """A model and its arguments as one would write them: ``tsfpnet_av (fusion aligned, width 0.25)``."""
    told = ", ".join(
        f"{key.replace('_', ' ')} {'x'.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for key, value in arguments.items()
    )
    return f"{name} ({told})" if told else name
