"""CSV files that people write by hand: every problem is told with file, line and column."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from avsal.errors import DatasetError, MediaError
from avsal.media.container import check_file

__all__ = ["csv_header", "csv_rows", "near_column"]


def csv_rows(path: Path, delimiter: str = ",") -> Generator[tuple[int, list[str]], None, None]:
    """The lines of a CSV file that are not empty, the header first: number of the line each ends on, cells.

    Args:
        path: path of the file.
        delimiter: what stands between cells.

    Raises:
        DatasetError: there is no such file, it is no text in UTF-8, or a quote is not closed.
    """
    try:
        with check_file(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                for cells in reader:
                    if cells:
                        yield reader.line_num, cells
            except csv.Error as error:
                raise DatasetError(
                    f"{path}, line {reader.line_num}: cannot be read as CSV ({error}); close quotes, and "
                    "double those inside a cell"
                ) from error
    except (MediaError, OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as CSV ({error}); give a CSV file, in UTF-8") from error


def csv_header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The names of the columns, from `csv_rows`.

    Raises:
        DatasetError: there is no header, a column comes twice, or cells are split by something else.
    """
    cells = next(rows, (0, []))[1]
    for name, mark in (("semicolons", ";"), ("tabs", "\t")):
        if len(cells) == 1 and mark in cells[0]:
            raise DatasetError(f"{path}: columns are split by {name}; save the table with commas")
    columns = [cell.strip() for cell in cells]
    for name in columns:
        if columns.count(name) > 1:
            raise DatasetError(f"{path}: the column {name!r} comes twice; keep one")
    return columns


def near_column(name: str, known: Sequence[str]) -> str:
    """A hint of the column that may be meant, or nothing."""
    lower = {column.lower(): column for column in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    return f"; did you mean `{lower[near[0]]}`?" if near else ""
