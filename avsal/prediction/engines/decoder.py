"""The feature pyramid over a video: lateral features shared as far as the encoder's, then top-down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.pyramid import Pyramid, SpatialConv
from avsal.prediction.engines.encoder import flat_conv
from avsal.prediction.engines.feature_cache import FeatureCache
from avsal.prediction.engines.temporal import (
    Collapse,
    Edges,
    Features,
    Gather,
    Step,
    TemporalConv,
    TemporalLayer,
    spatial,
)

__all__ = ["TapedPyramid"]


class TapedPyramid:
    """`Pyramid` for windows of a video.

    With padded edges the levels meet as whole windows. Without them every level is one position a frame, and
    finer levels wait on a tape for the coarsest, which looks ahead furthest.

    The finest level is not smoothed, so its collapse over time is linear in the lateral features and in what
    comes from above: each is collapsed on its own grid, and 64 channels are interpolated instead of 256.

    Args:
        pyramid: with its norms folded.
        edges: of the windows.
    """

    def __init__(self, pyramid: Pyramid, edges: Edges) -> None:
        self.used, self.top_down = pyramid.used, pyramid.levels == "pyramid"
        self.streams = not (edges.left or edges.right)
        self.laterals, self.decoders = {}, {}
        self.collapses: dict[int, Collapse] = {}
        self.over_time: dict[int, TemporalConv] = {}
        self.smooth = {}
        for level in self.used:
            lateral, decoder = pyramid.laterals[str(level)], pyramid.decoders[str(level)]
            self.laterals[level] = flat_conv(lateral.conv, relu=False)  # type: ignore[arg-type]
            if isinstance(lateral.collapse, nn.Conv3d):
                self.collapses[level] = Collapse(edges, lateral.collapse.weight)
            conv = decoder.collapse
            assert isinstance(conv, nn.Conv3d)
            positions = conv.kernel_size[0]
            self.over_time[level] = TemporalConv(
                edges, conv.weight, conv.bias, stride=positions, relu=level > 0, shared=self.streams
            )
            if level == 0:
                self.from_above = TemporalConv(
                    edges, conv.weight, None, stride=positions, relu=False, shared=self.streams
                )
            if str(level) in pyramid.smooth:
                smooth = pyramid.smooth[str(level)]
                assert isinstance(smooth, SpatialConv)
                self.smooth[level] = flat_conv(smooth.conv)
            convs = [flat_conv(conv.conv) for conv in decoder.convs]  # type: ignore[union-attr]
            self.decoders[level] = list(zip(convs, decoder.ups, strict=True))  # type: ignore[arg-type]
        self.meet = {level: Meeting(edges) for level in self.used}
        self.temporal: list[TemporalLayer] = [*self.collapses.values(), *self.over_time.values()]
        if 0 in self.used:
            self.temporal.append(self.from_above)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of levels that wait for each other."""
        return sum((meeting.gather or meeting).cache.nbytes for meeting in self.meet.values())

    def reset(self) -> None:
        """Forget the video."""
        for layer in self.temporal:
            layer.reset()
        for meeting in self.meet.values():
            meeting.reset()

    def __call__(self, taps: Sequence[Features], step: Step) -> tuple[tuple[int, ...], Tensor]:
        """Integrate and decode.

        Returns:
            which of the step's windows are complete, and their integrated maps (n, h, w, C).
        """
        sizes = [tap.x.shape[1:3] for tap in taps]
        windows: tuple[int, ...] = step.windows
        total: Tensor | None = None
        above: Features | None = None
        span: Features | None = None  # of the coarsest level, before and after time is collapsed
        collapsed: Features | None = None
        for level in reversed(self.used):
            x = spatial(taps[level], self.laterals[level])
            if level in self.collapses:
                x = self.collapses[level](x, step)
            if level == 0:
                x = self.meet[0](self.over_time[0](x, step), step, collapsed)
                if above is not None:
                    share = spatial(self.from_above(above, step), lambda y: resized(y, sizes[0]))
                    x = replace(x, x=x.x + share.x)
                x = replace(x, x=torch.relu_(x.x) if above is not None else torch.relu(x.x))
            else:
                if span is None and self.streams and step.last:
                    x = self._ended(x, taps[0])
                x = self.meet[level](x, step, span)
                span = span or x
                if self.top_down:
                    if above is not None:
                        size = sizes[level]
                        x = replace(x, x=x.x + spatial(above, lambda y, size=size: resized(y, size)).x)  # type: ignore[misc]
                    above = x
                    if level in self.smooth:
                        x = spatial(x, self.smooth[level])
                x = self.over_time[level](x, step)
            if collapsed is None:
                collapsed = x
                if self.streams:
                    windows = tuple(s for s in step.windows if x.first <= s < x.first + x.num_shared)
            decoded = self._decode(level, self._wanted(x, windows), sizes)
            total = decoded if total is None else total.add_(decoded)
        assert total is not None  # at least the coarsest level is used
        return windows, total.permute(0, 2, 3, 1)

    def _ended(self, x: Features, finest: Features) -> Features:
        """The coarsest level up to the position that ends with the video."""
        video_end = finest.first + finest.num_shared
        number = min(x.num_shared, max(0, video_end - x.stride + 1 - x.first))
        return replace(x, x=x.x[:number], num_shared=number)

    def _wanted(self, x: Features, windows: tuple[int, ...]) -> Tensor:
        """(n, C, h, w): the collapsed features of the windows that are complete."""
        rows = x.x
        if self.streams and len(windows) != len(rows):
            rows = rows[[window - x.first for window in windows]]
        return rows.permute(0, 3, 1, 2)

    def _decode(self, level: int, x: Tensor, sizes: Sequence[Sequence[int]]) -> Tensor:
        """(n, C, h, w) of a level to (n, 32 x width, h, w) of the finest."""
        remaining = list(sizes[:level])
        for conv, up in self.decoders[level]:
            x = conv(x)
            if up:
                x = resized(x, remaining.pop())
        return x


class Meeting:
    """Brings a level to whole windows, or in a stream to the frames that the coarsest level has reached."""

    def __init__(self, edges: Edges) -> None:
        self.gather = Gather(edges) if edges.left or edges.right else None
        self.cache = FeatureCache()
        self.started = False

    def reset(self) -> None:
        """Forget the video."""
        self.started = False
        if self.gather is not None:
            self.gather.reset()

    def __call__(self, features: Features, step: Step, span: Features | None) -> Features:
        """Features of whole windows, or of the frames of `span`; None: all there are."""
        if self.gather is not None:
            return self.gather(features, step)
        if span is None:
            return features
        if not self.started:
            self.cache.start(features.first)
            self.started = True
        self.cache.append(features.x[: features.num_shared])
        end = span.first + span.num_shared
        x = self.cache.read(span.first, end)
        self.cache.forget(end)
        return replace(features, x=x, first=span.first, num_shared=span.num_shared)


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """(P, C, H, W) to another (H, W), bilinear without corner alignment."""
    if tuple(x.shape[-2:]) == tuple(size) or not len(x):
        return x if len(x) else x.new_zeros((0, x.shape[1], *size))
    return F.interpolate(x, tuple(size), mode="bilinear", align_corners=False)
