"""Strictly increasing time stamps for frames in display order, whatever the container says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

    from avsal.media.damage import Damage

__all__ = ["StampRule", "Stamps"]


@dataclass(frozen=True)
class StampRule:
    """How a video's stamps are to be read, found once by looking at its first frames.

    Attributes:
        first: the stamp of the video's first frame, in ticks.
        period: mean distance of two frames, in ticks.
        second: one second, in ticks.
        rebuilt: presentation stamps run backwards in display order (AVI has none and FFmpeg guesses them
            wrongly where B-frames are; some videos were cut with decoding stamps in their place). The i-th
            frame shown then takes the decoding stamp of the i-th packet.
        shift: for `rebuilt`: what is added to decoding stamps, in ticks.
    """

    first: int
    period: int
    second: int
    rebuilt: bool = False
    shift: int = 0


class Stamps:
    """Gives each frame of one pass, in display order, its stamp.

    A missing stamp follows the last by one period. One that does not advance follows by one tick; where it
    jumps back by more than a second, as in videos joined end to end, the rest of the video is moved on.

    Args:
        rule: of the video.
        damage: counts the repairs.
    """

    def __init__(self, rule: StampRule, damage: Damage) -> None:
        self._rule = rule
        self._damage = damage
        self._last: int | None = None
        self._moved = 0
        self._decoded: deque[int | None] = deque()

    def note(self, packet: Packet) -> None:
        """Take account of a packet that was decoded without error."""
        if self._rule.rebuilt and not packet.is_discard:
            self._decoded.append(None if packet.dts is None else packet.dts + self._rule.shift)

    def stamp(self, frame: VideoFrame) -> int:
        """The stamp of the next frame, in ticks; greater than all before."""
        rule, last = self._rule, self._last
        stamp = frame.pts
        if rule.rebuilt:
            stamp = self._decoded.popleft() if self._decoded else None
        if stamp is None:
            self._damage.repaired_times += 1
            stamp = rule.first if last is None else last + rule.period
        else:
            stamp += self._moved
            if last is not None and stamp <= last:
                self._damage.repaired_times += 1
                if last - stamp > rule.second:
                    self._moved += last + rule.period - stamp
                    stamp = last + rule.period
                else:
                    stamp = last + 1
        self._last = stamp
        return stamp
