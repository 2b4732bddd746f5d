"""From a mapping, as YAML gives it, to frozen dataclasses: unknown keys and wrong types fail by name."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from avsal.errors import ConfigError

__all__ = ["from_mapping"]

Settings = TypeVar("Settings")


def from_mapping(kind: type[Settings], values: Mapping[str, Any], where: str = "") -> Settings:
    """Build a dataclass, and those within it, from plain values.

    Whole numbers are taken for floats and lists for tuples; nothing else is converted.

    Args:
        kind: a dataclass whose fields are annotated with numbers, strings, booleans, `Literal`, `None`,
            `tuple[X, ...]`, `Mapping[str, X]`, `Any`, dataclasses and unions of these.
        values: by field.
        where: dotted name of `values` within the whole, for messages.

    Raises:
        ConfigError: a key that `kind` does not have (the nearest one is named), one that is missing, or a
            value of another type.
    """
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind) if field.init}  # type: ignore[arg-type]
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean `{prefix}{near[0]}`?" if near else f"expected some of {', '.join(known)}"
            raise ConfigError(f"unknown setting `{prefix}{key}`: {hint}")
    arguments = {}
    for name, field in known.items():
        if name in values:
            arguments[name] = _converted(values[name], hints[name], f"{prefix}{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"the setting `{prefix}{name}` is missing")
    return kind(**arguments)


def _converted(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type that `hint` names."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        options = [option for option in inner if option is not type(None)]
        for option in options:
            if get_origin(option) is not None or is_dataclass(option):
                return _converted(value, option, where)
            if type(value) is option or (option is float and type(value) is int):
                return option(value)
    elif origin is Literal:
        if value in inner and type(value) in {type(choice) for choice in inner}:
            return value
        near = difflib.get_close_matches(str(value), [str(choice) for choice in inner], n=1)
        hint_text = f" (did you mean {near[0]!r}?)" if near else ""
        choices = ", ".join(str(choice) for choice in inner)
        raise ConfigError(f"`{where}` must be one of {choices} but is {value!r}{hint_text}")
    elif origin is tuple:
        if isinstance(value, list | tuple):
            if inner[-1] is ...:
                return tuple(_converted(item, inner[0], f"{where}[{i}]") for i, item in enumerate(value))
            if len(value) == len(inner):
                pairs = zip(value, inner, strict=True)
                return tuple(_converted(item, kind, f"{where}[{i}]") for i, (item, kind) in enumerate(pairs))
    elif origin is not None and issubclass(origin, Mapping):
        if isinstance(value, Mapping):
            return {str(key): _converted(item, inner[1], f"{where}.{key}") for key, item in value.items()}
    elif is_dataclass(hint):
        if isinstance(value, Mapping):
            return from_mapping(hint, value, where)  # type: ignore[arg-type]
    elif hint is float:
        if type(value) in (int, float):
            return float(value)
    elif type(value) is hint:
        return value
    raise ConfigError(f"`{where}` must be {_described(hint)} but is {value!r}")


def _described(hint: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(option) for option in inner)
    if origin is tuple:
        return "a list"
    if is_dataclass(hint) or origin is not None:
        return "a mapping"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return "null" if hint is type(None) else words.get(hint, str(hint))
