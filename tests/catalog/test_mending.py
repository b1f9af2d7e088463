"""Damage of every kind is noticed, and mended without losing what is sound."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from hevner.catalog import columns, header, index_building, renewal, seal, search_index, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.checksums import CHECKSUM, checksums, unsound
from hevner.catalog.columns import TABLES
from hevner.catalog.index_options import Options
from hevner.catalog.packages import pa
from hevner.catalog.query import Query
from hevner.catalog.search import search
from hevner.catalog.writer import create, open_or_create
from hevner.errors import CatalogError
from tests.catalog.made_up import SPACE, FakeAnalyzer, run, song, state
from tests.catalog.test_faults import DAMAGES
from tests.errors import raises

FOUND = Query.of(valence=0.1, arousal=0.1, count=9)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music, and a catalogue of it with deleted rows and several files."""
    folder = tmp_path_factory.mktemp("whole")
    for number in range(5):
        song(folder / "music" / f"{number}.mp3")
    song(folder / "music" / "silent.mp3", "silence")
    catalog = create(folder / "catalog", SPACE)
    run(folder / "music", catalog)
    song(folder / "music" / "0.mp3", "another")
    run(folder / "music", catalog)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of the catalogue."""
    return Path(shutil.copytree(whole / "catalog", tmp_path / "catalog"))


def mend(folder: Path, analyzer: FakeAnalyzer | None = None) -> renewal.Mended:
    return renewal.mend(folder, SPACE, lambda _: analyzer or FakeAnalyzer(), Options())


def rows(folder: Path) -> list[dict[str, Any]]:
    """All that a catalogue says of its pieces, but when it was written and what their tags say."""
    catalog = Catalog(folder, SPACE)
    left = {"written", CHECKSUM, *columns.ABOUT}
    names = [name for name in catalog.pieces.schema.names if name not in left]
    found = ({name: str(row[name]) for name in names} for row in catalog.listing(names))
    return sorted(found, key=lambda row: row["path"])


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def spoil(folder: Path) -> None:
    """Change a bit of a valence, wherever it stands."""
    value = np.float32(0.5).tobytes()
    for path in (folder / "pieces.lance" / "data").iterdir():
        if value in path.read_bytes():
            flip(path, 8 * path.read_bytes().index(value))


def unindex(folder: Path) -> None:
    """Remove the search indexes."""
    for path in folder.glob("*.search"):
        path.unlink()


def are_indexed(folder: Path) -> bool:
    """Whether both tables have a search index, and it is that of their newest versions."""
    home = Catalog(folder, SPACE).home
    return all(search_index.opened(home / f"{name}.lance") for name in TABLES)


def data(folder: Path, table: str) -> Path:
    """The largest file of a table."""
    files = (folder / f"{table}.lance" / "data").iterdir()
    return max(files, key=lambda path: path.stat().st_size)


# --- checksums ---


def test_every_bit_of_a_row_is_in_its_checksum(whole: Path) -> None:
    catalog = Catalog(whole / "catalog", SPACE)
    batches = catalog.pieces.scan(catalog.pieces.schema.names)
    table = pa.Table.from_batches(batches)
    assert not unsound(table).any()
    assert (table[CHECKSUM].to_numpy() == checksums(table)).all()
    changes = {
        "valence": pa.scalar(np.nextafter(np.float32(0.5), np.float32(1))),
        "duration": pa.scalar(None, pa.float32()),
        "path": pa.scalar("/elsewhere"),
        "tags": pa.scalar(["calm"]),
        "mtime": pa.scalar(1),
    }
    for name, value in changes.items():
        column = pa.array([value.as_py()] * len(table), table.schema.field(name).type)
        other = table.set_column(table.column_names.index(name), name, column)
        loud = table["status"].to_numpy(zero_copy_only=False) == "ok"
        assert unsound(other)[loud].all(), name
    places = np.array(table["place"].drop_null().to_pylist(), np.float32)
    places.view(np.uint32)[:, -1] ^= 1 << 30
    loud = table.filter(pa.compute.is_valid(table["place"]))
    column = pa.FixedSizeListArray.from_arrays(pa.array(places.ravel()), places.shape[1])
    assert unsound(loud.set_column(loud.column_names.index("place"), "place", column)).all()


def test_a_changed_value_is_no_hit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a catalogue that is too large to be compared in full when it is opened."""
    monkeypatch.setattr(Catalog.__init__, "__defaults__", (0, None))
    right = search(Catalog(folder, SPACE), FOUND)
    spoil(folder)
    assert search(Catalog(folder, SPACE), FOUND) == right  # by the index
    unindex(folder)
    with raises(CatalogError, "damaged"):
        search(Catalog(folder, SPACE), FOUND)


def test_a_changed_value_enters_no_index(folder: Path) -> None:
    catalog = Catalog(folder, SPACE, most=0)
    unindex(folder)
    spoil(folder)
    with raises(CatalogError, "damaged"):
        index_building.build(catalog.pieces)
    assert not list(folder.glob("pieces-*.search"))


def test_a_panic_is_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog(folder, SPACE)

    class PanicException(BaseException):
        """Has the name of the error for a panic."""

    def panic(*_: object) -> None:
        raise PanicException("capacity overflow")

    monkeypatch.setattr(catalog.pieces._table, "count_rows", panic)
    with raises(CatalogError, "damaged"):
        catalog.pieces.count()
    monkeypatch.setattr(tables.lancedb, "connect", panic)
    assert tables.any_rows(folder)


# --- mending ---


def test_a_sound_catalogue_is_left_as_it_is(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.lance") if path.is_file()}
    assert mend(folder) == renewal.Mended(sound=6)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_damaged_is_mended_without_audio(
    damage: str, folder: Path, whole: Path
) -> None:
    before, right = rows(folder), search(Catalog(folder, SPACE), FOUND)
    DAMAGES[damage](folder)
    analyzer = FakeAnalyzer()
    assert mend(folder, analyzer).faults
    run(whole / "music", open_or_create(folder, SPACE), analyzer)
    assert set(analyzer.asked) <= {"silent.mp3"}
    assert rows(folder) == before
    assert state(folder) == state(whole / "catalog")
    assert search(Catalog(folder, SPACE), FOUND) == right
    assert not mend(folder).faults


def test_a_changed_bit_costs_one_piece(folder: Path) -> None:
    spoil(folder)
    done = mend(folder)
    assert done.sound + done.restored == 6
    assert 0 < done.restored < 3
    assert are_indexed(folder)
    assert len(rows(folder)) == 6


def test_without_features_it_is_analysed_again(folder: Path, whole: Path) -> None:
    before = rows(folder)
    shutil.rmtree(folder / "features")
    DAMAGES["garbled data"](folder)
    mend(folder)
    analyzer = FakeAnalyzer()
    run(whole / "music", open_or_create(folder, SPACE), analyzer)
    assert 0 < len(analyzer.asked) < 6
    assert rows(folder) == before


def test_a_piece_whose_moments_are_fewer_is_made_again(folder: Path) -> None:
    catalog = Catalog(folder, SPACE)
    id = next(catalog.listing(["id"], "name = '1.mp3'"))["id"]
    catalog.moments.delete("piece", [id])
    assert mend(folder).restored == 1
    assert state(folder)[1][id] == 2


def test_features_of_what_a_file_held_before_make_no_second_piece(folder: Path) -> None:
    """As an indexer leaves them that was killed before it removed them."""
    catalog = Catalog(folder, SPACE)
    id, lost = (next(catalog.listing(["id"], f"name = '{n}.mp3'"))["id"] for n in (1, 2))
    kept = catalog.kept.get(id)
    assert kept
    catalog.kept.put({**kept.place, "id": "0" * len(id)}, kept.pooled)
    catalog.moments.delete("piece", [lost])
    assert mend(folder).restored == 1
    assert len(rows(folder)) == 6


def test_damaged_features_are_removed(folder: Path, whole: Path) -> None:
    path = next((folder / "features").rglob("*.features"))
    flip(path, 4000)
    assert Catalog(folder, SPACE).kept.get(path.stem) is None
    assert mend(folder).features == 1
    assert not path.exists()


def test_a_damaged_old_version_does_not_keep_anybody_from_writing(
    folder: Path, whole: Path
) -> None:
    lists = sorted((folder / "moments.lance" / "_versions").glob("*.manifest"))
    lists[-1].write_bytes(b"junk" * 100)
    assert run(whole / "music", Catalog(folder, SPACE)).unchanged == 6


def test_any_changed_bit_is_seen_or_changes_nothing(folder: Path, whole: Path) -> None:
    right = rows(folder)
    chance = np.random.default_rng(0)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if not path.stat().st_size or path.suffix == ".features":
            continue
        content = path.read_bytes()
        flip(path, int(chance.integers(8 * len(content))))
        try:
            found, code = rows(folder), "damaged"
        except CatalogError as error:
            found, code = right, error.code
        assert (found, code) == (right, "damaged"), path
        path.write_bytes(content)


def test_the_search_index_is_made_again(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*.search")}
    assert len(before) == len(TABLES)
    for path in before:
        flip(path, 8 * path.stat().st_size - 1)  # noticed only where a row is read
    assert are_indexed(folder)
    assert not mend(folder).faults
    assert {path: path.read_bytes() for path in folder.glob("*.search")} == before
    for path in before:
        path.unlink()
    mend(folder)
    assert are_indexed(folder)


# --- another model ---


def older(folder: Path) -> None:
    """Make a catalogue one of another model."""
    header.write(folder, replace(header.read(folder), model="model=another window=15"))


def renew(folder: Path, analyzer: FakeAnalyzer, stop: Event | None = None) -> Catalog:
    with renewal.renewing(folder, SPACE, None, stop or Event()) as renewed:
        renewed.carry(analyzer, Options())
        return renewed.catalog


def test_another_model_reads_what_was_kept(folder: Path) -> None:
    before = rows(folder)
    older(folder)
    noted = {"encoder": "x", "encoder_version": "x-1", "mounts": ("7 /music",)}
    header.write(folder, replace(header.read(folder), **noted))
    with raises(CatalogError, "other_model"):
        Catalog(folder, SPACE)
    analyzer = FakeAnalyzer()
    renew(folder, analyzer)
    assert not analyzer.asked
    assert rows(folder) == before
    found = header.read(folder)
    assert {name: getattr(found, name) for name in noted} == noted
    assert {path.name for path in folder.iterdir()} >= {"features", "tables-1"}
    assert not [*folder.glob("*.lance"), *folder.glob("*.search")]
    assert are_indexed(folder)


def test_moments_of_a_content_are_read_anew_once_for_all_its_files(
    whole: Path, tmp_path: Path
) -> None:
    music = Path(shutil.copytree(whole / "music", tmp_path / "music"))
    shutil.copy(music / "1.mp3", music / "copy.mp3")
    catalog = create(tmp_path / "other", SPACE)
    run(music, catalog)
    before = state(tmp_path / "other")
    older(tmp_path / "other")
    renew(tmp_path / "other", FakeAnalyzer())
    assert state(tmp_path / "other") == before
    assert len(rows(tmp_path / "other")) == 7


def test_a_renewal_that_is_stopped_goes_on_later(folder: Path) -> None:
    before = rows(folder)
    older(folder)
    stopped = Event()
    stopped.set()
    assert renew(folder, FakeAnalyzer(), stopped).pieces.count() == 6
    with raises(CatalogError, "other_model"):
        Catalog(folder, SPACE)
    asked = []
    analyzer = FakeAnalyzer()
    analyzer.again = asked.append  # type: ignore[assignment]
    renew(folder, analyzer)
    assert not asked
    assert rows(folder) == before


def test_a_piece_that_cannot_be_read_anew_stays_as_failed(folder: Path, whole: Path) -> None:
    older(folder)
    catalog = json.loads((folder / header.NAME).read_text())
    assert catalog["model"] == "model=another window=15"
    shutil.rmtree(folder / "features")
    renew(folder, FakeAnalyzer())
    found = {
        row["name"]: row for row in Catalog(folder, SPACE).listing(["name", "status", "cause"])
    }
    assert found["1.mp3"]["status"] == "failed"
    assert found["1.mp3"]["cause"] == renewal.LOST
    assert found["silent.mp3"]["status"] == "silent"
    assert run(whole / "music", Catalog(folder, SPACE)).changed == 5
    assert state(folder) == state(whole / "catalog")


def test_a_catalogue_whose_music_is_away_stays_as_it_is(folder: Path, whole: Path) -> None:
    older(folder)
    shutil.rmtree(folder / "features")
    before, music = (folder / header.NAME).read_bytes(), whole / "music"
    music.rename(whole / "away")
    try:
        with raises(CatalogError, "folder_missing", subject=str(music)):
            renew(folder, FakeAnalyzer())
    finally:
        (whole / "away").rename(music)
    assert (folder / header.NAME).read_bytes() == before
    renew(folder, FakeAnalyzer())
    assert run(music, Catalog(folder, SPACE)).changed == 5
    assert state(folder) == state(whole / "catalog")


def test_music_that_is_away_is_not_needed_for_what_was_kept(folder: Path, whole: Path) -> None:
    before = rows(folder)
    older(folder)
    (whole / "music").rename(whole / "away")
    try:
        renew(folder, FakeAnalyzer())
    finally:
        (whole / "away").rename(whole / "music")
    assert rows(folder) == before


def of_first_schema(folder: Path) -> None:
    """Make a catalogue one as the first hevner did: fewer columns, and no features or seal."""
    catalog = Catalog(folder, SPACE)
    for table in (catalog.pieces, catalog.moments):
        names = [name for name in table.schema.names if name.startswith(("tension", "emotion_"))]
        names += {"key_candidates", "mode", "sounds_like"} & {*table.schema.names}
        table._table.drop_columns([*names, *columns.noted(table.name).names])
    shutil.rmtree(folder / "features")
    unindex(folder)
    (folder / seal.NAME).unlink()
    record = json.loads((folder / header.NAME).read_text())
    for name in ("checksum", "encoder", "encoder_version", "model_name", "model_file", "tables"):
        record.pop(name)
    (folder / header.NAME).write_text(json.dumps({**record, "schema": 1}))


@pytest.mark.parametrize("kept", [False, True])
def test_a_catalogue_of_the_first_schema_is_carried_over(
    kept: bool, folder: Path, whole: Path
) -> None:
    """From what is kept, if anything is; else from the files."""
    of_first_schema(folder)
    with raises(CatalogError, "other_schema") as caught:
        Catalog(folder, SPACE)
    assert "hevner index" in caught.value.remedy
    if kept:
        shutil.copytree(whole / "catalog" / "features", folder / "features")
    analyzer = FakeAnalyzer()
    with renewal.renewing(folder, SPACE, None, Event()) as renewed:
        assert renewed.carry(analyzer, Options()) == (5 if kept else 0)
        assert renewed.without == (0 if kept else 5)
    run(whole / "music", Catalog(folder, SPACE), analyzer)
    assert len(analyzer.asked) == (0 if kept else 5)
    assert state(folder) == state(whole / "catalog")


def test_rows_note_what_made_them(folder: Path, whole: Path) -> None:
    catalog = Catalog(folder, SPACE)
    (row,) = catalog.pieces.records("name = '1.mp3'")
    assert row["source"] == str(whole / "music" / "1.mp3")
    assert row["moments"] == 2
    assert row["hevner"]
    assert row["written"] > 1_700_000_000


@pytest.mark.parametrize("where", ["replace", "unlink", *TABLES])
def test_mending_that_is_cut_off_anywhere_can_be_repeated(
    where: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each file that is moved or removed, and each change of a table."""
    before = rows(folder)
    data(folder, "pieces").write_bytes(b"junk")

    class Killed(BaseException):
        pass

    def cut(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return call(*given, **named)

        return counted

    for at in range(1, 40):
        trial = folder.parent / str(at)
        shutil.copytree(folder, trial)
        left = at
        with monkeypatch.context() as patch:
            if where == "replace":
                patch.setattr("os.replace", cut(__import__("os").replace))
            elif where == "unlink":
                patch.setattr(Path, "unlink", cut(Path.unlink))
            else:
                patch.setattr(tables.Table, "add", cut(tables.Table.add))
            try:
                mend(trial)
                finished = True
            except Killed:
                finished = False
        mend(trial)
        found = [row for row in rows(trial) if row["status"] == "ok"]
        assert found == [row for row in before if row["status"] == "ok"]
        shutil.rmtree(trial)
        if finished:
            break
    assert at > 1


def test_what_another_process_puts_in_its_place_meanwhile_is_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = seal.read(folder)
    assert found is not None
    compared = []

    def differs(path: Path, sealed: tuple[int, str]) -> bool:
        compared.append(path)
        if len(compared) == 1:
            seal.write(folder, {name: n + 1 for name, n in found.versions.items()}, found.header)
            return True
        return False

    monkeypatch.setattr(seal, "_differs", differs)
    assert seal.damaged_file(folder) == ""
    assert len(compared) > len(found.files)


def test_the_seal_digests_each_file_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = seal.read(folder)
    assert found is not None
    monkeypatch.setattr(seal, "_digest", None)
    seal.write(folder, found.versions, found.header)
    assert seal.read(folder) == found
