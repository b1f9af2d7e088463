"""A store of the first layout is refused with the remedy, and converted without loss."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner.cli.features import app as features_app
from hevner.errors import DataError
from hevner.store import FeatureFile, FeatureStore, digest, migrate
from hevner.store.file import APPLICATION_ID, checksum
from tests.errors import raises
from tests.store.worlds import KIND, assert_holds, entry, filled, vectors

TABLES = """
CREATE TABLE state (kind TEXT NOT NULL, end INTEGER NOT NULL);
CREATE TABLE entries (content TEXT PRIMARY KEY, offset INTEGER NOT NULL, count INTEGER NOT NULL,
    duration REAL, starts BLOB, checksum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tracks (track TEXT NOT NULL, variant TEXT NOT NULL,
    content TEXT NOT NULL REFERENCES entries ON DELETE CASCADE,
    PRIMARY KEY (track, variant)) WITHOUT ROWID;
"""


def old_store(folder: Path) -> Path:
    """Ten tracks as the first layout has them; returns the index."""
    (folder / "songs").mkdir(parents=True, exist_ok=True)
    index, rows = folder / "songs" / "loud-1.index", bytearray()
    with closing(sqlite3.connect(index)) as database, database:
        database.executescript(TABLES)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("PRAGMA user_version = 1")
        for track in (f"t{i}" for i in range(10)):
            one = entry(track)
            assert one.starts is not None
            data, starts = one.rows.tobytes(), one.starts.tobytes()
            check = checksum(data, one.content, 3, one.duration, starts)
            values = (one.content, len(rows), 3, one.duration, starts, check)
            database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", values)
            database.execute("INSERT INTO tracks VALUES (?, '', ?)", (track, one.content))
            rows += data + bytes(4)  # entries began at multiples of 64 bytes
        database.execute("INSERT INTO state VALUES (?, ?)", (json.dumps(asdict(KIND)), len(rows)))
    index.with_suffix(".rows").write_bytes(rows)
    return index


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "songs").iterdir()}


def test_an_old_store_is_refused_with_the_remedy(tmp_path: Path) -> None:
    old_store(tmp_path)
    store = FeatureStore(tmp_path)
    for call in (lambda: store.open("songs", KIND), store.paths, lambda: store.paths("songs")):
        with raises(DataError, "old_layout", subject=str(tmp_path)) as caught:
            call()
        assert f"hevner features migrate {tmp_path}" in caught.value.remedy
    assert names(tmp_path) == {"loud-1.index", "loud-1.rows"}


def test_all_features_are_kept(tmp_path: Path) -> None:
    old_store(tmp_path)
    result = CliRunner().invoke(features_app, ["migrate", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (0, "songs loud-1: 10 entries converted.\n")
    assert names(tmp_path) == {"loud-1.features"}
    file = FeatureStore(tmp_path).open("songs", KIND)
    assert_holds(file, [f"t{i}" for i in range(10)])
    read, expected = file.get("t3"), entry("t3")
    assert (read.content, read.duration) == (expected.content, expected.duration)
    np.testing.assert_array_equal(read.starts, expected.starts)
    assert file.verify() == []
    assert list(migrate.migrate(FeatureStore(tmp_path))) == []
    again = CliRunner().invoke(features_app, ["migrate", str(tmp_path)])
    assert (again.exit_code, again.stderr) == (0, "Nothing to convert.\n")


def test_a_migration_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = old_store(tmp_path)
    # Stopped while the new file is filled.
    index.with_suffix(".part").write_bytes(b"half of it")
    index.with_name("loud-1.part-journal").write_bytes(b"of the half")
    assert len(list(migrate.migrate(FeatureStore(tmp_path)))) == 1
    # Stopped before the old files were deleted.
    old_store(tmp_path / "again")
    (tmp_path / "again" / "songs" / "loud-1.features").write_bytes(
        (tmp_path / "songs" / "loud-1.features").read_bytes()
    )
    ((file, _),) = migrate.migrate(FeatureStore(tmp_path / "again"))
    assert_holds(file, [f"t{i}" for i in range(10)])
    assert names(tmp_path) == names(tmp_path / "again") == {"loud-1.features"}
    # Stopped between the two old files.
    old_store(tmp_path / "again").with_suffix(".rows").unlink()
    ((file, dropped),) = migrate.migrate(FeatureStore(tmp_path / "again"))
    assert (len(file), dropped) == (10, [])
    assert names(tmp_path / "again") == {"loud-1.features"}


def test_damage_of_the_old_files_is_reported(tmp_path: Path) -> None:
    index = old_store(tmp_path)
    os.truncate(index.with_suffix(".rows"), 7 * 64 + 20)
    result = CliRunner().invoke(features_app, ["migrate", str(tmp_path)])
    assert result.exit_code == 1
    assert "7 entries converted, 3 damaged ones left out" in result.stderr
    assert_holds(FeatureStore(tmp_path).open("songs", KIND), [f"t{i}" for i in range(7)])


def test_a_lost_data_file_and_an_index_that_is_none(tmp_path: Path) -> None:
    old_store(tmp_path).with_suffix(".rows").unlink()
    ((file, dropped),) = migrate.migrate(FeatureStore(tmp_path))
    assert (len(file), len(dropped)) == (0, 10)
    (tmp_path / "songs" / "other-1.index").write_bytes(b"no database" * 1000)
    with raises(DataError, "damaged_store", subject="other-1.index"):
        list(migrate.migrate(FeatureStore(tmp_path)))
    assert names(tmp_path) == {"loud-1.features", "other-1.index"}


def test_new_and_old_files_do_not_mix(tmp_path: Path) -> None:
    file = filled(tmp_path / "new", 2)
    old_store(tmp_path / "old")
    assert FeatureFile(file.path).content("t0") == digest("t0")
    np.testing.assert_array_equal(file.get("t1").rows, vectors("t1"))
    with raises(DataError, "damaged_store"):
        FeatureFile(tmp_path / "old" / "songs" / "loud-1.index")
