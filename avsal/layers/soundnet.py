"""SoundNet conv1 to conv7 (Aytar, Vondrick, Torralba, NeurIPS 2016): features of the raw waveform.

2,874,320 parameters. The network was trained on mono sound at 22,050 Hz whose samples span about +-256:
multiply samples in [-1, 1] by `SCALE`. At another scale it fails silently.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from avsal.layers.width import scaled

__all__ = ["SAMPLE_RATE", "SCALE", "SoundNet"]

SAMPLE_RATE = 22_050
SCALE = 256.0
MIN_SAMPLES = 4_574  # fewer leave conv5's pooling nothing to pool

# out channels, kernel, stride, padding, max-pool after
LAYERS = (
    (16, 64, 2, 32, 8),
    (32, 32, 2, 16, 8),
    (64, 16, 2, 8, 1),
    (128, 8, 2, 4, 1),
    (256, 4, 2, 2, 4),
    (512, 4, 2, 2, 1),
    (1024, 4, 2, 2, 1),
)


class SoundNet(nn.Module):
    """The convolution layers of SoundNet-8, up to and including conv `depth`.

    Args:
        depth: last layer, 1 to 7.
        width: multiplies every channel count.

    Attributes:
        channels: of each layer's output.
        timed: the layers, counted from 1, whose steps are fine enough to be multiplied with pictures in time:
            conv4 and conv5 before its pool (46 and 93 ms a step); later ones are coarser than a clip.
    """

    timed = (4, 5)

    def __init__(self, depth: int = 7, width: float = 1.0) -> None:
        super().__init__()
        self.channels = tuple(scaled(out, width) for out, *_ in LAYERS[:depth])
        in_channels = 1
        for number, (out, (_, kernel, stride, padding, _)) in enumerate(
            zip(self.channels, LAYERS, strict=False), start=1
        ):
            self.add_module(f"conv{number}", nn.Conv1d(in_channels, out, kernel, stride, padding))
            self.add_module(f"batchnorm{number}", nn.BatchNorm1d(out))
            in_channels = out
        self.depth = depth

    def forward(self, audio: Tensor) -> list[Tensor]:
        """Extract features.

        Args:
            audio: (B, 1, A) at 22,050 Hz, about +-256. Fewer than 4,574 samples are padded with zeros at
                the end.

        Returns:
            for each layer (B, C, steps) after ReLU and before its pool.
        """
        if audio.shape[-1] < MIN_SAMPLES:
            audio = nn.functional.pad(audio, (0, MIN_SAMPLES - audio.shape[-1]))
        x = audio
        features = []
        for number in range(1, self.depth + 1):
            x = torch.relu(self.get_submodule(f"batchnorm{number}")(self.get_submodule(f"conv{number}")(x)))
            features.append(x)
            pool = LAYERS[number - 1][4]
            if pool > 1 and number < self.depth:
                # as 2-D: the 1-D maximum pool of PyTorch is several times slower on the CPU
                x = rearrange(
                    nn.functional.max_pool2d(rearrange(x, "b c a -> b c 1 a"), (1, pool)), "b c 1 a -> b c a"
                )
        return features

    @staticmethod
    def step_times(layer: int, num_steps: int, *, device: torch.device | None = None) -> Tensor:
        """Centres of the outputs of conv `layer`, before its pool, in samples from the waveform's start.

        Padding puts the first centre slightly before the start (273.5 samples for conv4).
        """
        scale, offset = 1.0, 0.0
        for index, (_, kernel, stride, padding, pool) in enumerate(LAYERS[:layer], start=1):
            offset += scale * ((kernel - 1) / 2 - padding)
            scale *= stride
            if index < layer:
                offset += scale * (pool - 1) / 2
                scale *= pool
        return offset + scale * torch.arange(num_steps, device=device, dtype=torch.float32)
