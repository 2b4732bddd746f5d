"""The settings layer: a setting is a field of a dataclass; flags, words, YAML and keywords end there.

`from_mapping` takes plain values, as YAML and Python keywords give them; `from_texts` takes what was typed.
Both end in one function that knows the types. Nothing is ever built from a name in a file.
"""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from fractions import Fraction
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from avsal.errors import ConfigError, did_you_mean

__all__ = [
    "Checked",
    "config_dir",
    "duration",
    "frame_rate",
    "from_mapping",
    "from_texts",
    "moment",
    "plain_value",
    "seconds",
    "setting",
    "setting_fields",
    "settings_from",
    "size",
]

Settings = TypeVar("Settings")


def config_dir() -> Path:
    """The folder that holds `train.yaml` and the groups beside it.

    It lies inside an installed package, and beside it in a checkout.
    """
    package = Path(__file__).resolve().parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def setting(
    default: Any = MISSING,
    *,
    help: str,
    factory: Callable[[], Any] | None = None,
    group: str | None = None,
    metavar: str | None = None,
    flags: tuple[str, ...] = (),
    parse: Callable[[str], Any] | None = None,
    prefix: str | None = None,
    position: Literal["1", "?", "+", "words"] | None = None,
    least: int | None = None,
    known: Iterable[str] | Callable[[], Iterable[str]] | None = None,
) -> Any:
    """A field of a settings dataclass.

    Args:
        default: where nothing is said; without one the setting must be given.
        help: a phrase for the command line's help.
        factory: makes the default, for mutable ones.
        group: heading in the help.
        metavar: what stands for the value in the help.
        flags: further names on the command line, such as ``-o`` or ``--fps``.
        parse: reads the text of the command line, where its type alone does not say how.
        prefix: prefix of a mapping's keys as words: ``model`` for ``model.width=0.5``.
        position: on the command line the setting is typed without its name: one text, one or none, or some;
            ``words``: any number, among them all ``key=value`` whose key is no setting.
        least: the smallest number that `Checked` lets pass.
        known: the names that it lets pass; a function of none, where names may be added later.
    """
    metadata: dict[str, Any] = {"help": help, "group": group, "metavar": metavar, "flags": flags}
    metadata |= {"parse": parse, "prefix": prefix, "position": position, "least": least, "known": known}
    if factory is not None:
        return field(default_factory=factory, metadata=metadata)
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


def moment(help: str, group: str | None = None) -> Any:
    """A setting of a moment of a video, which may be left out."""
    return setting(None, help=f"{help}, in seconds or h:mm:ss", metavar="TIME", parse=seconds, group=group)


class Checked:
    """A base of settings dataclasses: what `setting` declares of numbers and names is checked.

    What is said of a setting is said once, in its help: a subclass's docstring is given its attributes here.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {name: entry.metadata for name, entry in vars(cls).items() if isinstance(entry, Field)}
        told = [f"    {name}: {about['help']}." for name, about in own.items() if "help" in about]
        if told and cls.__doc__ and "Attributes:" not in cls.__doc__:
            cls.__doc__ = "\n".join([cleandoc(cls.__doc__), "", "Attributes:", *told])

    def __post_init__(self) -> None:
        """Raise ConfigError for a number that is too small, or a name that is not known."""
        for name, entry in setting_fields(type(self)).items():
            value, told = getattr(self, name), entry.metadata
            least, known = told.get("least"), told.get("known") or ()
            known = tuple(dict.fromkeys(known() if callable(known) else known))
            if least is not None and value is not None and value < least:
                raise ConfigError(f"`{name}` must be at least {least} but is {value}")
            for one in (value,) if isinstance(value, str) else value if known and value else ():
                if known and one not in known:
                    raise ConfigError(
                        f"`{name}`: expected some of {', '.join(known)} but found {one!r}"
                        f"{did_you_mean(one, known)}"
                    )


def setting_fields(kind: type) -> dict[str, Field[Any]]:
    """The settings of a dataclass by name."""
    return {entry.name: entry for entry in fields(kind) if entry.init}


def from_mapping(kind: type[Settings], values: Mapping[str, Any], where: str = "") -> Settings:
    """Build a dataclass, and those within it, from plain values.

    Whole numbers are taken for floats, lists for tuples and text for paths; nothing else is converted.

    Args:
        kind: a dataclass whose fields are annotated with numbers, strings, booleans, paths, `Literal`,
            `None`, `tuple[X, ...]`, `Mapping[str, X]`, `Any`, dataclasses and unions of these.
        values: values by field.
        where: dotted name of `values` within the whole, for messages.

    Raises:
        ConfigError: a key that `kind` does not have (the nearest one is named), one that is missing, or a
            value of another type.
    """
    hints, known = get_type_hints(kind), setting_fields(kind)
    prefix = f"{where}." if where else ""
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean `{prefix}{near[0]}`?" if near else f"expected some of {', '.join(known)}"
            raise ConfigError(f"unknown setting `{prefix}{key}`: {hint}")
    arguments = {}
    for name, entry in known.items():
        if name in values:
            arguments[name] = _converted(values[name], hints[name], f"{prefix}{name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ConfigError(f"the setting `{prefix}{name}` is missing")
    return kind(**arguments)


def settings_from(
    kind: type[Settings], given: object | None, changes: Mapping[str, Any] | None = None
) -> Settings:
    """Settings of which others say a part, or more than all.

    Args:
        kind: see `from_mapping`.
        given: settings whose fields of the same names are taken; None: the defaults.
        changes: fields that are to be otherwise.

    Raises:
        ConfigError: see `from_mapping`.
    """
    names = [name for name in setting_fields(kind) if hasattr(given, name)]
    return from_mapping(kind, {name: getattr(given, name) for name in names} | dict(changes or {}))


def from_texts(kind: type[Settings], texts: Mapping[str, str | list[str] | Mapping[str, str]]) -> Settings:
    """Build a dataclass from what was typed.

    Args:
        kind: see `from_mapping`; a field's own ``parse`` comes first.
        texts: texts by field; by key for fields that are mappings, a list for those of many positions.

    Raises:
        ConfigError: a key is missing, or a text is not what its field takes.
    """
    hints, known = get_type_hints(kind), setting_fields(kind)
    for name, entry in known.items():
        if entry.default is MISSING and entry.default_factory is MISSING and name not in texts:
            raise ConfigError(f"`{name}` is missing: give {name}=...")
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if isinstance(text, Mapping):
            values[name] = {key: plain_value(value) for key, value in text.items()}
        elif isinstance(text, list):
            values[name] = text
        elif (parse := known[name].metadata.get("parse")) is not None:
            try:
                values[name] = parse(text)
            except ValueError as error:
                raise ConfigError(f"`{name}`: {error}") from error
        else:
            values[name] = _read(text, hints[name], name)
    return from_mapping(kind, values)


def plain_value(text: str) -> Any:
    """A number, true, false, null or a list such as [p3,p4] where it reads as one, else the text."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        if text.startswith("[") and text.endswith("]"):
            return [plain_value(part.strip()) for part in text[1:-1].split(",") if part.strip()]
        return text


def seconds(text: str) -> float:
    """Seconds, m:ss or h:mm:ss, with a fraction.

    Raises:
        ValueError: it is none of them.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if (
        not 1 <= len(parts) <= 3
        or not all(0 <= part < 1e9 for part in parts)
        or max(parts[1:], default=0) >= 60
    ):
        raise ValueError(f"expected seconds, m:ss or h:mm:ss but found {text!r}")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def duration(seconds: float) -> str:
    """Such as '42 s', '3 min 20 s', '5 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def frame_rate(text: str) -> float:
    """Frames a second, as a number or a fraction such as 30000/1001.

    Raises:
        ValueError: it is none, or beyond 1e-3 to 1e4.
    """
    try:
        rate = float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        rate = 0.0
    if not 1e-3 <= rate <= 1e4:
        raise ValueError(f"expected frames a second such as 25 or 30000/1001 but found {text!r}")
    return rate


def size(text: str) -> tuple[int, int]:
    """Height and width such as 192x352.

    Raises:
        ValueError: it is no such thing, or a side is 0 or above 16384.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part) <= 16384 for part in parts):
        raise ValueError(f"expected height x width, for instance 192x352, but found {text!r}")
    return int(parts[0]), int(parts[1])


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no value of a setting")


def _read(text: str, hint: Any, where: str) -> Any:
    """The plain value that a text stands for, by the type that is wanted."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        options = [option for option in inner if option is not type(None)]
        if text == "null" and len(options) < len(inner):
            return None
        return _read(text, options[0], where)
    if origin is Literal:
        kinds = {type(choice) for choice in inner}
        if text in inner or kinds == {str}:
            return text
        return plain_value(text)
    if origin is tuple:
        names = () if text == "none" else (name.strip() for name in text.split(","))
        return tuple(_read(name, inner[0], where) for name in dict.fromkeys(names) if name)
    if hint is bool:
        if text not in ("true", "false"):
            raise ConfigError(f"`{where}`: expected true or false but found {text!r}")
        return text == "true"
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            kind = "a whole number" if hint is int else "a number"
            raise ConfigError(f"`{where}`: expected {kind} but found {text!r}") from None
    return plain_value(text) if hint is Any else text


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
            if option is Path and isinstance(value, str | Path):
                return Path(value)
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
    elif hint is Path:
        if isinstance(value, str | Path):
            return Path(value)
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
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    return "null" if hint is type(None) else words.get(hint, str(hint))
