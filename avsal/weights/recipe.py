"""What weights expect as input. It belongs to them and travels with them: a wrong recipe fails silently."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from avsal.types import ClipSpec

__all__ = ["IMAGENET", "KINETICS", "SIGNED", "SOUNDNET", "InputRecipe"]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class InputRecipe:
    """The part of a `ClipSpec` that weights decide; None where they have no say.

    Attributes:
        mean: per channel, in units of the value range.
        std: per channel, in units of the value range.
        value_range: what the pixel value 255 becomes before mean and std act.
        channels: order of the colour channels.
        sample_rate: of the mono waveform in Hz.
        audio_scale: what a full-scale sample (1.0) becomes.
    """

    mean: Triple | None = None
    std: Triple | None = None
    value_range: float | None = None
    channels: Literal["rgb", "bgr"] | None = None
    sample_rate: int | None = None
    audio_scale: float | None = None

    @classmethod
    def of(cls, spec: ClipSpec) -> InputRecipe:
        """The recipe within a model's spec."""
        return cls(spec.mean, spec.std, spec.value_range, spec.channels, spec.sample_rate, spec.audio_scale)

    def applied_to(self, spec: ClipSpec) -> ClipSpec:
        """`spec` with this recipe in place of its own."""
        return replace(spec, **self.decided())

    def decided(self) -> dict[str, Any]:
        """The values that the weights decide, by the names of `ClipSpec`."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def describe(self) -> str:
        """One line for people."""
        parts = []
        if self.mean and self.std and self.value_range and self.channels:
            mean, std = (", ".join(f"{value:g}" for value in triple) for triple in (self.mean, self.std))
            parts.append(f"{self.channels.upper()} in 0..{self.value_range:g}, minus ({mean}), over ({std})")
        if self.sample_rate and self.audio_scale:
            parts.append(f"mono sound at {self.sample_rate} Hz, samples within {self.audio_scale:g}")
        return "; ".join(parts) or "not known"


#: RGB, x * 2 / 255 - 1
SIGNED = InputRecipe((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0, "rgb")
IMAGENET = InputRecipe((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0, "rgb")
#: of torchvision's video networks
KINETICS = InputRecipe((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989), 1.0, "rgb")
SOUNDNET = InputRecipe(sample_rate=22_050, audio_scale=256.0)
