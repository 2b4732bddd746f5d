"""Models by name: a name and its arguments rebuild a model, and a checkpoint stores both."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from avsal.errors import ConfigError
from avsal.types import ClipSpec

__all__ = ["ModelInfo", "SaliencyModel", "create_model", "list_models", "model_info", "register_model"]


class SaliencyModel(nn.Module):
    """Base of every model: frames and sound in, maps out.

    Shapes: B batch, T frames, H W size, A audio samples, T' maps (1, or T for models that predict all).

    Attributes:
        spec: what the model takes in and which frames its maps belong to.
        info: the registry's entry, set when the model is built by name.
        arguments: the constructor arguments given to `create_model`, plain JSON values.
        trained: whether the weights came from a training run; a fresh model's did not.
        delay: of models that can take a video frame by frame, by `step`: how many frames later a frame's map
            is there. None: the model only knows clips.
        warm_up: of models with a `delay`: how many frames before a part of a video are to be given first, for
            the memory to be as in training; 0 for models without a memory.
        choices: names of constructor arguments that change no tensor, so that a checkpoint may be loaded with
            others than it was saved with.
    """

    spec: ClipSpec
    info: ModelInfo
    arguments: Mapping[str, Any]
    trained: bool = False
    delay: int | None = None
    warm_up: int = 0
    choices: ClassVar[tuple[str, ...]] = ()

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict saliency.

        Args:
            frames: (B, 3, T, H, W), normalised as `spec` says; any H and W.
            audio: (B, 1, A) waveform of the same seconds at `spec.sample_rate`, times `spec.audio_scale`.
                None is 'this video has no sound'; zeros are silence, and something else.

        Returns:
            (B, T', H, W) maps, non-negative, of the input's size unless the model says otherwise.
        """
        raise TypeError(f"{type(self).__name__} must define forward")

    def forward_start(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """`forward` for the windows of `spec.start_windows`, for models that treat a video's start apart."""
        return self(frames, audio)

    def step(self, frame: Tensor, state: Any = None) -> tuple[Tensor | None, Any]:
        """The next frame of a video, for models with a `delay`: what they remember is carried along.

        After the video's last frame, it is given `delay` times more.

        Args:
            frame: (B, 3, H, W), normalised as `spec` says; all frames of a video have one size.
            state: what this gave for the frame before; None: the video begins. It does not grow, and it is
                not changed: the same one may be carried on in several ways.

        Returns:
            map: (B, H, W) of the frame given `delay` frames before; None where there is no such frame.
            state: for the next frame.
        """
        raise TypeError(f"{type(self).__name__} only knows clips: call it, or name a model with a delay")

    def save_pretrained(self, folder: str | Path, **about: Any) -> Path:
        """Write weights, configuration and model card to a folder as the Hub's conventions have it.

        See `avsal.save_pretrained`, which does it; `avsal.from_pretrained` reads the folder.
        """
        import avsal  # its front door looks the function up: models know nothing of weight files

        return avsal.save_pretrained(self, folder, **about)

    @property
    def name(self) -> str:
        """The name that `create_model` knows this model by."""
        return self.info.name

    @property
    def num_parameters(self) -> int:
        """How many parameters the model has, buffers not counted."""
        return sum(parameter.numel() for parameter in self.parameters())


@dataclass(frozen=True)
class ModelInfo:
    """What the registry knows of a model without building it.

    Attributes:
        name: what one types.
        build: the constructor.
        paper: authors, short title and year.
        summary: one line for lists.
        sound: whether the model listens.
        defaults: constructor arguments that this name fixes.
    """

    name: str
    build: Callable[..., SaliencyModel]
    paper: str
    summary: str
    sound: bool
    defaults: Mapping[str, Any]

    #: shared by all entries
    models: ClassVar[dict[str, ModelInfo]] = {}


def register_model(
    name: str, *, paper: str, summary: str, sound: bool = False, **defaults: Any
) -> Callable[[type[SaliencyModel]], type[SaliencyModel]]:
    """Class decorator that enters a model under `name`, with `defaults` for its constructor.

    A class may be registered under several names.
    """

    def enter(build: type[SaliencyModel]) -> type[SaliencyModel]:
        if name in ModelInfo.models:
            raise ValueError(f"the model name {name!r} is taken")
        ModelInfo.models[name] = ModelInfo(name, build, paper, summary, sound, defaults)
        return build

    return enter


def list_models() -> list[str]:
    """The names that `create_model` takes, sorted."""
    return sorted(ModelInfo.models)


def model_info(name: str) -> ModelInfo:
    """The registry's entry of `name`.

    Raises:
        ConfigError: for a name that is not registered.
    """
    try:
        return ModelInfo.models[name]
    except KeyError:
        near = difflib.get_close_matches(name, list_models(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"unknown model {name!r}: expected one of {', '.join(list_models())}{hint}"
        ) from None


def create_model(name: str, **arguments: Any) -> SaliencyModel:
    """Build a model with fresh weights, in evaluation mode.

    Args:
        name: one of `list_models()`.
        **arguments: of the model's constructor; numbers, strings, booleans and lists of them.

    Raises:
        ConfigError: unknown name or argument, or a value the model cannot take.
    """
    info = model_info(name)
    known = [key for key in inspect.signature(info.build).parameters if key != "self"]
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ConfigError(
            f"model {name!r} takes no argument {unknown[0]!r}: expected some of {', '.join(known)}"
        )
    try:
        model = info.build(**{**info.defaults, **arguments})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"model {name!r} cannot be built: {error}") from error
    model.info = info
    model.arguments = dict(arguments)
    return model.eval()
