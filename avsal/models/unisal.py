"""UNISAL: Droste, Jiao and Noble, "Unified Image and Video Saliency Modeling", ECCV 2020, arXiv 2003.05477.

One light network for videos and pictures of several data sets, its domains. MobileNetV2 sees each frame;
learned Gaussians stand beside its features; a convolutional GRU remembers, and is bypassed where there is
only one picture; the decoder goes up in two steps, each joined with features of the encoder. What differs
between the domains is theirs alone: batch norms, Gaussians, the last convolution ("adaptation") and the
smoothing.

The GRU's steps lie several frames apart (5 on DHF1K, 4 on Hollywood-2 and UCF Sports): a video is as many
sequences, interleaved, each with a state of its own. Layers are those of the authors' released network. What
was ours to choose, or is theirs alone:

- `step` takes a video frame by frame and carries the states, as the authors' code does on whole videos.
  `forward` takes a clip whose sequences all start anew, as in training.
- The encoder's features for the decoder are those before the size is halved; see `MobileNetV2.stages`.
- A map is the softmax over its pixels: it sums to 1. The authors resize its logarithm to the size of the
  video before; here maps are resized as they are.
- Frames whose sides are no multiples of 32, which the authors do not take, are padded with zeros below and to
  the right.
- A dropped channel of the hidden state is dropped in the whole batch, as in the released code.
- For videos that are not from DHF1K the released demonstration picks the size of about 110 blocks of 32x32
  pixels that comes nearest to their shape; here the size is the domain's, or what `size` says.
- The authors train on all domains in turns, batch by batch: `choose` changes the domain of a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convgru import ConvGRU
from avsal.layers.domains import DomainNorm2d, OfDomain, choose_domain
from avsal.layers.gaussians import GaussianPriors, Smoothing
from avsal.layers.initialisation import he_initialise
from avsal.layers.mobilenet import InvertedResidual, MobileNetV2, Norm, NormalisedConv2d
from avsal.layers.width import scaled
from avsal.models.clip import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    check_visual_clip,
    chosen_phases,
    frame_size,
    pad_to_multiple,
)
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["DOMAINS", "UNISAL", "Domain"]


class Domain(NamedTuple):
    """What the authors do with a data set.

    Attributes:
        size: (H, W) in pixels that frames are resized to.
        frame_step: frames from one step of the GRU to the next.
        steps: of the GRU in a training clip; 1 for pictures, which bypass it.
        momentum: of the batch norms' running statistics.
    """

    size: tuple[int, int]
    frame_step: int
    steps: int
    momentum: float


DOMAINS = {
    "dhf1k": Domain((224, 384), 5, 12, 0.01),
    "hollywood": Domain((224, 416), 4, 12, 0.01),
    "ucf_sports": Domain((256, 384), 4, 12, 0.01),
    "salicon": Domain((288, 384), 1, 1, 0.1),
}

#: channels at 1/32, 1/16 and 1/8 of the input's size
CHANNELS = (256, 128, 64)

#: stages of MobileNetV2 whose features are joined at 1/16 and 1/8
SKIPS = (14, 7)

#: hidden states of a video's sequences, that of the next frame's sequence first
State = tuple[Tensor, ...]


def domain_norm(channels: int) -> nn.Module:
    """A batch norm for each domain."""
    return DomainNorm2d(channels, {name: domain.momentum for name, domain in DOMAINS.items()})


class Skip(nn.Sequential):
    """From the encoder to the decoder: 1x1 to twice as many channels, dropout of channels, 1x1.

    Args:
        in_channels: of the encoder.
        out_channels: for the decoder.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            NormalisedConv2d(in_channels, 2 * in_channels, 1, norm=domain_norm),
            nn.Dropout2d(0.6),
            nn.Conv2d(2 * in_channels, out_channels, 1),
            domain_norm(out_channels),
        )


@register_model(
    "unisal",
    paper="Droste et al., UNISAL, 2020",
    summary="MobileNetV2, learned Gaussians, ConvGRU; videos and pictures, one set of norms a domain",
)
class UNISAL(SaliencyModel):
    """The network with all its domains, of which one acts.

    Args:
        domain: ``dhf1k`` (any video), ``hollywood``, ``ucf_sports`` or ``salicon`` (pictures, or the frames
            of a video each for itself).
        frame_step: frames from one step of the GRU to the next; None: the domain's.
        steps: of the GRU in a clip; None: the domain's. A clip has `steps * frame_step` frames.
        size: (height, width) in pixels that frames are resized to; None: the domain's.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `MobileNetV2` with its last layer.
        priors: `GaussianPriors` of each domain.
        reduce: to the GRU's channels.
        recurrent: `ConvGRU`.
        remember: from its hidden state to what is added to the features.
        skips: from the encoder, coarse to fine.
        ascend: what runs after each skip is joined, coarse to fine.
        adaptation: to one channel, of each domain.
        smoothing: `Smoothing` of each domain.
    """

    delay = 0
    choices = ("domain", "frame_step", "steps", "size")

    def __init__(
        self,
        *,
        domain: Literal["dhf1k", "hollywood", "ucf_sports", "salicon"] = "dhf1k",
        frame_step: int | None = None,
        steps: int | None = None,
        size: Sequence[int] | None = None,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        coarse, middle, fine = (scaled(c, width) for c in CHANNELS)
        slow: Norm = partial(nn.BatchNorm2d, momentum=0.01)
        self.encoder = MobileNetV2(width, last=True)
        encoded = self.encoder.out_channels
        self.priors = OfDomain({name: GaussianPriors() for name in DOMAINS})
        self.reduce = InvertedResidual(encoded[-1] + GaussianPriors.count, coarse, expansion=1, norm=slow)
        self.recurrent = ConvGRU(coarse, coarse, domain_norm, dropout=0.2)
        self.remember = NormalisedConv2d(coarse, coarse, 1, norm=domain_norm)
        self.skips = nn.ModuleList(
            Skip(encoded[stage], channels) for stage, channels in zip(SKIPS, (middle, fine), strict=True)
        )
        self.ascend = nn.ModuleList(
            [
                InvertedResidual(coarse + middle, middle, expansion=2, norm=domain_norm),
                InvertedResidual(middle + fine, fine, expansion=2, norm=domain_norm),
            ]
        )
        self.adaptation = OfDomain({name: nn.Conv2d(fine, 1, 1) for name in DOMAINS})
        he_initialise(self)
        self.smoothing = OfDomain({name: Smoothing() for name in DOMAINS})
        self.choose(domain=domain, frame_step=frame_step, steps=steps, size=size)

    def choose(  # type: ignore[override]
        self,
        *,
        domain: Literal["dhf1k", "hollywood", "ucf_sports", "salicon"] = "dhf1k",
        frame_step: int | None = None,
        steps: int | None = None,
        size: Sequence[int] | None = None,
    ) -> None:
        """Act in a domain from now on; parameters that it does not use take no gradients.

        Args:
            domain: see the class, as the others.
            frame_step: likewise.
            steps: likewise.
            size: likewise.

        Raises:
            ValueError: an unknown domain, or a number below 1.
        """
        if domain not in DOMAINS:
            raise ValueError(f"`domain` must be one of {', '.join(DOMAINS)} but is {domain!r}")
        theirs = DOMAINS[domain]
        frame_step = theirs.frame_step if frame_step is None else frame_step
        steps = theirs.steps if steps is None else steps
        if frame_step < 1 or steps < 1:
            raise ValueError(f"`frame_step` and `steps` must be at least 1 but are {frame_step} and {steps}")
        num_frames = steps * frame_step
        self.frame_step = frame_step
        self.spec = ClipSpec(
            num_frames=num_frames,
            size=frame_size(theirs.size if size is None else size),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            predicts="all",
            stride=num_frames,
            normalise="max",
            scaling="lanczos",
        )
        self.bypass = domain == "salicon"
        self.warm_up = 0 if self.bypass else num_frames
        memory = (self.recurrent, self.remember)
        for part in memory:
            part.requires_grad_(True)
        choose_domain(self, domain)
        if self.bypass:
            for part in memory:
                part.requires_grad_(False)

    def forward(
        self, frames: Tensor, audio: Tensor | None = None, phases: Sequence[int] | None = None
    ) -> Tensor:
        """Maps of the frames of a clip, whose sequences start anew.

        Args:
            frames: (B, 3, T, H, W), normalised as `spec` says; any T.
            audio: None, as this network cannot hear.
            phases: which frames get maps: those whose index modulo `frame_step` is among these; (0,) for
                every `frame_step`-th frame, as the authors train. None for all.

        Returns:
            (B, T', H, W), each summing to 1, in the order of the video; T' = T for all phases.

        Raises:
            ValueError: frames of another shape, phases without a frame, or sound.
        """
        check_visual_clip(self, frames, audio, any_length=True)
        num_frames, step = frames.shape[2], self.frame_step
        wanted = chosen_phases(phases, step, num_frames)
        masks = self.recurrent.dropout_masks()
        hidden: Tensor | None = None
        maps = []
        for first in range(0, num_frames, step):  # one step of all sequences
            now = [first + phase for phase in wanted if first + phase < num_frames]
            if not now:
                break
            before = None if hidden is None else hidden[:, : len(now)].flatten(0, 1)
            seen, after = self.see(frames[:, :, now].transpose(1, 2).flatten(0, 1), before, masks)
            maps.append(seen.unflatten(0, (-1, len(now))))
            hidden = None if after is None else after.unflatten(0, (-1, len(now)))
        return torch.cat(maps, 1)

    def step(self, frame: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The next frame of a video; see `SaliencyModel.step`."""
        state = state or ()
        hidden = state[0] if len(state) == self.frame_step else None
        saliency, hidden = self.see(frame, hidden)
        return saliency, () if hidden is None else (*state, hidden)[-self.frame_step :]

    def see(
        self, frame: Tensor, hidden: Tensor | None = None, masks: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """One step of as many sequences as there are frames.

        Args:
            frame: (B, 3, H, W).
            hidden: of the GRU at the frame `frame_step` before; None at the start.
            masks: of the GRU's dropout.

        Returns:
            map: (B, H, W), summing to 1.
            hidden: of the GRU, (B, C, H / 32, W / 32); None where it is bypassed.
        """
        H, W = frame.shape[-2:]
        stages = list(self.encoder.stages(pad_to_multiple(frame, 32), dense=SKIPS))
        x = self.reduce(self.priors(stages[-1]))
        if not self.bypass:
            hidden = self.recurrent(x, hidden, masks)
            x = x + self.remember(hidden)
        for skip, ascend, stage in zip(self.skips, self.ascend, SKIPS, strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = ascend(torch.cat([x, skip(stages[stage])], 1))
        logits = self.smoothing(self.adaptation(x))[:, 0, :H, :W]
        return logits.flatten(1).softmax(1).unflatten(1, (H, W)), hidden
