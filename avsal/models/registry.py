"""Models by name: a name and its arguments rebuild a model, and a checkpoint stores both."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import torch
from torch import Tensor, nn

from avsal.errors import ConfigError, did_you_mean
from avsal.plugins import load_plugins
from avsal.types import ClipSpec

__all__ = [
    "ArgumentValue",
    "ModelInfo",
    "SaliencyModel",
    "create_model",
    "list_models",
    "model_info",
    "register_model",
    "require_model",
]

#: installed packages add models under this group of entry points: each names a module whose import registers
GROUP = "avsal.models"
ArgumentValue = bool | int | float | str | Sequence[Any] | None
#: no published model of the field comes near: 8 GB of weights, and numbers that set sizes or counts
MAX_PARAMETERS, MAX_NUMBER, MAX_ITEMS = 2**31, 10**6, 64


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
        windows_at_once: batch of the engine ``exact`` on a file with one sound, unless another is asked for:
            as many as pay in time and cost little memory.
        choices: names of constructor arguments that change no tensor, so that a checkpoint may be loaded with
            others than it was saved with.
    """

    spec: ClipSpec
    info: ModelInfo
    arguments: Mapping[str, Any]
    trained: bool = False
    delay: int | None = None
    warm_up: int = 0
    windows_at_once: ClassVar[int] = 1
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

    def choose(self, **choices: Any) -> None:
        """Go on as if built with these of `choices`, and without the others; every tensor stays.

        Args:
            **choices: arguments of the constructor.
        """
        raise TypeError(f"{type(self).__name__} cannot be changed once it is built")

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

    @property
    def choices(self) -> tuple[str, ...]:
        """The model's `choices`."""
        return getattr(self.build, "choices", ())


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
    """The names that `create_model` takes, those of installed third-party packages included, sorted."""
    load_plugins(GROUP)
    return sorted(ModelInfo.models)


def model_info(name: str) -> ModelInfo:
    """The registry's entry of `name`.

    Raises:
        ConfigError: for a name that is not registered.
    """
    if name not in ModelInfo.models:
        load_plugins(GROUP)
    try:
        return ModelInfo.models[name]
    except KeyError:
        hint = did_you_mean(name, list_models())
        raise ConfigError(
            f"unknown model {name!r}: expected one of {', '.join(list_models())}{hint}"
        ) from None


def create_model(name: str, **arguments: ArgumentValue) -> SaliencyModel:
    """Build a model with fresh weights, in evaluation mode.

    Args:
        name: one of `list_models()`.
        **arguments: of the model's constructor; numbers, strings, booleans and lists of them.

    Raises:
        ConfigError: unknown name or argument, or a value the model cannot take.
    """
    info = model_info(name)
    check_arguments(info, arguments)
    try:
        model = info.build(**{**info.defaults, **arguments})
    except (MemoryError, OverflowError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"model {name!r} cannot be built: {reason}") from error
    model.info = info
    model.arguments = dict(arguments)
    return model.eval()


def check_arguments(info: ModelInfo, arguments: Mapping[str, Any]) -> None:
    """Raise ConfigError on constructor arguments that are unknown, of another kind or beyond all measure."""
    known = {key: value for key, value in inspect.signature(info.build).parameters.items() if key != "self"}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return  # a third party's class that takes what it likes
    hints = get_type_hints(info.build.__init__) if inspect.isclass(info.build) else {}
    larger = False
    for key, value in arguments.items():
        if key not in known:
            hint = did_you_mean(key, known)
            raise ConfigError(
                f"model {info.name!r} takes no argument {key!r}: expected some of {', '.join(known)}{hint}"
            )
        if not fits(value, hints.get(key, Any)):
            raise ConfigError(
                f"model {info.name!r} takes no {key}={str(value)[:80]}: expected {in_words(hints[key])}"
            )
        usual = info.defaults.get(key, known[key].default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        larger |= number and not (isinstance(usual, int | float) and value <= usual)
    if larger and torch.empty(0).device.type != "meta":
        check_size(info, arguments)


def check_size(info: ModelInfo, arguments: Mapping[str, Any]) -> None:
    """Raise ConfigError where a model would fill the memory; it is built without any."""
    try:
        with torch.device("meta"):
            count = info.build(**{**info.defaults, **arguments}).num_parameters
    except (OverflowError, RuntimeError, TypeError, ValueError):
        return  # what is wrong with it is said when it is built
    if count > MAX_PARAMETERS:
        raise ConfigError(
            f"model {info.name!r} would have {count:.3g} parameters with these arguments: expected at most "
            f"{MAX_PARAMETERS:.3g}"
        )


def fits(value: Any, hint: Any) -> bool:
    """Whether a constructor argument is of its declared kind, and a number one that could be meant."""
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Sequence, list, tuple):
        items = value if isinstance(value, list | tuple) and len(value) <= MAX_ITEMS else [object()]
        return all(fits(item, get_args(hint)[0]) for item in items)
    if hint in (int, float):
        number = isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
        return number and math.isfinite(value) and abs(value) <= MAX_NUMBER
    return isinstance(value, hint) if hint in (bool, str, NoneType) else True


def in_words(hint: Any) -> str:
    """A declared kind for people."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(in_words(one) for one in get_args(hint))
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Sequence, list, tuple):
        return f"a list, each {in_words(get_args(hint)[0])}"
    names = {
        int: f"a whole number up to {MAX_NUMBER}",
        float: f"a number up to {MAX_NUMBER}",
        bool: "true or false",
        str: "text",
        NoneType: "null",
    }
    return names.get(hint, str(hint))


def require_model(model: object) -> SaliencyModel:
    """`model` as what predicts, evaluates and is saved: one of avsal's, on one device, in single precision.

    Raises:
        ConfigError: it is anything else; the message says what to do.
    """
    if not isinstance(model, SaliencyModel):
        if model is None:
            what = "None: avsal.load_model() gives the default"
        elif isinstance(model, str) or hasattr(model, "__fspath__"):
            what = f"{str(model)[:200]!r}: load it, avsal.load_model({str(model)[:200]!r})"
        elif hasattr(model, "_orig_mod") or hasattr(model, "module"):
            inner = "_orig_mod" if hasattr(model, "_orig_mod") else "module"
            what = f"a {type(model).__name__} around one: give its .{inner}"
        else:
            what = f"{type(model).__name__}: derive its class from avsal.models.SaliencyModel"
        raise ConfigError(f"expected a model of avsal but got {what}")
    tensors = [*model.parameters(), *model.buffers()]
    devices = sorted({str(tensor.device) for tensor in tensors})
    kinds = {str(t.dtype).removeprefix("torch.") for t in tensors if t.is_floating_point()} - {"float32"}
    if len(devices) > 1 or "meta" in devices:
        raise ConfigError(
            f"the model is on {' and '.join(devices)}: expected all of it on one device, model.to('cpu')"
        )
    if kinds:
        raise ConfigError(
            f"the model's weights are {' and '.join(sorted(kinds))}: expected float32, model.float(); faster "
            "arithmetic is chosen where it predicts, by `precision`"
        )
    return model
