"""Third-party packages that add models or data sets: found by their entry points, imported when asked for."""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import entry_points

__all__ = ["load_plugins"]

logger = logging.getLogger(__name__)


@cache
def load_plugins(group: str) -> tuple[str, ...]:
    """Import what installed packages declare in an entry-point group; importing it registers what it adds.

    A package that cannot be imported is told in one line of the log; the others are imported all the same.

    Args:
        group: ``avsal.models`` or ``avsal.datasets``.

    Returns:
        Those lines.
    """
    problems = []
    for entry in sorted(entry_points(group=group)):
        try:
            entry.load()
        except Exception as error:  # another package's code: anything may happen
            reason = str(error).partition("\n")[0][:200]
            package = entry.dist.name if entry.dist else "a package"
            problems.append(
                f"the plug-in {entry.name!r} ({entry.value}) of {package} is left out: "
                f"{type(error).__name__}: {reason}"
            )
            logger.warning(problems[-1])
    return tuple(problems)
