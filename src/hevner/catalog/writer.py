"""Changes to a catalogue: by one process at a time, whole or not at all.

Conventions
-----------
The lock is the operating system's, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hevner.catalog.header import check_encoder, rebuilding, write
from hevner.catalog.tables import in_lists
from hevner.errors import CatalogError
from hevner.files import cannot_write, display_name, replace_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hevner.catalog.catalog import Catalog
    from hevner.encoders.base import EncoderCard

LOCK, HOLDER, CHANGE = "lock", "holder.json", "change.json"

TIDY_AFTER = 128
"""Changes after which small files are joined, so that a long run stays quick."""

Row = dict[str, Any]


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
    import filelock

    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise CatalogError(
            f"the catalogue is being written by {_holder(folder)}",
            subject=display_name(folder),
            remedy="Wait until it is done; searching goes on meanwhile",
            stage="lock",
        ) from error
    except OSError as error:
        raise cannot_write(folder / LOCK, error) from error
    try:
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        holder = {"process": os.getpid(), "machine": socket.gethostname(), "since": now}
        _put(folder / HOLDER, holder)
        yield
    finally:
        lock.release()


def _holder(folder: Path) -> str:
    try:
        held = json.loads((folder / HOLDER).read_bytes())
        return f"process {held['process']} on {held['machine']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


class Writer:
    """Writes to a catalogue whose lock is held; see `Catalog.writing`.

    Parameters
    ----------
    catalog
        To be written to. What an earlier process left half done is removed at once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._journal = catalog.folder / CHANGE
        self._changes = 0
        catalog.refresh()
        self._recover()

    def note(self, folders: Iterable[str]) -> None:
        """Add to the folders that the header tells."""
        header = self._catalog.header.with_folders(list(folders))
        if header != self._catalog.header:
            write(self._catalog.folder, header)
            self._catalog.header = header

    def note_encoder(self, card: EncoderCard) -> None:
        """Make room for what an encoder makes of the pieces.

        Raises
        ------
        CatalogError
            If another one has heard some of them.
        """
        catalog = self._catalog
        check_encoder(catalog.folder, catalog.header, card)
        if not catalog.header.encoder:
            catalog.header = catalog.header.with_encoder(card)
            write(catalog.folder, catalog.header)
        catalog.pieces.add_encoded(card.dimension)

    def put_encoded(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Add what the encoder makes of pieces, by their ids."""
        if vectors:
            with self._change(set()):
                self._catalog.pieces.put_encoded(vectors)

    def put(self, pieces: list[Row], moments: list[Row], replaced: Sequence[str] = ()) -> None:
        """Add pieces with their moments, or replace those of the same path.

        Parameters
        ----------
        pieces
            Rows, each path once.
        moments
            Rows of those pieces that are new by their id.
        replaced
            Ids of rows with these paths that the catalogue holds.
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
        """Keep searching quick after many changes."""
        self._catalog.pieces.tidy()
        self._catalog.moments.tidy()

    @contextmanager
    def _change(self, ids: set[str]) -> Iterator[None]:
        _put(self._journal, sorted(ids))
        yield
        self._journal.unlink()
        self._changes += 1
        if self._changes % TIDY_AFTER == 0:
            self.tidy()

    def _recover(self) -> None:
        header = self._catalog.header
        try:
            ids = set(json.loads(self._journal.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            raise CatalogError(
                f"the note of an unfinished change is damaged ({error})",
                subject=display_name(self._journal),
                remedy="To analyse the music anew, "
                + rebuilding(self._catalog.folder, header.folders, header.encoder),
            ) from error
        self._sweep(ids)
        self._journal.unlink()

    def _sweep(self, ids: Iterable[str]) -> None:
        """Remove the moments of those ids that no piece has."""
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
