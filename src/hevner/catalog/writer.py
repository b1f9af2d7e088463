"""Making and changing catalogues: by one process at a time, whole or not at all.

Conventions
-----------
The lock is the operating system's, so it ends with the process that holds it, however that ends.

A change is safe against a stop at any point: its ids are noted first, then moments are added, then
pieces in one step, and the files are sealed. Moments whose piece was not written are removed before
the next change.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import filelock

from hevner.arrays import Floats
from hevner.catalog import header, index_building, object_catalog, seal, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import TABLES, Row
from hevner.catalog.header import Header
from hevner.catalog.kept_features import FEATURES
from hevner.catalog.tables import HOMES, in_lists
from hevner.encoders.base import EncoderCard
from hevner.errors import CatalogError, OutputError
from hevner.files import PART, cannot_write, display_name, sweep_parts, write_file
from hevner.model.space import Space
from hevner.object_path import Location, ObjectPath, location
from hevner.text_file import read_json

if TYPE_CHECKING:
    from hevner.features import Pooled

LOCK, HOLDER, CHANGE = "lock", "holder.json", "change.json"

INDEXES = "*.search"
"""Names of search indexes."""

OWN = {
    header.NAME,
    seal.NAME,
    LOCK,
    HOLDER,
    CHANGE,
    FEATURES,
    *(f"{name}.lance" for name in TABLES),
}
"""Names that may lie in a catalogue's folder, besides those."""

TIDY_AFTER = 128
"""Changes after which small files are joined, so that a long run stays quick."""


def create(
    folder: str | Location,
    space: Space,
    model: Path | None = None,
    features: Location | None = None,
) -> Catalog:
    """Make an empty catalogue; one that is there is replaced, with its features.

    ``features`` is the folder of kept features, if it is not that in ``folder``.

    ``model`` is the graph of the model that its pieces will be analysed by, the default one if
    None.

    Raises
    ------
    CatalogError
        If the folder holds anything else, or another process is writing there.
    OutputError
        If it cannot be written.
    """
    folder = location(folder).absolute()
    made_with = header.current(space, model)
    if isinstance(folder, ObjectPath):
        object_catalog.create(folder, made_with, anew=True)
        return Catalog(folder, space, features=features)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        derived = (PART.format("*"), HOMES, INDEXES)
        others = {path.name for path in folder.iterdir()} - OWN
        others -= {path.name for name in derived for path in folder.glob(name)}
        if others:
            cause = f"the folder holds other things ({display_name(min(others))})"
            remedy = "Name an empty or a new folder"
            raise header.refused("folder_not_empty", folder, cause, remedy)
        with locked(folder):
            # Without a header there is no catalogue: a stop in between leaves none.
            for name in (header.NAME, seal.NAME, CHANGE):
                (folder / name).unlink(missing_ok=True)
            for path in (folder / FEATURES, *folder.glob(HOMES)):
                shutil.rmtree(path, ignore_errors=True)
            for name in TABLES:
                index_building.remove(folder / f"{name}.lance")
            try:
                tables.create_tables(folder, made_with)
                header.write(folder, made_with)
            except OutputError:
                tables.remove_tables(folder)
                raise
    except OSError as error:
        raise cannot_write(folder, error) from error
    return Catalog(folder, space, features=features)


def open_or_create(folder: str | Location, space: Space, model: Path | None = None) -> Catalog:
    """Open a catalogue, or make one where there is none; raises what both raise.

    One that is there must have been made with ``model``, unless that is None.
    """
    folder = location(folder).absolute()
    try:
        is_new = not (folder / header.NAME).exists()
    except OSError as error:  # a store that does not answer, or refuses
        raise header.unreachable(folder, error.strerror or str(error)) from error
    if isinstance(folder, ObjectPath):
        if is_new:
            object_catalog.create(folder, header.current(space, model), anew=False)
    elif is_new and not tables.any_rows(folder):
        return create(folder, space, model)
    if model is not None:
        header.check_model(folder, header.read(folder), model)
    return Catalog(folder, space)


@contextmanager
def writing(catalog: Catalog) -> Iterator[Writer]:
    """Hold the lock of a catalogue and write to it; raises what `locked` raises.

    To one in an object store, many processes may write at a time.
    """
    if isinstance(catalog.folder, ObjectPath):
        yield Writer(catalog)
        return
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
        write_file(folder / HOLDER, json.dumps(holder).encode())
        yield
    finally:
        lock.release()


def sweep_old(folder: Path, keep: str) -> None:
    """Remove tables in a catalogue's folder, but those in the folder that is named."""
    for home in folder.glob(HOMES):
        if home.name != keep:
            shutil.rmtree(home, ignore_errors=True)
    if keep:
        tables.remove_tables(folder)
        for name in TABLES:
            index_building.remove(folder / f"{name}.lance")
        for name in (seal.NAME, CHANGE):
            (folder / name).unlink(missing_ok=True)


def _holder(folder: Path) -> str:
    try:
        held = read_json(folder / HOLDER)
        return f"process {held['process']} on {held['machine']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


class Writer:
    """Writes to a catalogue whose lock is held, or in an object store (`writing`).

    What an earlier process left half done is removed at once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._changes = 0
        catalog.refresh()
        if not isinstance(catalog.folder, Path) or not isinstance(catalog.home, Path):
            catalog.leave_indexes()
            return
        self._journal = catalog.home / CHANGE
        sweep_old(catalog.folder, keep=catalog.header.tables)
        sweep_parts(catalog.home)
        catalog.leave_indexes()
        self._recover()
        for table in (catalog.pieces, catalog.moments):
            table.add_noted()
        self._seal()

    def note_folders(self, folders: Iterable[str]) -> None:
        """Add to the folders in the header, each once."""
        new = tuple(folders)
        self._put_header(
            lambda old: replace(old, folders=tuple(dict.fromkeys((*old.folders, *new))))
        )

    def note_mounts(self, texts: tuple[str, ...]) -> None:
        """Note where drives are mounted (`hevner.catalog.presence`)."""
        self._put_header(lambda old: replace(old, mounts=texts))

    def note_encoder(self, card: EncoderCard) -> None:
        """Note the encoder for searches by text, and make the column for its vectors.

        Raises `CatalogError` if the catalogue has vectors of another encoder.
        """
        catalog = self._catalog
        header.check_encoder(catalog.folder, catalog.header, card)
        if not catalog.header.encoder:
            self._put_header(
                lambda old: replace(old, encoder=card.id, encoder_version=card.version)
            )
        catalog.pieces.add_encoded(card.dimension)

    def _put_header(self, changed: Callable[[Header], Header]) -> None:
        folder, old = self._catalog.folder, self._catalog.header
        if isinstance(folder, ObjectPath):
            self._catalog.header = header.change(folder, lambda found: changed(found or old))
        elif (new := changed(old)) != old:
            header.write(folder, new)
            self._catalog.header = new
            self._seal()

    def put_encoded(self, vectors: Mapping[str, Floats]) -> None:
        """Add vectors of the encoder to pieces, by their ids."""
        if vectors:
            with self._change(set()):
                self._catalog.pieces.put_encoded(vectors)

    def put(
        self,
        pieces: list[Row],
        moments: list[Row],
        replaced: Sequence[str] = (),
        features: Mapping[str, Pooled] = MappingProxyType({}),
    ) -> None:
        """Add pieces with their moments, or replace those of the same path.

        Each path comes once, and moments are those of pieces whose id is new; ``replaced`` are the
        ids of the rows that the catalogue holds under these paths. Features, by id, are kept.
        """
        if pieces:
            ids = {row["id"] for row in pieces if row["status"] == "ok"} | set(replaced)
            with self._change(ids):
                for row in pieces:
                    if row["id"] in features:
                        self._catalog.kept.put(row, features[row["id"]])
                if moments:
                    self._catalog.moments.add(moments)
                self._catalog.pieces.add(pieces, key="path" if replaced else "")
                self._catalog.kept.remove(self._sweep(replaced))

    def remove(self, pieces: Iterable[tuple[str, str]]) -> None:
        """Remove pieces by path and id, and moments that then belong to none."""
        rows = list(pieces)
        ids = {id for _path, id in rows}
        if rows:
            with self._change(ids):
                self._catalog.pieces.delete("path", (path for path, _id in rows))
                self._catalog.kept.remove(self._sweep(ids))

    def tidy(self) -> None:
        """Keep searching quick: join small files, and make the search indexes."""
        if isinstance(self._catalog.folder, ObjectPath):
            object_catalog.maintain(self._catalog)
            return
        self._join()
        for table in (self._catalog.pieces, self._catalog.moments):
            index_building.build(table)

    def _join(self) -> None:
        self._catalog.pieces.tidy()
        self._catalog.moments.tidy()
        self._seal()

    def _seal(self) -> None:
        catalog = self._catalog
        assert isinstance(catalog.home, Path)
        versions = {table.name: table.version for table in (catalog.pieces, catalog.moments)}
        seal.write(catalog.home, versions, asdict(catalog.header))

    @contextmanager
    def _change(self, ids: set[str]) -> Iterator[None]:
        if isinstance(self._catalog.folder, ObjectPath):
            yield
            return
        write_file(self._journal, json.dumps(sorted(ids)).encode())
        yield
        self._journal.unlink()
        self._changes += 1
        if self._changes % TIDY_AFTER == 0:
            self._join()
        else:
            self._seal()

    def _recover(self) -> None:
        try:
            ids = set(read_json(self._journal))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError):
            # The note is damaged: any piece may have been meant.
            batches = self._catalog.moments.scan(["piece"])
            ids = {id for batch in batches for id in batch["piece"].to_pylist()}
        self._sweep(ids)
        self._journal.unlink()

    def _sweep(self, ids: Iterable[str]) -> list[str]:
        """Remove the moments of those of these ids that no piece has; return those ids."""
        kept = {
            row["id"]
            for some in in_lists("id", ids)
            for row in self._catalog.listing(["id"], f"status = 'ok' AND {some}")
        }
        gone = sorted(set(ids) - kept)
        self._catalog.moments.delete("piece", gone)
        return gone
