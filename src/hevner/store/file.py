"""The features of one dataset by one encoder: an SQLite database.

Conventions
-----------
Table ``state`` holds the kind of the features as JSON, ``entries`` a row per content with the
vectors as little-endian bytes, and ``tracks`` a row per track and variant. SQLite's rollback
journal makes every transaction whole or undone, also after the death of the process.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hevner.errors import DataError
from hevner.files import cannot_write, display_name
from hevner.store.database import damaged, session, transaction
from hevner.store.entry import Array, Dropped, Entry, Kind

SUFFIX = ".features"
"""Ending of the files."""

APPLICATION_ID = 0x4845564E
LAYOUT = 2
"""Version of the tables; 1 had the vectors in a file of their own (`hevner.store.migrate`)."""

PAGE_BYTES = 16384
"""Size of a database page: entries of kilobytes share one, large ones need short chains."""

TABLES = (
    "CREATE TABLE state (kind TEXT NOT NULL)",
    "CREATE TABLE entries (entry INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE, "
    "duration REAL, starts BLOB, checksum BLOB NOT NULL, vectors BLOB NOT NULL)",
    "CREATE TABLE tracks (track TEXT NOT NULL, variant TEXT NOT NULL, "
    "entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE, "
    "PRIMARY KEY (track, variant)) WITHOUT ROWID",
    "CREATE INDEX by_entry ON tracks (entry)",
)

INSERT = "INSERT INTO entries (content, duration, starts, checksum, vectors) VALUES (?, ?, ?, ?, ?)"
LINK = "INSERT OR REPLACE INTO tracks SELECT ?, ?, entry FROM entries WHERE content = ?"

_KNOWN = "SELECT 1 FROM entries WHERE content = ?"
_ENTRY = "SELECT content, duration, starts, vectors FROM entries "
_BY_TRACK = "JOIN tracks USING (entry) WHERE track = ? AND variant = ?"


class FeatureFile:
    """The features of one dataset by one encoder.

    Between calls it keeps neither lock nor open file, so threads may share it, and a forked
    process may go on with it.

    Parameters
    ----------
    path
        The file.
    kind
        Kind of features. The file is made if there is none. Without a kind, an existing file is
        opened, whatever it holds.

    Raises
    ------
    DataError
        If the file is missing, damaged or of another kind. Methods raise it too if the file
        proves damaged.
    OutputError
        If the file cannot be made.
    """

    def __init__(self, path: Path, kind: Kind | None = None) -> None:
        self.path = path
        stored = self._stored_kind()
        if stored is None and kind is not None:
            self._create(kind)
            stored = self._stored_kind()
        if stored is None:
            raise DataError(
                "no features here",
                subject=display_name(path),
                remedy="Check the path",
                code="file_missing",
            )
        if kind is not None and stored != kind:
            raise DataError(
                f"holds {stored.description}, not {kind.description}",
                subject=display_name(path),
                remedy="Give other features another version or store, or delete this file",
                code="other_features",
            )
        self.kind = stored
        self._dtype = np.dtype(stored.dtype).newbyteorder("<")

    def _stored_kind(self) -> Kind | None:
        if not self.path.exists():
            return None
        with session(self.path) as database:
            if _is_empty(database):  # first: another process may be making it just now
                return None
            (owner,) = database.execute("PRAGMA application_id").fetchone()
            (layout,) = database.execute("PRAGMA user_version").fetchone()
            if owner != APPLICATION_ID or layout != LAYOUT:
                raise damaged(self.path, "made by another program or version")
            (text,) = database.execute("SELECT kind FROM state").fetchone()
        try:
            return Kind(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise damaged(self.path, str(error)) from error

    def _create(self, kind: Kind) -> None:
        """Make the file, unless another process is quicker."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        with session(self.path, "rwc") as database:
            database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            database.execute("BEGIN IMMEDIATE")
            if _is_empty(database):
                for statement in TABLES:
                    database.execute(statement)
                database.execute("INSERT INTO state VALUES (?)", (json.dumps(asdict(kind)),))
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {LAYOUT}")
            database.execute("COMMIT")

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.path.parent.name

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    # --- reading ---

    def get(self, track: str, variant: str = "") -> Entry:
        """The entry of a track.

        Raises
        ------
        DataError
            If there is none.
        """
        with session(self.path) as database:
            return self._get(database, track, variant)

    def content(self, track: str, variant: str = "") -> str | None:
        """Content that the entry of a track was made from; None if there is no entry."""
        ask = "SELECT content FROM entries " + _BY_TRACK
        with session(self.path) as database:
            row = database.execute(ask, (track, variant)).fetchone()
        return None if row is None else str(row[0])

    def __contains__(self, content: str) -> bool:
        with session(self.path) as database:
            return database.execute(_KNOWN, (content,)).fetchone() is not None

    def __len__(self) -> int:
        with session(self.path) as database:
            return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])

    def ids(self) -> list[tuple[str, str]]:
        """Every stored track and variant, sorted."""
        with session(self.path) as database:
            everything = "SELECT track, variant FROM tracks ORDER BY track, variant"
            return list(database.execute(everything))

    def pooled(self, tracks: Iterable[str], variant: str = "") -> Array:
        """The mean vector of each track over its windows.

        Returns
        -------
        NDArray
            float32, shape ``(n_tracks, dimension)``.

        Raises
        ------
        DataError
            If a track is missing or has no window.
        """
        vectors = []
        with session(self.path) as database:
            for track in tracks:
                rows = self._get(database, track, variant).rows
                if not len(rows):
                    raise DataError(
                        "has no window, so there is nothing to pool",
                        subject=self._name(track, variant),
                        remedy="Leave it out",
                        code="empty_features",
                    )
                vectors.append(rows.mean(axis=0, dtype=np.float64))
        return np.array(vectors, np.float32).reshape(len(vectors), self.kind.dimension)

    def _get(self, database: sqlite3.Connection, track: str, variant: str) -> Entry:
        row = database.execute(_ENTRY + _BY_TRACK, (track, variant)).fetchone()
        if row is not None:
            return self._entry(*row)
        others = "SELECT variant FROM tracks WHERE track = ? ORDER BY variant"
        found = ", ".join(repr(other[0]) for other in database.execute(others, (track,)))
        folder = display_name(self.path.parent.parent)
        raise DataError(
            f"no {self.kind.name} features are stored",
            subject=self._name(track, variant),
            remedy=f"Ask for the variant {found}"
            if found
            else f"Extract or import them into {folder}",
            code="features_missing",
        )

    def _name(self, track: str, variant: str) -> str:
        return f"{self.dataset}, track {track}" + (f", variant {variant}" if variant else "")

    def _entry(
        self, content: str, duration: float | None, starts: bytes | None, vectors: bytes
    ) -> Entry:
        row_bytes = self.kind.dimension * self._dtype.itemsize
        shape = len(vectors) // row_bytes, self.kind.dimension
        rows: Array = np.ndarray(shape, self._dtype, vectors)
        times = None if starts is None else np.frombuffer(starts, "<f8")
        return Entry(content, rows, times, duration)

    # --- writing ---

    def add(self, entry: Entry, track: str, variant: str = "") -> None:
        """Store an entry; see `add_many`."""
        self.add_many([(track, variant, entry)])

    def add_many(self, additions: Sequence[tuple[str, str, Entry]]) -> None:
        """Store the entries of tracks and variants, all or none of them.

        Vectors of a content that is stored already are not stored again. A track that had another
        entry has the new one afterwards.

        Raises
        ------
        DataError
            If an entry does not fit this file, or holds a number that is not finite.
        OutputError
            If it cannot be written; entries stored before stay as they were.
        """
        for track, variant, entry in additions:
            if problem := entry.problem(self.kind):
                raise DataError(
                    problem,
                    subject=self._name(track, variant),
                    remedy="Compute the features again",
                    code="wrong_features",
                )
        with transaction(self.path) as database:
            for track, variant, entry in additions:
                if database.execute(_KNOWN, (entry.content,)).fetchone() is None:
                    database.execute(INSERT, self._values(entry))
                database.execute(LINK, (track, variant, entry.content))

    def _values(self, entry: Entry) -> tuple[str, float | None, bytes | None, bytes, bytes]:
        vectors = entry.rows.astype(self._dtype, copy=False).tobytes()
        starts = None if entry.starts is None else entry.starts.astype("<f8").tobytes()
        check = checksum(vectors, entry.content, len(entry.rows), entry.duration, starts)
        return entry.content, entry.duration, starts, check, vectors

    def link(self, content: str, track: str, variant: str = "") -> bool:
        """Let a track refer to the entry made from that content.

        Returns
        -------
        bool
            Whether there is such an entry.

        Raises
        ------
        OutputError
            If it did not refer to it before, and the file cannot be written.
        """
        if content not in self:
            return False
        if self.content(track, variant) == content:
            return True
        with transaction(self.path) as database:
            return bool(database.execute(LINK, (track, variant, content)).rowcount)

    # --- checking ---

    def verify(self) -> list[Dropped]:
        """Read every entry and take out those that are damaged, so that they are made again.

        Raises
        ------
        DataError
            If the tables themselves are damaged.
        OutputError
            If an entry is damaged but the file cannot be written.
        """
        row_bytes = self.kind.dimension * self._dtype.itemsize
        with session(self.path) as database:
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise damaged(self.path, state)
            wrong = [
                (number, content)
                for number, content, duration, starts, check, vectors in database.execute(
                    "SELECT entry, content, duration, starts, checksum, vectors FROM entries"
                )
                if check != checksum(vectors, content, len(vectors) // row_bytes, duration, starts)
            ]
        if not wrong:
            return []
        dropped = []
        with transaction(self.path) as database:
            for number, content in wrong:
                users = "SELECT track, variant FROM tracks WHERE entry = ?"
                dropped.append(Dropped(content, tuple(database.execute(users, (number,)))))
                database.execute("DELETE FROM entries WHERE entry = ?", (number,))
        return dropped


def checksum(
    vectors: bytes, content: str, count: int, duration: float | None, starts: bytes | None
) -> bytes:
    """Digest of all that an entry holds, 16 bytes."""
    result = hashlib.blake2b(vectors, digest_size=16)
    result.update(f"{content} {count} {duration!r}".encode())
    result.update(b"no starts" if starts is None else starts)
    return result.digest()


def _is_empty(database: sqlite3.Connection) -> bool:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables
