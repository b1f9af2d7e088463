"""The feature store: what goes in comes out, whatever happens to processes and disks."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

from hevner.cli.features import features_app
from hevner.errors import DataError, OutputError
from hevner.store import Entry, FeatureFile, FeatureStore, Kind, digest
from hevner.store.entry import DTYPES
from hevner.store.imports import Source, import_features
from hevner.store.index import Index

KIND = Kind("loud", "1", 5)
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def vectors(track: str, count: int = 3) -> np.ndarray:
    seed = int(digest(track)[:8], 16)
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def entry(track: str, count: int = 3) -> Entry:
    starts = np.arange(count) * 1.5
    return Entry(digest(track), vectors(track, count), starts, duration=1.5 * count + 0.1)


@pytest.fixture
def file(tmp_path: Path) -> FeatureFile:
    return FeatureStore(tmp_path).open("songs", KIND)


def filled(folder: Path, count: int = 10) -> FeatureFile:
    file = FeatureStore(folder).open("songs", KIND)
    file.add_many([(f"t{i}", "", entry(f"t{i}")) for i in range(count)])
    return file


def assert_holds(file: FeatureFile, tracks: list[str], count: int = 3) -> None:
    assert [track for track, _ in file.ids()] == sorted(tracks)
    for track in tracks:
        np.testing.assert_array_equal(file.get(track).rows, vectors(track, count))


def data_of(file: FeatureFile) -> Path:
    return file.path.with_suffix(".rows")


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
            for read in (file.get(f"track {number}", "ä/variant"), file.find(one.content)):
                assert read is not None
                assert read.rows.dtype == rows.dtype
                assert read.rows.tobytes() == one.rows.tobytes()
                assert read.rows.shape == one.rows.shape
                assert read.duration == one.duration
                assert (read.starts is None) == (one.starts is None)
                if one.starts is not None:
                    np.testing.assert_array_equal(read.starts, one.starts)
        assert file.verify() == []


def test_rows_are_views_that_cannot_be_written_and_outlive_later_entries(
    file: FeatureFile,
) -> None:
    file.add(entry("a"), "a")
    first = file.get("a").rows
    assert not first.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1
    file.add_many([(f"t{i}", "", entry(f"t{i}", 1000)) for i in range(30)])
    np.testing.assert_array_equal(first, vectors("a"))
    assert file.get("t29").rows.ctypes.data % 64 == 0


def test_the_same_audio_is_stored_once_and_shared(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    size = file.size
    file.add(entry("a"), "b", "copy")
    file.link(digest("a"), "c")
    assert len(file) == 1
    assert file.size == size
    assert digest("a") in file
    assert digest("b") not in file
    assert file.find(digest("b")) is None
    assert file.ids() == [("a", ""), ("b", "copy"), ("c", "")]
    np.testing.assert_array_equal(file.get("b", "copy").rows, vectors("a"))


def test_a_track_whose_audio_changed_has_the_new_entry(file: FeatureFile) -> None:
    file.add(entry("old"), "a")
    file.add(entry("new"), "a")
    np.testing.assert_array_equal(file.get("a").rows, vectors("new"))
    assert digest("old") in file


def test_linking_tells_whether_there_is_something_to_link_to(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    assert not file.link(digest("nothing"), "b")
    assert file.link(digest("a"), "a")
    assert file.ids() == [("a", "")]
    assert file.link(digest("a"), "b")
    assert file.ids() == [("a", ""), ("b", "")]


def test_another_process_sees_what_is_added(file: FeatureFile) -> None:
    file.add(entry("a"), "a")
    other = FeatureFile(file.path)
    np.testing.assert_array_equal(other.get("a").rows, vectors("a"))
    file.add(entry("b", 2000), "b")
    np.testing.assert_array_equal(other.get("b").rows, vectors("b", 2000))


def test_iterating_gives_every_track(tmp_path: Path) -> None:
    file = filled(tmp_path, 4)
    seen = {(track, variant): one.rows.sum() for track, variant, one in file}
    assert seen == {(f"t{i}", ""): vectors(f"t{i}").sum() for i in range(4)}


def test_pooling_is_a_view_over_the_windows(tmp_path: Path) -> None:
    file = filled(tmp_path)
    pooled = file.pooled(["t7", "t2"])
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, [vectors("t7").mean(0), vectors("t2").mean(0)], rtol=1e-6)
    highest = file.pooled(["t7"], how=lambda rows: rows.max(axis=0))
    np.testing.assert_array_equal(highest, [vectors("t7").max(0)])
    assert file.pooled([]).shape == (0, 5)


def test_a_missing_feature_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = filled(tmp_path, 2)
    with pytest.raises(DataError, match="songs, track t9: no loud-1 features"):
        file.pooled(["t1", "t9"])
    with pytest.raises(DataError, match=r"track t1, variant loud: .*Ask for the variant ''"):
        file.get("t1", "loud")
    file.add(Entry(digest("e"), np.zeros((0, 5), np.float32)), "empty")
    with pytest.raises(DataError, match="track empty: has no window"):
        file.pooled(["empty"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Entry(digest("x"), np.zeros((2, 4), np.float32)), r"shape \(2, 4\)"),
        (Entry(digest("x"), np.zeros(5, np.float32)), r"shape \(5,\)"),
        (Entry(digest("x"), np.zeros((2, 5))), "float64"),
        (Entry(digest("x"), np.full((2, 5), np.nan, np.float32)), "window 0 .* not finite"),
        (Entry(digest("x"), np.zeros((2, 5), np.float32), np.zeros(3)), "starts"),
        (Entry(digest("x"), np.zeros((1, 5), np.float32), np.array([np.inf])), "start"),
        (Entry(digest("x"), np.zeros((2, 5), np.float32), None, 0.0), "duration"),
        (Entry("my song", np.zeros((2, 5), np.float32)), "no digest"),
    ],
)
def test_what_does_not_fit_is_refused_as_a_whole(
    file: FeatureFile, wrong: Entry, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        file.add_many([("a", "", entry("a")), ("b", "", wrong)])
    assert "track b" in str(caught.value)
    assert file.ids() == []


# --- kinds ---


def test_another_kind_under_the_same_name_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    for other in (Kind("loud", "1", 6), Kind("loud", "1", 5, "float16")):
        with pytest.raises(DataError, match=r"or delete it and loud-1\.rows"):
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
    assert len({kind.name for kind in kinds}) == 4
    assert {file.kind.name for file in store.files()} == {kind.name for kind in kinds}
    assert next(f for f in store.files() if f.kind == kinds[2]).kind.parameters == {"hop": 1}


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a b", "a/b"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be the name of a file"):
        Kind(name, "1", 5)
    with pytest.raises(DataError, match="cannot be the name of a file"):
        FeatureStore(tmp_path).open(name, KIND)


def test_numbers_that_cannot_be_stored_are_refused() -> None:
    for dimension, dtype in ((0, "float32"), (5, "complex64"), (5, "object"), (5, "nonsense")):
        with pytest.raises(DataError, match="cannot be stored"):
            Kind("loud", "1", dimension, dtype)


# --- damage ---


def test_a_flipped_bit_is_found_dropped_and_made_again(tmp_path: Path) -> None:
    file = filled(tmp_path)
    assert file.verify() == []
    file.link(digest("t4"), "twin", "v")
    content = bytearray(data_of(file).read_bytes())
    content[4 * 64 + 17] ^= 4
    data_of(file).write_bytes(content)
    (dropped,) = FeatureFile(file.path).verify()
    assert dropped.content == digest("t4")
    assert dropped.tracks == (("t4", ""), ("twin", "v"))
    assert "checksum" in dropped.cause
    again = FeatureFile(file.path)
    assert_holds(again, [f"t{i}" for i in range(10) if i != 4])
    assert digest("t4") not in again
    again.add(entry("t4"), "t4")
    assert again.verify() == []
    assert_holds(again, [f"t{i}" for i in range(10)])


@pytest.mark.parametrize(
    "change",
    [
        "duration = duration + 1",
        "starts = zeroblob(24)",
        "count = 2",
        "count = 1 << 60",
        "offset = -5",
    ],
)
def test_a_changed_index_entry_is_found(tmp_path: Path, change: str) -> None:
    file = filled(tmp_path)
    index = sqlite3.connect(file.path)
    with index:
        index.execute(f"UPDATE entries SET {change} WHERE content = ?", (digest("t3"),))
    index.close()
    (dropped,) = file.verify()
    assert dropped.tracks == (("t3", ""),)


def test_a_truncated_data_file_is_named_and_repaired(tmp_path: Path) -> None:
    file = filled(tmp_path)
    os.truncate(data_of(file), 7 * 64 + 20)
    fresh = FeatureFile(file.path)
    np.testing.assert_array_equal(fresh.get("t6").rows, vectors("t6"))
    with pytest.raises(DataError, match="features verify"):
        fresh.get("t7")
    lost = {track for one in fresh.verify() for track, _ in one.tracks}
    assert lost == {"t7", "t8", "t9"}
    fresh.add(entry("t8"), "t8")
    assert fresh.verify() == []
    assert_holds(fresh, [f"t{i}" for i in range(7)] + ["t8"])


def test_a_lost_data_file_loses_the_entries_and_no_more(tmp_path: Path) -> None:
    file = filled(tmp_path, 3)
    data_of(file).unlink()
    fresh = FeatureFile(file.path)
    with pytest.raises(DataError, match="ends after 0 bytes"):
        fresh.get("t0")
    assert len(fresh.verify()) == 3
    fresh.add(entry("t1"), "t1")
    assert_holds(fresh, ["t1"])


def test_an_index_that_is_none_is_named(tmp_path: Path) -> None:
    file = filled(tmp_path)
    content = file.path.read_bytes()
    foreign = sqlite3.connect(tmp_path / "foreign.index")
    with foreign:
        foreign.execute("CREATE TABLE songs (title TEXT)")
    foreign.close()
    other = (tmp_path / "foreign.index").read_bytes()
    damaged = [b"not a database" * 100, content[:5000], other, content[:100] + b"\xff" * 8000]
    for bad in damaged:
        file.path.write_bytes(bad)
        with pytest.raises(DataError, match=r"loud-1.index: .*Delete it and loud-1.rows"):
            FeatureStore(tmp_path).open("songs", KIND).verify()
    with pytest.raises(DataError, match="no features here"):
        FeatureFile(tmp_path / "nothing.index")


def test_an_index_of_another_layout_is_refused(tmp_path: Path) -> None:
    file = filled(tmp_path, 1)
    index = sqlite3.connect(file.path)
    index.execute("PRAGMA user_version = 99")
    index.close()
    with pytest.raises(DataError, match="made by another program or version"):
        FeatureStore(tmp_path).open("songs", KIND)


# --- processes that die, and several at once ---


def test_files_that_another_process_makes_first_are_not_made_again(tmp_path: Path) -> None:
    file = filled(tmp_path, 2)
    Index(file.path, data_of(file)).create(KIND)
    assert_holds(file, ["t0", "t1"])


WRITER = """
import os, signal, sys
from pathlib import Path
from tests.store.test_store import KIND, entry
from hevner.store import FeatureStore, digest
folder, first, last, deadly = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
file = FeatureStore(folder).open("songs", KIND)
if deadly != "never":
    call, turn = deadly.split()
    usual, count = getattr(os, call), [0]
    def die(*args):
        count[0] += 1
        if count[0] == int(turn):
            if call == "write":
                usual(args[0], bytes(args[1])[:30])
            else:
                usual(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        return usual(*args)
    setattr(os, call, die)
for number in range(first, last):
    track = f"t{number}"
    if digest(track) not in file:
        file.add(entry(track), track)
        sys.stdout.write(track + "\\n")
        sys.stdout.flush()
"""


def writer(folder: Path, first: int, last: int, deadly: str = "never") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(last), deadly]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)


@unix
@pytest.mark.parametrize("deadly", ["write 1", "write 6", "fsync 1", "fsync 6"])
def test_a_process_killed_while_it_writes_loses_the_rows_in_flight(
    tmp_path: Path, deadly: str
) -> None:
    before = int(deadly[-1]) - 1
    with writer(tmp_path, 0, 10, deadly) as process:
        written = process.communicate()[0].split()
    assert process.returncode == -signal.SIGKILL
    assert len(written) == before
    file = FeatureStore(tmp_path).open("songs", KIND)
    assert file.verify() == []
    assert_holds(file, written)
    with writer(tmp_path, 0, 10) as process:
        assert len(process.communicate()[0].split()) == 10 - before
    assert file.verify() == []
    assert_holds(file, [f"t{i}" for i in range(10)])
    assert file.size == 9 * 64 + 60  # the bytes left by the dead were written over


@unix
def test_a_process_killed_at_any_moment_leaves_the_store_sound(tmp_path: Path) -> None:
    file = FeatureStore(tmp_path).open("songs", KIND)
    confirmed: list[str] = []
    for length in (3, 11, 1, 7):
        with writer(tmp_path, 0, 1000) as process:
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


@unix
def test_a_process_killed_while_the_index_is_written_is_undone(tmp_path: Path) -> None:
    file = filled(tmp_path, 3)
    script = (
        "import os, signal, sqlite3, sys\n"
        "index = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "index.execute('PRAGMA cache_size = 1')\n"
        "index.execute('BEGIN IMMEDIATE')\n"
        "for n in range(5000):\n"
        "    values = (f'{n:040x}', 0, 3, 1.0, None, b'x' * 16)\n"
        "    index.execute('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)', values)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    size = file.path.stat().st_size
    subprocess.run([sys.executable, "-c", script, str(file.path)], check=False)
    assert file.path.stat().st_size > size  # it had begun to write
    assert_holds(FeatureFile(file.path), ["t0", "t1", "t2"])
    assert len(file) == 3
    assert file.verify() == []


def test_writers_side_by_side_do_not_harm_each_other(tmp_path: Path) -> None:
    spans = ((0, 60), (40, 100), (0, 100))
    writers = [writer(tmp_path, *span) for span in spans]
    for process in writers:
        process.communicate()
        assert process.returncode == 0
    file = FeatureStore(tmp_path).open("songs", KIND)
    assert file.verify() == []
    assert len(file) == 100
    assert_holds(file, [f"t{i}" for i in range(100)])


# --- disks that are full or closed ---


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = filled(tmp_path, 3)
    usual = os.write

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 40:
            raise OSError(errno.ENOSPC, "No space left on device")
        return usual(descriptor, data[:40])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OutputError, match=r"loud-1.rows: .*No space .*Free some space"):
        file.add_many([("x", "", entry("x")), ("y", "", entry("y"))])
    monkeypatch.undo()
    assert file.verify() == []
    assert_holds(file, ["t0", "t1", "t2"])
    file.add(entry("x"), "x")
    assert_holds(FeatureFile(file.path), ["t0", "t1", "t2", "x"])


@unix
def test_a_limit_of_file_size_met_for_real(tmp_path: Path) -> None:
    file = filled(tmp_path, 3)
    limit = file.path.stat().st_size + 4096
    script = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "from tests.store.test_store import *\n"
        "file = FeatureStore(sys.argv[1]).open('songs', KIND)\n"
        "problems = []\n"
        "for call in (lambda: file.add(entry('big', 5000), 'big'),\n"
        "             lambda: [file.link(digest('t0'), f'{n}' * 500) for n in range(1000)]):\n"
        "    try:\n"
        "        call()\n"
        "    except OutputError as error:\n"
        "        problems.append(str(error))\n"
        "assert len(problems) == 2, problems\n"
        "assert_holds_at_least(file)\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, env=environment)
    assert file.verify() == []
    assert_holds_at_least(file)
    file.add(entry("big", 5000), "big")
    np.testing.assert_array_equal(file.get("big").rows, vectors("big", 5000))


def assert_holds_at_least(file: FeatureFile) -> None:
    assert digest("big") not in file
    for track in ("t0", "t1", "t2"):
        np.testing.assert_array_equal(file.get(track).rows, vectors(track))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@unix
def test_a_store_that_may_not_be_written_is_read(open_folder: Path) -> None:
    filled(open_folder, 3)
    for path in sorted(open_folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    open_folder.chmod(0o555)
    # The super-user may write all the same, and becomes somebody else for that reason.
    script = (
        "import os, sys\n"
        "from tests.store.test_store import *\n"
        "store = FeatureStore(sys.argv[1])\n"
        "assert_holds(store.open('songs', KIND), ['t0', 't1', 't2'])  # imports what it needs\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "file = store.open('songs', KIND)\n"
        "assert_holds(file, ['t0', 't1', 't2'])\n"
        "assert file.verify() == []\n"
        "store.file_digest(data_of(file))\n"
        "for call in (lambda: file.add(entry('x'), 'x'), lambda: file.link(digest('t0'), 'x'),\n"
        "             lambda: store.open('other', KIND)):\n"
        "    try:\n"
        "        call()\n"
        "    except OutputError as error:\n"
        "        assert 'ermission' in str(error), error\n"
        "    else:\n"
        "        raise AssertionError('it was written')\n"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")])}
    subprocess.run([sys.executable, "-c", script, str(open_folder)], check=True, env=environment)
    for path in [open_folder, *open_folder.rglob("*")]:
        path.chmod(0o755)


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
    remembered = store.file_digest(other)
    other.write_bytes(b"voice")
    os.utime(other, ns=(10**18, 10**18))
    assert store.file_digest(other) == remembered  # not read again: size and time are the same
    os.utime(other, ns=(10**18, 10**18 + 1))
    assert store.file_digest(other) != remembered
    (store.folder / "digests.sqlite").write_bytes(b"damaged" * 1000)
    assert store.file_digest(one) == store.file_digest(same)


def test_a_file_changed_just_now_is_read_again(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    path = tmp_path / "a"
    path.write_bytes(b"music")
    time = path.stat().st_mtime_ns
    first = store.file_digest(path)
    path.write_bytes(b"noise")
    os.utime(path, ns=(time, time))
    assert store.file_digest(path) != first


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.wav: cannot be read"):
        FeatureStore(tmp_path).file_digest(tmp_path / "nothing.wav")


def test_parts_of_a_digest_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
    assert digest("ab") == digest(b"ab")


# --- features made elsewhere ---


def sources(folder: Path) -> dict[str, Source]:
    """The same three tracks in every form."""
    ids, matrix = ["x", "y", "z"], np.arange(12, dtype=np.float64).reshape(3, 4) / 8
    np.save(folder / "matrix.npy", matrix)
    (folder / "ids.txt").write_text("x\ny\nz\n")
    np.savez(folder / "pair.npz", vectors=matrix, names=np.array(ids), more=np.zeros(2))
    np.savez(folder / "each.npz", **dict(zip(ids, matrix, strict=True)))
    (folder / "each").mkdir()
    for track, vector in zip(ids, matrix, strict=True):
        np.save(folder / "each" / f"{track}.npy", vector[None])
    lines = [f"{t},{','.join(map(str, v))},C" for t, v in zip(ids, matrix, strict=True)]
    (folder / "table.csv").write_text("\n".join(["id,a,b,c,d,key", *lines]))
    return {
        "npy": Source(folder / "matrix.npy", ids=str(folder / "ids.txt")),
        "pair": Source(folder / "pair.npz", array="vectors", ids="names"),
        "each": Source(folder / "each.npz"),
        "folder": Source(folder / "each"),
        "csv": Source(folder / "table.csv", id_column="id", columns=("a", "b", "c", "d")),
    }


@pytest.mark.parametrize("form", ["npy", "pair", "each", "folder", "csv"])
def test_features_made_elsewhere_are_taken_in(tmp_path: Path, form: str) -> None:
    source = sources(tmp_path)[form]
    store = FeatureStore(tmp_path / "store")
    for _ in range(2):  # once more changes nothing
        file = import_features(source, store, "songs", "jukebox", "5b", known={"x", "y", "z", "w"})
        expected = np.arange(12).reshape(3, 4) / 8
        np.testing.assert_array_equal(file.pooled(["x", "y", "z"]), expected)
        assert file.kind == Kind("jukebox", "5b", 4)
        assert len(file.ids()) == 3
    assert file.verify() == []


def test_windows_and_half_precision_are_kept(tmp_path: Path) -> None:
    rows = {"a": np.ones((3, 2), np.float16), "b": np.zeros((1, 2), np.float16)}
    np.savez(tmp_path / "f.npz", **rows)
    file = import_features(Source(tmp_path / "f.npz"), FeatureStore(tmp_path), "d", "e", "1")
    assert file.kind.dtype == "float16"
    assert file.get("a").rows.shape == (3, 2)


WRONG = {
    "dimension": (["a", "b"], [np.zeros(3), np.zeros(4)], "array b: .*4 numbers"),
    "nan": (["a", "b"], [np.zeros(2), np.array([0, np.nan])], "array b: .*'b' hold a number"),
    "unknown": (["a", "q"], [np.zeros(2), np.zeros(2)], "array q: id 'q' is not in the dataset"),
    "text": (["a", "b"], [np.zeros(2), np.array(["x", "y"])], "array b holds <U1, not numbers"),
    "cube": (["a"], [np.zeros((2, 2, 2))], "array a: an array of shape"),
    "empty": ([], [], "holds no features"),
    "too large": (["a"], [np.array([1e300])], "hold a number that is not finite"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_wrong_features_are_refused_as_a_whole(tmp_path: Path, case: str) -> None:
    ids, values, message = WRONG[case]
    np.savez(tmp_path / "f.npz", **dict(zip(ids, values, strict=True)))
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(DataError, match=message):
        import_features(Source(tmp_path / "f.npz"), store, "d", "e", "1", known={"a", "b"})
    assert not store.folder.exists()


def test_repeated_ids_and_short_lists_of_ids_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.zeros((3, 2)))
    ids = tmp_path / "ids.txt"
    source = Source(tmp_path / "m.npy", ids=str(ids))
    store = FeatureStore(tmp_path)
    for text, message in (
        ("a\nb\na\n", "m.npy, row 2: id 'a' occurs twice"),
        ("a\nb\n", "2 ids for an array of shape"),
        ("a\n\nc\n", "row 1: an empty id"),
    ):
        ids.write_text(text)
        with pytest.raises(DataError, match=message):
            import_features(source, store, "d", "e", "1")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "pair.npz", m=np.zeros((2, 2)), i=np.array(["a", "b"]))
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    (tmp_path / "t.csv").write_text("id,a,key\nx,1,C\ny,2,D\n")
    (tmp_path / "t.mat").write_bytes(b"")
    for source, message in (
        (Source(tmp_path / "bad.npz"), "bad.npz: cannot be read"),
        (Source(tmp_path / "bad.npy", ids="x"), "bad.npy: cannot be read"),
        (Source(tmp_path / "bad.npy"), "bad.npy: does not say which row"),
        (Source(tmp_path / "objects.npz"), "objects.npz: cannot be read"),
        (Source(tmp_path / "none.npz"), "none.npz: cannot be read"),
        (Source(tmp_path / "pair.npz", array="m", ids="j"), "no pair of arrays 'm' and 'j'"),
        (Source(tmp_path / "pair.npz", array="m"), "no pair of arrays 'm' and ''"),
        (Source(tmp_path / "t.csv"), "--id-column"),
        (Source(tmp_path / "t.csv", id_column="id"), "t.csv, line 2: 'C' in column key"),
        (Source(tmp_path / "t.csv", id_column="name"), "column name is missing"),
        (Source(tmp_path / "t.mat"), "features come from .npy, .npz and .csv"),
    ):
        with pytest.raises(DataError, match=message):
            import_features(source, FeatureStore(tmp_path / "store"), "d", "e", "1")


def test_other_vectors_under_the_same_version_are_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    for value in (0.0, 1.0):
        np.savez(tmp_path / f"{value}.npz", a=np.full(2, value))
    import_features(Source(tmp_path / "0.0.npz"), store, "d", "e", "1")
    with pytest.raises(DataError, match=r"'a' is stored with other e-1 features.*--version"):
        import_features(Source(tmp_path / "1.0.npz"), store, "d", "e", "1")
    import_features(Source(tmp_path / "1.0.npz"), store, "d", "e", "2")


@pytest.mark.data
def test_the_features_at_hand_are_taken_in(data: Path, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    folder = data / "features"
    emomusic = Source(folder / "choi_convnet_emomusic.npz", array="embedding", ids="song_id")
    file = import_features(emomusic, store, "emomusic", "choi-convnet", "1")
    assert (len(file), file.kind.dimension) == (744, 160)
    np.testing.assert_allclose(file.get("2").rows[0, 0], 0.20123185)
    gtzan = Source(folder / "choi_convnet_gtzan.npz", array="embedding", ids="name")
    assert len(import_features(gtzan, store, "gtzan", "choi-convnet", "1").ids()) == 1000
    tonality = Source(
        folder / "deam_tonality.csv", id_column="track_id", columns=("rms", "spectral", "MFCC")
    )
    file = import_features(tonality, store, "deam", "tonality", "1")
    assert len(file.ids()) == 1802
    np.testing.assert_allclose(file.get("2").rows, [[0.10584918, 1800.4421763, -138.77792]])


# --- the command line ---


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(features_app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_imports_lists_and_verifies(tmp_path: Path) -> None:
    sources(tmp_path)
    store = tmp_path / "store"
    what = ["--dataset", "songs", "--encoder", "jukebox", "--version", "5b", "--file"]
    pair = [tmp_path / "pair.npz", "--array", "vectors", "--ids", "names"]
    assert run("import", store, *what, *pair) == (0, "", "songs jukebox-5b: 3 tracks.\n")
    table = [tmp_path / "table.csv", "--id-column", "id", "--columns", "a, b"]
    status, _, errors = run("import", store, *what, *table)
    assert status == 1
    assert "or delete it and jukebox-5b.rows" in errors
    status, output, _ = run("list", store)
    assert status == 0
    assert output.split() == ["songs", "jukebox", "5b", "4", "float32", "3", "tracks", "0.0", "MB"]
    (listed,) = json.loads(run("list", store, "--json")[1])
    assert (listed["dimension"], listed["tracks"], listed["bytes"]) == (4, 3, 2 * 64 + 16)

    assert run("verify", store) == (0, "", "songs jukebox-5b: 3 of 3 sound.\n")
    rows = store / "songs" / "jukebox-5b.rows"
    rows.write_bytes(b"\1" + rows.read_bytes()[1:])
    status, _, errors = run("verify", store)
    assert status == 1
    assert "songs/jukebox-5b.index: x: its checksum does not fit." in errors.replace("\\", "/")
    assert "2 of 3 sound" in errors
    assert run("verify", store)[0] == 0
    (store / "songs" / "a.index").write_bytes(b"damaged" * 1000)
    status, _, errors = run("verify", store)
    assert status == 1
    assert "a.index: not a sound index" in errors
    assert "2 of 2 sound" in errors
    assert run("list", tmp_path / "nowhere")[0] == 1


def test_the_store_needs_no_framework() -> None:
    script = (
        "import sys, hevner.store, hevner.store.imports\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'onnxruntime', 'soundfile', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
