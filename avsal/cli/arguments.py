"""Types of command-line arguments; each raises what argparse turns into one line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from avsal.configuration import plain_value

__all__ = [
    "comma_list",
    "key_value",
    "key_values",
    "names",
    "percentage",
    "positive_int",
    "seconds",
]


def positive_int(text: str) -> int:
    """A whole number of at least 1."""
    value = int(text) if text.lstrip("+").isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1 but found {text!r}")
    return value


def percentage(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1 but found {text!r}")
    return value


def seconds(text: str) -> float:
    """Seconds, m:ss or h:mm:ss, with a fraction."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or min(parts) < 0 or any(part >= 60 for part in parts[1:]):
        raise argparse.ArgumentTypeError(f"expected seconds, m:ss or h:mm:ss but found {text!r}")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def names(text: str) -> list[str]:
    """Words with commas between, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def comma_list(*choices: str) -> Callable[[str], list[str]]:
    """A type that takes some of `choices`, separated by commas, each once."""

    def parse(text: str) -> list[str]:
        found = names(text)
        for name in found:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(choices)} but found {name!r}")
        if not found:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(choices)} but found none")
        return found

    return parse


def key_value(text: str) -> tuple[str, Any]:
    """KEY=VALUE as the key and its plain value."""
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE but found {text!r}")
    return key, plain_value(value)


def key_values(text: str) -> dict[str, Any]:
    """KEY=VALUE pairs with commas between them, each with its plain value."""
    return dict(key_value(word.strip()) for word in text.split(","))
