"""Text in CSV files that a spreadsheet may open: none of it is taken for a formula."""

from __future__ import annotations

__all__ = ["cell", "from_cell"]

STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


def cell(value: object) -> object:
    """`value` as it may stand in a CSV file: text that would be a formula has an apostrophe before it."""
    if not isinstance(value, str) or not value.startswith((*STARTS, "'")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def from_cell(text: str) -> str:
    """The text that `cell` wrote."""
    return text[1:] if text.startswith(tuple(f"'{start}" for start in (*STARTS, "'"))) else text
