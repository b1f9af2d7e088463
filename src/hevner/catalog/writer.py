"""Making and changing catalogues: by one process at a time, whole or not at all.

Conventions
-----------
The lock is the operating system's, so it ends with the process that holds it, however that ends.

A change is safe against a stop at any point: its ids are noted first, then moments are added, then
pieces in one step. Moments whose piece was not written are removed before the next change.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from hevner.catalog import header, index_building, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.tables import MOMENTS, PIECES, Row, in_lists
from hevner.encoders.base import EncoderCard
from hevner.errors import CatalogError, OutputError
from hevner.files import PART, cannot_write, display_name, replace_file, sweep_parts
from hevner.model.space import Space
from hevner.text_file import read_json

LOCK, HOLDER, CHANGE = "lock", "holder.json", "change.json"

OWN = {header.NAME, LOCK, HOLDER, CHANGE, f"{PIECES}.lance", f"{MOMENTS}.lance"}
INDEXES = "*.search"
"""Names that may lie in a catalogue's folder."""

TIDY_AFTER = 128
"""Changes after which small files are joined, so that a long run stays quick."""


def create(folder: str | Path, space: Space) -> Catalog:
    """Make an empty catalogue; one that is there is replaced.

    Raises
    ------
    CatalogError
        If the folder holds anything else, or another process is writing there.
    OutputError
        If it cannot be written.
    """
    folder = Path(folder).absolute()
    made_with = header.current(space)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        derived = {path.name for name in (PART.format("*"), INDEXES) for path in folder.glob(name)}
        others = {path.name for path in folder.iterdir()} - OWN - derived
        if others:
            cause = f"the folder holds other things ({display_name(min(others))})"
            remedy = "Name an empty or a new folder"
            raise header.refused("folder_not_empty", folder, cause, remedy)
        with locked(folder):
            # Without a header there is no catalogue: a stop in between leaves none.
            for name in (header.NAME, CHANGE):
                (folder / name).unlink(missing_ok=True)
            for table in (PIECES, MOMENTS):
                index_building.remove(folder / f"{table}.lance")
            try:
                tables.create_tables(folder, made_with)
                header.write(folder, made_with)
            except OutputError:
                tables.remove_tables(folder)
                raise
    except OSError as error:
        raise cannot_write(folder, error) from error
    return Catalog(folder, space)


def open_or_create(folder: str | Path, space: Space) -> Catalog:
    """Open a catalogue, or make one where there is none; raises what both raise."""
    folder = Path(folder).absolute()
    is_new = not (folder / header.NAME).exists() and not tables.any_rows(folder)
    return create(folder, space) if is_new else Catalog(folder, space)


@contextmanager
def writing(catalog: Catalog) -> Iterator[Writer]:
    """Hold the lock of a catalogue and write to it; raises what `locked` raises."""
    with locked(catalog.folder):
        yield Writer(catalog)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a catalogue's folder.

    Raises
    ------
    CatalogError
        At once, if another process holds it.
    OutputError
        If the folder is closed to writing.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise CatalogError(
            f"the catalogue is being written by {_holder(folder)}",
            subject=display_name(folder),
            remedy="Wait until it is done; searching goes on meanwhile",
            stage="lock",
            code="locked",
        ) from error
    except OSError as error:
        raise cannot_write(folder / LOCK, error) from error
    try:
        sweep_parts(folder)
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        holder = {"process": os.getpid(), "machine": socket.gethostname(), "since": now}
        _put(folder / HOLDER, holder)
        yield
    finally:
        lock.release()


def _holder(folder: Path) -> str:
    try:
        held = read_json(folder / HOLDER)
        return f"process {held['process']} on {held['machine']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


class Writer:
    """Writes to a catalogue whose lock is held (`writing`).

    What an earlier process left half done is removed at once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._journal = catalog.folder / CHANGE
        self._changes = 0
        catalog.refresh()
        catalog.leave_indexes()
        self._recover()
        catalog.pieces.add_changed()

    def note_folders(self, folders: Iterable[str]) -> None:
        """Add to the folders in the header, each once."""
        self._put_header(folders=tuple(dict.fromkeys((*self._catalog.header.folders, *folders))))

    def note_encoder(self, card: EncoderCard) -> None:
        """Note the encoder for searches by text, and make the column for its vectors.

        Raises `CatalogError` if the catalogue has vectors of another encoder.
        """
        catalog = self._catalog
        header.check_encoder(catalog.folder, catalog.header, card)
        if not catalog.header.encoder:
            self._put_header(encoder=card.id, encoder_version=card.version)
        catalog.pieces.add_encoded(card.dimension)

    def _put_header(self, **changes: Any) -> None:
        new = replace(self._catalog.header, **changes)
        if new != self._catalog.header:
            header.write(self._catalog.folder, new)
            self._catalog.header = new

    def put_encoded(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Add vectors of the encoder to pieces, by their ids."""
        if vectors:
            with self._change(set()):
                self._catalog.pieces.put_encoded(vectors)

    def put(self, pieces: list[Row], moments: list[Row], replaced: Sequence[str] = ()) -> None:
        """Add pieces with their moments, or replace those of the same path.

        Each path comes once, and moments are those of pieces whose id is new; ``replaced`` are the
        ids of the rows that the catalogue holds under these paths.
        """
        if pieces:
            ids = {row["id"] for row in pieces if row["status"] == "ok"} | set(replaced)
            with self._change(ids):
                if moments:
                    self._catalog.moments.add(moments)
                self._catalog.pieces.add(pieces, key="path" if replaced else "")
                self._sweep(replaced)

    def remove(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Remove pieces by path and id, and moments that then belong to none."""
        rows = list(pieces)
        ids = {id for _path, id in rows}
        if rows:
            with self._change(ids):
                self._catalog.pieces.delete("path", (path for path, _id in rows))
                self._sweep(ids)

    def tidy(self) -> None:
        """Keep searching quick: join small files, and make the search indexes."""
        for table in (self._catalog.pieces, self._catalog.moments):
            table.tidy()
            index_building.build(table)

    @contextmanager
    def _change(self, ids: set[str]) -> Iterator[None]:
        _put(self._journal, sorted(ids))
        yield
        self._journal.unlink()
        self._changes += 1
        if self._changes % TIDY_AFTER == 0:
            self._catalog.pieces.tidy()
            self._catalog.moments.tidy()

    def _recover(self) -> None:
        try:
            ids = set(read_json(self._journal))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            cause = f"the note of an unfinished change is damaged ({error})"
            folder, made_with = self._catalog.folder, self._catalog.header
            raise header.damaged(self._journal, cause, folder, made_with) from error
        self._sweep(ids)
        self._journal.unlink()

    def _sweep(self, ids: Iterable[str]) -> None:
        """Remove the moments of those of these ids that no piece has."""
        kept = {
            row["id"]
            for some in in_lists("id", ids)
            for row in self._catalog.listing(["id"], f"status = 'ok' AND {some}")
        }
        self._catalog.moments.delete("piece", sorted(set(ids) - kept))


def _put(path: Path, record: object) -> None:
    try:
        replace_file(path, json.dumps(record).encode())
    except OSError as error:
        raise cannot_write(path, error) from error
