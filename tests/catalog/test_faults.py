"""What may go wrong while a catalogue is written: nothing is lost, and the error says so."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import shutil
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from hevner.catalog import columns, header, indexing, seal, writer
from hevner.catalog.analyze_file import FileAnalyzer
from hevner.catalog.catalog import Catalog
from hevner.catalog.index_options import Options
from hevner.catalog.renewal import mend
from hevner.catalog.writer import create, open_or_create, writing
from hevner.errors import CatalogError, HevnerError, OutputError
from hevner.files import cannot_write
from tests.catalog.made_up import SPACE, FakeAnalyzer, piece, run, song, state
from tests.errors import raises

resource = pytest.importorskip("resource", reason="processes are forked and limited as on Unix")

SONGS = 24


CONNECT = socket.socket.connect


@pytest.fixture
def _processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are asked for over a local socket."""
    monkeypatch.setattr(socket.socket, "connect", CONNECT)


own_process = pytest.mark.usefixtures("_processes")


def _nothing(_graph: Path) -> FileAnalyzer:
    raise AssertionError("nothing is analysed")


def lancedb_schema(folder: Path, name: str) -> list[str]:
    """Names of the columns of a table on disk."""
    names: list[str] = pytest.importorskip("lancedb").connect(folder).open_table(name).schema.names
    return names


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Run a function in a process of its own that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.catalog.made_up"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def wait_for(path: Path, process: BaseProcess) -> None:
    """Wait until a process has made a file."""
    while not path.exists():
        assert process.is_alive()
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def usual_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that `index_slowly` changes are usual ones again after each test."""
    monkeypatch.setattr(indexing, "PIECES_AT_ONCE", indexing.PIECES_AT_ONCE)
    monkeypatch.setattr(writer, "TIDY_AFTER", writer.TIDY_AFTER)


def index_slowly(folder: Path) -> None:
    """Index ``folder/music`` in small steps."""
    indexing.PIECES_AT_ONCE = 2
    writer.TIDY_AFTER = 3
    analyzer = FakeAnalyzer(lambda _path: time.sleep(0.005))
    run(folder / "music", open_or_create(folder / "catalog", SPACE), analyzer, jobs=2)


def index_until_told(folder: Path) -> None:
    """Index ``folder/music``, and have it in work until there is ``folder/go``."""
    begun, go = folder / "begun", folder / "go"

    def wait(_path: Path) -> None:
        begun.touch()
        while not go.exists():
            time.sleep(0.005)

    run(folder / "music", open_or_create(folder / "catalog", SPACE), FakeAnalyzer(wait), jobs=2)


def index_with_little_room(folder: Path, limit: int) -> None:
    """Index with files limited to so many bytes; write down the error."""
    catalog = open_or_create(folder / "catalog", SPACE)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))
    try:
        run(folder / "music", catalog)
    except HevnerError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        (folder / "error").write_text(f"{type(error).__name__}: {error}")


def check_whole(folder: Path) -> int:
    """Every piece has its moments; return the number of pieces."""
    pieces, moments = state(folder)
    for id, status in pieces.values():
        assert moments.get(id, 0) == (2 if status == "ok" else 0)
    return len(pieces)


@own_process
def test_killed_at_any_point_nothing_is_lost_and_the_next_run_goes_on(tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(SONGS):
        song(tmp_path / "music" / f"{number}.mp3")
    finished = 0
    kept = 0
    for attempt in range(14):
        process = start(index_slowly, tmp_path)
        process.join(chance.uniform(0.02, 0.5))
        finished += process.exitcode is not None
        process.kill()
        process.join()
        if (tmp_path / "catalog" / header.NAME).exists():
            rows = len(state(tmp_path / "catalog")[0])
            assert rows >= kept
            kept = rows
        # Changed and lost songs, so that rows are replaced too.
        song(tmp_path / "music" / f"{attempt}.mp3", f"another {attempt}")
    assert finished < 14
    index_slowly(tmp_path)
    assert check_whole(tmp_path / "catalog") == SONGS
    fresh = tmp_path / "fresh"
    run(tmp_path / "music", create(fresh, SPACE))
    assert state(tmp_path / "catalog") == state(fresh)
    pieces, moments = state(fresh)
    assert set(moments) == {id for id, _ in pieces.values()}


@pytest.mark.parametrize("left", ["pieces.lance", "pieces.lance/_transactions", "moments.lance"])
def test_killed_while_the_tables_are_made_it_is_made_anew(tmp_path: Path, left: str) -> None:
    song(tmp_path / "music" / "a.mp3")
    (tmp_path / "catalog" / left).mkdir(parents=True)
    index_slowly(tmp_path)
    assert check_whole(tmp_path / "catalog") == 1


@pytest.mark.parametrize("step", ["moments", "pieces", "sweep", "note"])
def test_a_change_cut_off_after_any_step_is_completed_or_undone(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def cut(*_args: object, **_options: object) -> None:
        raise Killed

    music = tmp_path / "music"
    for number in range(3):
        song(music / f"{number}.mp3")
    catalog = create(tmp_path / "catalog", SPACE)
    run(music, catalog)
    song(music / "0.mp3", "another")
    song(music / "new.mp3")
    with monkeypatch.context() as patch:
        if step == "moments":
            patch.setattr(catalog.moments, "add", cut)
        elif step == "pieces":
            patch.setattr(catalog.pieces, "add", cut)
        elif step == "sweep":
            patch.setattr(writer.Writer, "_sweep", cut)
        else:
            patch.setattr(Path, "unlink", cut)
        with pytest.raises(Killed):
            run(music, catalog)
    assert (tmp_path / "catalog" / writer.CHANGE).exists()
    assert run(music, Catalog(tmp_path / "catalog", SPACE)).failed == 0
    assert check_whole(tmp_path / "catalog") == 4
    pieces, moments = state(tmp_path / "catalog")
    assert set(moments) == {id for id, _ in pieces.values()}
    assert not (tmp_path / "catalog" / writer.CHANGE).exists()


@own_process
def test_a_second_indexer_stops_at_once_and_names_the_first(tmp_path: Path) -> None:
    for number in range(SONGS):
        song(tmp_path / "music" / f"{number}.mp3")
    process = start(index_until_told, tmp_path)
    wait_for(tmp_path / "begun", process)
    catalog = Catalog(tmp_path / "catalog", SPACE)
    analyzer = FakeAnalyzer()
    with raises(CatalogError, "locked") as caught:
        run(tmp_path / "music", catalog, analyzer)
    assert f"written by process {process.pid} on " in caught.value.cause
    assert not analyzer.asked
    (tmp_path / "go").touch()
    process.join()
    assert process.exitcode == 0
    assert check_whole(tmp_path / "catalog") == SONGS


@own_process
def test_the_lock_of_a_killed_indexer_holds_nobody_up(tmp_path: Path) -> None:
    song(tmp_path / "music" / "a.mp3")
    catalog = create(tmp_path / "catalog", SPACE)
    for number in range(SONGS):
        song(tmp_path / "music" / f"{number}.mp3")
    process = start(index_until_told, tmp_path)
    wait_for(tmp_path / "begun", process)
    process.kill()
    process.join()
    run(tmp_path / "music", catalog)
    assert check_whole(tmp_path / "catalog") == SONGS + 1


def test_readers_keep_their_version_while_another_writes(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number in range(3):
        song(music / f"{number}.mp3")
    written = create(tmp_path / "catalog", SPACE)
    run(music, written)
    reader = Catalog(tmp_path / "catalog", SPACE)
    query = np.array(piece(1)["vector"], np.float32)

    def names(columns: list[str]) -> list[dict[str, object]]:
        return reader.fetch(reader.candidates(query, 9).rows.tolist(), columns)

    before = names(["name"])
    assert len(before) == 3
    song(music / "0.mp3", "another")
    (music / "1.mp3").unlink()
    song(music / "new.mp3")
    run(music, written, prune=True)
    assert names(["name"]) == before
    # What is not in the search index comes from the same version.
    assert names(["name", "duration", "status"]) == [
        row | {"duration": 18.0, "status": "ok"} for row in before
    ]
    reader.refresh()
    assert sorted(str(row["name"]) for row in names(["name"])) == ["0.mp3", "2.mp3", "new.mp3"]


@own_process
def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    music = tmp_path / "music"
    song(music / "first.mp3")
    run(music, create(tmp_path / "catalog", SPACE))
    for number in range(200):
        song(music / f"{number}.mp3")
    process = start(index_with_little_room, tmp_path, 3000)
    process.join()
    reported = (tmp_path / "error").read_text()
    assert reported.startswith("OutputError: ")
    assert "cannot be written (File too large)" in reported
    assert check_whole(tmp_path / "catalog") == 1
    assert run(music, Catalog(tmp_path / "catalog", SPACE)).added == 200
    assert check_whole(tmp_path / "catalog") == 201


def test_the_words_of_a_full_disk_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = create(tmp_path / "catalog", SPACE)

    def refuse(*_args: object) -> None:
        said = "lance error: LanceError(IO): Generic LocalFileSystem error: No space left on device"
        raise RuntimeError(f"{said} (os error 28), /source/local.rs:20:8")

    monkeypatch.setattr(catalog.pieces._table, "add", refuse)
    with pytest.raises(OutputError, match=r"No space left on device.*Free some space"):
        catalog.pieces.add([piece(1)])


def test_a_file_that_changes_once_while_it_is_read_is_heard_again(tmp_path: Path) -> None:
    path = song(tmp_path / "music" / "a.mp3", "begun")

    def complete(path: Path) -> None:
        if path.read_text() == "begun":
            path.write_text("complete")

    analyzer = FakeAnalyzer(complete)
    catalog = create(tmp_path / "catalog", SPACE)
    assert run(tmp_path / "music", catalog, analyzer).added == 1
    assert analyzer.asked == ["a.mp3", "a.mp3"]
    fresh = create(tmp_path / "fresh", SPACE)
    run(tmp_path / "music", fresh)
    assert state(tmp_path / "catalog") == state(tmp_path / "fresh")
    assert path.read_text() == "complete"


def test_a_file_that_changes_all_the_time_fails_clearly(tmp_path: Path) -> None:
    path = song(tmp_path / "music" / "a.mp3", "begun")
    steady = song(tmp_path / "music" / "b.mp3")
    reported = []

    def grow(path: Path) -> None:
        if path.name == "a.mp3":
            with path.open("a") as file:
                file.write("more")

    catalog = create(tmp_path / "catalog", SPACE)
    analyzer = FakeAnalyzer(grow)
    summary = run(tmp_path / "music", catalog, analyzer, report=lambda _, why: reported.append(why))
    assert (summary.added, summary.failed) == (1, 1)
    assert reported[0].path == str(path)
    assert reported[0].cause == "the file changes while it is read"
    assert "again" in reported[0].remedy
    assert list(state(tmp_path / "catalog")[0]) == [str(steady)]
    assert run(tmp_path / "music", catalog).added == 1


def test_a_change_of_content_that_keeps_size_and_time_is_noticed(tmp_path: Path) -> None:
    path = song(tmp_path / "music" / "a.mp3", "one")
    times = path.stat()

    def swap(path: Path) -> None:
        if path.read_text() == "one":
            path.write_text("two")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    analyzer = FakeAnalyzer(swap)
    run(tmp_path / "music", create(tmp_path / "catalog", SPACE), analyzer)
    assert len(analyzer.asked) == 2


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no header": lambda folder: (folder / header.NAME).unlink(),
    "half a header": lambda folder: (folder / header.NAME).write_text('{"schema": 1, "hev'),
    "a header of bytes": lambda folder: (folder / header.NAME).write_bytes(b"\xff\xfe\x00"),
    "a header of a list": lambda folder: (folder / header.NAME).write_text("[]"),
    "a header without fields": lambda folder: (folder / header.NAME).write_text('{"schema": 1}'),
    "no pieces": lambda folder: shutil.rmtree(folder / "pieces.lance"),
    "no moments": lambda folder: shutil.rmtree(folder / "moments.lance"),
    "no versions": lambda folder: shutil.rmtree(folder / "pieces.lance" / "_versions"),
    "garbled versions": lambda folder: [
        path.write_bytes(b"junk" * 100)
        for path in (folder / "pieces.lance" / "_versions").glob("*.manifest")
    ],
    "no data": lambda folder: shutil.rmtree(folder / "pieces.lance" / "data"),
    "half the data": lambda folder: [
        os.truncate(path, path.stat().st_size // 2)
        for path in (folder / "pieces.lance" / "data").iterdir()
    ],
    "garbled data": lambda folder: [
        path.write_bytes(b"junk" * 100) for path in (folder / "moments.lance" / "data").iterdir()
    ],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalogue_is_refused_with_the_file_and_the_remedy(
    damage: str, tmp_path: Path
) -> None:
    music, folder = tmp_path / "music", tmp_path / "catalog"
    song(music / "a.mp3")
    run(music, create(folder, SPACE))
    DAMAGES[damage](folder)
    with raises(CatalogError, "damaged") as caught:
        catalog = open_or_create(folder, SPACE)
        state(folder)
        with writing(catalog):
            pass
    assert caught.value.subject.startswith(str(folder))
    assert caught.value.remedy.endswith(f"hevner index --verify --into {folder}")


def test_a_damaged_note_of_a_change_hinders_nobody(tmp_path: Path) -> None:
    music, folder = tmp_path / "music", tmp_path / "catalog"
    song(music / "a.mp3")
    catalog = create(folder, SPACE)
    run(music, catalog)
    catalog.moments.add([{"piece": "of no piece", "start": 0.0, "end": 9.0}])
    (folder / writer.CHANGE).write_bytes(b"\x00")
    run(music, open_or_create(folder, SPACE))
    assert check_whole(folder) == 1
    assert len(state(folder)[1]) == 1


@own_process
@pytest.mark.parametrize("rebuild", [False, True])
def test_killed_before_any_file_is_moved_into_place_the_next_run_goes_on(
    tmp_path: Path, rebuild: bool
) -> None:
    song(tmp_path / "music" / "a.mp3")
    for at in range(1, 20):
        folder = tmp_path / str(at)
        process = start(index_until, tmp_path / "music", folder, at)
        process.join()
        killed = process.exitcode != 0
        catalog = (create if rebuild else open_or_create)(folder, SPACE)
        run(tmp_path / "music", catalog)
        assert check_whole(folder) == 1
        assert not list(folder.glob(".hevner-*"))
        if not killed:
            break
    assert at > 4


def index_until(music: Path, folder: Path, at: int) -> None:
    """Index, and be killed just before so many files were moved into place."""
    replace, left = os.replace, at

    def count(source: str, target: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = count  # type: ignore[assignment]
    run(music, open_or_create(folder, SPACE))


def test_no_room_for_the_first_catalogue_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music, folder = tmp_path / "music", tmp_path / "catalog"
    song(music / "a.mp3")

    def refuse(path: Path, _data: bytes) -> None:
        raise cannot_write(path, OSError(errno.ENOSPC, "No space left on device"))

    for module in (header, writer):
        with monkeypatch.context() as patch:
            patch.setattr(module, "write_file", refuse)
            with raises(OutputError, "no_space"):
                run(music, open_or_create(folder, SPACE))
    # As much of a table as there was room for.
    left = folder / "pieces.lance" / "_versions"
    left.mkdir(parents=True, exist_ok=True)
    (folder / header.NAME).unlink(missing_ok=True)
    (left / "18446744073709551614.manifest").write_bytes(b"")
    run(music, open_or_create(folder, SPACE))
    assert check_whole(folder) == 1


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "catalog", SPACE)
    path = tmp_path / "catalog" / header.NAME
    record = json.loads(path.read_text())
    later = {"schema": header.SCHEMA + 1, "hevner": "9.0", "novelty": 1}
    path.write_text(json.dumps({**record, **later}))
    with raises(CatalogError, "newer_version"):
        Catalog(tmp_path / "catalog", SPACE)


def test_a_header_with_something_newer_is_refused_and_not_mended(tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    create(folder, SPACE)
    record = json.loads((folder / header.NAME).read_text())
    del record["checksum"]
    record |= {"hevner": "0.3.0", "novelty": 1}
    record["checksum"] = seal.digest_of(record)
    (folder / header.NAME).write_text(json.dumps(record))
    for open_it in (Catalog, partial(mend, analyzer_of=_nothing, options=Options())):
        with raises(CatalogError, "newer_version", subject=header.NAME) as caught:
            open_it(folder, SPACE)
        assert "'novelty'" in caught.value.cause
    assert json.loads((folder / header.NAME).read_text()) == record


@pytest.mark.parametrize("name", columns.TABLES)
def test_a_table_with_something_newer_is_refused_and_not_mended(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "catalog"
    create(folder, SPACE)
    pytest.importorskip("lancedb").connect(folder).open_table(name).add_columns(
        {"novelty": "cast(1 as float)"}
    )
    for open_it in (Catalog, partial(mend, analyzer_of=_nothing, options=Options())):
        with raises(CatalogError, "newer_version", subject=str(folder)) as caught:
            open_it(folder, SPACE)
        assert "'novelty'" in caught.value.cause
    assert "novelty" in lancedb_schema(folder, name)


def test_a_stop_while_a_catalogue_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(header, "write", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            open_or_create(tmp_path / "catalog", SPACE)
    assert (tmp_path / "catalog" / f"{columns.PIECES}.lance").exists()
    assert open_or_create(tmp_path / "catalog", SPACE).pieces.count() == 0
