"""The feature store: what goes in comes out, and damage is found."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

from hevner.cli.features import app as features_app
from hevner.errors import DataError
from hevner.store import Entry, FeatureFile, FeatureStore, Kind, digest
from hevner.store import entry as entries
from hevner.store import file as file_module
from hevner.store.entry import DTYPES
from tests.errors import raises
from tests.store.worlds import KIND, assert_holds, entry, filled, vectors


@pytest.fixture
def file(tmp_path: Path) -> FeatureFile:
    return FeatureStore(tmp_path).open("songs", KIND)


# --- what goes in comes out ---


@given(data=st.data(), dtype=st.sampled_from(DTYPES), dimension=st.integers(1, 9))
def test_arrays_come_back_exactly(data: st.DataObject, dtype: str, dimension: int) -> None:
    numbers = (
        st.floats(allow_nan=False, allow_infinity=False, width=np.dtype(dtype).itemsize * 8)
        if np.dtype(dtype).kind == "f"
        else None
    )
    shapes = st.tuples(st.integers(0, 7), st.just(dimension))
    lists = st.lists(arrays.arrays(dtype, shapes, elements=numbers), max_size=4)
    durations = st.none() | st.floats(min_value=1e-3, max_value=1e6)
    stored = data.draw(lists)
    with tempfile.TemporaryDirectory() as folder:
        file = FeatureStore(folder).open("x", Kind("e", "1", dimension, dtype))
        written = []
        for number, rows in enumerate(stored):
            starts = data.draw(st.none() | st.just(np.linspace(0, 7, len(rows))))
            one = Entry(digest(str(number)), rows, starts, data.draw(durations))
            file.add(one, f"track {number}", "ä/variant")
            written.append(one)
        for number, one in enumerate(written):
            read = file.get(f"track {number}", "ä/variant")
            assert read.rows.dtype == rows.dtype
            assert read.rows.tobytes() == one.rows.tobytes()
            assert read.rows.shape == one.rows.shape
            assert (read.content, read.duration) == (one.content, one.duration)
            assert (read.starts is None) == (one.starts is None)
            if one.starts is not None:
                np.testing.assert_array_equal(read.starts, one.starts)
        assert file.verify() == []


def test_rows_cannot_be_written_and_outlive_later_entries(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    first = file.get("a").rows
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1
    file.add(entry("new", 1000), "a")
    np.testing.assert_array_equal(first, vectors("a"))
    np.testing.assert_array_equal(file.get("a").rows, vectors("new", 1000))
    assert digest("a") in file


def test_the_same_audio_is_stored_once_and_shared(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    file.add(entry("a"), "b", "copy")
    assert file.link(digest("a"), "a")
    assert file.link(digest("a"), "c")
    assert not file.link(digest("nothing"), "d")
    assert len(file) == 1
    assert digest("a") in file
    assert digest("b") not in file
    assert file.content("c") == digest("a")
    assert file.content("d") is None
    assert file.ids() == [("a", ""), ("b", "copy"), ("c", "")]
    np.testing.assert_array_equal(file.get("b", "copy").rows, vectors("a"))


def test_another_process_sees_what_is_added(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    other = FeatureFile(file.path)
    np.testing.assert_array_equal(other.get("a").rows, vectors("a"))
    file.add(entry("b", 2000), "b")
    np.testing.assert_array_equal(other.get("b").rows, vectors("b", 2000))


def test_pooling_takes_the_mean_over_the_windows(tmp_path: Path) -> None:
    file = filled(tmp_path)
    pooled = file.pooled(["t7", "t2"])
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, [vectors("t7").mean(0), vectors("t2").mean(0)], rtol=1e-6)
    assert file.pooled([]).shape == (0, 5)


def test_a_missing_feature_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = filled(tmp_path, 2)
    with raises(DataError, "features_missing", subject="songs, track t9"):
        file.pooled(["t1", "t9"])
    with raises(DataError, "features_missing", subject="track t1, variant loud") as caught:
        file.get("t1", "loud")
    assert "the variant ''" in caught.value.remedy
    file.add(Entry(digest("e"), np.zeros((0, 5), np.float32)), "empty")
    with raises(DataError, "empty_features", subject="track empty"):
        file.pooled(["empty"])


@pytest.mark.parametrize(
    "wrong",
    [
        Entry(digest("x"), np.zeros((2, 4), np.float32)),
        Entry(digest("x"), np.zeros(5, np.float32)),
        Entry(digest("x"), np.zeros((2, 5))),
        Entry(digest("x"), np.full((2, 5), np.nan, np.float32)),
        Entry(digest("x"), np.zeros((2, 5), np.float32), np.zeros(3)),
        Entry(digest("x"), np.zeros((1, 5), np.float32), np.array([np.inf])),
        Entry(digest("x"), np.zeros((2, 5), np.float32), None, 0.0),
        Entry("my song", np.zeros((2, 5), np.float32)),
    ],
)
def test_what_does_not_fit_is_refused_as_a_whole(file: FeatureFile, wrong: Entry) -> None:
    with raises(DataError, "wrong_features", subject="track b"):
        file.add_many([("a", "", entry("a")), ("b", "", wrong)])
    assert file.ids() == []


def test_an_entry_larger_than_a_value_of_the_database_is_refused(
    file: FeatureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "LARGEST_BYTES", 59)
    with raises(DataError, "wrong_features"):
        file.add(entry("a"), "a")


# --- kinds ---


def test_another_kind_under_the_same_name_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    for other in (Kind("loud", "1", 6), Kind("loud", "1", 5, "float16")):
        with raises(DataError, "other_features", subject="loud-1.features"):
            FeatureStore(tmp_path).open("songs", other)


def test_versions_and_parameters_have_files_of_their_own(tmp_path: Path) -> None:
    kinds = [KIND, Kind("loud", "2", 5)]
    kinds += [Kind("loud", "1", 5, parameters={"hop": hop}) for hop in (1, 2)]
    store = FeatureStore(tmp_path)
    for number, kind in enumerate(kinds):
        store.open("songs", kind).add(entry(str(number)), "a")
    for number, kind in enumerate(kinds):
        file = store.open("songs", kind)
        np.testing.assert_array_equal(file.get("a").rows, vectors(str(number)))
    assert {file.kind.name for file in store.files()} == {kind.name for kind in kinds}
    assert len(store.paths("songs", "loud-1*")) == 3
    assert store.paths("noise") == []
    assert next(f for f in store.files() if f.kind == kinds[2]).kind.parameters == {"hop": 1}


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a b", "a/b"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with raises(DataError, "bad_name"):
        Kind(name, "1", 5)
    with raises(DataError, "bad_name"):
        FeatureStore(tmp_path).open(name, KIND)


def test_numbers_that_cannot_be_stored_are_refused() -> None:
    for dimension, dtype in ((0, "float32"), (5, "complex64"), (5, "object"), (5, "nonsense")):
        with raises(DataError, "wrong_type"):
            Kind("loud", "1", dimension, dtype)


# --- damage ---


def test_a_flipped_bit_is_found_dropped_and_made_again(tmp_path: Path) -> None:
    file = filled(tmp_path)
    assert file.verify() == []
    file.link(digest("t4"), "twin", "v")
    content = bytearray(file.path.read_bytes())
    content[content.index(vectors("t4").tobytes()) + 17] ^= 4
    file.path.write_bytes(content)
    (dropped,) = FeatureFile(file.path).verify()
    assert dropped.content == digest("t4")
    assert dropped.tracks == (("t4", ""), ("twin", "v"))
    again = FeatureFile(file.path)
    assert_holds(again, [f"t{i}" for i in range(10) if i != 4])
    assert digest("t4") not in again
    again.add(entry("t4"), "t4")
    assert again.verify() == []
    assert_holds(again, [f"t{i}" for i in range(10)])


@pytest.mark.parametrize(
    "change", ["duration = duration + 1", "starts = zeroblob(24)", "vectors = zeroblob(40)"]
)
def test_a_changed_entry_is_found(tmp_path: Path, change: str) -> None:
    file = filled(tmp_path)
    with closing(sqlite3.connect(file.path)) as database, database:
        database.execute(f"UPDATE entries SET {change} WHERE content = ?", (digest("t3"),))
    (dropped,) = file.verify()
    assert dropped.tracks == (("t3", ""),)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = filled(tmp_path)
    content = file.path.read_bytes()
    foreign = tmp_path / "foreign"
    with closing(sqlite3.connect(foreign)) as database, database:
        database.execute("CREATE TABLE songs (title TEXT)")
    half = content[: len(content) // 2]
    damaged = [b"not a database" * 100, half, content[:100] + b"\xff" * 8000]
    for bad in (*damaged, foreign.read_bytes()):
        file.path.write_bytes(bad)
        with raises(DataError, "damaged_store", subject="loud-1.features"):
            FeatureStore(tmp_path).open("songs", KIND).verify()
    with raises(DataError, "file_missing"):
        FeatureFile(tmp_path / "nothing.features")


def test_a_file_of_a_later_layout_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(filled(tmp_path, 1).path)) as database:
        database.execute("PRAGMA user_version = 99")
    with raises(DataError, "damaged_store"):
        FeatureStore(tmp_path).open("songs", KIND)


# --- digests of files ---


def test_a_digest_is_that_of_the_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(tmp_path / "store")
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_bytes(b"music")
    same.write_bytes(b"music")
    other.write_bytes(b"noise")
    for path in (one, same, other):
        os.utime(path, ns=(10**18, 10**18))
    assert store.file_digest(one) == store.file_digest(same) != store.file_digest(other)
    with monkeypatch.context() as patch:
        patch.setattr("hevner.store.SETTLED_NS", -(10**18))  # whenever it was changed
        remembered = store.file_digest(other)
        patch.setattr("hashlib.file_digest", None)
        assert store.file_digest(other) == remembered  # not read again
    changed = other.stat().st_ctime_ns
    while other.stat().st_ctime_ns == changed:  # a clock that ticks a hundred times a second
        other.write_bytes(b"voice")
        os.utime(other, ns=(10**18, 10**18))
    assert store.file_digest(other) != remembered  # whatever size and time of the content say
    (store.folder / "digests.sqlite").write_bytes(b"damaged" * 1000)
    assert store.file_digest(one) == store.file_digest(same)


@pytest.mark.parametrize("old", [False, True], ids=["new", "of long ago"])
def test_a_file_changed_just_now_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    """Also one that has the time of another, as a copy may: it may change in the same tick."""
    store = FeatureStore(tmp_path / "store")
    monkeypatch.setattr("hevner.store.SETTLED_NS", 10**18)  # just now, however long this takes
    path = tmp_path / "a"
    path.write_bytes(b"music")
    time = 10**15 if old else path.stat().st_mtime_ns
    os.utime(path, ns=(time, time))
    first = store.file_digest(path)
    status = path.stat()
    path.write_bytes(b"noise")
    os.utime(path, ns=(time, time))
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    assert store.file_digest(path) != first


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with raises(DataError, "unreadable_file", subject="nothing.wav"):
        FeatureStore(tmp_path).file_digest(tmp_path / "nothing.wav")


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
    assert digest("ab") == digest(b"ab")


# --- the command line ---


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(features_app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_imports_lists_and_verifies(tmp_path: Path) -> None:
    store = tmp_path / "store"
    what = ["--dataset", "songs", "--encoder", "jukebox", "--version", "5b", "--file"]
    matrix = np.arange(12).reshape(3, 4) / 8
    np.savez(tmp_path / "pair.npz", vectors=matrix, names=np.array(["x", "y", "z"]))
    (tmp_path / "table.csv").write_text("id,a,b,key\nx,1,2,C\n")
    pair = [tmp_path / "pair.npz", "--array", "vectors", "--ids", "names"]
    assert run("import", store, *what, *pair) == (0, "", "songs jukebox-5b: 3 tracks.\n")
    table = [tmp_path / "table.csv", "--id-column", "id", "--columns", "a, b"]
    status, _, errors = run("import", store, *what, *table)
    assert status == 1
    assert "holds jukebox 5b (4 numbers of float32), not jukebox 5b (2" in errors
    status, output, _ = run("list", store)
    assert status == 0
    assert output.split()[:7] == ["songs", "jukebox", "5b", "4", "float32", "3", "tracks"]
    (listed,) = json.loads(run("list", store, "--json")[1])
    path = store / "songs" / "jukebox-5b.features"
    assert (listed["dimension"], listed["tracks"]) == (4, 3)
    assert listed["bytes"] == path.stat().st_size

    assert run("verify", store) == (0, "", "songs jukebox-5b: 3 of 3 sound.\n")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE entries SET vectors = zeroblob(16) WHERE entry = 1")
    status, _, errors = run("verify", store)
    assert status == 1
    assert "jukebox-5b.features: x: its checksum does not fit." in errors
    assert "2 of 3 sound" in errors
    assert run("verify", store)[0] == 0
    (store / "songs" / "a.features").write_bytes(b"damaged" * 1000)
    status, _, errors = run("verify", store)
    assert status == 1
    assert "a.features: not a sound file" in errors
    assert "2 of 2 sound" in errors
    for command in ("list", "verify", "migrate"):
        assert run(command, tmp_path / "nowhere")[0] == 1


def test_the_store_needs_no_framework() -> None:
    script = (
        "import sys, hevner.store, hevner.store.imports\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'onnxruntime', 'soundfile', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_file_that_is_made_while_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.features"
    path.touch()
    is_empty = file_module._is_empty

    def made_before(database: sqlite3.Connection) -> bool:
        monkeypatch.undo()
        FeatureFile(path, KIND)
        return is_empty(database)

    monkeypatch.setattr(file_module, "_is_empty", made_before)
    assert FeatureFile(path, KIND).kind == KIND
