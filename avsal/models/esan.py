"""ESAN-VSP: Chen et al., "Video Saliency Prediction Using Enhanced Spatiotemporal Alignment Network", arXiv
2001.00292 (Pattern Recognition 2021).

A VGG-16 pyramid of every frame; five frames are aligned to the middle one, from coarse to fine, by modulated
deformable convolutions, and fused; a ConvLSTM in both directions runs over the fused features of every fifth
frame; a convolution and bilinear upsampling give the map of each group's middle frame.

The paper names the parts; how many convolutions they hold is taken from the authors' released network
(cj4L/ESAN-VSP), whose alignment follows EDVR (Wang et al., CVPRW 2019). Where that code departs from the
paper we follow the paper: the backward LSTM has weights of its own, and its states are put back into video
order before they are added. What that code does is `recurrent="released"`, which its weights were trained
for: the forward LSTM runs in both directions, the results of the second are added in the order they came in,
and the backward LSTM, whose weights the released file also holds, is never run. What neither settles, and
what we chose:

- Which frames: the paper supervises the middle frames of the three groups of a 15-frame clip; the released
  code predicts a video in five passes shifted by one frame, the first and last frame repeated at the video's
  ends, so that every frame is a middle frame once. `forward` does all five passes on one clip and encodes
  each frame only once; `phases=(2,)` gives the middle frames of the paper's training clips alone.
- How far the LSTMs see: over one clip, three steps of five frames as in training. The released code carries
  states from group to group of a whole video, which the backward direction could only do with the video in
  memory; `step` does so where there is no such direction. A larger `num_groups` gives both directions a
  longer view; memory grows with it, time a map does not. Windows of a video overlap by two groups' margins,
  so that repeated frames are aligned to at the video's ends only.
- Fewer `levels`: the finest level left takes p3's part in the last alignment, the LSTMs and the decoder,
  which then upsamples by more, so that the map keeps its size. LeakyReLU follows every level but the finest.
- `alignment="plain"`: a plain convolution of each frame stands for the deformable one; what predicts its
  offsets goes too, and with it all that compares a frame with the reference.
- Map size: the decoder's map has half the input's height and width (128x160, where the paper takes its loss)
  and is then upsampled to the input's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convlstm import BidirectionalConvLSTM, ConvLSTM, LSTMState
from avsal.layers.deformable import DeformableConv2d
from avsal.layers.vgg import VGG16
from avsal.models.clip import IMAGENET_MEAN, IMAGENET_STD, check_visual_clip, chosen_phases, frame_size
from avsal.models.registry import SaliencyModel, register_model
from avsal.types import ClipSpec

__all__ = ["ESAN"]

PAPER = "Chen et al., ESAN-VSP, 2021"

#: index of the pool in VGG-16 and by how much the level is smaller than the input
POOLS = {"p5": (30, 32), "p4": (23, 16), "p3": (16, 8)}

#: the pyramids of the paper's Table 3, coarse to fine
PYRAMIDS = (("p5", "p4", "p3"), ("p4", "p3"), ("p3",), ("p5", "p4"), ("p5",))

#: features of one frame, or of several in the batch, coarse to fine, each (B, C, h, w)
Pyramid = Sequence[Tensor]


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with the slope 0.1 of the released network."""
    return F.leaky_relu(x, 0.1)


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear interpolation of (B, C, h, w) to size (H, W)."""
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)


class PairConvolution(nn.Module):
    """A 3x3 convolution of [reference, neighbour]; the reference's share is computed once for all pairs."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, reference: Tensor, neighbours: Tensor) -> Tensor:
        """(B, C, h, w) and N neighbours of each, (B * N, C, h, w) -> (B * N, C, h, w)."""
        for_reference, for_neighbours = self.convolution.weight.chunk(2, 1)
        shared = F.conv2d(reference, for_reference, self.convolution.bias, padding=1)
        own = F.conv2d(neighbours, for_neighbours, padding=1)
        return own + shared.repeat_interleave(len(neighbours) // len(reference), 0)


class DeformableAlignment(nn.Module):
    """DAM (Figure 3, eq. 5-7): samples a neighbour's features where the pair of frames says they belong.

    Args:
        channels: C of both frames' features.
        deformable_groups: of channels that move together.
        guided: whether a coarser level's offset features help.
    """

    def __init__(self, channels: int, deformable_groups: int, *, guided: bool) -> None:
        super().__init__()
        self.compare = PairConvolution(channels)
        self.join = nn.Conv2d(2 * channels, channels, 3, padding=1) if guided else None
        self.refine = nn.Conv2d(channels, channels, 3, padding=1)
        self.sample = DeformableConv2d(channels, channels, channels, deformable_groups=deformable_groups)

    def forward(
        self, reference: Tensor, neighbours: Tensor, coarser: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, C, h, w), (B * N, C, h, w), coarser offset features -> aligned neighbours, offset features."""
        guide = leaky_relu(self.compare(reference, neighbours))
        if self.join is not None and coarser is not None:
            # what moved by one pixel there has moved by two here
            guide = leaky_relu(self.join(torch.cat([guide, 2 * resize(coarser, guide.shape[-2:])], 1)))
        guide = leaky_relu(self.refine(guide))
        return self.sample(neighbours, guide), guide


class PlainAlignment(nn.Module):
    """The ablation of DAM: a plain convolution of the neighbour's features (Table 3, "DConv to Conv")."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(
        self, reference: Tensor, neighbours: Tensor, coarser: Tensor | None = None
    ) -> tuple[Tensor, None]:
        """(B, C, h, w), (B * N, C, h, w) -> convolved neighbours, None; the reference has no part in it."""
        return self.convolution(neighbours), None


class AlignmentNetwork(nn.Module):
    """MDAN (Figure 2, eq. 8): aligns frames to a reference level by level, fusing, then once more at the end.

    Args:
        channels: C of every level.
        num_levels: of the pyramid.
        deformable_groups: None for plain convolutions.
    """

    def __init__(self, channels: int, num_levels: int, deformable_groups: int | None) -> None:
        super().__init__()

        def alignment(guided: bool) -> nn.Module:
            if deformable_groups is None:
                return PlainAlignment(channels)
            return DeformableAlignment(channels, deformable_groups, guided=guided)

        self.levels = nn.ModuleList(alignment(guided=level > 0) for level in range(num_levels))
        self.fuse = nn.ModuleList(
            nn.Conv2d(2 * channels, channels, 3, padding=1) for _ in range(num_levels - 1)
        )
        self.cascade = alignment(guided=False)

    def forward(self, reference: Pyramid, neighbours: Pyramid) -> Tensor:
        """Pyramids of B references and of their B * N neighbours -> (B * N, C, h, w) at the finest level."""
        fused, guide = self.levels[0](reference[0], neighbours[0])
        for level, fuse in enumerate(self.fuse, start=1):
            fused = leaky_relu(fused)
            aligned, guide = self.levels[level](reference[level], neighbours[level], guide)
            fused = fuse(torch.cat([aligned, resize(fused, aligned.shape[-2:])], 1))
        aligned, _ = self.cascade(reference[-1], fused)
        return leaky_relu(aligned)


class ReleasedConvLSTM(nn.Module):
    """The recurrence of the released code: one LSTM twice, from the first step on and from the last one on.

    What the second one gives is added in its own order. One step at a time, as the released code predicts
    videos, both are the same.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.forward_lstm = ConvLSTM(channels, channels)

    def forward(self, sequence: Tensor) -> Tensor:
        """(B, S, C, H, W) -> (B, S, C, H, W)."""
        states: Tensor = self.forward_lstm(sequence) + self.forward_lstm(sequence.flip(1))
        return states


class Memory(NamedTuple):
    """What `ESAN.step` remembers of a video.

    Attributes:
        pyramids: of the last frames, oldest first, at most a group.
        states: of the LSTM at the last reference frames, oldest first, at most one for each phase.
    """

    pyramids: tuple[Pyramid, ...] = ()
    states: tuple[LSTMState, ...] = ()


@register_model(
    "esan", paper=PAPER, summary="VGG-16, deformable alignment of five frames, bidirectional ConvLSTM"
)
class ESAN(SaliencyModel):
    """The network, with every ablation of the paper's Table 3 as an argument.

    Args:
        num_groups: groups of frames in a clip; the clip has `num_groups * group_size` frames.
        group_size: frames that are aligned to their middle one, odd.
        size: (H, W) that frames are fitted into; any size may be given to `forward`.
        channels: of the alignment, the LSTMs and the decoder.
        deformable_groups: of channels that move together, a divisor of `channels`.
        recurrent: ``both``, or without one ConvLSTM: ``forward`` or ``backward``, or without any: ``none``;
            ``released``: what the authors' code does, for their weights.
        alignment: ``deformable``, or ``plain`` convolutions in its place.
        levels: of the pyramid: p3 p4 p5, or the paper's p3 p4, p3, p4 p5 or p5, in any order.
        width: multiplies every channel count, for small versions; torchvision's VGG-16 weights fit at 1.
    """

    def __init__(
        self,
        *,
        num_groups: int = 3,
        group_size: int = 5,
        size: Sequence[int] = (256, 320),
        channels: int = 512,
        deformable_groups: int = 8,
        recurrent: Literal["both", "forward", "backward", "none", "released"] = "both",
        alignment: Literal["deformable", "plain"] = "deformable",
        levels: Sequence[str] = ("p3", "p4", "p5"),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if num_groups < 1 or group_size < 1 or group_size % 2 == 0:
            raise ValueError(
                "`num_groups` must be at least 1 and `group_size` odd, as a group has a middle frame, "
                f"but they are {num_groups} and {group_size}"
            )
        if deformable_groups < 1 or channels < 1 or channels % deformable_groups:
            raise ValueError(
                f"`deformable_groups` must divide `channels` ({channels}) but is {deformable_groups}"
            )
        if alignment not in ("deformable", "plain"):
            raise ValueError(f"`alignment` must be deformable or plain but is {alignment!r}")
        if recurrent not in ("both", "forward", "backward", "none", "released"):
            expected = "both, forward, backward, none or released"
            raise ValueError(f"`recurrent` must be {expected} but is {recurrent!r}")
        pyramid = tuple(sorted(levels, reverse=True))
        if pyramid not in PYRAMIDS:
            raise ValueError(
                f"`levels` must be p3 p4 p5, p3 p4, p3, p4 p5 or p5 but is {' '.join(map(str, levels))}"
            )
        self.pools, self.strides = zip(*(POOLS[level] for level in pyramid), strict=True)
        self.group_size = group_size
        # maps nearer to a clip's end than this were aligned to repeated frames where the video goes on
        margin = group_size // 2 if num_groups > 1 else 0
        released = recurrent == "released"
        self.spec = ClipSpec(
            num_frames=num_groups * group_size,
            size=frame_size(size, self.strides[0]),
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            resize="fit",
            predicts="all",
            stride=num_groups * group_size - 2 * margin,
            margin=margin,
            blur=7.0 if released else 0.0,
            blur_on="video",
            normalise="max" if released else "none",
            scaling="bilinear" if released else "area",
        )
        channels = deformable_groups * max(1, round(channels * width / deformable_groups))
        self.encoder = VGG16(width=width, last=self.pools[0])
        encoded = [self.encoder.channels[int(level[1]) - 1] for level in pyramid]
        self.project = nn.ModuleList(
            nn.Identity() if found == channels else nn.Conv2d(found, channels, 1) for found in encoded
        )
        self.align = AlignmentNetwork(
            channels, len(pyramid), deformable_groups if alignment == "deformable" else None
        )
        self.fuse = nn.Conv2d(group_size * channels, channels, 1)
        self.recurrent: nn.Module
        if recurrent == "none":
            self.recurrent = nn.Identity()
        elif recurrent == "released":
            self.recurrent = ReleasedConvLSTM(channels)
        else:
            self.recurrent = BidirectionalConvLSTM(channels, channels, recurrent)
        # a backward direction would need the video's end first
        self.delay = None if recurrent in ("both", "backward") else group_size // 2
        self.warm_up = group_size if recurrent == "none" else self.spec.num_frames
        self.decode = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(
        self, frames: Tensor, audio: Tensor | None = None, phases: Sequence[int] | None = None
    ) -> Tensor:
        """Maps of the frames of a clip.

        Args:
            frames: (B, 3, T, H, W), normalised as `spec` says; any T, H and W from the coarsest stride on.
            audio: None, as this network cannot hear.
            phases: which frames get maps: those whose index modulo `group_size` is among these. None for all;
                (group_size // 2,) for the middle frames of groups laid end to end, as the paper trains.
                A map does not depend on the other phases asked for.

        Returns:
            (B, T', H, W) in [0, 1] in video order; T' = T for all phases.

        Raises:
            ValueError: frames of another shape, phases without a frame, or sound.
        """
        check_visual_clip(self, frames, audio, any_length=True)
        if min(frames.shape[-2:]) < self.strides[0]:
            least = f"{self.strides[0]}x{self.strides[0]}"
            raise ValueError(f"frames must be at least {least} pixels but are {tuple(frames.shape[-2:])}")
        num_frames = frames.shape[2]
        wanted = chosen_phases(phases, self.group_size, num_frames)
        passes = [range(phase, num_frames, self.group_size) for phase in wanted if phase < num_frames]
        pyramids = [self.encode(frames[:, :, index]) for index in range(num_frames)]
        maps: dict[int, Tensor] = {}
        for references in passes:
            enhanced = torch.stack([self.enhance(pyramids, index) for index in references], 1)
            logits = self.decode(self.recurrent(enhanced).flatten(0, 1))
            found = self.read_out(logits, frames.shape[-2:]).unflatten(0, enhanced.shape[:2])
            maps.update(zip(references, found.unbind(1), strict=True))
        return torch.stack([maps[index] for index in sorted(maps)], 1)

    def step(self, frame: Tensor, state: Memory | None = None) -> tuple[Tensor | None, Memory]:
        """The next frame of a video; see `SaliencyModel.step`.

        Raises:
            ValueError: the backward LSTM, which needs the end of the video first, is part of the model.
        """
        if self.delay is None:
            raise ValueError("esan goes frame by frame with recurrent=forward, none or released alone")
        known, states = state or Memory()
        pyramid = self.encode(frame)
        pyramids = (*(known or (pyramid,) * self.delay), pyramid)[-self.group_size :]
        if len(pyramids) < self.group_size:
            return None, Memory(pyramids, states)
        enhanced = self.enhance(pyramids, self.delay)
        if isinstance(self.recurrent, BidirectionalConvLSTM | ReleasedConvLSTM):
            lstm = self.recurrent.forward_lstm
            assert lstm is not None  # or there would be no delay
            before = states[0] if len(states) == self.group_size else None
            sequence, after = lstm.carry_on(enhanced[:, None], before)
            enhanced = sequence[:, 0] * (2 if isinstance(self.recurrent, ReleasedConvLSTM) else 1)
            states = (*states, after)[-self.group_size :]
        saliency = self.read_out(self.decode(enhanced), frame.shape[-2:])
        return saliency, Memory(pyramids, states)

    def encode(self, images: Tensor) -> Pyramid:
        """Pyramid of (B, 3, H, W) images, coarse to fine, all levels with the same number of channels."""
        pools = self.encoder(images, after=self.pools[::-1])
        return [project(pool) for project, pool in zip(self.project, reversed(pools), strict=True)]

    def enhance(self, pyramids: Sequence[Pyramid], index: int) -> Tensor:
        """Features of frame `index` with those of its group aligned to it (eq. 9), (B, C, h, w).

        Before the first and after the last frame of `pyramids` these two are repeated.
        """
        reach = self.group_size // 2
        group = [min(max(index + step, 0), len(pyramids) - 1) for step in range(-reach, reach + 1)]
        neighbours = [
            torch.stack(level, 1).flatten(0, 1) for level in zip(*(pyramids[i] for i in group), strict=True)
        ]
        aligned = self.align(pyramids[index], neighbours)
        return self.fuse(aligned.unflatten(0, (-1, self.group_size)).flatten(1, 2))

    def read_out(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        """(N, 1, h, w) logits -> (N, H, W) in [0, 1], by way of the decoder's own size, half the input's."""
        factor = self.strides[-1] // 2
        native = resize(logits, [factor * side for side in logits.shape[-2:]])
        return resize(torch.sigmoid(native), size).squeeze(1)
