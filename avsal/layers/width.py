"""Channel counts of narrower and wider versions of a network."""

__all__ = ["scaled"]


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 4, at least 4; unchanged for width 1.

    Args:
        channels: as published.
        width: 1 for the published network; small values for quick tests and small machines.

    Raises:
        ValueError: `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"`width` must be positive but is {width}")
    return channels if width == 1 else max(4, 4 * round(channels * width / 4))
