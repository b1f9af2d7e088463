"""Folders into a catalogue: what is analysed, what is not, and what is reported."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import hevner.model.space
from hevner.analysis import Analyzer
from hevner.catalog import (
    analyze_file,
    columns,
    header,
    index_options,
    indexing,
    presence,
    sources,
    writer,
)
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import CHANGED, SOUNDS
from hevner.catalog.index_options import Summary
from hevner.catalog.writer import create
from hevner.cli import app
from hevner.errors import HevnerError, ModelError
from hevner.files import find_audio
from hevner.result import Failure
from tests import sounds
from tests.catalog.made_up import SPACE, FakeAnalyzer, run, song, state
from tests.full_model import FullModel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder of three songs."""
    for name in ("a.mp3", "b.mp3", "below/c.flac"):
        song(tmp_path / "music" / name)
    return tmp_path / "music"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return create(tmp_path / "catalog", SPACE)


def paths(catalog: Catalog, folder: Path) -> list[str]:
    """Paths in the catalogue, below a folder."""
    return sorted(str(Path(path).relative_to(folder)) for path in state(catalog.folder)[0])


def test_a_new_folder_is_listened_to(music: Path, catalog: Catalog) -> None:
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer, jobs=2) == Summary(added=3)
    assert sorted(analyzer.asked) == ["a.mp3", "b.mp3", "c.flac"]
    assert paths(catalog, music) == ["a.mp3", "b.mp3", "below/c.flac"]
    row = next(catalog.listing(catalog.pieces.schema.names, "name = 'below/c.flac'"))
    assert row["size"] == (music / "below/c.flac").stat().st_size
    assert row["mtime"] == (music / "below/c.flac").stat().st_mtime_ns
    assert row["tags"] == ["calm", "happy"]
    assert header.read(catalog.folder).folders == (str(music),)


def test_unchanged_files_are_not_even_opened(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(music, catalog)
    before = state(catalog.folder)
    monkeypatch.setattr(sources, "read_steadily", None)
    assert run(music, catalog) == Summary(unchanged=3)
    assert state(catalog.folder) == before


def test_a_touched_file_is_known_by_its_content(music: Path, catalog: Catalog) -> None:
    run(music, catalog)
    before = state(catalog.folder)
    os.utime(music / "a.mp3", ns=(1, 1))
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer) == Summary(unchanged=3)
    assert not analyzer.asked
    assert next(catalog.listing(["mtime"], "name = 'a.mp3'"))["mtime"] == 1
    assert run(music, catalog, analyzer) == Summary(unchanged=3)
    assert state(catalog.folder) == before


def test_a_moved_file_changes_its_path_alone(music: Path, catalog: Catalog) -> None:
    run(music, catalog)
    (id, _), moments = state(catalog.folder)[0][str(music / "a.mp3")], state(catalog.folder)[1]
    (music / "new").mkdir()
    (music / "a.mp3").rename(music / "new" / "z.mp3")
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer) == Summary(unchanged=2, copied=1, moved=1)
    assert not analyzer.asked
    assert paths(catalog, music) == ["b.mp3", "below/c.flac", "new/z.mp3"]
    assert state(catalog.folder)[0][str(music / "new" / "z.mp3")] == (id, "ok")
    assert state(catalog.folder)[1] == moments


def test_a_whole_folder_that_moved_is_recognised(music: Path, catalog: Catalog) -> None:
    run(music, catalog)
    elsewhere = music.rename(music.parent / "elsewhere")
    analyzer = FakeAnalyzer()
    assert run(elsewhere, catalog, analyzer) == Summary(copied=3, moved=3)
    assert not analyzer.asked
    assert paths(catalog, elsewhere) == ["a.mp3", "b.mp3", "below/c.flac"]


def test_a_changed_file_replaces_its_row_and_moments(music: Path, catalog: Catalog) -> None:
    run(music, catalog)
    old = state(catalog.folder)[0][str(music / "a.mp3")][0]
    song(music / "a.mp3", "another")
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer) == Summary(unchanged=2, changed=1)
    assert analyzer.asked == ["a.mp3"]
    pieces, moments = state(catalog.folder)
    assert len(pieces) == 3
    assert pieces[str(music / "a.mp3")][0] != old
    assert old not in moments
    assert set(moments.values()) == {2}


def test_two_files_of_one_content_are_heard_once_and_found_twice(
    music: Path, catalog: Catalog
) -> None:
    song(music / "twin.mp3", "a.mp3")
    song(music / "twin of twin.mp3", "a.mp3")
    analyzer = FakeAnalyzer(lambda _path: time.sleep(0.01))
    assert run(music, catalog, analyzer, jobs=4) == Summary(added=3, copied=2)
    assert len(analyzer.asked) == 3
    pieces, moments = state(catalog.folder)
    assert len({pieces[str(music / name)] for name in ("a.mp3", "twin.mp3")}) == 1
    assert (len(pieces), len(moments)) == (5, 3)
    (music / "a.mp3").unlink()
    song(music / "twin.mp3", "another")
    run(music, catalog, prune=True)
    pieces, moments = state(catalog.folder)
    assert moments[pieces[str(music / "twin of twin.mp3")][0]] == 2


def test_a_copy_waits_for_what_is_still_in_work(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written while its content is being analysed under another name, it has a row all the same."""
    monkeypatch.setattr(indexing, "PIECES_AT_ONCE", 1)
    begun = threading.Event()

    def slowly(path: Path) -> None:
        if path.read_text() == "same":
            begun.set()
            time.sleep(0.1)

    song(music / "0.mp3", "same")
    song(music / "1.mp3", "same")
    assert run(music, catalog, FakeAnalyzer(slowly), jobs=3) == Summary(added=4, copied=1)
    assert begun.is_set()
    assert len(state(catalog.folder)[0]) == 5


def test_a_copy_of_what_changed_meanwhile_is_heard_itself(music: Path, catalog: Catalog) -> None:
    song(music / "0.mp3", "same")
    song(music / "1.mp3", "same")

    def change(path: Path) -> None:
        if path.name == "0.mp3":
            time.sleep(0.1)
            path.write_text("changed")

    summary = run(music, catalog, FakeAnalyzer(change), jobs=2)
    assert summary.added >= 4
    pieces = state(catalog.folder)[0]
    assert pieces[str(music / "1.mp3")][1] == "ok"


def test_failed_and_silent_files_are_kept_and_not_tried_again(
    music: Path, catalog: Catalog
) -> None:
    song(music / "noise.mp3", "noise")
    song(music / "silent.mp3", "silence")
    reported: list[Failure] = []
    summary = run(music, catalog, report=lambda _file, failure: reported.append(failure))
    assert summary == Summary(added=4, silent=1, failed=1)
    failures = [failure for failure in reported if failure]
    assert len(reported) == 5
    assert [(one.cause, one.remedy) for one in failures] == [("this is noise", "Play music")]
    rows = {row["name"]: row for row in catalog.listing(["name", "status", "cause"])}
    assert rows["noise.mp3"]["status"] == "failed"
    assert rows["noise.mp3"]["cause"] == "this is noise. Play music"
    assert rows["silent.mp3"]["status"] == "silent"
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer) == Summary(unchanged=5, failed_before=1)
    assert not analyzer.asked
    assert run(music, catalog, analyzer, retry=True) == Summary(unchanged=4, failed=1)
    assert analyzer.asked == ["noise.mp3"]
    song(music / "noise.mp3", "music now")
    assert run(music, catalog, analyzer) == Summary(unchanged=4, changed=1)
    assert state(catalog.folder)[0][str(music / "noise.mp3")][1] == "ok"


def test_a_file_that_is_not_to_blame_is_tried_again(music: Path, catalog: Catalog) -> None:
    """As when no process can be started to decode it."""

    def refuse(path: Path) -> None:
        if path.name == "a.mp3":
            raise HevnerError(
                "no process", subject=str(path), stage="setup", code="decoder_missing"
            )

    assert run(music, catalog, FakeAnalyzer(refuse)) == Summary(added=2, failed=1)
    assert paths(catalog, music) == ["b.mp3", "below/c.flac"]
    assert run(music, catalog) == Summary(unchanged=2, added=1)


def test_what_is_no_music_is_kept_and_never_found(music: Path, catalog: Catalog) -> None:
    song(music / "talk.mp3", "speech")
    assert run(music, catalog) == Summary(added=4, no_music=1)
    rows = {row["name"]: row for row in catalog.listing(["name", "status", "cause", "vector"])}
    assert rows["talk.mp3"]["status"] == "no_music"
    assert rows["talk.mp3"]["cause"] == "this is speech"
    assert rows["talk.mp3"]["vector"] is None
    assert catalog.pieces.count(SOUNDS) == 3
    analyzer = FakeAnalyzer()
    assert run(music, catalog, analyzer) == Summary(unchanged=4)
    assert not analyzer.asked


def test_a_retried_file_that_can_be_heard_now_gets_its_moments(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = song(music / "noise.mp3", "noise, they said")
    run(music, catalog)

    class Patient(FakeAnalyzer):
        def analyze(self, path: Path, /) -> analyze_file.AnalyzedFile:
            self.asked.append(path.name)
            return FakeAnalyzer().analyze(song(noise.parent.parent / "other.mp3"))

    assert run(music, catalog, Patient(), retry=True) == Summary(unchanged=3, changed=1)
    pieces, moments = state(catalog.folder)
    id, status = pieces[str(noise)]
    assert (status, moments[id]) == ("ok", 2)


def test_what_cannot_be_read_is_tried_each_time(music: Path, catalog: Catalog) -> None:
    (music / "gone.mp3").symlink_to(music / "nowhere")
    found = [*find_audio([music])[0], *find_audio([music / "gone.mp3"])[0]]
    reported: list[Failure | None] = []
    options = index_options.Options(report=lambda _file, failure: reported.append(failure))
    for _ in range(2):
        assert indexing.index(found, [music], catalog, FakeAnalyzer(), options).failed == 1
    causes = [one.cause for one in reported if one]
    assert causes == ["the file cannot be read (No such file or directory)"] * 2
    assert len(state(catalog.folder)[0]) == 3


def test_a_analyzer_that_breaks_costs_one_file(music: Path, catalog: Catalog) -> None:
    def stumble(path: Path) -> None:
        if path.name == "b.mp3":
            raise ZeroDivisionError("by nought")

    assert run(music, catalog, FakeAnalyzer(stumble)) == Summary(added=2, failed=1)
    cause = next(catalog.listing(["cause"], "status = 'failed'"))["cause"]
    assert cause.startswith("ZeroDivisionError: by nought")


def test_a_model_that_cannot_be_used_stops_the_run(music: Path, catalog: Catalog) -> None:
    def refuse(_path: Path) -> None:
        raise ModelError("the model is damaged")

    with pytest.raises(ModelError):
        run(music, catalog, FakeAnalyzer(refuse))
    assert catalog.pieces.count() == 0
    assert run(music, catalog) == Summary(added=3)


def test_what_vanished_stays_until_it_is_pruned(music: Path, catalog: Catalog) -> None:
    outside = song(music.parent / "outside" / "o.mp3")
    run(outside.parent, catalog)
    run(music, catalog)
    (music / "a.mp3").unlink()
    outside.unlink()
    assert run(music, catalog) == Summary(unchanged=2, vanished=1)
    assert len(state(catalog.folder)[0]) == 4
    assert run(music, catalog, prune=True) == Summary(unchanged=2, removed=1)
    pieces, moments = state(catalog.folder)
    assert sorted(pieces) == sorted([*(str(p) for p in music.rglob("*.*")), str(outside)])
    assert len(moments) == 3


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def noted(folder: Path) -> None:
    """As people mark a place where a drive is mounted."""
    empty(folder)
    (folder / "NOT MOUNTED").touch()
    (folder / ".hidden").mkdir()


def dangling(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder.parent / "drive that is not there")


@pytest.mark.parametrize("unmount", [gone, empty, noted, dangling])
@pytest.mark.parametrize("below", ["", "deep/album"])
def test_pieces_of_a_drive_that_is_not_mounted_stay(
    music: Path, catalog: Catalog, unmount: Callable[[Path], None], below: str
) -> None:
    drive = music / "drive"
    lost = [str(song(drive / below / name)) for name in ("x.mp3", "y.mp3")]
    run(music, catalog)
    (music / "b.mp3").unlink()
    unmount(drive)
    for folders in ([music], [drive, music]):
        found, _ = find_audio([folder for folder in folders if folder.is_dir()])
        options = index_options.Options(prune=True)
        summary = indexing.index(found, folders, catalog, FakeAnalyzer(), options)
        assert summary.missing == tuple(lost)
    assert paths(catalog, music) == [
        "a.mp3",
        "below/c.flac",
        *(f"drive/{Path(below, n)}" for n in ("x.mp3", "y.mp3")),
    ]
    pieces, moments = state(catalog.folder)
    assert {id for id, _ in pieces.values()} == set(moments)
    assert indexing.remove_missing(catalog, lost) == 2
    assert paths(catalog, music) == ["a.mp3", "below/c.flac"]
    assert len(state(catalog.folder)[1]) == 2


@pytest.fixture
def drives(monkeypatch: pytest.MonkeyPatch) -> dict[Path, int]:
    """Numbers of devices of folders, as if drives were mounted there."""
    devices: dict[Path, int] = {}
    stat = Path.stat

    def as_mounted(path: Path, **options: Any) -> os.stat_result:
        found = stat(path, **options)
        device = next((n for p, n in devices.items() if path.is_relative_to(p)), found.st_dev)
        others = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return os.stat_result((*found[:2], device, *found[3:10]), others)

    monkeypatch.setattr(Path, "stat", as_mounted)
    return devices


def test_pieces_of_a_drive_stay_where_other_music_lies_in_its_place(
    music: Path, catalog: Catalog, drives: dict[Path, int]
) -> None:
    drive, away = music / "drive", music.parent / "away"
    lost = tuple(str(song(drive / name)) for name in ("album/x.mp3", "y.mp3"))
    drives[drive] = 7
    run(music, catalog)
    assert f"7 {drive}" in catalog.header.mounts
    drive.rename(away)
    for number in (None, 8):  # not mounted, and another drive
        drives.clear()
        drives.update({} if number is None else {drive: number})
        for path in (drive / "album" / "other.mp3", drive / "more.mp3"):
            song(path)
        assert run(music, catalog, prune=True).missing == lost
        if number is None:  # also where the other music is known by then
            assert run(music, catalog, prune=True).missing == lost
        shutil.rmtree(drive)
        run(music, catalog, prune=True)
    away.rename(drive)
    drives[drive] = 9  # the same drive, mounted anew
    Path(lost[0]).unlink()
    song(drive / "album" / "new.mp3")
    others = {str(drive / "album" / "other.mp3"), str(drive / "more.mp3")}
    summary = run(music, catalog, prune=True)
    assert (summary.removed, summary.missing) == (1 + len(others), ())
    assert lost[1] in state(catalog.folder)[0]
    assert f"9 {drive}" in catalog.header.mounts


def test_a_drive_that_is_mounted_again_loses_nothing(music: Path, catalog: Catalog) -> None:
    drive = music / "drive"
    lost = str(song(drive / "x.mp3"))
    run(music, catalog)
    away = drive.rename(music.parent / "away")
    assert run(music, catalog, prune=True) == Summary(unchanged=3, missing=(lost,))
    away.rename(drive)
    assert indexing.remove_missing(catalog, [lost]) == 0
    assert run(music, catalog, prune=True).missing == ()
    assert lost in state(catalog.folder)[0]


def test_other_music_of_the_same_size_and_time_is_noticed(music: Path, catalog: Catalog) -> None:
    run(music, catalog)
    old = state(catalog.folder)[0]
    status = (music / "a.mp3").stat()
    for number, replace in enumerate((Path.write_text, moved_over)):
        replace(music / "a.mp3", f"0.mp{number}")
        os.utime(music / "a.mp3", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (music / "a.mp3").stat().st_size == status.st_size
        assert run(music, catalog) == Summary(unchanged=2, changed=1)
        assert state(catalog.folder)[0] != old
        old = state(catalog.folder)[0]
        assert run(music, catalog) == Summary(unchanged=3)


def moved_over(path: Path, text: str) -> None:
    other = path.with_name("other.tmp")
    other.write_text(text)
    other.replace(path)


def test_rows_of_older_versions_count_as_unchanged(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(music, catalog)
    catalog.pieces._table.drop_columns(columns.noted("pieces").names)
    old = Catalog(catalog.folder, SPACE)
    assert CHANGED not in old.pieces.schema.names
    with monkeypatch.context() as patch:
        patch.setattr(sources, "read_steadily", None)
        assert run(music, old) == Summary(unchanged=3, described=3)
    song(music / "a.mp3", "another")
    assert run(music, Catalog(catalog.folder, SPACE)) == Summary(unchanged=2, changed=1)
    noted = {
        row["path"]: row[CHANGED]
        for row in Catalog(catalog.folder, SPACE).listing(["path", CHANGED])
    }
    assert [noted[str(music / name)] is None for name in ("a.mp3", "b.mp3")] == [False, True]


def test_names_with_quotes_and_bytes_are_kept_apart(music: Path, catalog: Catalog) -> None:
    song(music / 'it\'s "one" %.mp3')
    song(music / os.fsdecode(b"caf\xe9.mp3"), "coffee")
    assert run(music, catalog) == Summary(added=5)
    assert run(music, catalog) == Summary(unchanged=5)
    assert "caf\\xe9.mp3" in paths(catalog, music)
    (music / 'it\'s "one" %.mp3').unlink()
    assert run(music, catalog, prune=True) == Summary(unchanged=4, removed=1)
    assert len(state(catalog.folder)[0]) == 4


def test_what_was_heard_is_written_in_small_batches(
    music: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        song(music / f"{number}.mp3")
    monkeypatch.setattr(indexing, "PIECES_AT_ONCE", 4)
    monkeypatch.setattr(indexing, "SECONDS_AT_ONCE", math.inf)
    sizes = []
    put = writer.Writer.put
    monkeypatch.setattr(writer.Writer, "put", lambda *a: (sizes.append(len(a[1])), put(*a))[1])
    run(music, catalog)
    assert [size for size in sizes if size] == [4, 4, 4, 1]


def test_when_it_is_stopped_files_in_work_are_finished_and_written(
    music: Path, catalog: Catalog
) -> None:
    for number in range(10):
        song(music / f"{number}.mp3")
    stop = threading.Event()
    analyzer = FakeAnalyzer(lambda _path: stop.set())
    summary = run(music, catalog, analyzer, jobs=2, stop=stop)
    assert 1 <= summary.added == len(analyzer.asked) < 13
    assert len(state(catalog.folder)[0]) == summary.added
    stop.clear()
    assert run(music, catalog).added == 13 - summary.added


# --- the analyzer ---


def test_spans_are_of_three_moments_and_end_at_silence() -> None:
    from hevner.result import Analysis, Estimate, Moment

    loud = Estimate(0.1, 0.0, 0.2)
    pattern = "xxxxxxxx..xx.x"
    timeline = tuple(
        Moment(3.0 * n, 3.0 * n + 3, *((loud, loud) if c == "x" else (None, None)))
        for n, c in enumerate(pattern)
    )
    analysis = Analysis(path="", status="ok", duration=42.0, model="", timeline=timeline)
    assert analyze_file._spans(analysis) == [
        (1, 0.0, 9.0),
        (4, 9.0, 18.0),
        (7, 18.0, 24.0),
        (11, 30.0, 36.0),
        (13, 39.0, 42.0),
    ]


# --- the command ---


def test_the_command_from_sounds_to_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    music, folder = tmp_path / "music", tmp_path / "catalog"
    sounds.write(music / "song.wav", sounds.music(20.0))
    sounds.write(music / "silent.wav", np.zeros(32_000, np.float32))
    tone = np.sin(np.arange(96_000) * 0.2).astype(np.float32) / 2
    sounds.write(music / "tone.wav", tone)
    (music / "broken.wav").write_bytes(b"RIFF")
    command = ["index", str(music), "--into", str(folder), "--jobs", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1, done.output
    assert "4 files in" in done.stderr
    assert "3 added, 1 failed. 1 of them silent" in done.stderr
    assert "1 of them no music" in done.stderr
    assert f"Failed: {music / 'broken.wav'}: " in done.stderr
    assert done.stdout == ""
    catalog = Catalog(folder, SPACE)
    rows = {row["name"]: row for row in catalog.listing(catalog.pieces.schema.names)}
    names = ("song.wav", "silent.wav", "tone.wav", "broken.wav")
    assert [rows[n]["status"] for n in names] == ["ok", "silent", "no_music", "failed"]
    assert rows["tone.wav"]["cause"].startswith("this does not sound like music")
    row = rows["song.wav"]
    assert row["duration"] == pytest.approx(20.0)
    assert row["valence_low"] <= row["valence"] <= row["valence_high"]
    assert row["arousal_low"] <= row["arousal"] <= row["arousal_high"]
    assert row["quadrant"] in ("Q1", "Q2", "Q3", "Q4")
    assert row["key"].split()[1] == row["key_mode"]
    assert row["key_candidates"][0] == row["key"]
    assert len(row["curve"]) == 16
    assert len(row["tags"]) == len(set(row["tags"]))
    moments = [
        m for batch in catalog.moments.scan(["piece", "start", "end"]) for m in batch.to_pylist()
    ]
    assert {moment["piece"] for moment in moments} == {row["id"]}
    assert sorted(m["start"] for m in moments)[0] == 0.0
    found = catalog.candidates(np.asarray(row["vector"], np.float32), 5)
    assert catalog.fetch(found.rows.tolist(), ["name"]) == [{"name": "song.wav"}]
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0
    assert "4 unchanged. 1 failed before; --retry tries them again." in again.stderr
    rebuilt = CliRunner().invoke(app, [*command, "--rebuild", "--quiet"])
    assert rebuilt.exit_code == 1
    assert "files in" not in rebuilt.stderr


def test_every_reading_of_a_model_can_be_searched(tmp_path: Path, catalog: Catalog) -> None:
    sounds.write(tmp_path / "song.wav", sounds.music(20.0))
    analyzer = Analyzer()
    analyzer.__dict__["model"] = FullModel()
    analyzed = analyze_file.FileAnalyzer(analyzer, SPACE).analyze(tmp_path / "song.wav")
    first, second, *_ = analyzed.moments
    assert first["tension"] > second["tension"]
    file = {"id": "1", "path": "/song.wav", "name": "song.wav", "size": 1, "mtime": 1}
    with writer.writing(catalog) as writing:
        writing.put([file | analyzed.piece], [{"piece": "1"} | one for one in analyzed.moments])
    catalog.refresh()
    for where, found in (
        ("tension > .3 and tension_low > .3 and tension_high <= 1", True),
        ("emotion_joy > .9 and emotion_anger_low = 0", True),
        ("sounds_like = 'film score'", True),
        ("array_has(key_candidates, key)", True),
        ("mode is null or mode <> 'dorian'", analyzed.piece["mode"] != "dorian"),
        ("tension < .3", False),
    ):
        assert [row["id"] for row in catalog.listing(["id"], where)] == ["1"] * found, where


def test_the_command_reads_pieces_of_another_space_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song(tmp_path / "music" / "a.mp3")
    run(tmp_path / "music", create(tmp_path / "catalog", SPACE))
    before = state(tmp_path / "catalog")
    analyzer = FakeAnalyzer()
    monkeypatch.setattr(analyze_file, "FileAnalyzer", lambda *_: analyzer)
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    path = tmp_path / "catalog" / header.NAME
    header.write(path.parent, dataclasses.replace(header.read(path.parent), digest="another"))
    done = CliRunner().invoke(app, ["index", "--into", str(path.parent)])
    assert done.exit_code == 0, done.stderr
    assert "another space: another, here" in done.stderr
    assert "Its pieces are read anew" in done.stderr
    assert "1 file in" in done.stderr
    assert not analyzer.asked
    assert "no kept features" not in done.stderr
    assert state(tmp_path / "catalog") == before
    shutil.rmtree(path.parent / "features")
    header.write(path.parent, dataclasses.replace(header.read(path.parent), digest="another"))
    done = CliRunner().invoke(app, ["index", "--into", str(path.parent)])
    assert done.exit_code == 0, done.stderr
    assert "1 pieces have no kept features: their files are analysed again." in done.stderr
    assert analyzer.asked == ["a.mp3"]


def test_the_command_mends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song(tmp_path / "music" / "a.mp3")
    run(tmp_path / "music", create(tmp_path / "catalog", SPACE))
    before = state(tmp_path / "catalog")
    monkeypatch.setattr(analyze_file, "FileAnalyzer", lambda *_: FakeAnalyzer())
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    command = ["index", "--verify", "--into", str(tmp_path / "catalog")]
    done = CliRunner().invoke(app, command)
    assert done.stderr.startswith("Checked: 1 pieces, nothing is damaged.")
    (tmp_path / "catalog" / header.NAME).write_text("{")
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("Mended: damaged was the header; 1 pieces are sound.")
    assert state(tmp_path / "catalog") == before


def test_the_command_without_music_is_no_use(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["index", str(tmp_path), "--into", str(tmp_path / "catalog")])
    assert done.exit_code == 2
    assert "no audio files" in done.stderr
    assert not (tmp_path / "catalog").exists()


def test_ctrl_c_finishes_what_is_in_work(tmp_path: Path) -> None:
    music, folder, log = tmp_path / "music", tmp_path / "catalog", tmp_path / "log"
    for number in range(30):
        song(music / f"{number:02}.mp3")
    command = [sys.executable, "-m", "tests.catalog.made_up", str(log), str(tmp_path / "go")]
    command += ["index", str(music), "--into", str(folder), "--jobs", "2"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not log.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("Finishing the files in work" in line for line in process.stderr)
        (tmp_path / "go").touch()
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert "Stopped; the same command goes on from here." in said
    analyzed = log.read_text().split()
    assert 1 <= len(analyzed) < 30
    assert len(state(folder)[0]) == len(analyzed)


@pytest.mark.parametrize(
    ("option", "typed", "removed"),
    [
        (["--prune"], "", False),
        (["--prune-missing"], "2\n", True),
        (["--prune-missing"], "3\n", False),
        (["--prune-missing"], "", False),
        (["--prune-missing", "2"], "", True),
        (["--prune-missing=2"], "", True),
        (["--prune-missing=1"], "", False),
    ],
    ids=str,
)
def test_the_command_removes_what_is_missing_if_its_number_is_told(
    music: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], typed: str, removed: bool
) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: SPACE)
    monkeypatch.setattr(analyze_file, "FileAnalyzer", lambda *_: FakeAnalyzer())
    drive, folder = music / "drive", music.parent / "catalog"
    for name in ("x.mp3", "y.mp3"):
        song(drive / name)
    command = ["index", *option, str(music), str(drive), "--into", str(folder), "--jobs", "1"]
    assert CliRunner().invoke(app, command).exit_code == 0
    shutil.rmtree(drive)
    done = CliRunner().invoke(app, command, input=typed)
    assert "2 pieces stay in the catalogue" in done.stderr
    assert f"such as {drive}" in done.stderr
    assert "Traceback" not in done.stderr
    assert ("2 removed." in done.stderr) == removed
    assert (done.exit_code == 0) == removed
    assert len(state(folder)[0]) == (3 if removed else 5)


def test_a_file_is_gone_only_if_that_is_sure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    assert presence.is_gone(str(tmp_path / "none.mp3"))
    assert presence.is_gone(str(tmp_path / "file" / "none.mp3"))
    assert not presence.is_gone(str(tmp_path / "file"))
    assert not presence.is_gone(str(tmp_path / "loop" / "behind.mp3"))
