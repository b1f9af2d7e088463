"""Features on disk: one entry per piece of audio, found by the content of that audio.

Conventions
-----------
A store is a folder. The features of each dataset and encoder are one SQLite database in it::

    <dataset>/<encoder>-<version>[-<digest of the parameters>].features

An entry holds all vectors that an encoder gave for one piece of audio, one row per window, never
pooled. It is stored once under the digest of what it was made from (`digest`), its *content*. Any
number of tracks, each in any number of variants, may refer to it.

Several processes may write at once; they wait for each other. A process that is killed loses the
entry that it was writing, and nothing else.
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
from hevner.store.database import connect
from hevner.store.entry import Dropped, Entry, Kind, check_name, digest
from hevner.store.file import SUFFIX, FeatureFile

__all__ = ["Dropped", "Entry", "FeatureFile", "FeatureStore", "Kind", "digest"]

OLD_SUFFIX = ".index"
"""Ending of files of the layout before this one, which `hevner.store.migrate` converts."""

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
            If the file is damaged, of another kind, or of the old layout.
        OutputError
            If it cannot be made.
        """
        check_name(dataset, "dataset")
        path = self.folder / dataset / f"{kind.name}{SUFFIX}"
        if path.with_suffix(OLD_SUFFIX).exists():
            raise self._old_layout()
        return FeatureFile(path, kind)

    def paths(self, dataset: str = "*", name: str = "*") -> list[Path]:
        """The files of a store, sorted; each can be opened as a `FeatureFile`.

        Parameters
        ----------
        dataset, name
            Patterns for names of datasets and features (`Kind.name`), such as ``musicnn-*``.

        Raises
        ------
        DataError
            If one of the files is of the old layout.
        """
        folders = self.folder.glob(dataset)
        if any(path for folder in folders for path in folder.glob(f"{name}{OLD_SUFFIX}")):
            raise self._old_layout()
        return sorted(self.folder.glob(f"{dataset}/{name}{SUFFIX}"))

    def files(self) -> list[FeatureFile]:
        """Every file, sorted by dataset and encoder.

        Raises
        ------
        DataError
            If there is no such folder, or a file is damaged or of the old layout.
        """
        self.check_exists()
        return [FeatureFile(path) for path in self.paths()]

    def check_exists(self) -> None:
        """Raise `DataError` if the folder of the store does not exist."""
        if not self.folder.is_dir():
            raise DataError(
                "no such folder",
                subject=display_name(self.folder),
                remedy="Check the path",
                code="folder_missing",
            )

    def _old_layout(self) -> DataError:
        folder = display_name(self.folder)
        return DataError(
            "holds features in the layout of an earlier version",
            subject=folder,
            remedy=f"Run 'hevner features migrate {folder}' once; it keeps all features",
            code="old_layout",
        )

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
            # The time of the content can be set, that of any change cannot.
            time_ns = max(status.st_mtime_ns, status.st_ctime_ns)
            key = (os.fsencode(path.absolute()), status.st_size, time_ns)
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
                code="unreadable_file",
            ) from error
        if time.time_ns() - time_ns > SETTLED_NS:
            self._remember(key, found.hexdigest())
        return found.hexdigest()

    def _remembered(self, key: tuple[bytes, int, int]) -> str | None:
        ask = "SELECT digest FROM files WHERE path = ? AND size = ? AND time = ?"
        try:
            with closing(connect(self._digests, "ro")) as memory:
                row = memory.execute(ask, key).fetchone()
        except sqlite3.Error:  # nothing remembered yet, or the database is damaged: read the file
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
            return  # the file is read again next time

    @property
    def _digests(self) -> Path:
        return self.folder / "digests.sqlite"
