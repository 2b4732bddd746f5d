"""A model that keeps what it is given, so that tests can look at it; its map is the window's last frame."""

from __future__ import annotations

import torch
from torch import Tensor

from avsal.models import SaliencyModel
from avsal.models.registry import ModelInfo
from avsal.types import ClipSpec

RATE = 8000


class Listener(SaliencyModel):
    """Map: brightness of the frame that the spec predicts, 0 to 1. Keeps every frame and sound it saw."""

    def __init__(self, num_frames: int = 8, sound: bool = True, **spec: object) -> None:
        super().__init__()
        self.spec = ClipSpec(
            num_frames=num_frames,
            size=(24, 32),
            sample_rate=RATE if sound else None,
            audio_scale=1.0,
            **spec,
        )
        self.info = ModelInfo("listener", Listener, "none", "for tests", sound, {})
        self.arguments = {}
        self.trained = True
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.frames: list[Tensor] = []
        self.sounds: list[Tensor | None] = []

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        self.frames += list(frames)
        self.sounds += [None] * len(frames) if audio is None else list(audio)
        maps = frames.mean(1) / 2 + 0.5
        if self.spec.predicts == "all":
            return maps
        return maps[:, -1:] if self.spec.predicts == "last" else maps[:, self.spec.num_frames // 2, None]
