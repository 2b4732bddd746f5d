"""What a reader could not get out of a file: counted, never skipped in silence."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Damage"]


@dataclass(slots=True)
class Damage:
    """Tally of a reader's losses; false when there are none.

    Readers add to it while they read: it is complete once the last frame or sample has been read.

    Attributes:
        what: ``picture`` or ``sound``.
        decoded: frames of the video (packets of the sound) that were decoded.
        failed: packets or image files that could not be read or decoded.
        patched: frames that the decoder gave out with errors concealed.
        missing_seconds: estimated from the container's claimed length and from gaps after failed packets.
        repaired_times: frames whose time stamp was missing or did not advance and was replaced. This loses
            nothing, so it does not make the tally true.
    """

    what: str = "picture"
    decoded: int = 0
    failed: int = 0
    patched: int = 0
    missing_seconds: float = 0.0
    repaired_times: int = 0

    def __bool__(self) -> bool:
        return bool(self.failed or self.patched or self.missing_seconds)

    def describe(self) -> str:
        """One line for a warning, for example ``picture: about 1.20 s missing, 2 packets unreadable``."""
        parts = []
        if self.missing_seconds:
            parts.append(f"about {self.missing_seconds:.2f} s missing")
        if self.failed:
            parts.append(f"{self.failed} packet{'s' * (self.failed != 1)} unreadable")
        if self.patched:
            parts.append(f"{self.patched} frame{'s' * (self.patched != 1)} decoded with errors")
        return f"{self.what}: {', '.join(parts) if parts else 'nothing missing'}"
