"""SQLite for a store: one connection for each use, and its faults as errors with a remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hevner.errors import DataError, HevnerError, OutputError
from hevner.files import display_name

WAIT_S = 60.0
"""Seconds to wait for another process that writes."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a database.

    Opening takes a fifth of a millisecond. With a connection for each use no lock outlives a call,
    and threads and forked processes cannot disturb each other.

    Parameters
    ----------
    mode
        SQLite's ``ro``, ``rw`` or ``rwc``: read, write, write and create.
    """
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, timeout=WAIT_S, isolation_level=None, uri=True)


@contextmanager
def session(
    path: Path, mode: str = "rw", wait_s: float | None = None
) -> Iterator[sqlite3.Connection]:
    """A database to read from; others that write are waited for `WAIT_S`, or the seconds given.

    Raises
    ------
    DataError
        If it is damaged.
    OutputError
        If the disk or another process is in the way.
    """
    wait_s = WAIT_S if wait_s is None else wait_s
    try:
        # Closing undoes a transaction that was not committed.
        with closing(connect(path, mode)) as database:
            database.execute("PRAGMA foreign_keys = ON")
            database.execute(f"PRAGMA busy_timeout = {wait_s * 1000:.0f}")
            yield database
    except sqlite3.Error as error:
        raise _problem(path, error, wait_s) from error


@contextmanager
def transaction(
    path: Path, mode: str = "rw", wait_s: float | None = None
) -> Iterator[sqlite3.Connection]:
    """A `session` for one writer at a time; all changes are kept, or none."""
    with session(path, mode, wait_s) as database:
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("COMMIT")


def damaged(path: Path, cause: str) -> DataError:
    """The error to raise for a file that cannot be used any more."""
    return DataError(
        f"not a sound file of features ({cause})",
        subject=display_name(path),
        remedy="Copy it again, or delete it and extract again",
        code="damaged_store",
    )


def _problem(path: Path, error: sqlite3.Error, wait_s: float) -> HevnerError:
    number = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits are details
    if number in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        code, cause = "store_busy", f"another process has been writing for {wait_s:g} s"
        remedy = "Wait for it to end, then try again"
    elif number == sqlite3.SQLITE_FULL:
        code, cause, remedy = "no_space", "the disk is full", "Free some space there"
    elif number in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
        code = "no_permission" if number == sqlite3.SQLITE_READONLY else "cannot_write"
        cause = f"cannot be used ({error})"
        remedy = "Check the space on its disk and the permissions of its folder"
    else:
        return damaged(path, str(error))
    return OutputError(cause, subject=display_name(path), remedy=remedy, code=code)
