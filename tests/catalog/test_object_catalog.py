"""A catalogue in a real object store: the same rows and hits as in a folder, however many write."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("obstore", reason="needs the extra s3")
lancedb = pytest.importorskip("lancedb")

from hevner import object_path
from hevner.catalog import header, object_catalog, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import MOMENTS, PIECES, WITH_VECTOR
from hevner.catalog.query import Query
from hevner.catalog.row_keys import KEY
from hevner.catalog.scoring import locate
from hevner.catalog.search import search
from hevner.catalog.tables import Table
from hevner.catalog.writer import create, open_or_create, writing
from hevner.cli import app
from hevner.errors import CatalogError, HevnerError
from hevner.object_path import ObjectPath
from tests.catalog.library import Library, build
from tests.catalog.made_up import SPACE, pooled
from tests.catalog.test_search_index import QUERIES, same
from tests.catalog.text_encoder import BANDS, CARD
from tests.errors import raises
from tests.object_store import ObjectStore
from tests.store_proxy import StoreProxy

COUNT = 120


@pytest.fixture(autouse=True, scope="module")
def _environment(object_store: ObjectStore) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in object_store.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def folder(object_store: ObjectStore) -> str:
    return f"s3://{object_store.bucket()}/catalogue"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("local") / "catalog", COUNT)


@pytest.fixture(scope="module")
def stored(object_store: ObjectStore, _environment: None) -> Library:
    return build(f"s3://{object_store.bucket()}/catalogue", COUNT)  # type: ignore[arg-type]


def contents(catalog: Catalog) -> list[list[dict[str, object]]]:
    """All rows of both tables, in order."""
    rows = []
    for name, key in ((PIECES, "path"), (MOMENTS, "piece")):
        table: Table = getattr(catalog, name)
        columns = [column for column in table.schema.names if column not in (KEY, "mtime")]
        found = [row for batch in table.scan(columns) for row in batch.to_pylist()]
        assert table.checked([]).num_rows == 0
        rows.append(sorted(found, key=lambda row: (row[key], row.get("start") or 0.0)))
    return rows


@pytest.mark.parametrize("tidy", [False, True])
def test_rows_and_hits_are_those_of_a_folder(local: Library, stored: Library, tidy: bool) -> None:
    catalog = Catalog(stored.catalog.folder, SPACE)
    if tidy:
        with writing(catalog) as writer:
            writer.tidy()
        catalog.refresh()
        assert {*catalog._indexes} == {PIECES, MOMENTS}
    np.testing.assert_equal(contents(catalog), contents(local.catalog))
    for asked in QUERIES:
        query = Query.of(**asked)  # type: ignore[arg-type]
        same(search(catalog, query), search(local.catalog, query))


def test_many_writers_of_the_same_rows_write_them_once(local: Library, folder: str) -> None:
    def write(number: int) -> None:
        catalog = open_or_create(folder, SPACE)
        with writing(catalog) as writer:
            writer.note_folders([f"s3://music/{number}"])
            for first in range(0, COUNT, 40):
                some = slice(first, first + 40), slice(3 * first, 3 * (first + 40))
                writer.put(local.pieces[some[0]], local.moments[some[1]])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    catalog = Catalog(folder, SPACE)
    assert sorted(catalog.header.folders) == [f"s3://music/{number}" for number in range(4)]
    ids = [piece["id"] for piece in local.pieces]
    assert sorted(row["id"] for row in catalog.listing(["id"])) == ids
    starts = [(row["piece"], row["start"]) for row in contents(catalog)[1]]
    assert starts == sorted((row["piece"], row["start"]) for row in local.moments)


def test_a_writer_that_was_stopped_in_between_is_made_up_for(
    local: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        pass

    add = Table.add

    def stop(table: Table, *args: object, **kwargs: object) -> None:
        if table.name == PIECES:
            raise StoppedError
        add(table, *args, **kwargs)  # type: ignore[arg-type]

    catalog = create(folder, SPACE)
    with monkeypatch.context() as patch, writing(catalog) as writer:
        patch.setattr(Table, "add", stop)
        with pytest.raises(StoppedError):
            writer.put(local.pieces[:3], local.moments[:9])
    # No search finds moments without their piece.
    assert not search(Catalog(folder, SPACE), Query.of(mood="calm", moments=True))
    with writing(Catalog(folder, SPACE)) as writer:
        writer.put(local.pieces[:3], local.moments[:9])
    catalog.refresh()
    assert (catalog.pieces.count(), catalog.moments.count()) == (3, 9)


def test_changed_and_removed_pieces_take_their_moments_along(local: Library, folder: str) -> None:
    catalog = create(folder, SPACE)
    with writing(catalog) as writer:
        writer.put(local.pieces[:4], local.moments[:12])
        changed = {**local.pieces[0], "id": "other"}
        moments = [{**moment, "piece": "other"} for moment in local.moments[:2]]
        writer.put([changed], moments, [local.pieces[0]["id"]])
        writer.remove([(local.pieces[1]["path"], local.pieces[1]["id"])])
    pieces, moments = contents(Catalog(folder, SPACE))
    assert {row["id"] for row in pieces} == {"other", "000002", "000003"}
    assert [row["piece"] for row in moments] == 3 * ["000002"] + 3 * ["000003"] + 2 * ["other"]


def test_features_are_kept(local: Library, folder: str) -> None:
    catalog = create(folder, SPACE)
    id = local.pieces[0]["id"]
    with writing(catalog) as writer:
        writer.put(local.pieces[:1], [], features={id: pooled("a")})
    kept = Catalog(folder, SPACE).kept
    found = kept.get(id)
    assert found is not None
    assert found.pooled.facts.headline == "a"
    assert [*kept.ids()] == [id]
    assert kept.get("unknown") is None


def test_the_index_is_copied_once_and_that_of_the_newest_version_is_used(
    local: Library, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fetched = []
    download = ObjectPath.download

    def note(path: ObjectPath, target: Path) -> object:
        fetched.append(path.name.partition("-")[0])
        return download(path, target)

    def opened() -> set[str]:
        fetched.clear()
        return {*Catalog(folder, SPACE)._indexes}

    catalog = create(folder, SPACE)
    with writing(catalog) as writer:
        writer.put(local.pieces, local.moments)
        writer.tidy()
    monkeypatch.setattr(ObjectPath, "download", note)
    monkeypatch.setenv("HEVNER_CACHE", str(tmp_path / "another machine"))
    assert opened() == {PIECES, MOMENTS}
    assert sorted(fetched) == [MOMENTS, PIECES]
    assert opened() == {PIECES, MOMENTS}
    assert not fetched
    reader = Catalog(folder, SPACE)
    for copy in (tmp_path / "another machine").rglob("*.search"):
        copy.unlink()  # whoever has it open keeps it
        copy.write_bytes(b"damaged")
    assert opened() == {PIECES, MOMENTS}
    assert sorted(fetched) == [MOMENTS, PIECES]
    with writing(Catalog(folder, SPACE)) as writer:
        writer.put([{**local.pieces[0], "path": "/new"}], [])
        # There is no index of that version yet; who has the one before open keeps it.
        assert opened() == {MOMENTS}
        assert Catalog(folder, SPACE).count(PIECES) == COUNT + 1
        assert reader.count(PIECES) == COUNT
        writer.tidy()
    assert opened() == {PIECES, MOMENTS}
    reader.refresh()
    assert reader.count(PIECES) == COUNT + 1
    copies = sorted(path.name for path in (tmp_path / "another machine").rglob("*.search"))
    assert copies == sorted(path.name for path in catalog.home.glob("*.search"))  # type: ignore[union-attr]
    assert len(copies) == 2


def test_one_process_at_a_time_keeps_it_in_order(
    local: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = create(folder, SPACE)
    assert isinstance(catalog.folder, ObjectPath)
    with writing(catalog) as writer:
        writer.put(local.pieces, local.moments)
        with object_catalog.leased(catalog.folder):
            with raises(CatalogError, "locked"), object_catalog.leased(catalog.folder):
                raise AssertionError
            writer.tidy()
            assert not {*Catalog(folder, SPACE)._indexes}
        # One that was killed left its lease.
        with monkeypatch.context() as patch:
            patch.setattr(object_catalog, "LEASE_S", -1.0)
            patch.setattr(ObjectPath, "unlink", lambda *_args, **_kwargs: None)
            with object_catalog.leased(catalog.folder):
                pass
        writer.tidy()
    assert {*Catalog(folder, SPACE)._indexes} == {PIECES, MOMENTS}
    assert not (catalog.folder / object_catalog.LEASE).exists()


def test_one_is_made_anew_beside_the_old_one(
    local: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = create(folder, SPACE)
    with writing(old) as writer:
        writer.put(local.pieces, local.moments)
    new = create(folder, SPACE)
    assert new.home != old.home
    assert new.pieces.count() == 0
    assert search(old, Query.of(mood="calm"))
    with writing(new) as writer:
        writer.tidy()
        assert old.home.is_dir()
        monkeypatch.setattr(object_catalog, "KEPT", 0 * object_catalog.KEPT)
        writer.tidy()
    assert not old.home.is_dir()
    assert Catalog(folder, SPACE).pieces.count() == 0


def test_pieces_are_found_by_their_address(local: Library, folder: str) -> None:
    audio = ObjectPath(folder).parent / "music" / "a b.mp3"
    audio.write(b"a")
    stat = audio.stat()
    row = {**local.pieces[0], "path": str(audio), "size": 1, "mtime": stat.st_mtime_ns}
    row["changed"] = stat.st_ctime_ns
    catalog = create(folder, SPACE)
    with writing(catalog) as writer:
        writer.put([row, *local.pieces[1:]], local.moments)
    assert locate(catalog, audio)[1]["id"] == local.pieces[0]["id"]
    query = Query.of(like=str(audio), count=5)
    same(
        search(catalog, query),
        search(local.catalog, Query.of(like=local.pieces[0]["path"], count=5)),
    )


def test_the_command_line_searches_it(
    stored: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi", reason="needs the extra 'serve'")
    from tests.serve.servers import refused

    monkeypatch.setattr("hevner.model.space.load", lambda: SPACE)
    words = ["--mood", "very happy", "--format", "m3u8", "--count", "1"]
    done = CliRunner().invoke(app, ["search", str(stored.catalog.folder), *words])
    best = search(stored.catalog, Query.of(mood="very happy", count=1))[0]
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, best.path)
    for arguments in (["search", folder, *words], ["serve", folder]):
        done = refused(*arguments)
        assert isinstance(done.exception, HevnerError) or done.exit_code == 1
        assert folder in (done.output or str(done.exception))


def test_what_is_wrong_is_named(folder: str, tmp_path: Path) -> None:
    with raises(CatalogError, "file_missing", subject=folder):
        Catalog(folder, SPACE)
    catalog = create(folder, SPACE)
    assert isinstance(catalog.folder, ObjectPath)
    (catalog.folder / header.NAME).write(b"{}")
    with raises(CatalogError, "damaged"):
        Catalog(folder, SPACE)


def test_a_change_that_others_come_in_between_of_is_made_again(
    local: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = create(folder, SPACE)
    monkeypatch.setattr(tables, "LONGEST_S", 0.0)
    failing = 3 * ["Retryable commit conflict for version 2: preempted"]
    execute = lancedb.merge.LanceMergeInsertBuilder.execute

    def fail(merge: object, *args: object, **kwargs: object) -> object:
        if failing:
            raise RuntimeError(failing.pop())
        return execute(merge, *args, **kwargs)

    monkeypatch.setattr(lancedb.merge.LanceMergeInsertBuilder, "execute", fail)
    with writing(catalog) as writer:
        writer.put(local.pieces[:2], local.moments[:6])
        assert not failing
        failing += tables.ATTEMPTS * ["Too many concurrent writers"]
        with raises(CatalogError, "crowded"):
            writer.put(local.pieces[2:3], [])
    assert Catalog(folder, SPACE).pieces.count() == 2


def test_vectors_of_texts_are_added(local: Library, folder: str) -> None:
    catalog = create(folder, SPACE)
    with writing(catalog) as writer:
        writer.put(local.pieces[:3], [])
    vectors = {piece["id"]: np.eye(BANDS, dtype=np.float32)[0] for piece in local.pieces[:2]}
    for _ in range(2):
        with writing(Catalog(folder, SPACE)) as writer:
            writer.note_encoder(CARD)
            writer.put_encoded(vectors)
    found = Catalog(folder, SPACE)
    assert (found.pieces.count(), found.pieces.count(WITH_VECTOR)) == (3, 2)
    assert found.header.encoder == CARD.id


@pytest.mark.usefixtures("loopback")
def test_a_store_that_fails_is_not_taken_for_damage(
    object_store: ObjectStore, local: Library, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = StoreProxy(object_store)
    for name, value in proxy.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(object_path, "RETRIES", {"max_retries": 0})
    monkeypatch.setitem(object_path.LANCE_OPTIONS, "client_max_retries", "0")
    monkeypatch.setitem(object_path.LANCE_OPTIONS, "download_retry_count", "0")
    try:
        catalog = create(folder, SPACE)
        with writing(catalog) as writer:
            writer.put(local.pieces[:2], local.moments[:6])
            for status in (500, 403):
                proxy.before = lambda _method, _path, status=status: status
                with raises(CatalogError, "storage_failed"):
                    Catalog(folder, SPACE)
                with raises(CatalogError, "storage_failed"):
                    writer.put(local.pieces[2:4], local.moments[6:12])
                with raises(CatalogError, "storage_failed"):
                    list(catalog.listing(["id", "cause"]))
            proxy.before = lambda _method, _path: 0
            writer.put(local.pieces[2:4], local.moments[6:12])
            assert (catalog.pieces.count(), catalog.moments.count()) == (4, 12)
    finally:
        proxy.close()
