"""The features of one dataset by one encoder: a data file and its index."""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hevner.errors import DataError
from hevner.files import display_name
from hevner.store.entry import Array, Dropped, Entry, Kind
from hevner.store.index import Index

ALIGNMENT = 64
"""Entries begin at multiples of this many bytes, which suits every vector instruction."""

_PLACE = "SELECT content, offset, count, duration, starts FROM entries "
_OF_TRACK = _PLACE + "JOIN tracks USING (content) WHERE track = ? AND variant = ?"
_OF_CONTENT = _PLACE + "WHERE content = ?"


def mean(rows: Array) -> Array:
    """The mean vector of rows ``(n, dimension)``."""
    return np.asarray(np.mean(rows, axis=0, dtype=np.float64))


class FeatureFile:
    """The features of one dataset by one encoder.

    Between calls it keeps neither lock nor open file, so threads may share it, and a forked
    process may go on with it.

    Parameters
    ----------
    path
        Of the index file; the data file lies beside it.
    kind
        What the numbers mean. The files are made if there are none. Without it, existing files
        are opened, whatever they hold.

    Attributes
    ----------
    path, kind
        See above.

    Raises
    ------
    DataError
        If the index is missing, damaged or of another kind. Methods raise it too if the files
        prove damaged.
    OutputError
        If the files cannot be made.
    """

    def __init__(self, path: Path, kind: Kind | None = None) -> None:
        self.path = path
        self._data = path.with_suffix(".rows")
        self._index = Index(path, self._data)
        self._mapped: mmap.mmap | None = None
        stored = self._index.kind()
        if stored is None and kind is not None:
            self._index.create(kind)
            stored = self._index.kind()
        if stored is None:
            raise DataError("no features here", subject=display_name(path), remedy="Check the path")
        if kind is not None and stored != kind:
            raise DataError(
                f"holds {stored.description}, not {kind.description}",
                subject=display_name(path),
                remedy="Give other features another version or store, or delete it and "
                f"{self._data.name}",
            )
        self.kind = stored
        self._dtype = np.dtype(stored.dtype).newbyteorder("<")

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        return self.path.parent.name

    @property
    def size(self) -> int:
        """Bytes in the data file, unused ones included."""
        return self._data.stat().st_size if self._data.exists() else 0

    # --- reading ---

    def get(self, track: str, variant: str = "") -> Entry:
        """The entry of a track; its rows are a view of the file.

        Raises
        ------
        DataError
            If there is none.
        """
        with self._index.session() as index:
            return self._get(index, track, variant)

    def find(self, content: str) -> Entry | None:
        """The entry made from that content, if there is one; its rows are a view of the file."""
        with self._index.session() as index:
            place = index.execute(_OF_CONTENT, (content,)).fetchone()
        return None if place is None else self._view(*place)

    def content(self, track: str, variant: str = "") -> str | None:
        """What the entry of a track was made from; None if there is none."""
        with self._index.session() as index:
            place = index.execute(_OF_TRACK, (track, variant)).fetchone()
        return None if place is None else str(place[0])

    def __contains__(self, content: str) -> bool:
        with self._index.session() as index:
            return index.execute(_OF_CONTENT, (content,)).fetchone() is not None

    def __len__(self) -> int:
        with self._index.session() as index:
            return int(index.execute("SELECT count(*) FROM entries").fetchone()[0])

    def ids(self) -> list[tuple[str, str]]:
        """Every stored track and variant, sorted."""
        with self._index.session() as index:
            everything = "SELECT track, variant FROM tracks ORDER BY track, variant"
            return list(index.execute(everything))

    def __iter__(self) -> Iterator[tuple[str, str, Entry]]:
        """Every track, variant and entry."""
        for track, variant in self.ids():
            yield track, variant, self.get(track, variant)

    def pooled(
        self, tracks: Iterable[str], variant: str = "", how: Callable[[Array], Array] = mean
    ) -> np.ndarray:
        """One vector per track, made from those of its windows.

        Parameters
        ----------
        tracks
            Their ids, in the order of the result.
        variant
            The same for all.
        how
            Turns the rows of a track, shape ``(n_windows, dimension)``, into one vector.

        Returns
        -------
        NDArray
            float32, shape ``(n_tracks, dimension)``, or as wide as `how` makes it.

        Raises
        ------
        DataError
            If a track is missing or has no window.
        """
        vectors = []
        with self._index.session() as index:
            for track in tracks:
                rows = self._get(index, track, variant).rows
                if not len(rows):
                    raise DataError(
                        "has no window, so there is nothing to pool",
                        subject=self._name(track, variant),
                        remedy="Leave it out",
                    )
                vectors.append(how(rows))
        width = -1 if vectors else self.kind.dimension
        return np.array(vectors, np.float32).reshape(len(vectors), width)

    def _get(self, index: sqlite3.Connection, track: str, variant: str) -> Entry:
        place = index.execute(_OF_TRACK, (track, variant)).fetchone()
        if place is None:
            others = "SELECT variant FROM tracks WHERE track = ? ORDER BY variant"
            found = ", ".join(repr(row[0]) for row in index.execute(others, (track,)))
            folder = display_name(self.path.parent.parent)
            raise DataError(
                f"no {self.kind.name} features are stored",
                subject=self._name(track, variant),
                remedy=f"Ask for the variant {found}"
                if found
                else f"Extract or import them into {folder}",
            )
        return self._view(*place)

    def _name(self, track: str, variant: str) -> str:
        return f"{self.dataset}, track {track}" + (f", variant {variant}" if variant else "")

    def _view(
        self, content: str, offset: int, count: int, duration: float | None, starts: bytes | None
    ) -> Entry:
        shape = (count, self.kind.dimension)
        rows = np.empty(shape, self._dtype)
        if count:
            numbers = count * self.kind.dimension
            mapped = self._map(offset + numbers * self._dtype.itemsize)
            rows = np.frombuffer(mapped, self._dtype, numbers, offset).reshape(shape)
        times = None if starts is None else np.frombuffer(starts, "<f8")
        return Entry(content, rows, times, duration)

    def _map(self, end: int) -> mmap.mmap:
        """The data file in memory, at least as far as the byte before ``end``."""
        mapped = self._mapped
        if mapped is None or len(mapped) < end:
            if self.size < end:
                raise DataError(
                    f"ends after {self.size} bytes; the index speaks of {end}",
                    subject=display_name(self._data),
                    remedy="Run 'hevner features verify', then extract again what was lost",
                )
            with self._data.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._mapped = mapped
        return mapped

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
            If it cannot be written; what was stored before stays as it was.
        """
        for track, variant, entry in additions:
            if problem := entry.problem(self.kind):
                raise DataError(
                    problem,
                    subject=self._name(track, variant),
                    remedy="Compute the features again",
                )
        with self._index.transaction() as index, self._open_data() as file:
            for track, variant, entry in additions:
                if index.execute(_OF_CONTENT, (entry.content,)).fetchone() is None:
                    self._append(index, file, entry)
                _link(index, track, variant, entry.content)
            os.fsync(file)  # the rows must be safe before the index says that they are there

    def link(self, content: str, track: str, variant: str = "") -> bool:
        """Let a track refer to the entry made from that content; tell whether there is one.

        Raises
        ------
        OutputError
            If it did not refer to it before, and the index cannot be written.
        """
        if content not in self:
            return False
        if self.content(track, variant) != content:
            with self._index.transaction() as index:
                _link(index, track, variant, content)
        return True

    @contextmanager
    def _open_data(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        file = os.open(self._data, flags, 0o666)
        try:
            yield file
        finally:
            os.close(file)

    def _append(self, index: sqlite3.Connection, file: int, entry: Entry) -> None:
        (end,) = index.execute("SELECT end FROM state").fetchone()
        offset = math.ceil(end / ALIGNMENT) * ALIGNMENT
        data = entry.rows.tobytes()
        starts = None if entry.starts is None else entry.starts.astype("<f8").tobytes()
        os.lseek(file, offset, os.SEEK_SET)
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        check = _checksum(data, entry.content, len(entry.rows), entry.duration, starts)
        values = (entry.content, offset, len(entry.rows), entry.duration, starts, check)
        index.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", values)
        index.execute("UPDATE state SET end = ?", (offset + len(data),))

    # --- keeping it sound ---

    def verify(self) -> list[Dropped]:
        """Read every entry and take out those that are damaged, so that they are made again.

        Raises
        ------
        DataError
            If the index itself is damaged.
        OutputError
            If there is damage but the index cannot be written.
        """
        self._index.check()
        with self._index.session() as index:
            entries = index.execute(
                "SELECT content, offset, count, duration, starts, checksum FROM entries"
            ).fetchall()
        damaged = [(entry[0], cause) for entry in entries if (cause := self._damage(*entry))]
        return self._drop(damaged) if damaged else []

    def _damage(
        self,
        content: str,
        offset: int,
        count: int,
        duration: float | None,
        starts: bytes | None,
        checksum: bytes,
    ) -> str:
        """What is wrong with an entry; empty if nothing is."""
        size = count * self.kind.dimension * self._dtype.itemsize
        if size and not 0 <= offset <= offset + size <= self.size:
            return "it lies outside the data file"
        try:
            # Not through the mapping: there, an error of the disk would end the process.
            with self._data.open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        except OSError as error:
            return f"cannot be read ({error})"
        if _checksum(data, content, count, duration, starts) != checksum:
            return "its checksum does not fit"
        return ""

    def _drop(self, damaged: list[tuple[str, str]]) -> list[Dropped]:
        dropped = []
        with self._index.transaction() as index:
            for content, cause in damaged:
                users = "SELECT track, variant FROM tracks WHERE content = ?"
                tracks = tuple(index.execute(users, (content,)))
                index.execute("DELETE FROM entries WHERE content = ?", (content,))
                dropped.append(Dropped(content, cause, tracks))
        return dropped


def _link(index: sqlite3.Connection, track: str, variant: str, content: str) -> None:
    index.execute("INSERT OR REPLACE INTO tracks VALUES (?, ?, ?)", (track, variant, content))


def _checksum(
    data: bytes, content: str, count: int, duration: float | None, starts: bytes | None
) -> bytes:
    result = hashlib.blake2b(data, digest_size=16)
    result.update(f"{content} {count} {duration!r}".encode())
    result.update(b"no starts" if starts is None else starts)
    return result.digest()
