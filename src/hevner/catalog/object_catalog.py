"""What is different about a catalogue in an object store: many machines write to it at a time.

Conventions
-----------
There is no lock, no note of a change and no seal. Rows are added by key (`hevner.catalog.tables`),
so whoever is stopped or adds the same once more changes nothing: moments first, then the pieces
they belong to. The header is written only as it was read. Moments of a piece that never came are
found by no search. What takes long is done by one process, which holds a lease for `LEASE_S`; that
saves work, while safety comes from LanceDB, which commits a version only once.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from hevner.catalog import header, index_building, index_cache, search_index, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.header import Header
from hevner.catalog.tables import HOMES, KEPT, Table
from hevner.errors import CatalogError
from hevner.files import cannot_write
from hevner.object_path import ChangedError, ObjectPath

LEASE = "maintenance.json"
"""Name of the lease."""

LEASE_S = 3600.0
"""Time after which a lease has no effect, in seconds."""


def create(folder: ObjectPath, made_with: Header, anew: bool) -> None:
    """Make an empty catalogue where there is none, or anew in the place of one.

    Each process makes tables of its own, and the header decides which are used: LanceDB would empty
    a table that another process has just made and filled.

    Raises
    ------
    CatalogError
        If there is one that was made with something else.
    OutputError
        If the store cannot be written to.
    """
    home = HOMES.replace("*", secrets.token_hex(6))
    tables.create_tables(folder / home, made_with)
    new = replace(made_with, tables=home)
    found = header.change(folder, lambda found: new if anew or found is None else found)
    if found.tables != home:
        (folder / home).remove_all()
    header.check(folder, found, made_with)


def maintain(catalog: Catalog) -> None:
    """Join small files, forget old versions and make the search indexes, if nobody else does."""
    assert isinstance(catalog.folder, ObjectPath)
    with suppress(_LeasedError), leased(catalog.folder):
        for home in catalog.folder.glob(HOMES):
            newest = max((found.st_mtime_ns for found in home.objects()), default=0)
            if home != catalog.home and newest < 1e9 * (time.time() - KEPT.total_seconds()):
                home.remove_all()
        for table in (catalog.pieces, catalog.moments):
            table.refresh()
            try:
                table.tidy()
            except CatalogError as error:
                if error.code != "crowded":  # the last of those who write does it
                    raise
            _publish(table)


class _LeasedError(CatalogError):
    pass


@contextmanager
def leased(folder: ObjectPath) -> Iterator[None]:
    """Hold the lease of a catalogue; raises a `CatalogError` if another process does."""
    path = folder / LEASE
    until = time.time() + LEASE_S
    holder = {"process": os.getpid(), "machine": socket.gethostname(), "until": until}
    try:
        try:
            content, tag = path.read()
            held = json.loads(content)
        except FileNotFoundError:
            held, tag = {"until": 0}, ""
        if held["until"] > time.time():
            raise ChangedError
        path.write(json.dumps(holder).encode(), tag)
    except ChangedError as error:
        raise _LeasedError(
            "another process keeps the catalogue in order",
            subject=str(folder),
            remedy=f"Wait until it is done; {path} is its lease",
            stage="lock",
            code="locked",
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _publish(table: Table) -> None:
    """Put the search index of the newest version beside the table."""
    assert isinstance(table.path, ObjectPath)
    try:
        path = search_index.path_of(table.path)
        if not isinstance(path, ObjectPath) or path.exists():
            return
        copy = index_cache.place_of(path)
        part = index_cache.part_of(copy)
        try:
            table.refresh()
            index_building.write(table, part)
            if search_index.path_of(table.path) != path:
                return  # others have written meanwhile
            path.write(part)
            index_cache.keep(part, copy)
        finally:
            part.unlink(missing_ok=True)
        for old in table.path.parent.glob(f"{table.path.stem}-*.search"):
            if old != path:
                old.unlink()
    except OSError as error:
        raise cannot_write(table.path, error) from error
