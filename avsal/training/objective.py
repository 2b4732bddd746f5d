"""What is minimised: a model's maps and its attention, against where people looked, in one module.

It is one module, so that distributed training, mixed precision and compilation wrap all that has gradients.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeGuard

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from avsal.errors import ConfigError
from avsal.losses import LossValue, WeightedLoss
from avsal.metrics.formulas import correlation
from avsal.models import SaliencyModel
from avsal.training.alternating_clips import Turn
from avsal.training.parameter_groups import check_parts, freeze, innermost, part_named
from avsal.training.settings import TrainSettings
from avsal.training.sound import attention_loss

__all__ = ["Attentive", "Objective"]


class Attentive(Protocol):
    """A model whose attention to sound can be read on its way to the maps, as TSFP-Net's."""

    def encode(self, frames: Tensor, context: int = 0) -> tuple[Tensor, ...]:
        """Features of a window, with `context` frames before and after it."""
        ...

    def pyramid(self, taps: tuple[Tensor, ...]) -> Tensor:
        """Integrated features."""
        ...

    def attend(self, taps: tuple[Tensor, ...], audio: Tensor) -> Tensor:
        """Logits (B, 1, h, w)."""
        ...

    def read_out(self, integrated: Tensor, logits: Tensor | None, size: Sequence[int]) -> Tensor:
        """Maps."""
        ...


def is_attentive(model: nn.Module) -> TypeGuard[Attentive]:
    """Whether a model is `Attentive`; from Python 3.12 on `isinstance` overlooks parts that are modules."""
    return all(hasattr(model, name) for name in ("encode", "pyramid", "attend", "read_out"))


def model_choices(model: SaliencyModel) -> dict[str, Any]:
    """The arguments that a model was built with, of those that it can change later."""
    return {name: value for name, value in model.arguments.items() if name in model.choices}


class Objective(nn.Module):
    """A model and its loss.

    Args:
        model: model to train; frozen parts are frozen here.
        settings: settings of the run.
        turns: turns of clips that take turns, by name; see `turn`.

    Raises:
        ConfigError: an option that this model cannot use.
    """

    def __init__(
        self, model: SaliencyModel, settings: TrainSettings, turns: Mapping[str, Turn] | None = None
    ) -> None:
        super().__init__()
        self.turns = dict(turns or {})
        self._own = model_choices(model) if self.turns else {}
        self._frozen, self._waiting = settings.optim.frozen, settings.optim.waiting
        self.model = model
        self.loss = WeightedLoss(dict(settings.loss))
        self.call: Mapping[str, Any] = dict(settings.model.forward)
        self.supervised = settings.model.supervised
        self.attention = settings.sound.attention
        self.context = settings.context
        if self.context.frames and "context" not in inspect.signature(model.forward).parameters:
            raise ConfigError(
                f"`context.frames` needs a network that can see beyond a window, which {model.name} is not: "
                "leave `context` out"
            )
        sound = settings.sound
        if (sound.attention or sound.zero or sound.noise or sound.missing) and not model.info.sound:
            raise ConfigError(
                f"`sound` says what becomes of the sound, but {model.name} takes none: leave `sound` out"
            )
        if sound.attention and not is_attentive(model):
            raise ConfigError(f"`sound.attention` needs a model with attention, which {model.name} is not")
        self.resting = freeze(model, settings.optim.frozen)
        self.resting += [part_named(model, part) for part in settings.optim.resting]
        if settings.engine.freeze_batch_norm:
            self.resting += [module for module in model.modules() if isinstance(module, _BatchNorm)]
        check_parts(model, self._waiting)
        if self.turns:
            self._open_all()

    def _open_all(self) -> None:
        """Let all parameters take gradients that some turn trains, for the optimiser to know them."""
        trained = set()
        for name in self.turns:
            with self.turn(name, epoch=max(self._waiting.values(), default=0)):
                trained |= {
                    key for key, parameter in self.model.named_parameters() if parameter.requires_grad
                }
        for key, parameter in self.model.named_parameters():
            parameter.requires_grad_(key in trained)

    @contextmanager
    def turn(self, name: str | None, epoch: int = 0) -> Iterator[None]:
        """While a step is taken: the model as its turn uses it, parts at rest that do not learn yet.

        Args:
            name: name of the turn; None: the model as it is.
            epoch: 0-based, of the step.
        """
        call, supervised = self.call, self.supervised
        waiting = [
            parameter
            for part, epochs in self._waiting.items()
            if epoch < epochs
            for key, parameter in self.model.named_parameters()
            if innermost(key, [part]) and parameter.requires_grad
        ]
        try:
            if name is not None:
                self.model.choose(**{**self._own, **self.turns[name].choices})
                self.call, self.supervised = self.turns[name].forward, self.turns[name].supervised
                freeze(self.model, self._frozen)
            for parameter in waiting:
                parameter.requires_grad_(False)
            yield
        finally:
            for parameter in waiting:
                parameter.requires_grad_(True)
            if name is not None:
                self.call, self.supervised = call, supervised
                self.model.choose(**self._own)
                freeze(self.model, self._frozen)

    def train(self, mode: bool = True) -> Objective:
        """Training mode, but for what is frozen."""
        super().train(mode)
        for module in self.resting:
            module.eval()
        return self

    def forward(
        self, frames: Tensor, audio: Tensor | None, density: Tensor, points: Tensor, mask: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch; with `context` the mean of the losses without and with the video around.

        Returns:
            The scalar to differentiate, and what to log: the unweighted terms, and how many maps went without
            each because nobody looked; of the clips seen with the video around as ``..._in_context``.

        Raises:
            ConfigError: the model's maps are not those that the clips have targets for.
        """
        if self.supervised is not None:
            slots = list(self.supervised)
            density, points, mask = density[:, slots], points[:, slots], mask[:, slots]
        around = self.context.frames
        window = frames[:, :, around : frames.shape[2] - around]
        total, terms, maps = self._seen(window, 0, audio, density, points, mask)
        if around:
            second, more, with_video = self._seen(frames, around, audio, density, points, mask)
            total = (total + second) / 2
            terms |= {f"{name}_in_context": term for name, term in more.items()}
            if self.context.agreement:
                alike = correlation(maps.flatten(0, 1).float(), with_video.flatten(0, 1).float()).mean()
                total = total + self.context.agreement * (1 - alike)
                terms["agreement"] = alike.detach()
        return total, terms

    def _seen(
        self,
        frames: Tensor,
        context: int,
        audio: Tensor | None,
        density: Tensor,
        points: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Loss, what to log, and maps of windows with `context` frames around them."""
        logits = None
        extra = {"context": context} if context else {}
        if self.attention and audio is not None and is_attentive(self.model):
            taps = self.model.encode(frames, **extra)
            logits = self.model.attend(taps, audio)
            maps = self.model.read_out(self.model.pyramid(taps), logits, frames.shape[-2:])
        else:
            maps = self.model(frames, audio, **self.call, **extra)
        if maps.shape != density.shape:
            raise ConfigError(
                f"{self.model.name} gives maps {tuple(maps.shape)} but the clips have targets "
                f"{tuple(density.shape)}: set `model.supervised` to the frames that `model.forward` asks for"
            )
        value: LossValue
        if not self.loss.needs_fixations:
            value = self.loss(maps, density)
        else:
            value = self.loss(maps, density, points, mask)
        total, terms = value.total, dict(value.terms)
        terms |= {f"without_{name}": frames.float() for name, frames in value.skipped.items()}
        if logits is not None:
            extra_loss = attention_loss(logits, density)
            total = total + self.attention * extra_loss
            terms["attention"] = extra_loss.detach()
        return total, terms, maps
