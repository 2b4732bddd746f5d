"""Exporting a model for other runtimes: ONNX, torch.export, OpenVINO; checked against PyTorch.

The graph is `SaliencyModel.forward` of one window: normalised frames (1, 3, T, H, W) and, of a model that
hears, its waveform (1, 1, A) in; maps (1, T', H, W) out. Decoding, normalisation and windows stay outside:
the file says in its metadata what they are. A log-mel front end is in the graph, as a convolution with the
waves of the Fourier transform, since few runtimes have one.
"""

from __future__ import annotations

import copy
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.configuration import Checked, setting, settings_from, size
from avsal.errors import AvsalRuntimeError, ConfigError, MediaError
from avsal.workflows.export_formats import Format, Run, facts, format_of, require_packages, runner, write

if TYPE_CHECKING:
    from torch import Tensor

    from avsal.models import SaliencyModel
    from avsal.weights import ModelIdentity

__all__ = ["ExportSettings", "Exported", "export"]

DEMO = Path(__file__).parents[1] / "assets" / "demo.mp4"
#: the other size that a graph of any size is checked at, in parts of the first: odd numbers of pixels
OTHER_SIZE = 5 / 6
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class ExportSettings(Checked):
    """How a model is exported and checked."""

    to: Format | None = setting(None, help="format [by the file's suffix: .onnx, .pt2, .xml]")
    sound: bool = setting(True, help="false: the graph of a model that hears takes no sound [true]")
    size: tuple[int, int] | None = setting(
        None, help="height x width of the frames [the model's]", metavar="HxW", parse=size
    )
    dynamic: bool = setting(
        True, help="any frame size and length of sound, where the model's operations allow [true]"
    )
    video: Path | None = setting(
        None, help="what the graph is checked on, with sound if the model hears [the bundled clip]"
    )
    windows: int = setting(4, help="windows of it that are compared")
    tolerance: float = setting(1e-4, help="largest difference from PyTorch, in parts of a map's maximum")

    def __post_init__(self) -> None:
        """Raise ConfigError for an impossible number."""
        super().__post_init__()
        if not 1 <= self.windows <= 1000 or not 0 < self.tolerance < 1:
            raise ConfigError(
                "expected 1 to 1000 `windows` and a `tolerance` between 0 and 1 but found "
                f"{self.windows} and {self.tolerance}"
            )


@dataclass(frozen=True)
class Exported:
    """A graph that was written and gives the maps of PyTorch.

    Attributes:
        path: of the file; OpenVINO's weights lie beside it, in ``.bin``.
        format: onnx, torch-export or openvino.
        identity: of the model.
        inputs: shape of each input, with names where any number goes.
        fixed_because: why frames have one size only; None where any goes or none was asked for.
        windows: how many of `video` were compared, and at which other (H, W) one of them.
        video: the name of the video.
        other_size: see `windows`; None where the size is fixed.
        difference: the largest from PyTorch, in parts of the map's maximum.
        seconds: CPU seconds of a window.
        torch_seconds: the same of PyTorch, batch norms folded, with as many threads.
        threads: of both.
    """

    path: Path
    format: Format
    identity: ModelIdentity
    inputs: Mapping[str, tuple[int | str, ...]]
    fixed_because: str | None
    windows: int
    video: str
    other_size: tuple[int, int] | None
    difference: float
    seconds: float
    torch_seconds: float
    threads: int

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in self.inputs.items())
        other = f", and at {self.other_size[0]}x{self.other_size[1]}" if self.other_size else ""
        lines = [
            f"{self.path}: {self.format}, {self.identity.describe()}",
            f"inputs     {shapes}",
            f"checked    {self.windows} windows of {self.video}{other}: largest difference from PyTorch "
            f"{self.difference:.1e} of the map's maximum",
            f"speed      {self.seconds:.3f} CPU s a window, PyTorch {self.torch_seconds:.3f} "
            f"({self.threads} thread{'s' * (self.threads > 1)} each)",
        ]
        if self.fixed_because:
            lines.append(f"one size   {self.fixed_because}")
        return "\n".join(lines)


def export(
    model: SaliencyModel,
    path: str | Path,
    settings: ExportSettings | None = None,
    *,
    overwrite: bool = False,
    **changes: Any,
) -> Exported:
    """Write a model as a graph for another runtime, after it gave PyTorch's maps on windows of a real video.

    >>> avsal.export(avsal.load_model(), "default.onnx")                     # doctest: +SKIP

    Args:
        model: model on the CPU, or torch-export's graph is for its device.
        path: path of the file to write; its suffix tells the format where `to` does not.
        settings: see `ExportSettings`.
        overwrite: replace an earlier file.
        **changes: settings, by name.

    Raises:
        ConfigError: a setting is impossible, a package is missing, or the file exists.
        AvsalRuntimeError: the model cannot be exported, or its graph differs from PyTorch; then nothing is
            written.
        MediaError: the video cannot be read, or the file not be written.
    """
    from avsal.models import require_model
    from avsal.weights import model_identity
    from avsal.workflows.results import require_free

    settings = settings_from(ExportSettings, settings, changes)
    path = Path(path)
    form = format_of(path, settings.to)
    require_packages(form)
    if not path.parent.is_dir():
        raise ConfigError(f"expected a folder {path.parent} to write {path.name} into but there is none")
    require_free(path, overwrite=overwrite)
    network = exportable(require_model(model))
    video = settings.video or DEMO
    clips = windows_of(model, network, video, settings)
    identity = model_identity(model)
    attempts = [True, False] if settings.dynamic else [False]
    reason: str | None = None
    with tempfile.TemporaryDirectory(prefix=f".{path.stem[:100]}.", dir=path.parent) as scratch, quiet():
        file = Path(scratch) / path.name
        for dynamic in attempts:
            try:
                shapes = write(network, clips[0], file, form, dynamic, facts(identity, network, clips[0]))
                checked = [*clips, resized(clips[0])] if dynamic else clips
                found = compared(network, runner(form, file), checked)
            except Exception as error:  # a runtime may raise anything
                if isinstance(error, MediaError | MemoryError):
                    raise
                reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
                if not dynamic:
                    raise AvsalRuntimeError(f"{model.name} cannot be exported as {form}: {reason}") from error
                continue
            if found[0] <= settings.tolerance:
                break
            reason = f"maps differ from PyTorch by {found[0]:.1e} of their maximum"
            if not dynamic:
                raise AvsalRuntimeError(
                    f"{model.name} as {form} differs from PyTorch by {found[0]:.1e} of a map's maximum, more "
                    f"than the tolerance of {settings.tolerance:.1e}: nothing was written"
                )
        for part in sorted(Path(scratch).iterdir(), key=lambda part: part.name == path.name):
            try:
                part.replace(path.with_name(part.name))
            except OSError as error:
                raise MediaError(f"cannot write {path}: {error.strerror}; choose another place") from error
    import torch

    return Exported(
        path,
        form,
        identity,
        shapes,
        reason if settings.dynamic and not dynamic else None,
        len(clips),
        video.name,
        (int(checked[-1][0].shape[-2]), int(checked[-1][0].shape[-1])) if dynamic else None,
        *found,
        torch.get_num_threads(),
    )


def exportable(model: SaliencyModel) -> SaliencyModel:
    """A copy as the engine ``plain`` runs it, whose log-mel front end is a convolution."""
    from avsal.layers.logmel import LogMelConvolution, LogMelNet
    from avsal.prediction.engines.plain import PlainEngine

    network = copy.deepcopy(PlainEngine(model).model).eval().requires_grad_(False)
    device = next(network.parameters()).device
    for part in network.modules():
        if isinstance(part, LogMelNet):
            part.front = LogMelConvolution().to(device)
    return network


def windows_of(
    model: SaliencyModel, network: SaliencyModel, video: Path, settings: ExportSettings
) -> list[tuple[Tensor, ...]]:
    """Frames (1, 3, T, H, W) and sound (1, 1, A) of windows of a video, spread over its first seconds."""
    from torch.nn.functional import interpolate

    from avsal.prediction import PredictionStream

    hears = settings.sound and model.spec.sample_rate is not None
    stream = PredictionStream(model, video, engine="plain", audio="own" if hears else "none")
    clips: list[tuple[Tensor, ...]] = []
    with stream.video as frames:
        usual = (job for job in stream.jobs(iter(frames)) if not job.window.start)
        for job in islice(usual, 0, None, 7):
            clip = stream.engine.clip([job])
            if settings.size is not None and tuple(clip.shape[-2:]) != settings.size:
                clip = interpolate(clip, (clip.shape[2], *settings.size), mode="trilinear")
            sound = stream.engine.sounds_of(job)[0] if hears else None
            if hears and sound is None:
                raise ConfigError(
                    f"{video} has no sound and {model.name} hears: check on another, or give sound=false"
                )
            clips.append((clip,) if sound is None else (clip, sound[None]))
            if len(clips) == settings.windows:
                break
    return clips


def resized(clip: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A window at another, odd, frame size and with less sound."""
    from torch.nn.functional import interpolate

    frames, *sound = clip
    height, width = (max(49, int(side * OTHER_SIZE)) | 1 for side in frames.shape[-2:])
    smaller = interpolate(frames, (frames.shape[2], height, width), mode="trilinear")
    return smaller, *(one[..., : int(one.shape[-1] * OTHER_SIZE)].contiguous() for one in sound)


def compared(network: SaliencyModel, run: Run, clips: list[tuple[Tensor, ...]]) -> tuple[float, float, float]:
    """The largest difference in parts of a map's maximum, and CPU seconds of a window: theirs, PyTorch's.

    Both see the first window in turns; the fastest round counts, since the first one also prepares.
    """
    import torch

    def timed(function: Run, clip: tuple[Tensor, ...]) -> tuple[Tensor, float]:
        begin = time.process_time()
        maps = function(clip)
        return maps, time.process_time() - begin

    def eager(clip: Sequence[Tensor]) -> Tensor:
        return network(*clip)

    difference = 0.0
    rounds = []
    with torch.inference_mode():
        for number, clip in enumerate([*clips, *[clips[0]] * ROUNDS]):
            (got, seconds), (wanted, torch_seconds) = timed(run, clip), timed(eager, clip)
            if got.shape != wanted.shape or not torch.isfinite(got).all():
                raise ValueError(f"expected maps {tuple(wanted.shape)} but found {tuple(got.shape)}")
            most = wanted.amax().clamp(min=1e-12)
            difference = max(difference, float((got.to(wanted) - wanted).abs().max() / most))
            if number >= len(clips):
                rounds.append((seconds, torch_seconds))
    return difference, min(pair[0] for pair in rounds), min(pair[1] for pair in rounds)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what exporters say of packages that are not needed and of their own deprecations."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
