"""Rows of annotation files, with errors that name file, row and remedy.

Conventions
-----------
Names of columns and values are stripped of spaces and tabs, of which the archives of the field are
full. Line numbers count from 1, the header included. Spreadsheets of many countries write
semicolons between values and commas in numbers; such a table is read like any other.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hevner.datasets.findings import Findings
from hevner.emotion import Scale
from hevner.errors import DataError
from hevner.files import display_name
from hevner.text_file import TextError, read_text

TOLERANCE = 1e-6
"""Rounding error of a mean over raters, as a share of the width of the scale."""

DELIMITERS = (";", "\t")
"""Characters between values that are tried where the usual one yields no columns."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Row:
    """One row of an annotation file.

    The methods that read a column raise `DataError` if its value is missing or unfit.

    Attributes
    ----------
    values
        Text by name of the column.
    where
        File and line, for messages.
    extra
        Values past the last named column.
    comma
        Whether numbers may have a comma in the place of the point.
    """

    values: dict[str, str]
    where: str
    extra: tuple[str, ...] = ()
    comma: bool = False

    def fault(self, code: str, cause: str, remedy: str = "Correct or remove the row") -> DataError:
        """The error to raise for this row."""
        return DataError(cause, subject=self.where, remedy=remedy, code=code)

    def text(self, column: str) -> str:
        """The value of a column, which must not be empty."""
        value = self.values[column]
        if not value:
            raise self.fault(
                "value_missing", f"column {column} is empty", "Fill it or remove the row"
            )
        return value

    def number(self, column: str) -> float:
        """The finite number in a column."""
        text = self.values[column]
        try:
            value = float(text.replace(",", ".") if self.comma else text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.fault(
                "not_a_number", f"'{self.values[column]}' in column {column} is not a number"
            )
        return value

    def integer(self, column: str) -> int:
        """The whole number in a column."""
        value = self.number(column)
        if value != int(value):
            raise self.fault(
                "not_a_number", f"'{self.values[column]}' in column {column} is not a whole number"
            )
        return int(value)

    def rating(self, column: str, scale: Scale) -> float:
        """The rating in a column, brought from its nominal scale to [-1, 1]."""
        return on_scale(self.number(column), scale, f"column {column}", self.where)

    def spread(self, column: str, scale: Scale) -> float:
        """The standard deviation of ratings in a column, brought from their scale to [-1, 1].

        It cannot be larger than two ratings on that scale make it.
        """
        value, width = self.number(column), scale.high - scale.low
        if not 0 <= value <= width / math.sqrt(2) + TOLERANCE * width:
            raise self.fault(
                "off_scale",
                f"{value:g} in column {column} is no standard deviation on the scale {scale.name}",
                "Check that the file is on the published scale, and correct or remove the row",
            )
        return value * 2 / width


def on_scale(value: float, scale: Scale, what: str, where: str) -> float:
    """A rating brought from its nominal scale to [-1, 1].

    Raises
    ------
    DataError
        If it lies outside the scale.
    """
    slack = TOLERANCE * (scale.high - scale.low)
    if not scale.low - slack <= value <= scale.high + slack:
        raise DataError(
            f"{value:g} in {what} lies outside the scale {scale.name}",
            subject=where,
            remedy="Check that the file is on the published scale, and correct or remove the row",
            code="off_scale",
        )
    return min(1.0, max(-1.0, scale.to_unit(value)))


def _text(path: Path, missing: str) -> str:
    try:
        return read_text(path, marked=True)
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            subject=display_name(path),
            remedy=missing,
            code="unreadable_file",
        ) from error
    except TextError as error:
        raise _no_table(path, error, "Spreadsheets call that 'CSV UTF-8'") from error


def _no_table(path: Path, error: Exception, remedy: str) -> DataError:
    cause = f"not a table of text ({error})"
    return DataError(cause, subject=display_name(path), remedy=remedy, code="not_a_table")


def _lines(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Number and stripped values of every line."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [(reader.line_num, [value.strip() for value in line]) for line in reader]
    except csv.Error as error:
        raise _no_table(path, error, "Fetch the file again") from error


def _delimiter(path: Path, text: str, columns: Sequence[str], usual: str) -> str:
    """The usual character between values, or the one by which the columns are found."""
    first = text[: text.find("\n") + 1] or text
    for delimiter in (usual, *DELIMITERS):
        names = [name for _, line in _lines(path, first, delimiter) for name in line]
        if all(name in names for name in columns):
            return delimiter
    return usual


def read_rows(
    path: Path,
    columns: Sequence[str],
    *,
    header: Sequence[str] | None = None,
    delimiter: str = ",",
    missing: str = "Check the folder; 'hevner datasets info' lists the files of a dataset",
) -> list[Row]:
    """Rows of a CSV file.

    Parameters
    ----------
    path
        The file, UTF-8 with or without a mark, or UTF-16 or UTF-32 with one.
    columns
        Required columns.
    header
        Names of the columns of a file without a first line of them.
    delimiter
        Character between values; another one is taken if it yields the columns and this does not.
    missing
        What to do if the file cannot be read.

    Raises
    ------
    DataError
        If the file or a column is missing, it is not text, or it has no row.
    """
    text = _text(path, missing)
    if header is None:
        delimiter = _delimiter(path, text, columns, delimiter)
    lines = _lines(path, text, delimiter)
    names = header or (lines.pop(0)[1] if lines else [])
    lacking = [name for name in columns if name not in names]
    if lacking:
        raise DataError(
            f"column {', '.join(lacking)} is missing",
            subject=str(path),
            remedy=f"Expected the columns {', '.join(columns)}",
            code="column_missing",
        )
    rows, comma = [], delimiter in DELIMITERS
    for number, values in lines:
        if any(values):
            values += [""] * (len(names) - len(values))  # the line ends early
            cells = dict(zip(names, values, strict=False))
            rows.append(Row(cells, f"{path}, line {number}", tuple(values[len(names) :]), comma))
    if not rows:
        raise DataError(
            "has no rows",
            subject=str(path),
            remedy="Fill it in, or fetch the file again",
            code="no_rows",
        )
    return rows


def unique(rows: Iterable[Row], column: str, findings: Findings) -> Iterator[Row]:
    """Rows whose value in a column did not occur before; the others are problems."""
    seen: dict[str, str] = {}
    for row in rows:
        key = row.values[column]
        if key in seen:
            findings.problem(
                "duplicate-id",
                row.fault(
                    "duplicate_id",
                    f"'{key}' in column {column} occurs before, in {seen[key]}",
                    "Keep one of the two rows",
                ),
            )
        else:
            seen[key] = row.where
            yield row


def each(
    rows: Iterable[Row], column: str, findings: Findings, make: Callable[[Row], Made]
) -> list[Made]:
    """The results of ``make`` for every row.

    A row that repeats an id, or for which ``make`` raises `DataError`, is a problem and left out.
    """
    made = []
    for row in unique(rows, column, findings):
        with findings.skipping():
            made.append(make(row))
    return made
