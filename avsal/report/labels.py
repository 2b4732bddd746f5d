"""How metrics and rows are called in tables and plots."""

from collections.abc import Mapping

from avsal.metrics import METRIC_TABLE

__all__ = ["COSTS", "NUM_DECIMALS", "PERCENT", "ROW_LABELS", "column_order", "metric_label", "model_words"]

#: label of what stands in tables and is no metric, and whether larger is better, None where neither is
_OTHERS: dict[str, tuple[str, bool | None]] = {
    "ig_explained": ("IG explained", True),
    "fps": ("maps a second", True),
    "parameters": ("M parameters", None),
    "gflop": ("GFLOP a map", None),
    "cpu_seconds": ("CPU s a map", None),
    "memory": ("MB", None),
}
#: what maps cost: numbers of a row that no average is taken of, with the decimals that they are printed with
COSTS = {"parameters": 1, "gflop": 1, "cpu_seconds": 3, "memory": 0}
PERCENT = frozenset({"ig_explained"})
NUM_DECIMALS = 3

ROW_LABELS = {
    "uniform": "uniform",
    "centre_bias": "centre bias",
    "motion": "motion x centre bias",
    "video_mean": "video mean (half of observers)",
    "split_half": "split-half observers",
    "gold_standard": "gold standard (leave one observer out)",
    "infinite_observers": "infinite observers (estimate)",
}


def column_order() -> list[str]:
    """All that tables can show, in the order of their columns."""
    names = [*METRIC_TABLE, *_OTHERS]
    names.remove("ig_explained")
    names.insert(names.index("ig") + 1, "ig_explained")
    return names


def metric_label(metric: str, arrow: bool = True) -> str:
    """A metric's name, with an arrow towards better where there is a better."""
    entry = METRIC_TABLE.get(metric)
    label, rising = (entry.label, entry.higher_is_better) if entry else _OTHERS.get(metric, (metric, None))
    return f"{label} {'↑' if rising else '↓'}" if arrow and rising is not None else label


def model_words(name: str, arguments: Mapping[str, object]) -> str:
    """A model and its arguments as one would write them: ``tsfpnet_av (fusion aligned, width 0.25)``."""
    told = ", ".join(
        f"{key.replace('_', ' ')} {'x'.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for key, value in arguments.items()
    )
    return f"{name} ({told})" if told else name
