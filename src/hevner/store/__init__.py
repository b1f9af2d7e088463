"""Features on disk: one entry per piece of audio, found by the content of that audio.

Conventions
-----------
A store is a folder. Each dataset and encoder has two files in it::

    <dataset>/<encoder>-<version>[-<digest of the parameters>].rows     vectors, little-endian
    <dataset>/<encoder>-<version>[-<digest of the parameters>].index    what lies where, SQLite

An entry holds all vectors that an encoder gave for one piece of audio, one row per window, never
pooled. It is stored once under the digest of what it was made from (`digest`), its *content*. Any
number of tracks, each in any number of variants, may refer to it.

The data file only grows. Vectors are on disk before the index, which decides where the file ends,
takes them in; so a process that is killed leaves at most bytes that the next one overwrites.
Writers wait for each other; readers get views of the file, mapped into memory and closed to
writing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from hevner.errors import DataError
from hevner.files import display_name
from hevner.store.entry import Dropped, Entry, Kind, check_name, digest
from hevner.store.file import FeatureFile
from hevner.store.index import connect

__all__ = ["Dropped", "Entry", "FeatureFile", "FeatureStore", "Kind", "digest"]

SETTLED_NS = 2 * 10**9
"""A file changed more recently than this may change again under the same time stamp, so its digest
is not remembered."""


class FeatureStore:
    """A folder of feature files.

    Parameters
    ----------
    folder
        The folder; it is made when something is stored.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def open(self, dataset: str, kind: Kind) -> FeatureFile:
        """The features of a dataset by an encoder; an empty file is made if there is none.

        Raises
        ------
        DataError
            If the file is damaged or of another kind.
        OutputError
            If it cannot be made.
        """
        check_name(dataset, "dataset")
        return FeatureFile(self.folder / dataset / f"{kind.name}.index", kind)

    def paths(self) -> list[Path]:
        """The index of every file, sorted; each can be opened as a `FeatureFile`.

        Raises
        ------
        DataError
            If there is no such folder.
        """
        if not self.folder.is_dir():
            raise DataError(
                "no such folder", subject=display_name(self.folder), remedy="Check the path"
            )
        return sorted(self.folder.glob("*/*.index"))

    def files(self) -> list[FeatureFile]:
        """Every file, sorted by dataset and encoder.

        Raises
        ------
        DataError
            If there is no such folder, or an index is damaged.
        """
        return [FeatureFile(path) for path in self.paths()]

    def file_digest(self, path: Path) -> str:
        """Digest of the bytes of a file.

        It is remembered in the store for as long as size and time of the file stay the same.

        Raises
        ------
        DataError
            If the file cannot be read.
        """
        try:
            status = path.stat()
            key = (os.fsencode(path.absolute()), status.st_size, status.st_mtime_ns)
            known = self._remembered(key)
            if known is not None:
                return known
            with path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20))
        except OSError as error:
            raise DataError(
                f"cannot be read ({error.strerror or error})",
                subject=display_name(path),
                remedy="Check that it exists and may be read",
            ) from error
        if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
            self._remember(key, found.hexdigest())
        return found.hexdigest()

    def _remembered(self, key: tuple[bytes, int, int]) -> str | None:
        ask = "SELECT digest FROM files WHERE path = ? AND size = ? AND time = ?"
        try:
            with closing(connect(self._digests, "ro")) as memory:
                row = memory.execute(ask, key).fetchone()
        except sqlite3.Error:  # nothing remembered yet, or beyond use: the file is read
            return None
        return None if row is None else str(row[0])

    def _remember(self, key: tuple[bytes, int, int], found: str) -> None:
        table = "files (path BLOB PRIMARY KEY, size INTEGER, time INTEGER, digest TEXT)"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with closing(connect(self._digests, "rwc")) as memory:
                memory.execute(f"CREATE TABLE IF NOT EXISTS {table}")
                memory.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (*key, found))
        except (sqlite3.Error, OSError):
            return  # it costs time, nothing else

    @property
    def _digests(self) -> Path:
        return self.folder / "digests.sqlite"
