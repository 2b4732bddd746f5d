"""What a training run is told, as frozen dataclasses: the truth that YAML files are diffs of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from avsal.errors import ConfigError
from avsal.losses import WeightedLoss
from avsal.metrics import METRIC_TABLE, METRICS

__all__ = [
    "ClipSettings",
    "ContextSettings",
    "EngineSettings",
    "ModelSettings",
    "OptimSettings",
    "RunSettings",
    "ScheduleSettings",
    "SoundSettings",
    "TrainSettings",
    "ValidationSettings",
]

Protocol = Literal["clean", "published"]


@dataclass(frozen=True)
class ModelSettings:
    """Which network, and what it starts from.

    Attributes:
        name: one of `list_models()`.
        arguments: of its constructor.
        forward: further arguments of its `forward` while training (ESAN trains on `phases` of a clip).
        supervised: which of the clip's target maps those of `forward` are; None: all.
        initial: checkpoint of ours whose tensors are taken where names and shapes agree.
        encoder: weight file of the published visual backbone, or a fetched name of the catalogue.
        audio: weight file of the published audio backbone, or a fetched name of the catalogue.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    forward: Mapping[str, Any] = field(default_factory=dict)
    supervised: tuple[int, ...] | None = None
    initial: str | None = None
    encoder: str | None = None
    audio: str | None = None


@dataclass(frozen=True)
class ScheduleSettings:
    """The course of the learning rate, as a factor on it; see `avsal.training.schedule.factor`.

    Attributes:
        name: ``constant``; ``steps``: times `factor` at each of `epochs`; ``every``: times `factor` after
            every `every` epochs; ``inv``: Caffe's (1 + gamma i)^-power of step i; ``decay``: a linear rise
            over `warmup` steps, then 1, then a linear fall to 0 over the last `share` of all steps;
            ``cosine``: a linear rise over `warmup` steps, then half a cosine from 1 to 0.
        epochs: for ``steps``, counted from 1.
        factor: for ``steps`` and ``every``.
        every: for ``every``, in epochs.
        gamma: for ``inv``.
        power: for ``inv``.
        warmup: for ``decay`` and ``cosine``, in steps.
        share: for ``decay``, of all steps, 0 to 1.
    """

    name: Literal["constant", "steps", "every", "inv", "decay", "cosine"] = "constant"
    epochs: tuple[int, ...] = ()
    factor: float = 0.1
    every: int = 1
    gamma: float = 1e-4
    power: float = 0.75
    warmup: int = 0
    share: float = 0.0


@dataclass(frozen=True)
class OptimSettings:
    """How parameters are changed.

    Attributes:
        name: of the optimiser in `torch.optim`.
        learning_rate: before the schedule.
        weight_decay: added to the gradient (decoupled from it in AdamW).
        options: further arguments of the optimiser, such as ``rho`` or ``momentum``.
        schedule: of the learning rate.
        frozen: parts of the model that are not trained, such as ``encoder``; their batch norms rest too.
        resting: parts that are trained with their batch norms' running statistics as they are.
        learning_rates: factor on the learning rate by part.
        weight_decays: of parts that `learning_rates` names, in place of `weight_decay`.
        waiting: parts that are not trained in a run's first epochs, and how many these are, by part.
        clip_gradient: largest norm of the gradient of all parameters; None: any.
        average: share of the past in an exponential moving average of the weights, such as 0.999: checkpoints
            and validations are then of the averaged weights. None: of the weights themselves.
    """

    name: Literal["adam", "adamw", "sgd", "adadelta"] = "adam"
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    frozen: tuple[str, ...] = ()
    resting: tuple[str, ...] = ()
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    weight_decays: Mapping[str, float] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    clip_gradient: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError where a number makes no sense."""
        _positive("optim", learning_rate=self.learning_rate, clip_gradient=self.clip_gradient)
        if self.average is not None and not 0 <= self.average < 1:
            raise ConfigError(f"`optim.average` must be a share from 0 to 1 but is {self.average}")
        for part in self.weight_decays:
            if part not in self.learning_rates:
                raise ConfigError(
                    "`optim.weight_decays` must be of parts that `optim.learning_rates` names but has "
                    f"{part!r}"
                )


@dataclass(frozen=True)
class SoundSettings:
    """What becomes of the sound while training. Only for models that listen.

    Attributes:
        use: False trains the silent path alone, with ``audio=None``.
        zero: share of clips whose waveform becomes zeros, which are sound that is silent.
        noise: share of clips whose waveform becomes white noise of the same root mean square, which tells
            nothing. A clip may be drawn for both; it is then silent.
        missing: share of batches without sound; a batch has sound or has none, so it is drawn for each.
        attention: weight of an auxiliary loss: cross-entropy of the coarse attention (softmax of the logits
            over their grid) against the target pooled to that grid.
    """

    use: bool = True
    zero: float = 0.0
    noise: float = 0.0
    missing: float = 0.0
    attention: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError where a share is none."""
        for name, share in (("zero", self.zero), ("noise", self.noise), ("missing", self.missing)):
            if not 0 <= share <= 1:
                raise ConfigError(f"`sound.{name}` must be a share from 0 to 1 but is {share}")
        if self.attention < 0:
            raise ConfigError(f"`sound.attention` must not be negative but is {self.attention}")


@dataclass(frozen=True)
class ClipSettings:
    """How clips are drawn and batched; where they come from is not said here.

    Attributes:
        batch_size: clips of a step, of all processes together.
        accumulation: groups into which a step's clips are divided at least. The groups go through the network
            one after the other, or in processes side by side, and batch norm sees each on its own: a step
            means the same on any number of processes, up to as many as there are groups. Clips whose sound
            differs in length, as of videos of several frame rates, are in groups of their own.
        flip: probability that a clip is mirrored left to right, with its gaze.
        colour: how far brightness, contrast and saturation of a clip may change, as a share: 0.2 for 0.8 to
            1.2.
        speed: how much faster or slower a clip may be shown, with its sound: 1.25 for 0.8 to 1.25 times.
        workers: processes that read clips, for each process that trains; 0 for the training process itself,
            None: one fewer than there are cores for it, 1 to 4.
    """

    batch_size: int = 4
    accumulation: int = 1
    flip: float = 0.0
    colour: float = 0.0
    speed: float = 1.0
    workers: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError where a number makes no sense."""
        _positive("clips", batch_size=self.batch_size, accumulation=self.accumulation)
        if (self.workers is not None and self.workers < 0) or not 0 <= self.flip <= 1:
            raise ConfigError(
                f"`clips.workers` must not be negative and `clips.flip` a share, but they are {self.workers} "
                f"and {self.flip}"
            )
        if not 0 <= self.colour < 1 or not 1 <= self.speed <= 4:
            raise ConfigError(
                f"`clips.colour` must be a share and `clips.speed` lie in 1..4 but are {self.colour} and "
                f"{self.speed}"
            )
        if self.accumulation > self.batch_size:
            raise ConfigError(
                f"`clips.accumulation` divides `clips.batch_size`, the clips of a step, but they are "
                f"{self.accumulation} and {self.batch_size}"
            )


@dataclass(frozen=True)
class ContextSettings:
    """Whether windows are also learned with the video around them. Only for TSFP-Net.

    A window's ends are padded with zeros; the engine ``streaming`` shows them the video instead, ``live``
    does at the left end, and the maps of a network that never saw that change. With `frames` each clip is
    seen both ways in each step, and the loss is the mean of both.

    Attributes:
        frames: of the video that the encoder sees before and after a window; a multiple of 8, 0 for none.
            What lies beyond the video is its first or last frame.
        agreement: weight of an auxiliary loss: 1 - CC between the two maps of a clip.
    """

    frames: int = 0
    agreement: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError where a number makes no sense."""
        if self.frames < 0 or self.frames % 8:
            raise ConfigError(f"`context.frames` must be 0 or a multiple of 8 but is {self.frames}")
        if self.agreement < 0 or (self.agreement and not self.frames):
            raise ConfigError(
                "`context.agreement` must not be negative, and needs `context.frames`, but is "
                f"{self.agreement}"
            )


@dataclass(frozen=True)
class ValidationSettings:
    """How the model is scored while it is trained.

    Attributes:
        every: epochs between validations; the last epoch is always followed by one.
        metrics: some of `avsal.metrics.METRICS` that need fixations and density only.
        select: the metric that decides which checkpoint is best.
        first_frames: of each recording are scored; None: all.
        frame_step: every how many of those frames.
        patience: validations without a better score after which training stops; None: never.
        batch_size: clips at once.
        pictures: frames drawn at each validation, with what people looked at and what the model predicts.
        strides: of the windows of models that predict all frames: at the end the best checkpoint is scored
            with each of them, see `avsal.training.strides`.
    """

    every: int = 1
    metrics: tuple[str, ...] = ("nss", "cc", "sim", "kl", "auc_judd")
    select: str = "nss"
    first_frames: int | None = 80
    frame_step: int = 1
    patience: int | None = None
    batch_size: int = 4
    pictures: int = 4
    strides: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError for metrics that cannot be computed here."""
        known = [name for name in METRICS if METRIC_TABLE[name].batch is not None]
        for name in (*self.metrics, self.select):
            if name not in known:
                raise ConfigError(f"`validation.metrics` must be some of {', '.join(known)} but has {name!r}")
        if self.select not in self.metrics:
            raise ConfigError(
                f"`validation.select` must be one of `validation.metrics` but is {self.select!r}"
            )
        _positive(
            "validation",
            every=self.every,
            first_frames=self.first_frames,
            frame_step=self.frame_step,
            patience=self.patience,
            batch_size=self.batch_size,
        )


@dataclass(frozen=True)
class EngineSettings:
    """How the arithmetic is done.

    Attributes:
        precision: ``no`` is single precision; ``bf16`` and ``fp16`` run the network in half precision.
        compile: whether `torch.compile` is used.
        freeze_batch_norm: all batch norms keep their running statistics, as one wants with small batches.
        sync_batch_norm: batch norms see the groups of all processes as one; on GPUs only.
        checkpointing: blocks of the network are computed again in the backward pass: less memory, more time.
        threads: of the CPU, None for what the environment says.
    """

    precision: Literal["no", "bf16", "fp16"] = "no"
    compile: bool = False
    freeze_batch_norm: bool = False
    sync_batch_norm: bool = False
    checkpointing: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class RunSettings:
    """Where a run writes and how often.

    Attributes:
        folder: of the run.
        resume: ``never``: a folder that already holds a run is an error; ``auto``: go on with it, or begin.
        save_every: steps between saves of the state to resume from, besides those at the end of epochs.
        log_every: steps between lines of the log.
        trackers: that get the log too, by Accelerate: tensorboard (event files in the run's folder), wandb,
            mlflow and others that it knows.
    """

    folder: str
    resume: Literal["never", "auto"] = "never"
    save_every: int = 200
    log_every: int = 1
    trackers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError where a number makes no sense."""
        _positive("run", save_every=self.save_every, log_every=self.log_every)


@dataclass(frozen=True)
class TrainSettings:
    """All of it.

    Attributes:
        model: which network.
        loss: weight by term, see `avsal.losses.TERMS`.
        optim: how parameters are changed.
        run: where it writes.
        epochs: to train; None where `steps` says.
        steps: to train; None where `epochs` says. Both: whichever ends first.
        sound: what becomes of it.
        clips: how they are drawn.
        context: whether they are also seen with the video around them.
        validation: how the model is scored.
        engine: how the arithmetic is done.
        seed: of everything random.
        protocol: ``clean``: the best checkpoint and the end of training are chosen on a part of the training
            videos, held out; ``published``: on what the paper chose them on, test videos among it. Written
            into checkpoints.
        from_scratch: whether parts that were published pretrained may start from random numbers;
            `model.encoder` and `model.audio` are then left out. Written into checkpoints.
    """

    model: ModelSettings
    loss: Mapping[str, float]
    optim: OptimSettings
    run: RunSettings
    epochs: int | None = None
    steps: int | None = None
    sound: SoundSettings = field(default_factory=SoundSettings)
    clips: ClipSettings = field(default_factory=ClipSettings)
    context: ContextSettings = field(default_factory=ContextSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    seed: int = 0
    protocol: Protocol = "clean"
    from_scratch: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError where settings contradict each other."""
        WeightedLoss(self.loss)
        if self.epochs is None and self.steps is None:
            raise ConfigError("how long to train must be said: set `epochs` or `steps`")
        _positive("", epochs=self.epochs, steps=self.steps)
        if self.seed < 0:
            raise ConfigError(f"`seed` must not be negative but is {self.seed}")


def _positive(where: str, **numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is not None and not number > 0:
            prefix = f"{where}." if where else ""
            raise ConfigError(f"`{prefix}{name}` must be positive but is {number}")
