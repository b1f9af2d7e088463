"""Mending a catalogue that is damaged, and reading one anew with another model.

Both make new tables in a folder of their own beside the old ones and put them in their place in one
step, by a new header; until then the old ones stay as they are. What is damaged is made again from
kept features (`hevner.catalog.kept_features`), without any audio; what has none is left to the next
indexing (`hevner.catalog.indexing`), as if it had never been there.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from hevner.batch import in_threads
from hevner.catalog import header, index_building, presence, seal
from hevner.catalog.analyze_file import FileAnalyzer
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import ABOUT, ENCODED, MOMENTS, PIECES, TABLES, Row
from hevner.catalog.header import Header
from hevner.catalog.index_options import Options
from hevner.catalog.index_rows import made_by
from hevner.catalog.indexing import PIECES_AT_ONCE
from hevner.catalog.kept_features import FEATURES, PLACE, KeptFeatures
from hevner.catalog.packages import pa
from hevner.catalog.sound_rows import AT_ONCE, SoundRows
from hevner.catalog.tables import HOMES, Table
from hevner.catalog.writer import HOLDER, LOCK, Writer, create, locked, sweep_old, writing
from hevner.errors import CatalogError
from hevner.files import Found
from hevner.model.space import Space
from hevner.object_path import Location

CODES = ("other_model", "other_space", "other_schema", "other_scale", "mixed_models")
"""Codes of errors for catalogues that a renewal helps."""

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
    folder: Location, space: Space, analyzer_of: Callable[[Path], FileAnalyzer], options: Options
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
    folder, done = _local(folder), Mended()
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
        pieces = SoundRows(folder, PIECES, found, done.faults)
        moments = SoundRows(folder, MOMENTS, found, done.faults)
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
            for name in TABLES:  # made again: damage there is not noticed before it is used
                index_building.remove(home / f"{name}.lance")
            Writer(Catalog(folder, space, most=None)).tidy()  # seals what is there
    return done


class Renewal:
    """New tables for a catalogue that was made with another model, space or schema.

    Attributes
    ----------
    catalog
        A catalogue with the new tables, which takes the place of the old one when all is done.
    count
        Number of pieces in the old one.
    without
        Number of those with an emotion that had no kept features (`carry`).
    """

    without = 0

    def __init__(self, folder: Path, space: Space, model: Path | None) -> None:
        found = header.read(folder)
        self._folders = found.folders
        with suppress(OSError, ValueError):
            seal.restore(folder / found.tables)
        self._old = SoundRows(folder, PIECES, found, [], any_columns=True)
        self.count = self._old.count
        self.catalog = self._begun(folder, found, space, model) or _next(
            folder, space, found, model
        )

    def carry(self, analyzer: FileAnalyzer, options: Options) -> int:
        """Read the pieces anew from kept features; return how many were.

        Those of silence or no music stay as they are, and vectors for texts with their pieces. Of
        what is damaged, features may be there.
        """
        old, new = self._old, self.catalog
        with writing(new) as writer:
            there = self._paths()
            places = [row for row in self._places(ok=True) if row["path"] not in there]
            known = {row["id"] for row in self._places(ok=True)}
            lost = (new.kept.get(id) for id in new.kept.ids() if id not in known)
            places += [one.place for one in lost if one and one.place["path"] not in there]
            places.sort(key=lambda row: str(row["id"]))
            count = derive(writer, new, places, analyzer, options)
            self.without = len(places) - count
            rows = self._places(ok=False, columns=old.fields)
            _put(writer, (row for row in rows if row["path"] not in there), new)
            if ENCODED in old.fields:
                new.pieces.add_encoded(old.fields[ENCODED].type.list_size)
                for rows in old.read():
                    some = rows.filter(rows[ENCODED].is_valid())
                    vectors = (np.array(one, np.float32) for one in some[ENCODED].to_pylist())
                    writer.put_encoded(dict(zip(some["id"].to_pylist(), vectors, strict=True)))
        return count

    def finish(self) -> None:
        """Note the pieces that could not be read anew, as failed ones.

        Raises a `CatalogError` if there are any whose music is away, such as a drive that is not
        mounted: then the old tables stay.
        """
        self.catalog.refresh()
        with writing(self.catalog) as writer:
            # With neither size nor content of its file, it is analysed when that is there again.
            lost = {"status": "failed", "cause": LOST, "size": -1}
            there = self._paths()
            rows = [row for row in self._places(ok=True) if row["path"] not in there]
            empty = [one for one in self._folders if not presence.is_filled(f"{one}/_")]
            if rows and empty:
                raise CatalogError(
                    f"{len(rows)} pieces must be analysed again, and there is no music",
                    subject=empty[0],
                    remedy="Mount it and run this again; or begin anew without it: --rebuild",
                    code="folder_missing",
                )
            _put(writer, (row | lost | {"id": f"lost-{row['id']}"} for row in rows), self.catalog)
            writer.tidy()

    def _begun(
        self, folder: Path, found: Header, space: Space, model: Path | None
    ) -> Catalog | None:
        """What an earlier renewal for the same model has left."""
        home = _next_home(folder, found)
        with suppress(CatalogError):
            begun = Catalog(home, space, features=folder / FEATURES)
            header.check(home, begun.header, header.current(space, model))
            return begun
        return None

    def _places(self, ok: bool, columns: Iterable[str] = (*PLACE, *ABOUT)) -> Iterator[Row]:
        """Columns of the old pieces that have an emotion, or of the others."""
        names = [name for name in columns if name in self._old.fields]
        for rows in self._old.read():
            are_ok = pa.compute.equal(rows["status"], "ok")
            some = rows.filter(are_ok if ok else pa.compute.invert(are_ok))
            yield from some.select(names).to_pylist()

    def _paths(self) -> set[str]:
        return {row["path"] for row in self.catalog.listing(["path"])}


@contextmanager
def renewing(
    folder: Location, space: Space, model: Path | None, stop: threading.Event
) -> Iterator[Renewal]:
    """Hold the lock of a catalogue and make new tables, which take the place of the old ones.

    They are for the graph of a model, the default one if None.

    They do not if ``stop`` is set by then; the next renewal goes on from there.

    Raises
    ------
    CatalogError, OutputError
        If another process is writing, the catalogue is damaged, or it cannot be written.
    """
    folder = _local(folder)
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

    ``places`` have the columns `PLACE`. Pieces without features are passed over.
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
    known = {row["id"] for row in catalog.listing(["id"])}
    for some, spans in in_threads(read, places, options.jobs, options.stop):
        for piece in some:
            # Moments belong to the content, whatever the number of its files.
            moments += spans if piece["id"] not in known else []
            known.add(piece["id"])
            options.report(Found(Path(piece["path"]), Path(piece["name"])), None)
        pieces += some
        count += len(some)
        if len(pieces) >= PIECES_AT_ONCE:
            writer.put(pieces, moments)
            pieces, moments = [], []
    writer.put(pieces, moments)
    return count


def _local(folder: Location) -> Path:
    if isinstance(folder, Path):
        return folder.absolute()
    cause = "a catalogue in an object store is neither mended nor renewed in its place"
    remedy = f"{header.rebuilding(folder)} (what was kept of known files is used again)"
    raise header.refused("not_in_store", folder, cause, remedy)


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


def _next_home(folder: Path, found: Header) -> Path:
    return folder / HOMES.replace("*", str(1 + _number(Path(found.tables))))


def _next(folder: Path, space: Space, found: Header, model: Path | None) -> Catalog:
    """An empty catalogue for the tables that shall follow those of a header."""
    home = _next_home(folder, found)
    new = create(home, space, model, folder / FEATURES)
    kept = ("folders", "mounts", "encoder", "encoder_version")
    header.write(
        home, dataclasses.replace(new.header, **{name: getattr(found, name) for name in kept})
    )
    new.refresh()
    return new


def _switch(folder: Path, new: Catalog) -> None:
    """Put new tables into the place of the old ones."""
    assert isinstance(new.folder, Path)
    now = dataclasses.replace(new.header, tables=new.folder.name)
    new.refresh()
    versions = {table.name: table.version for table in (new.pieces, new.moments)}
    seal.write(new.folder, versions, dataclasses.asdict(now))
    header.write(folder, now)
    for name in (header.NAME, LOCK, HOLDER):
        (new.folder / name).unlink(missing_ok=True)
    sweep_old(folder, keep=now.tables)


def _copy(source: SoundRows, target: Table, column: str, wanted: set[str]) -> None:
    for rows in source.read():
        some = rows.filter(pa.array([value in wanted for value in rows[column].to_pylist()]))
        nothing = pa.nulls(len(some))
        columns = [
            some[field.name] if field.name in source.fields else nothing.cast(field.type)
            for field in target.schema
        ]
        if len(some):
            target.add(pa.Table.from_arrays(columns, schema=target.schema))


def _put(writer: Writer, rows: Iterable[Row], catalog: Catalog) -> None:
    left, names = iter(rows), catalog.pieces.schema.names
    while some := list(islice(left, AT_ONCE)):
        pieces = [{name: row[name] for name in row if name in names} for row in some]
        writer.put([row | {"vector": None, "place": None, "curve": None} for row in pieces], [])
