"""The index of a feature file: an SQLite database that says which entry lies where.

Conventions
-----------
Table ``state`` has one row: the kind, as JSON, and where the used part of the data file ends.
Table ``entries`` has a row per content, ``tracks`` one per track and variant. SQLite's rollback
journal makes every transaction whole or undone, also after the death of the process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from hevner.errors import DataError, HevnerError, OutputError
from hevner.files import cannot_write, display_name
from hevner.store.entry import Kind

WAIT_S = 60.0
"""Seconds to wait for another process that writes."""

APPLICATION_ID = 0x4845564E
LAYOUT = 1

TABLES = (
    "CREATE TABLE state (kind TEXT NOT NULL, end INTEGER NOT NULL)",
    "CREATE TABLE entries (content TEXT PRIMARY KEY, offset INTEGER NOT NULL, "
    "count INTEGER NOT NULL, duration REAL, starts BLOB, checksum BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE tracks (track TEXT NOT NULL, variant TEXT NOT NULL, "
    "content TEXT NOT NULL REFERENCES entries ON DELETE CASCADE, "
    "PRIMARY KEY (track, variant)) WITHOUT ROWID",
    "CREATE INDEX by_content ON tracks (content)",
)


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a database, ``mode`` being SQLite's ``ro``, ``rw`` or ``rwc``."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, timeout=WAIT_S, isolation_level=None, uri=True)


class Index:
    """Opens the database anew for every use, which takes a fifth of a millisecond.

    So no lock outlives a call, and threads and forked processes cannot disturb each other.

    Parameters
    ----------
    path
        Of the database.
    data
        Of the data file it speaks of, for messages.
    """

    def __init__(self, path: Path, data: Path) -> None:
        self.path = path
        self.data = data

    @contextmanager
    def session(self) -> Iterator[sqlite3.Connection]:
        """The database, to read from.

        Raises
        ------
        DataError
            If it is damaged.
        OutputError
            If the disk or another process is in the way.
        """
        try:
            # Closing undoes a transaction that was not committed.
            with closing(connect(self.path, "rw")) as database:
                database.execute("PRAGMA foreign_keys = ON")
                yield database
        except sqlite3.Error as error:
            raise self._problem(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The database, for one writer at a time; all that is done inside is kept, or nothing.

        Raises
        ------
        DataError, OutputError
            As `session`.
        """
        try:
            with self.session() as database:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
        except OSError as error:
            raise cannot_write(self.data, error) from error

    def kind(self) -> Kind | None:
        """What the file holds; None if there is no index, or one without tables.

        Raises
        ------
        DataError
            If the database is damaged or somebody else's.
        """
        if not self.path.exists():
            return None
        with self.session() as database:
            (owner,) = database.execute("PRAGMA application_id").fetchone()
            (layout,) = database.execute("PRAGMA user_version").fetchone()
            if _is_empty(database):
                return None
            if owner != APPLICATION_ID or layout != LAYOUT:
                raise self.damaged("made by another program or version")
            (text,) = database.execute("SELECT kind FROM state").fetchone()
        try:
            return Kind(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise self.damaged(str(error)) from error

    def create(self, kind: Kind) -> None:
        """Make both files, unless another process is quicker.

        Raises
        ------
        OutputError
            If they cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.data.touch()
            self.path.touch()
        except OSError as error:
            raise cannot_write(self.path, error) from error
        with self.transaction() as database:
            if not _is_empty(database):
                return
            for statement in TABLES:
                database.execute(statement)
            database.execute("INSERT INTO state VALUES (?, 0)", (json.dumps(asdict(kind)),))
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {LAYOUT}")

    def check(self) -> None:
        """Read the whole database.

        Raises
        ------
        DataError
            If it is damaged.
        """
        with self.session() as database:
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise self.damaged(state)

    def damaged(self, cause: str) -> DataError:
        """The error to raise for a database that is beyond use."""
        return DataError(
            f"not a sound index of features ({cause})",
            subject=display_name(self.path),
            remedy=f"Delete it and {self.data.name}, then extract again",
        )

    def _problem(self, error: sqlite3.Error) -> HevnerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
        where = display_name(self.path)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OutputError(
                f"another process has been writing for {WAIT_S:g} s",
                subject=where,
                remedy="Wait for it to end, then try again",
            )
        if code == sqlite3.SQLITE_FULL:
            return OutputError("the disk is full", subject=where, remedy="Free some space there")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR):
            return OutputError(
                f"cannot be used ({error})",
                subject=where,
                remedy="Check the space on its disk and the permissions of its folder",
            )
        return self.damaged(str(error))


def _is_empty(database: sqlite3.Connection) -> bool:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables
