"""The command line's parser: a line is declared by a settings dataclass; flags, words and positions.

``--every 25``, ``--every=25`` and ``every=25`` are the same, before or after anything else; a mapping's keys
have its prefix, as in ``model.width=0.5``. What is typed is read by `avsal.configuration` alone.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from avsal.configuration import from_texts, setting_fields
from avsal.errors import ConfigError, did_you_mean

__all__ = ["Action", "Given", "Nothing", "Parser"]

Settings = TypeVar("Settings")

_WORD = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Given:
    """What a line gave.

    Attributes:
        texts: of the settings that were given, as `avsal.configuration.from_texts` takes them.
        prog: the command, such as ``avsal data check``.
        debug: whether the traceback of an error is wanted.
    """

    texts: dict[str, Any]
    prog: str
    debug: bool = False

    def read(self, kind: type[Settings]) -> Settings:
        """The settings.

        Raises:
            ConfigError: a setting is missing, or is not what its field takes.
        """
        try:
            return from_texts(kind, self.texts)
        except ConfigError as error:
            if " is missing" not in str(error):
                raise
            raise ConfigError(f"{error}; see {self.prog} --help") from None


@dataclass(frozen=True)
class Nothing:
    """A line that says nothing more."""


@dataclass(frozen=True)
class Action:
    """A verb, or one of a verb's actions such as `avsal data check`.

    Attributes:
        line: the dataclass of all that its line says.
        run: does it and returns the exit code.
        summary: a line of help beside the other actions of a verb.
        epilog: makes what its help ends with.
    """

    line: type
    run: Callable[[Given], int]
    summary: str = ""
    epilog: Callable[[], str] | None = None

    def parser(self, prog: str, told: str | None = None) -> Parser:
        """Its parser, whose help begins with `told`, or what is said of `run`."""
        told = told or self.run.__doc__ or ""
        epilog = None if self.epilog is None else self.epilog()
        return Parser(self.line, prog=prog, description=cleandoc(told), epilog=epilog)


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` of settings, whose errors are one line that names the nearest option.

    Args:
        kind: dataclass whose fields, made by `avsal.configuration.setting`, are flags, words and positions.
        **options: options of `argparse.ArgumentParser`.
    """

    def __init__(self, kind: type | None = None, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.kind = kind
        self._fields = {} if kind is None else setting_fields(kind)
        self._hints = {} if kind is None else get_type_hints(kind)
        self._takes_words = False
        groups: dict[str | None, Any] = {None: self}
        for name, entry in self._fields.items():
            heading = entry.metadata["group"]
            if heading not in groups:
                groups[heading] = self.add_argument_group(heading)
            self._declare(groups[heading], name, entry)

    def _declare(self, group: Any, name: str, entry: Field[Any]) -> None:
        """Declare a setting's position, or its flag; one that may be left out of its position has both."""
        told, hint = entry.metadata, self._hints[name]
        text, metavar = told["help"].replace("%", "%%"), told["metavar"] or _metavar(hint, name)
        if (position := told["position"]) is not None:
            self._takes_words |= position == "words"
            many = {"1": None, "words": "*"}.get(position, position)
            action = self.add_argument(f"position:{name}", nargs=many, metavar=metavar, help=text)
            if many in ("?", "*"):
                action.default = argparse.SUPPRESS
            if position != "?":
                return
            text = argparse.SUPPRESS
        options: dict[str, Any] = {"dest": f"flag:{name}", "default": argparse.SUPPRESS, "help": text}
        if hint is bool and entry.default is False:
            options |= {"action": "store_const", "const": "true"}
        else:
            options |= {"action": "append", "metavar": metavar}
            if told["prefix"] is not None:
                options["metavar"] = told["metavar"] or "KEY=VALUE"
            elif text != argparse.SUPPRESS:
                options["help"] += _default(entry)
        action = group.add_argument(*told["flags"], f"--{name.replace('_', '-')}", **options)
        action.known = told["known"]  # for the shell's completion

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError, which the command line prints as one line."""
        raise ConfigError(f"{message}: see {self.prog} --help")

    def read(self, argv: Sequence[str]) -> Given:
        """Read a line.

        Raises:
            ConfigError: an unknown option or word (the nearest is named), or a setting given twice.
        """
        words, rest = self._split(self._as_words(argv) if self._takes_words else argv)
        namespace, unknown = self.parse_known_intermixed_args(rest)
        if unknown:
            self._refuse(unknown[0])
        found: dict[str, list[str]] = {}
        for dest, value in vars(namespace).items():
            kind, _, name = dest.partition(":")
            if not name:
                continue
            if kind == "flag" and _is_list(self._hints[name]) and not self._fields[name].metadata["parse"]:
                value = ",".join(value)  # may be repeated
            found.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        for key, text in words:
            named = self._name_of(key)
            if named is None:
                known = ", ".join(self._fields)
                hint = did_you_mean(key, self._fields)
                raise ConfigError(f"unknown setting {key!r} in {key}={text}: expected some of {known}{hint}")
            if not text:
                raise ConfigError(f"expected {key}=VALUE but found {key}= : see {self.prog} --help")
            pair = self._fields[named].metadata["prefix"] is not None
            found.setdefault(named, []).append(f"{key.partition('.')[2]}={text}" if pair else text)
        texts: dict[str, Any] = {}
        for name, values in found.items():
            told = self._fields[name].metadata
            if told["prefix"] is not None:
                texts[name] = _pairs(values, told["prefix"])
            elif told["position"] in ("+", "words"):
                texts[name] = values
            elif len(values) > 1:
                raise ConfigError(f"`{name}` is given twice: give it once")
            else:
                texts[name] = values[0]
        return Given(texts, self.prog, getattr(namespace, "debug", False))

    def _as_words(self, argv: Sequence[str]) -> list[str]:
        """``--key value`` and ``--key=value`` as ``key=value``, where they are no option of the parser."""
        line: list[str] = []
        tokens = iter(argv)
        for token in tokens:
            name, equals, value = token.partition("=")
            if not token.startswith("--") or name in self._option_string_actions or len(token) == 2:
                line.append(token)
                continue
            if not equals:
                found = next(tokens, None)
                if found is None or found.startswith("-"):
                    self._refuse(token)
                value = found
            line.append(f"{name.removeprefix('--').replace('-', '_')}={value}")
        return line

    def _split(self, argv: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
        """The words ``key=value`` and the rest."""
        words: list[tuple[str, str]] = []
        rest: list[str] = []
        tokens = iter(argv)
        for token in tokens:
            match = None if self.kind is None else _WORD.fullmatch(token)
            if token == "--":
                rest += [token, *tokens]
            elif token.startswith("-") and token != "-":
                rest.append(token)
                action = self._option_string_actions.get(token)
                if action is not None and action.nargs is None and action.const is None:
                    rest += [value for value in [next(tokens, None)] if value is not None]
            elif match and (self._name_of(match[1]) or not (self._takes_words or self._file(token))):
                words.append((match[1], match[2]))
            else:
                rest.append(token)
        return words, rest

    def _file(self, token: str) -> bool:
        return self._positional() and Path(token).exists()

    def _positional(self) -> bool:
        return any(not action.option_strings for action in self._actions)

    def _name_of(self, key: str) -> str | None:
        """The field that a word's key is of."""
        name, (prefix, dot, _) = key.replace("-", "_"), key.partition(".")
        if name in self._fields and self._fields[name].metadata["prefix"] is None:
            return name
        for name, entry in self._fields.items():
            told = entry.metadata
            if (dot and told["prefix"] == prefix) or (f"--{key}" in told["flags"] and told["prefix"] is None):
                return name
        return None

    def _refuse(self, token: str) -> NoReturn:
        name = token.partition("=")[0]
        if token.startswith("-"):
            hint = did_you_mean(name, self._option_string_actions)
            raise ConfigError(f"unknown option {name}{hint}: see {self.prog} --help")
        if self.kind is not None and not self._positional():
            raise ConfigError(f"expected settings as key=value but found {token!r}: see {self.prog} --help")
        raise ConfigError(f"unexpected {token!r}: see {self.prog} --help")


def _pairs(values: Sequence[str], prefix: str) -> dict[str, str]:
    """``KEY=VALUE``, or several with commas between where each has its own equals sign, as a mapping."""
    pairs: dict[str, str] = {}
    for value in values:
        parts = value.split(",")
        for part in parts if all("=" in part for part in parts) else [value]:
            key, equals, text = part.strip().partition("=")
            if not equals or not key or not text:
                raise ConfigError(f"expected KEY=VALUE but found {part!r}")
            if key in pairs:
                raise ConfigError(f"`{prefix}.{key}` is given twice: give it once")
            pairs[key] = text
    return pairs


def _is_list(hint: Any) -> bool:
    return any(get_origin(part) is tuple for part in (hint, *get_args(hint)))


def _metavar(hint: Any, name: str) -> str:
    inner = [part for part in get_args(hint) if part is not type(None)]
    for one in (hint, *inner[:1]):
        if get_origin(one) is Literal:
            return "|".join(map(str, get_args(one)))
        if get_origin(one) is tuple:
            return "LIST"
    kind = inner[0] if inner else hint
    return {int: "N", float: "X", bool: "true|false", Path: "PATH"}.get(kind, name.upper())


def _default(entry: Field[Any]) -> str:
    value = entry.default
    if value is MISSING or value in (None, (), "") or "[" in entry.metadata["help"]:
        return ""
    told = f"{value:g}" if isinstance(value, float) else str(value)
    return f" [{told.lower() if isinstance(value, bool) else told}]"
