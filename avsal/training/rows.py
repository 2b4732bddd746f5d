"""The rows of a paper's ablation table, each a change of an experiment's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from avsal.errors import ConfigError

__all__ = ["RowSettings", "TableSettings"]


@dataclass(frozen=True)
class RowSettings:
    """One row.

    Attributes:
        name: as our table prints it.
        changes: value by dotted setting, in place of the experiment's; none for the experiment as it is.
        cited: how `published_results.csv` calls the paper's rows that this one stands beside.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    cited: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableSettings:
    """One table.

    Attributes:
        title: paper and number of the table.
        sources: of the cited numbers, as `published_results.csv` has them.
        rows: in the paper's order, by the name that one types.
        against: the row that the others are a change of.
        note: what one must know to compare, such as what the paper leaves open.
    """

    title: str
    sources: tuple[str, ...]
    rows: Mapping[str, RowSettings]
    against: str
    note: str | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError where `against` is no row."""
        self.row(self.against)

    def row(self, name: str) -> RowSettings:
        """The row that is called so.

        Raises:
            ConfigError: there is none.
        """
        if name not in self.rows:
            raise ConfigError(f"`row` must be one of {', '.join(self.rows)} but is {name!r}")
        return self.rows[name]
