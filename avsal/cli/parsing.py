"""The command line's parser: settings are declared by their dataclass and typed as flags or as words.

``--every 25``, ``--every=25`` and ``every=25`` are the same, before or after anything else; a mapping's keys
have its prefix, as in ``model.width=0.5``. What is typed is read by `avsal.configuration` alone.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from avsal.configuration import did_you_mean, from_texts, setting_fields
from avsal.errors import ConfigError

__all__ = ["Action", "Parser", "settings_of"]

Settings = TypeVar("Settings")

_WORD = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Action:
    """One of a verb's actions, such as `avsal data check`.

    Attributes:
        summary: a line of help.
        add_arguments: declares its arguments.
        run: does it and returns the exit code.
        module: whose docstring is its help; None: the summary is.
    """

    summary: str
    add_arguments: Callable[[Parser], object]
    run: Callable[[argparse.Namespace], int]
    module: str | None = None

    @property
    def description(self) -> str:
        """What its help begins with."""
        told = None if self.module is None else import_module(self.module).__doc__
        return told or self.summary


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` of settings, whose errors are one line that names the nearest option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self._kind: type | None = None
        self._skipped: frozenset[str] = frozenset()
        self._any: str | None = None

    def add_settings(self, kind: type, *, skip: Iterable[str] = ()) -> None:
        """Declare a flag for each field of a settings dataclass.

        Args:
            kind: whose fields were made by `avsal.configuration.setting`.
            skip: fields that the line says otherwise, as positional arguments.
        """
        self._kind, self._skipped = kind, frozenset(skip)
        groups: dict[str, Any] = {}
        hints = get_type_hints(kind)
        for name, entry in setting_fields(kind).items():
            if name in self._skipped or "help" not in entry.metadata:
                continue
            told = entry.metadata
            heading = told["group"]
            if heading is not None and heading not in groups:
                groups[heading] = self.add_argument_group(heading)
            place = self if heading is None else groups[heading]
            flags = (*told["flags"], f"--{name.replace('_', '-')}")
            options: dict[str, Any] = {"dest": f"setting:{name}", "default": argparse.SUPPRESS}
            text = told["help"].replace("%", "%%")
            if told["prefix"] is not None:
                options |= {"action": "append", "metavar": told["metavar"] or "KEY=VALUE"}
            elif hints[name] is bool and entry.default is False:
                options |= {"action": "store_const", "const": "true"}
            else:
                if _is_list(hints[name]) and told["parse"] is None:  # may be repeated
                    options["action"] = "append"
                options["metavar"] = told["metavar"] or _metavar(hints[name], name)
                text += _default(entry)
            place.add_argument(*flags, help=text, **options)

    def take_any_word(self, dest: str, *, help: str, metavar: str = "key=value") -> None:
        """Take all words ``key=value`` as they are, and ``--key value`` as such a word, for another parser.

        Args:
            dest: attribute that `read` puts the list of words into.
            help: a phrase for the help.
            metavar: what stands for a word in the help.
        """
        self.add_argument(dest, nargs="*", metavar=metavar, help=help)
        self._any = dest

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError, which the command line prints as one line."""
        if match := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            known = re.findall(r"[\w-]+", match[2])
            message = (
                f"expected one of {', '.join(known)} but found {match[1]!r}{did_you_mean(match[1], known)}"
            )
        raise ConfigError(f"{message}: see {self.prog} --help")

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Read a line.

        Returns:
            What was declared by `add_argument`; the texts of the settings that were given are its `texts`,
            for `settings_of`.

        Raises:
            ConfigError: an unknown option or word (the nearest is named), or a setting given twice.
        """
        words, rest = self._split(self._as_words(argv) if self._any is not None else argv)
        if self._subparsers is None:
            namespace, unknown = self.parse_known_intermixed_args(rest)
        else:
            namespace, unknown = self.parse_known_args(rest)
        if unknown:
            self._refuse(unknown[0])
        texts: dict[str, Any] = {}
        for dest, value in list(vars(namespace).items()):
            if dest.startswith("setting:"):
                delattr(namespace, dest)
                name = dest.removeprefix("setting:")
                if isinstance(value, list) and self._fields()[name].metadata["prefix"] is None:
                    texts[name] = ",".join(value)
                elif isinstance(value, list):
                    for pair in value:
                        self._add_pair(texts, name, pair)
                else:
                    texts[name] = value
        for key, text in words:
            if self._any is not None and self._name_of(key) is None:
                getattr(namespace, self._any).append(f"{key}={text}")
            else:
                self._add_word(texts, key, text)
        namespace.texts, namespace.prog = texts, self.prog
        return namespace

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
            if token == "--":
                rest += [token, *tokens]
            elif token.startswith("-") and token != "-":
                rest.append(token)
                action = self._option_string_actions.get(token)
                if action is not None and action.nargs is None and action.const is None:
                    rest += [value for value in [next(tokens, None)] if value is not None]
            elif self._kind is not None and (match := _WORD.fullmatch(token)) and not self._is_path(token):
                words.append((match[1], match[2]))
            else:
                rest.append(token)
        return words, rest

    def _is_path(self, token: str) -> bool:
        """Whether a token with an equals sign names a file and no setting."""
        key = token.partition("=")[0]
        return self._name_of(key) is None and self._positional() and Path(token).exists()

    def _positional(self) -> bool:
        return any(not action.option_strings for action in self._actions)

    def _fields(self) -> dict[str, Any]:
        return {} if self._kind is None else setting_fields(self._kind)

    def _name_of(self, key: str) -> str | None:
        """The field that a word's key is of."""
        known = self._fields()
        name = key.replace("-", "_")
        if name in known and known[name].metadata.get("prefix") is None:
            return name
        prefix, dot, _ = key.partition(".")
        for name, entry in known.items():
            told = entry.metadata
            if dot and told.get("prefix") == prefix:
                return name
            if f"--{key}" in told.get("flags", ()) and told.get("prefix") is None:
                return name
        return None

    def _add_word(self, texts: dict[str, Any], key: str, text: str) -> None:
        name = self._name_of(key)
        if name is None:
            known = [*self._fields()]
            hint = did_you_mean(key, known)
            raise ConfigError(
                f"unknown setting {key!r} in {key}={text}: expected some of {', '.join(known)}{hint}"
            )
        if not text:
            raise ConfigError(f"expected {key}=VALUE but found {key}= : see {self.prog} --help")
        if self._fields()[name].metadata.get("prefix") is not None:
            self._add_pair(texts, name, f"{key.partition('.')[2]}={text}")
        elif name in texts:
            raise ConfigError(f"`{name}` is given twice: give it once")
        else:
            texts[name] = text

    def _add_pair(self, texts: dict[str, Any], name: str, pair: str) -> None:
        """Add ``KEY=VALUE``, or several with commas between where each has its own equals sign."""
        parts = pair.split(",") if all("=" in part for part in pair.split(",")) else [pair]
        for part in parts:
            key, equals, value = part.strip().partition("=")
            if not equals or not key or not value:
                raise ConfigError(f"expected KEY=VALUE but found {part!r}")
            pairs = texts.setdefault(name, {})
            if key in pairs:
                prefix = self._fields()[name].metadata["prefix"]
                raise ConfigError(f"`{prefix}.{key}` is given twice: give it once")
            pairs[key] = value

    def _refuse(self, token: str) -> NoReturn:
        name = token.partition("=")[0]
        if token.startswith("-"):
            hint = did_you_mean(name, self._option_string_actions)
            raise ConfigError(f"unknown option {name}{hint}: see {self.prog} --help")
        if self._kind is not None and not self._positional():
            raise ConfigError(f"expected settings as key=value but found {token!r}: see {self.prog} --help")
        raise ConfigError(f"unexpected {token!r}: see {self.prog} --help")


def settings_of(arguments: argparse.Namespace, kind: type[Settings], **known: str) -> Settings:
    """The settings that a line gave.

    Args:
        arguments: from `Parser.read`.
        kind: the dataclass that the parser was told of.
        **known: texts of fields that the line gave otherwise, as positional arguments.

    Raises:
        ConfigError: a setting is missing, or is not what its field takes.
    """
    texts = {**arguments.texts, **known}
    for name, entry in setting_fields(kind).items():
        if entry.default is MISSING and entry.default_factory is MISSING and name not in texts:
            raise ConfigError(f"`{name}` is missing: give {name}=...; see {arguments.prog} --help")
    return from_texts(kind, texts)


def _is_list(hint: Any) -> bool:
    return any(get_origin(part) is tuple for part in (hint, *get_args(hint)))


def _metavar(hint: Any, name: str) -> str:
    inner = [part for part in get_args(hint) if part is not type(None)]
    if get_origin(hint) is Literal:
        return "|".join(map(str, get_args(hint)))
    if inner and get_origin(inner[0]) is Literal:
        return "|".join(map(str, get_args(inner[0])))
    kind = inner[0] if inner and get_origin(hint) is not tuple else hint
    if get_origin(kind) is tuple or get_origin(hint) is tuple:
        return "LIST"
    return {int: "N", float: "X", bool: "true|false", Path: "PATH"}.get(kind, name.upper())


def _default(entry: Any) -> str:
    value = entry.default
    if value is MISSING or value in (None, (), "") or "[" in entry.metadata["help"]:
        return ""
    return f" [{value:g}]" if isinstance(value, float) else f" [{value}]"
