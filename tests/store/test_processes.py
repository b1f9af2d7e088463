"""The feature store with processes that die, several at once, and disks that are full or closed."""

from __future__ import annotations

import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hevner.errors import OutputError
from hevner.store import FeatureFile, FeatureStore, database, digest
from tests.errors import raises
from tests.store.worlds import KIND, assert_holds, entry, filled, finish, start, vectors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

WRITER = """
import os, signal, sys
from tests.store.worlds import KIND, entry
from hevner.store import FeatureStore, database, digest
folder, first, last, deadly, turn = sys.argv[1], *map(int, sys.argv[2:4]), *sys.argv[4:6]
usual, turns = database.connect, [int(turn)]
def connect(path, mode):
    opened = usual(path, mode)
    def die(statement):
        turns[0] -= statement.startswith(deadly)
        if turns[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    opened.set_trace_callback(die)
    return opened
database.connect = connect
file = FeatureStore(folder).open("songs", KIND)
for number in range(first, last):
    track = f"t{number}"
    if digest(track) not in file:
        file.add(entry(track), track)
        print(track, flush=True)
"""
"""Adds tracks, and dies just before a statement that begins like this is run for the nth time."""

ALIVE = ("never", 1)


@pytest.mark.parametrize("deadly", ["CREATE TABLE tracks", "PRAGMA user_version = "])
def test_a_process_killed_while_it_makes_a_file_is_no_obstacle(tmp_path: Path, deadly: str) -> None:
    process = start(WRITER, tmp_path, 0, 3, deadly, 1)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert finish(start(WRITER, tmp_path, 0, 3, *ALIVE)) == ["t0", "t1", "t2"]
    assert_holds(FeatureStore(tmp_path).open("songs", KIND), ["t0", "t1", "t2"])


@pytest.mark.parametrize("deadly", ["INSERT INTO entries", "INSERT OR REPLACE INTO tracks"])
@pytest.mark.parametrize("before", [0, 5])
def test_a_process_killed_while_it_writes_loses_the_entry_in_flight(
    tmp_path: Path, deadly: str, before: int
) -> None:
    process = start(WRITER, tmp_path, 0, 10, deadly, before + 1)
    written = process.communicate()[0].split()
    assert process.returncode == -signal.SIGKILL
    assert len(written) == before
    file = FeatureStore(tmp_path).open("songs", KIND)
    assert file.verify() == []
    assert_holds(file, written)
    assert len(finish(start(WRITER, tmp_path, 0, 10, *ALIVE))) == 10 - before
    assert file.verify() == []
    assert_holds(file, [f"t{i}" for i in range(10)])


def test_a_process_killed_at_any_moment_leaves_the_store_sound(tmp_path: Path) -> None:
    file = FeatureStore(tmp_path).open("songs", KIND)
    confirmed: list[str] = []
    for length in (3, 11, 1, 7):
        with start(WRITER, tmp_path, 0, 1000, *ALIVE) as process:
            assert process.stdout is not None
            confirmed += [process.stdout.readline().strip() for _ in range(length)]
            process.kill()
            confirmed += process.stdout.read().split()
        assert file.verify() == []
        stored = [track for track, _ in file.ids()]
        assert set(confirmed) <= set(stored)
        assert len(stored) <= len(confirmed) + 1
        confirmed = stored
        assert_holds(file, stored)


def test_a_process_killed_after_it_began_to_write_the_file_is_undone(tmp_path: Path) -> None:
    file = filled(tmp_path, 3)
    script = (
        "import os, signal, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\n"
        "database.execute('BEGIN IMMEDIATE')\n"
        "for n in range(3000):\n"
        "    values = (f'{n:040x}', b'x' * 16, b'y' * 60)\n"
        "    database.execute('INSERT INTO entries (content, checksum, vectors)'\n"
        "                     ' VALUES (?, ?, ?)', values)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    size = file.size
    start(script, file.path).communicate()
    assert file.size > size  # it had begun to write
    assert_holds(FeatureFile(file.path), ["t0", "t1", "t2"])
    assert len(file) == 3
    assert file.verify() == []


def test_writers_side_by_side_do_not_harm_each_other(tmp_path: Path) -> None:
    spans = ((0, 60), (40, 100), (0, 100))
    for process in [start(WRITER, tmp_path, *span, *ALIVE) for span in spans]:
        finish(process)
    file = FeatureStore(tmp_path).open("songs", KIND)
    assert file.verify() == []
    assert len(file) == 100
    assert_holds(file, [f"t{i}" for i in range(100)])


def test_a_writer_that_takes_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = filled(tmp_path, 1)
    monkeypatch.setattr(database, "WAIT_S", 0.0)
    with database.transaction(file.path), raises(OutputError, "store_busy", subject="loud-1"):
        file.add(entry("x"), "x")
    file.add(entry("x"), "x")


# --- disks that are full or closed ---


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = filled(tmp_path, 3)
    usual = database.connect

    def full(path: Path, mode: str) -> sqlite3.Connection:
        opened = usual(path, mode)
        opened.execute("PRAGMA max_page_count = 1")  # no more than there are
        return opened

    monkeypatch.setattr(database, "connect", full)
    with raises(OutputError, "no_space", subject="loud-1.features"):
        file.add_many([("x", "", entry("x")), ("y", "", entry("y", 5000))])
    monkeypatch.undo()
    assert file.verify() == []
    assert_holds(file, ["t0", "t1", "t2"])
    file.add(entry("x"), "x")
    assert_holds(FeatureFile(file.path), ["t0", "t1", "t2", "x"])


LIMITED = """
import resource, sys
from hevner.errors import OutputError
from hevner.store import FeatureStore, digest
from tests.store.worlds import KIND, entry
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
file = FeatureStore(sys.argv[1]).open("songs", KIND)
for call in (lambda: file.add(entry("big", 5000), "big"),
             lambda: [file.link(digest("t0"), f"{n}" * 500) for n in range(1000)]):
    try:
        call()
    except OutputError:
        print("refused")
"""


def test_a_limit_of_file_size_met_for_real(tmp_path: Path) -> None:
    file = filled(tmp_path, 3)
    limited = start(LIMITED, tmp_path, file.size + 4096)
    assert finish(limited) == ["refused", "refused"]
    assert file.verify() == []
    assert digest("big") not in file
    for track in ("t0", "t1", "t2"):
        np.testing.assert_array_equal(file.get(track).rows, vectors(track))
    file.add(entry("big", 5000), "big")
    np.testing.assert_array_equal(file.get("big").rows, vectors("big", 5000))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


CLOSED = """
import os, sys
from hevner.errors import OutputError
from hevner.store import FeatureStore, digest
from tests.store.worlds import KIND, assert_holds, entry
store = FeatureStore(sys.argv[1])
assert_holds(store.open("songs", KIND), ["t0", "t1", "t2"])  # imports what it needs
if os.geteuid() == 0:  # the super-user may write all the same, and becomes somebody else
    os.setuid(65534)
file = store.open("songs", KIND)
assert_holds(file, ["t0", "t1", "t2"])
assert file.verify() == []
store.file_digest(file.path)
for call in (lambda: file.add(entry("x"), "x"), lambda: file.link(digest("t0"), "x"),
             lambda: store.open("other", KIND)):
    try:
        call()
    except OutputError as error:
        print(error.code)
"""


def test_a_store_that_may_not_be_written_is_read(open_folder: Path) -> None:
    filled(open_folder, 3)
    for path in sorted(open_folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    open_folder.chmod(0o555)
    assert finish(start(CLOSED, open_folder)) == ["no_permission"] * 3
    for path in [open_folder, *open_folder.rglob("*")]:
        path.chmod(0o755)
