"""Small networks whose maps tell windows apart."""

from __future__ import annotations

import torch
from torch import nn

from avsal.models import SaliencyModel, create_model

Norm = nn.BatchNorm1d | nn.BatchNorm3d


def lively(name: str = "tsfpnet", **arguments: object) -> SaliencyModel:
    """A small TSFP-Net with batch-norm statistics as after training and maps that span much of 0 to 1.

    A fresh network's maps hardly differ between windows: tests of equality would pass on anything.
    """
    arguments = {"num_frames": 16, "size": (32, 48), "width": 0.15} | arguments
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        model = create_model(name, **arguments)
        spec = model.spec
        for module in model.modules():
            if isinstance(module, Norm):
                module.weight.uniform_(0.7, 1.5)
                module.bias.normal_(0.0, 0.3)
                module.momentum = 0.5
        frames = nn.functional.interpolate(
            torch.rand(2, 3, spec.num_frames, 4, 5) * 2 - 1, (spec.num_frames, *spec.size)
        )
        audio = None if spec.sample_rate is None else torch.randn(2, 1, 7056) * 50
        model.train()
        for _ in range(4):  # statistics of what flows
            model(frames, audio)
        model.eval()
        logits = []
        hook = model.head[1].register_forward_hook(lambda module, inputs, output: logits.append(output))
        model(frames, audio)
        hook.remove()
        scale = 1.5 / logits[0].std()
        model.head[1].bias.sub_(logits[0].mean()).mul_(scale)
        model.head[1].weight.mul_(scale)
    return model
