"""The exponential moving average of a model's weights, which is often better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from avsal.models import SaliencyModel

__all__ = ["WeightAverage"]


class WeightAverage:
    """Follows a model; its averaged weights can stand in for the model's.

    Early on it forgets faster, so that the random beginning does not count: after step t the share of the
    past is the smaller of `decay` and (1 + t) / (10 + t).

    Args:
        model: model to follow; integers, such as counters of batches, are copied.
        decay: share of the past in each step, 0 to 1.
    """

    def __init__(self, model: SaliencyModel, decay: float) -> None:
        self._model, self.decay = model, decay
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        past = min(self.decay, (1 + step) / (10 + step))
        for name, value in self._model.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - past)
            else:
                self.values[name].copy_(value)

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take up averaged weights that were saved."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights while in use, and its own again afterwards."""
        own = {name: value.detach().clone() for name, value in self._model.state_dict().items()}
        self._model.load_state_dict(self.values)
        try:
            yield
        finally:
            self._model.load_state_dict(own)
