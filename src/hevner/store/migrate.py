"""Convert a store of the first layout, vectors and their index in two files, to the present one.

Conventions
-----------
The old index (``.index``, SQLite) says at which byte of the old data file (``.rows``) the vectors
of an entry begin. Checksums are taken over as they are, so damage that was there before is found.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from hevner.files import cannot_write
from hevner.store import OLD_SUFFIX, FeatureStore
from hevner.store.database import damaged, transaction
from hevner.store.entry import Dropped, Kind
from hevner.store.file import INSERT, LINK, SUFFIX, FeatureFile

OLD_LAYOUT = 1


def migrate(store: FeatureStore) -> Iterator[tuple[FeatureFile, list[Dropped]]]:
    """Convert every file of the old layout, one after the other.

    A new file appears when it is complete and checked; then its old ones are deleted. So a
    migration that was stopped goes on when it is started again.

    Yields
    ------
    tuple
        Each new file, and its entries that were damaged and are left out.

    Raises
    ------
    DataError
        If there is no such folder, or an old index is damaged.
    OutputError
        If the folder cannot be written.
    """
    store.check_exists()
    for old in sorted(store.folder.glob(f"*/*{OLD_SUFFIX}")):
        new, data, part = (old.with_suffix(end) for end in (SUFFIX, ".rows", ".part"))
        dropped: list[Dropped] = []
        try:
            if not new.exists():
                part.unlink(missing_ok=True)
                part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
                dropped = _convert(old, data, part)
                part.replace(new)
            data.unlink(missing_ok=True)
            old.unlink()  # last: it marks a file that is not done
        except OSError as error:
            raise cannot_write(new, error) from error
        yield FeatureFile(new), dropped


def _convert(old: Path, data: Path, new: Path) -> list[Dropped]:
    # The transaction keeps other processes from adding to the old file meanwhile.
    # Entries of a lost data file are empty and found to be damaged.
    with transaction(old) as index, data.open("rb") if data.exists() else BytesIO() as rows:
        (layout,) = index.execute("PRAGMA user_version").fetchone()
        if layout != OLD_LAYOUT:
            raise damaged(old, "made by another program or version")
        (text,) = index.execute("SELECT kind FROM state").fetchone()
        file = FeatureFile(new, Kind(**json.loads(text)))
        with transaction(new) as database:
            database.executemany(INSERT, _entries(index, rows, file.kind))
            tracks = index.execute("SELECT track, variant, content FROM tracks")
            database.executemany(LINK, tracks)
    return file.verify()


def _entries(
    index: sqlite3.Connection, rows: IO[bytes], kind: Kind
) -> Iterator[tuple[str, float | None, bytes | None, bytes, bytes]]:
    row_bytes = kind.dimension * np.dtype(kind.dtype).itemsize
    entries = index.execute(
        "SELECT content, offset, count, duration, starts, checksum FROM entries ORDER BY offset"
    )
    for content, offset, count, duration, starts, check in entries:
        rows.seek(max(0, offset))
        yield content, duration, starts, check, rows.read(max(0, count) * row_bytes)
