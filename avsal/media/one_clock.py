"""One clock for all streams of a file whose packets' stamps start anew or leap astray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["BACK", "one_clock"]

BACK = 0.3
"""Seconds back from which a decoding stamp means that the clock was set anew, as in videos joined end to end.

Stamps of sound that was copied from overlapping pieces go back by less.
"""

ASTRAY = 10.0
"""Seconds ahead from which a stamp is believed only if the stream's next packet stands by it."""

FARTHEST = 3600.0
"""Seconds ahead up to which the last packet of a stream is believed, which has no next."""

MOST_HELD = 512
"""Packets that wait for that next one."""


@dataclass
class _Stream:
    """One stream: its latest stamp and the step to it, in seconds, and the part of a joined file it is in."""

    latest: float | None = None
    step: float = 0.0
    part: int = 0


def one_clock(packets: Iterator[Packet]) -> Iterator[Packet]:
    """Yield `packets` in their order, their stamps changed where they cannot be meant.

    Where the decoding stamps of a stream jump back, the file was joined end to end: the part that
    follows is moved on to the end of the part before, picture and sound by the same time, so that they stay
    together. A stamp far ahead from which the stream comes back at once is taken away: readers then count on
    from the packet before.
    """
    streams: dict[int, _Stream] = {}
    offsets = [0.0]  # of each part
    ends = [-inf]  # of each part, on the one clock
    held: list[Packet] = []

    def seconds(packet: Packet) -> float | None:
        stamp = packet.pts if packet.dts is None else packet.dts
        return None if stamp is None or not packet.time_base else float(stamp * packet.time_base)

    def placed(packet: Packet) -> Packet:
        time = seconds(packet)
        if time is None:
            return packet
        stream = streams.setdefault(packet.stream_index, _Stream())
        if packet.dts is not None and stream.latest is not None and time < stream.latest - BACK:
            stream.part += 1
            if stream.part == len(offsets):
                shown = time if packet.pts is None else float(packet.pts * packet.time_base)
                offsets.append(ends[-1] - shown)
                ends.append(-inf)
        if packet.dts is not None:
            if stream.latest is not None and 0 < time - stream.latest < BACK:
                stream.step = time - stream.latest
            stream.latest = time
        ticks = round(offsets[stream.part] / packet.time_base)
        if ticks:
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None:
            lasts = float(packet.duration * packet.time_base) if packet.duration else stream.step
            ends[stream.part] = max(ends[stream.part], float(stamp * packet.time_base) + lasts)
        return packet

    def released(last: bool) -> Iterator[Packet]:
        """The packets held back, once the first of them is confirmed or found astray."""
        while held:
            doubtful, time = held[0], seconds(held[0])
            stream = streams.setdefault(doubtful.stream_index, _Stream())
            if time is not None and stream.latest is not None and time > stream.latest + ASTRAY:
                others = (packet for packet in held[1:] if packet.stream_index == doubtful.stream_index)
                follower = next((found for found in map(seconds, others) if found is not None), None)
                if follower is None and not last and len(held) < MOST_HELD:
                    return
                believed = time - stream.latest < FARTHEST if follower is None else follower > time - BACK
                if not believed:
                    doubtful.pts = doubtful.dts = None
            yield placed(held.pop(0))

    for packet in packets:
        held.append(packet)
        yield from released(False)
    yield from released(True)
