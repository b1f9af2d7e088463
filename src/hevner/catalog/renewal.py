"""Mending a catalogue that is damaged, and reading one anew with another model.

Both make new tables in a folder of their own beside the old ones and put them in their place in one
step, by a new header; until then the old ones stay as they are. What is damaged is made again from
kept features (`hevner.catalog.kept_features`), without any audio; what has none is left to the next
indexing (`hevner.catalog.indexing`), as if it had never been there.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from hevner.batch import in_threads
from hevner.catalog import header, seal
from hevner.catalog.analyze_file import FileAnalyzer
from hevner.catalog.catalog import Catalog
from hevner.catalog.checksums import unsound
from hevner.catalog.header import Header
from hevner.catalog.indexing import PIECES_AT_ONCE, Options, made_by
from hevner.catalog.kept_features import FEATURES, PLACE, KeptFeatures
from hevner.catalog.packages import pa
from hevner.catalog.tables import (
    COUNT,
    ENCODED,
    MOMENTS,
    PIECES,
    ROW,
    SOUNDS,
    WITH_VECTOR,
    Row,
    Table,
)
from hevner.catalog.writer import HOLDER, HOMES, LOCK, Writer, create, locked, sweep_old, writing
from hevner.errors import CatalogError
from hevner.files import Found
from hevner.model.space import Space

CODES = ("other_model", "other_space", "other_schema", "other_scale", "mixed_models")
"""Codes of errors for catalogues that a renewal helps."""

AT_ONCE = 4096
"""Rows that are read at a time where some may be damaged."""

LOST = "it was analysed with another model, and its file is gone"


@dataclass
class Mended:
    """What was found and done.

    Attributes
    ----------
    faults
        Sentences on what was damaged; empty if nothing was.
    sound
        Pieces that were kept as they are.
    restored
        Pieces made again from kept features.
    features
        Kept features that were damaged, and removed.
    """

    faults: list[str] = field(default_factory=list)
    sound: int = 0
    restored: int = 0
    features: int = 0


def mend(
    folder: Path, space: Space, analyzer_of: Callable[[Path], FileAnalyzer], options: Options
) -> Mended:
    """Check every row and file of a catalogue, and mend what is damaged.

    Parameters
    ----------
    analyzer_of
        Makes what reads kept features, for the graph of the catalogue's model.

    Raises
    ------
    CatalogError, OutputError
        If another process is writing, there is no catalogue, it was made with something else, or
        it cannot be written.
    """
    folder, done = folder.absolute(), Mended()
    if not _homes(folder):
        header.read(folder)  # says what is missing
    with locked(folder):
        found = _header(folder, space, done)
        home = folder / found.tables
        try:
            if count := seal.restore(home):
                done.faults.append(f"lists of files of the tables ({count} files)")
        except (OSError, ValueError) as error:
            done.faults.append(f"the seal ({error})")
            (home / seal.NAME).unlink(missing_ok=True)
        kept = KeptFeatures(folder / FEATURES)
        done.features = kept.remove_damaged()
        light = len(done.faults)
        if wrong := seal.damaged_file(home, None):
            done.faults.append(wrong)
        pieces = _SoundRows(folder, PIECES, found, done.faults)
        moments = _SoundRows(folder, MOMENTS, found, done.faults)
        whole = pieces.whole(moments)
        done.sound = len(whole)
        if len(done.faults) > light:
            new = _next(folder, space, found, header.model_of(found))
            with writing(new) as writer:
                if ENCODED in pieces.fields:
                    new.pieces.add_encoded(pieces.fields[ENCODED].type.list_size)
                _copy(pieces, new.pieces, "path", whole)
                ids = {row["id"] for row in new.listing(["id"])}
                _copy(moments, new.moments, "piece", ids)
                lost = (kept.get(id) for id in kept.ids() if id not in ids)
                places = (one.place for one in lost if one and one.place["path"] not in whole)
                done.restored = derive(writer, new, places, analyzer_of(new.model), options)
                writer.tidy()
            _switch(folder, new)
        else:
            Writer(Catalog(folder, space, most=None))  # seals what is there
    return done


class Renewal:
    """New tables for a catalogue that was made with another model, space or schema.

    Attributes
    ----------
    catalog
        A catalogue with the new tables, which takes the place of the old one when all is done.
    count
        Number of pieces in the old one.
    """

    def __init__(self, folder: Path, space: Space, model: Path | None) -> None:
        found = header.read(folder)
        if wrong := seal.damaged_file(folder / found.tables):
            raise header.damaged(folder / wrong, "it is not as it was written", folder)
        self._old = Table(folder, PIECES, found, any_columns=True)
        self.count = self._old.count()
        self.catalog = self._begun(folder, found, space, model) or _next(
            folder, space, found, model
        )

    def carry(self, analyzer: FileAnalyzer, options: Options) -> int:
        """Read the pieces anew from kept features; return how many were.

        Those of silence or no music stay as they are, and vectors for texts with their pieces.
        """
        old, new = self._old, self.catalog
        with writing(new) as writer:
            there = self._paths()
            rows = _rows(old, self._place, SOUNDS, there)
            count = derive(writer, new, sorted(rows, key=lambda row: row["id"]), analyzer, options)
            _put(writer, _rows(old, old.schema.names, f"NOT ({SOUNDS})", there), new)
            if ENCODED in old.schema.names:
                new.pieces.add_encoded(old.schema.field(ENCODED).type.list_size)
                for batch in old.scan(["id", ENCODED], WITH_VECTOR):
                    vectors = (np.array(one, np.float32) for one in batch[ENCODED].to_pylist())
                    writer.put_encoded(dict(zip(batch["id"].to_pylist(), vectors, strict=True)))
        return count

    def finish(self) -> None:
        """Note the pieces that could not be read anew, as failed ones."""
        self.catalog.refresh()
        with writing(self.catalog) as writer:
            # With neither size nor content of its file, it is analysed when that is there again.
            lost = {"status": "failed", "cause": LOST, "size": -1}
            rows = _rows(self._old, self._place, SOUNDS, self._paths())
            _put(writer, (row | lost | {"id": f"lost-{row['id']}"} for row in rows), self.catalog)

    def _begun(
        self, folder: Path, found: Header, space: Space, model: Path | None
    ) -> Catalog | None:
        """What an earlier renewal for the same model has left."""
        home = folder / HOMES.replace("*", str(1 + _number(Path(found.tables))))
        with suppress(CatalogError):
            begun = Catalog(home, space, features=folder / FEATURES)
            header.check(home, begun.header, header.current(space, model))
            return begun
        return None

    @property
    def _place(self) -> list[str]:
        return [name for name in self._old.schema.names if name in PLACE]

    def _paths(self) -> set[str]:
        return {row["path"] for row in self.catalog.listing(["path"])}


@contextmanager
def renewing(
    folder: Path, space: Space, model: Path | None, stop: threading.Event
) -> Iterator[Renewal]:
    """Hold the lock of a catalogue and make new tables, which take the place of the old ones.

    They are for the graph of a model, the default one if None.

    They do not if ``stop`` is set by then; the next renewal goes on from there.

    Raises
    ------
    CatalogError, OutputError
        If another process is writing, the catalogue is damaged, or it cannot be written.
    """
    folder = folder.absolute()
    with locked(folder):
        renewal = Renewal(folder, space, model)
        yield renewal
        if not stop.is_set():
            renewal.finish()
            _switch(folder, renewal.catalog)


def derive(
    writer: Writer,
    catalog: Catalog,
    places: Iterable[Row],
    analyzer: FileAnalyzer,
    options: Options,
) -> int:
    """Add pieces to a catalogue from their kept features; return how many.

    ``places`` have the columns `PLACE`; those of one content follow each other. Pieces without
    features are passed over.
    """

    def read(place: Row) -> tuple[list[Row], list[Row]]:
        kept = catalog.kept.get(place["id"])
        if kept is None:
            return [], []
        rows = analyzer.again(kept.pooled)
        source = kept.place["source"] or place["path"]
        piece = {**rows.piece, **place, **made_by(source, len(rows.moments))}
        return [piece], [{"piece": place["id"], **moment} for moment in rows.moments]

    count = 0
    pieces: list[Row] = []
    moments: list[Row] = []
    last = ""
    for some, spans in in_threads(read, places, options.jobs, options.stop):
        for piece in some:
            # Moments belong to the content, whatever the number of its files.
            moments += spans if piece["id"] != last else []
            last = piece["id"]
            options.report(Found(Path(piece["path"]), Path(piece["name"])), None)
        pieces += some
        count += len(some)
        if len(pieces) >= PIECES_AT_ONCE:
            writer.put(pieces, moments)
            pieces, moments = [], []
    writer.put(pieces, moments)
    return count


class _SoundRows:
    """The rows of a table that can be read and are as they were written; notes what is not."""

    def __init__(self, folder: Path, name: str, made_with: Header, faults: list[str]) -> None:
        self._faults = faults
        self._numbers: list[int] = []
        self.fields: dict[str, pa.Field] = {}
        try:
            self._table = Table(folder, name, made_with)
            self.fields = {one.name: one for one in self._table.schema}
            for batch in self._table.scan([ROW]):
                self._numbers += batch[ROW].to_pylist()
        except CatalogError as error:
            self._note(f"{name}: {error.cause}")

    def read(self) -> Iterator[pa.Table]:
        """The rows, some thousands at a time."""
        for first in range(0, len(self._numbers), AT_ONCE):
            for rows in self._readable(self._numbers[first : first + AT_ONCE]):
                bad = unsound(rows)
                if bad.any():
                    self._note(f"rows of {self._table.name} are not as they were written")
                yield rows.filter(pa.array(~bad))

    def whole(self, moments: _SoundRows) -> set[str]:
        """Paths of the pieces all of whose moments are there too."""
        counts: Counter[str] = Counter()
        for rows in moments.read():
            counts.update(rows["piece"].to_pylist())
        paths = set()
        names = [name for name in ("id", "path", "status", COUNT) if name in self.fields]
        for rows in self.read():
            for row in rows.select(names).to_pylist():
                count = row.get(COUNT)
                if row["status"] == "ok" and count not in (None, counts[row["id"]]):
                    self._note("moments of some pieces are missing")
                else:
                    paths.add(row["path"])
        return paths

    def _readable(self, numbers: list[int]) -> list[pa.Table]:
        """Those of the rows that can be read; gives up where three samples cannot."""
        try:
            return [self._table.take(numbers, list(self.fields))]
        except CatalogError as error:
            self._note(error.cause)
        middle = len(numbers) // 2
        if len(numbers) > 3:
            samples = ([numbers[at]] for at in (0, middle, -1))
            if not any(map(self._readable, samples)):
                return []
        if not middle:
            return []
        return self._readable(numbers[:middle]) + self._readable(numbers[middle:])

    def _note(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults.append(fault)


def _homes(folder: Path) -> list[Path]:
    """Folders that may hold the tables of a catalogue, the oldest first."""
    homes = [folder, *sorted(folder.glob(HOMES), key=_number)]
    return [home for home in homes if any(home.glob("*.lance")) or (home / seal.NAME).exists()]


def _number(home: Path) -> int:
    number = home.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _header(folder: Path, space: Space, done: Mended) -> Header:
    """The header; if it is damaged, it is put back from the seal."""
    try:
        found = header.read(folder)
    except CatalogError as error:
        if error.code not in ("damaged", "file_missing"):
            raise
        done.faults.append("the header")
        found = _sealed_header(folder, space)
        header.write(folder, found)
    header.check(folder, found, header.current(space, header.model_of(found)))
    return found


def _sealed_header(folder: Path, space: Space) -> Header:
    homes = _homes(folder)
    for home in reversed(homes):
        name = "" if home == folder else home.name
        with suppress(ValueError, CatalogError):
            sealed = seal.read(home)
            if sealed is not None and sealed.header.get("tables") == name:
                return header.parsed(folder, dict(sealed.header))
    # Tables that were being made have a header of their own.
    made = [home for home in homes if home == folder or not (home / header.NAME).exists()]
    name = made[-1].name if made and made[-1] != folder else ""
    return dataclasses.replace(header.current(space), tables=name)


def _next(folder: Path, space: Space, found: Header, model: Path | None) -> Catalog:
    """An empty catalogue for the tables that shall follow those of a header."""
    number = 1 + _number(Path(found.tables))
    home, features = folder / HOMES.replace("*", str(number)), folder / FEATURES
    new = create(home, space, model, features)
    kept = ("folders", "encoder", "encoder_version")
    header.write(
        home, dataclasses.replace(new.header, **{name: getattr(found, name) for name in kept})
    )
    new.refresh()
    return new


def _switch(folder: Path, new: Catalog) -> None:
    """Put new tables into the place of the old ones."""
    now = dataclasses.replace(new.header, tables=new.folder.name)
    new.refresh()
    versions = {table.name: table.version for table in (new.pieces, new.moments)}
    seal.write(new.folder, versions, dataclasses.asdict(now))
    header.write(folder, now)
    for name in (header.NAME, LOCK, HOLDER):
        (new.folder / name).unlink(missing_ok=True)
    sweep_old(folder, keep=now.tables)


def _copy(source: _SoundRows, target: Table, column: str, wanted: set[str]) -> None:
    for rows in source.read():
        some = rows.filter(pa.array([value in wanted for value in rows[column].to_pylist()]))
        nothing = pa.nulls(len(some))
        columns = [
            some[field.name] if field.name in source.fields else nothing.cast(field.type)
            for field in target.schema
        ]
        if len(some):
            target.add(pa.Table.from_arrays(columns, schema=target.schema))


def _rows(table: Table, columns: Sequence[str], where: str, but: set[str]) -> Iterator[Row]:
    """Rows that pass a filter, but those of some paths."""
    for batch in table.scan(columns, where):
        yield from (row for row in batch.to_pylist() if row["path"] not in but)


def _put(writer: Writer, rows: Iterable[Row], catalog: Catalog) -> None:
    left, names = iter(rows), catalog.pieces.schema.names
    while some := list(islice(left, AT_ONCE)):
        pieces = [{name: row[name] for name in row if name in names} for row in some]
        writer.put([row | {"vector": None, "place": None, "curve": None} for row in pieces], [])
