"""Music in an object store: what is listed, read anew, and taken for gone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="needs the extra s3")

from hevner.catalog import sources
from hevner.catalog.catalog import Catalog
from hevner.catalog.file_identity import part_of
from hevner.catalog.index_options import Options, Summary
from hevner.catalog.indexing import index
from hevner.catalog.writer import create
from hevner.errors import CatalogError
from hevner.files import find_audio
from hevner.object_path import ObjectPath
from hevner.result import Failure
from tests.catalog.made_up import SPACE, FakeAnalyzer, run, song, state
from tests.errors import raises
from tests.object_store import ObjectStore


@pytest.fixture
def folder(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectPath:
    """Three songs in a bucket, and what is none."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    folder = ObjectPath(f"s3://{object_store.bucket()}/my music")
    for name in ("a.mp3", "b.mp3", "below/c.flac"):
        (folder / name).write(name.encode())
    for name in (".hidden/d.mp3", "below/.e.mp3", "cover.jpg"):
        (folder / name).write(b"no song")
    folder.with_name("my music 2/f.mp3").write(b"beside")
    return folder


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return create(tmp_path / "catalog", SPACE)


def test_songs_below_a_folder_are_found(folder: ObjectPath, tmp_path: Path) -> None:
    here = song(tmp_path / "here" / "z.mp3")
    found, problems = sources.find([folder, here.parent, folder / "a.mp3"])
    names = [(str(one.path), str(one.name)) for one in found]
    assert names == [
        (str(here), "z.mp3"),
        (f"{folder}/a.mp3", "a.mp3"),
        (f"{folder}/b.mp3", "b.mp3"),
        (f"{folder}/below/c.flac", "below/c.flac"),
    ]
    assert not problems
    ((one,), _) = sources.find([folder / "b.mp3"])
    assert (str(one.path), str(one.name)) == (f"{folder}/b.mp3", "b.mp3")


def test_unchanged_songs_are_not_read_again(
    folder: ObjectPath, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyzer = FakeAnalyzer()
    assert run(folder, catalog, analyzer) == Summary(added=3)
    assert len(analyzer.asked) == 3
    pieces, moments = state(catalog.folder)
    assert set(pieces) == {f"{folder}/{name}" for name in ("a.mp3", "b.mp3", "below/c.flac")}
    assert set(moments.values()) == {2}
    monkeypatch.setattr(ObjectPath, "download", None)
    assert run(folder, catalog) == Summary(unchanged=3)
    assert state(catalog.folder) == (pieces, moments)


def test_a_song_that_is_replaced_is_read_again(folder: ObjectPath, catalog: Catalog) -> None:
    run(folder, catalog)
    (folder / "a.mp3").write(b"A.mp3")  # as long as before, perhaps in the same second
    analyzer = FakeAnalyzer()
    assert run(folder, catalog, analyzer) == Summary(unchanged=2, changed=1)
    assert len(analyzer.asked) == 1
    assert len(state(catalog.folder)[1]) == 3


def test_songs_that_moved_or_are_gone_are_noticed(folder: ObjectPath, catalog: Catalog) -> None:
    run(folder, catalog)
    (folder / "new" / "a.mp3").write(b"a.mp3")
    (folder / "a.mp3").unlink()
    analyzer = FakeAnalyzer()
    assert run(folder, catalog, analyzer) == Summary(unchanged=2, copied=1, moved=1)
    assert not analyzer.asked
    (folder / "b.mp3").unlink()
    assert run(folder, catalog) == Summary(unchanged=2, vanished=1)
    assert run(folder, catalog, prune=True) == Summary(unchanged=2, removed=1)
    assert set(state(catalog.folder)[0]) == {f"{folder}/new/a.mp3", f"{folder}/below/c.flac"}


def test_an_empty_place_removes_nothing(folder: ObjectPath, catalog: Catalog) -> None:
    run(folder, catalog)
    folder.remove_all()
    assert len(run(folder, catalog, prune=True).missing) == 3
    assert len(state(catalog.folder)[0]) == 3


def test_a_store_that_cannot_be_listed_is_no_empty_one(folder: ObjectPath) -> None:
    with raises(CatalogError, "storage_failed", subject="s3://no-such-bucket"):
        sources.find([ObjectPath("s3://no-such-bucket/music")])


def test_failures_name_the_object(folder: ObjectPath, catalog: Catalog) -> None:
    (folder / "bad.mp3").write(b"noise")
    found, _ = sources.find([folder])
    (folder / "b.mp3").unlink()
    failures: list[Failure | None] = []
    options = Options(report=lambda _file, failure: failures.append(failure))
    assert index(found, [folder], catalog, FakeAnalyzer(), options).failed == 2
    said = {failure.path: failure.code for failure in failures if failure}
    assert said == {f"{folder}/b.mp3": "unreadable", f"{folder}/bad.mp3": "bad_audio"}
    pieces = state(catalog.folder)[0]
    assert f"{folder}/b.mp3" not in pieces
    assert pieces[f"{folder}/bad.mp3"][1] == "failed"


# --- parts of the files ---


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(30):
        song(tmp_path / "music" / f"{number}.mp3")
    return tmp_path / "music"


def test_a_limit_is_of_what_is_new(many: Path, catalog: Catalog) -> None:
    some: Callable[..., Summary] = lambda: run(many, catalog, limit=12, whole=False)  # noqa: E731
    assert [some().added for _ in range(4)] == [12, 12, 6, 0]


def test_parts_are_all_files_once_and_nothing_else_is_touched(many: Path, catalog: Catalog) -> None:
    found, _ = find_audio([many])
    parts = [[file for file in found if part_of(file.path, 3) == part] for part in range(3)]
    assert sorted(chain(*parts), key=str) == sorted(found, key=str)
    assert all(parts)
    options = Options(prune=True, whole=False)
    for part in parts:
        assert index(part, [many], catalog, FakeAnalyzer(), options).added == len(part)
    assert len(state(catalog.folder)[0]) == 30
