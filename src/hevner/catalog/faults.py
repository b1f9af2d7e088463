"""Errors of LanceDB as errors that name the table, the filter or the disk, and the remedy.

Conventions
-----------
LanceDB reports a full disk, a filter that makes no sense and a damaged file by the same kinds of
error, told apart here by their text; and some damage ends in a panic of its Rust code, which is
damage like any other.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hevner.catalog.checksums import CHECKSUM
from hevner.catalog.header import damaged, refused, unreachable
from hevner.errors import CatalogError, HevnerError
from hevner.files import cannot_write
from hevner.object_path import Location, ObjectPath, reason

MOST_TERMS = 200
"""Most operators in a filter: LanceDB computes each inside the one before, and a few hundred
overflow the stack, which ends the process."""

SHOWN = 200
"""Most characters of a filter in a message."""

HIDDEN = ("vector", "place", "curve", "encoded", "changed", CHECKSUM)
"""Columns that nobody reads or needs in a filter."""

PANICS = ("PanicException", "RustPanic")
"""Names of errors for a panic: of a call, which is no `Exception`, and of one in the background."""

_STORE = re.compile(r"^(?!.*404 Not Found).*(Error performing|HTTP error|credential)", re.DOTALL)
_CROWDED = re.compile(r"commit conflict|concurrent", re.IGNORECASE)
_QUOTED = re.compile(r"'[^']*'")
_TERM = re.compile(r"[-+*/%<>=!~|&^(]+|\b(?:and|or|not|between|i?like|case|when)\b", re.IGNORECASE)


@contextmanager
def clear_errors(
    table: Location, folder: Location, where: str | None = None, columns: Sequence[str] = ()
) -> Iterator[None]:
    """Turn errors of LanceDB about a table into errors that name it and the remedy.

    Parameters
    ----------
    table, folder
        The table and the catalogue it belongs to.
    where, columns
        The filter that is in use, None for none, and the columns it may name.
    """
    terms = len(_TERM.findall(_QUOTED.sub("", where or "")))
    if where is not None and terms > MOST_TERMS:
        raise _misunderstood(where, f"it has {terms} terms of {MOST_TERMS} at most", columns)
    try:
        yield
    except HevnerError:
        raise
    except BaseException as error:
        if not (is_panic(error) or isinstance(error, (OSError, RuntimeError, ValueError))):
            raise
        text = str(error)
        if (full := system_error(text)) is not None:
            raise cannot_write(table, full) from error
        if where is not None and (isinstance(error, ValueError) or "filter expr" in text):
            raise _misunderstood(where, text, columns) from error
        if isinstance(table, ObjectPath) and _CROWDED.search(text):
            cause, remedy = "too many processes write at a time", "Run the same command again"
            raise refused("crowded", table, cause, remedy) from error
        if isinstance(table, ObjectPath) and _STORE.search(text):
            raise unreachable(table, reason(text)) from error
        raise unreadable(table, folder, _first_clause(text)) from error


def enclosed(where: str) -> str:
    """A filter in parentheses of its own, to be joined with others.

    Raises `CatalogError` if it closes one that it did not open, and so would end them.
    """
    depth = 0
    for sign in re.findall(r"[()]", _QUOTED.sub("", where)):
        depth += 1 if sign == "(" else -1
        if depth < 0:
            raise _misunderstood(where, "a parenthesis is closed that was not opened", ())
    return f"({where})"


@contextmanager
def quoting(where: str, count: Callable[[str], object]) -> Iterator[None]:
    """Let an error about a filter that was joined with others be about a person's own part.

    ``count`` counts the rows that pass a filter, so it raises the error about that part alone.
    """
    try:
        yield
    except CatalogError as error:
        if error.code == "bad_filter" and where:
            count(where)
        raise


def is_panic(error: BaseException) -> bool:
    """Whether an error is a panic of Rust code."""
    return type(error).__name__ in PANICS


def unreadable(table: Location, folder: Location, why: str) -> CatalogError:
    """The error for a damaged table."""
    return damaged(table, f"the table cannot be read: {why}", folder)


def system_error(text: str) -> OSError | None:
    """The operating system's error that LanceDB quotes, if it was about room."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if f"os error {number}" in text or os.strerror(number) in text:
            return OSError(number, os.strerror(number))
    return None


def _misunderstood(where: str, text: str, columns: Sequence[str]) -> CatalogError:
    shown = where if len(where) <= SHOWN else f"{where[:SHOWN]}..."
    names = ", ".join(name for name in columns if name not in HIDDEN)
    there = f"; there are {names}" if names else ""
    return CatalogError(
        f"the filter {shown!r} is not understood: {_first_clause(text)}",
        remedy=f'Compare columns with values, as in "duration < 300"{there}',
        stage="filter",
        code="bad_filter",
    )


def _first_clause(text: str) -> str:
    """An error message of LanceDB without the place in its source code, and names of columns."""
    text = re.sub(r"(, /\S+\.rs:\d+:\d+|\. Valid fields are ).*", "", text, flags=re.DOTALL)
    text = re.sub(r"^.*Error applying filter expression to batch: (Arrow error: )?", "", text)
    return text.removeprefix("lance error: ").removeprefix("Invalid input, ").rstrip(".? ")
