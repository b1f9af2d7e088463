from __future__ import annotations

import errno
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hevner import cache as module
from hevner.cache import Cache, default_folder
from hevner.emotion import Scale
from tests.fakes import sample


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    path.write_bytes(b"music" * 500_000)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache("model 1", tmp_path / "kept")


def stored(cache: Cache, song: Path) -> str:
    key = cache.key(song)
    assert key is not None
    cache.store(key, sample())
    return key


def entries(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]


def test_what_is_stored_is_served_under_the_new_path(cache: Cache, song: Path) -> None:
    key = stored(cache, song)
    assert cache.load(key, "other.wav") == sample("other.wav")
    assert cache.hits == 1


def test_unknown_results_are_not_served(cache: Cache) -> None:
    assert cache.load("0" * 40, "a.wav") is None
    assert cache.hits == 0


def test_scale_of_the_result_does_not_matter(cache: Cache, song: Path) -> None:
    key = cache.key(song)
    assert key is not None
    cache.store(key, sample().on(Scale(1, 9)))
    served = cache.load(key, "song.wav")
    assert served is not None
    assert served.valence == sample().valence


def test_key_follows_the_content_not_the_name(tmp_path: Path, cache: Cache, song: Path) -> None:
    key = cache.key(song)
    copy = tmp_path / "copy.mp3"
    copy.write_bytes(song.read_bytes())
    assert cache.key(copy) == key
    copy.write_bytes(song.read_bytes() + b"!")
    assert cache.key(copy) != key


def test_key_follows_model_and_version(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Cache("model 1").key(song)
    assert Cache("model 2").key(song) != key
    monkeypatch.setattr(module, "__version__", "99")
    assert Cache("model 1").key(song) != key


def test_what_cannot_be_read_has_no_key(tmp_path: Path, cache: Cache) -> None:
    assert cache.key(tmp_path / "missing.wav") is None
    assert cache.key(tmp_path) is None
    assert cache.key(tmp_path / ("x" * 400)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_pipes_are_not_waited_for(tmp_path: Path, cache: Cache) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert cache.key(tmp_path / "pipe.wav") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[: len(text) // 2],
        lambda text: b"\xff\x00" * 50,
        lambda text: b"[]",
        lambda text: b"{}",
        lambda text: text.replace(b"120.0", b"121.0"),
        lambda text: text.replace(b'"tempo"', b'"speed"'),
    ],
    ids=["empty", "half", "noise", "list", "object", "number", "name"],
)
def test_damaged_entries_are_ignored_and_made_again(
    tmp_path: Path, cache: Cache, song: Path, damage
) -> None:
    key = stored(cache, song)
    (entry,) = entries(tmp_path)
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache.load(key, "song.wav") is None
    cache.store(key, sample())
    assert cache.load(key, "song.wav") == sample("song.wav")


def test_entries_do_not_tell_where_the_file_was(tmp_path: Path, cache: Cache, song: Path) -> None:
    stored(cache, song)
    (entry,) = entries(tmp_path)
    assert song.name.encode() not in entry.read_bytes()
    assert str(tmp_path).encode() not in entry.read_bytes()


def test_full_disk_stops_storing_but_not_serving(
    tmp_path: Path, cache: Cache, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = stored(cache, song)
    calls = 0

    def refuse(*_: object) -> None:
        nonlocal calls
        calls += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "replace_file", refuse)
    cache.store("1" * 40, sample())
    cache.store("2" * 40, sample())
    assert calls == 1
    assert "No space left on device" in cache.problem
    assert cache.load(key, "song.wav") is not None
    assert len(entries(tmp_path)) == 1


def test_folder_that_cannot_be_made_is_a_problem_not_an_error(tmp_path: Path, song: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache("model 1", tmp_path / "file")
    key = stored(cache, song)
    assert str(tmp_path / "file") in cache.problem
    assert cache.load(key, "song.wav") is None


def test_threads_may_store_the_same_result(tmp_path: Path, cache: Cache, song: Path) -> None:
    threads = [threading.Thread(target=stored, args=(cache, song)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(tmp_path)) == 1
    assert cache.load(cache.key(song) or "", "song.wav") == sample("song.wav")


@pytest.mark.parametrize(
    ("system", "variables", "folder"),
    [
        ("linux", {"HEVNER_CACHE": "/else/where"}, "/else/where"),
        ("linux", {"HEVNER_CACHE": "~/c", "HOME": "/home/me"}, "/home/me/c"),
        ("linux", {"HEVNER_CACHE": "~nobody-of-that-name/c"}, "~nobody-of-that-name/c"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/hevner"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/hevner"),
        ("linux", {}, "/home/me/.cache/hevner"),
        ("darwin", {}, "/home/me/Library/Caches/hevner"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/hevner/Cache"),
        ("win32", {}, "/home/me/AppData/Local/hevner/Cache"),
    ],
)
def test_folder_is_the_usual_one_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], folder: str
) -> None:
    for name in ("HEVNER_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert default_folder() == Path(folder)


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, song: Path) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HEVNER_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", homeless)
    cache = Cache("model 1")
    assert cache.load(stored(cache, song), "song.wav") is None
    assert "home directory" in cache.problem


def test_what_killed_processes_left_is_swept_when_it_is_old(
    tmp_path: Path, cache: Cache, song: Path
) -> None:
    key = stored(cache, song)
    folder = entries(tmp_path)[0].parent
    for age in (0, 2 * module.LEFT_S):
        left = folder / f".hevner-{age}.part"
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    cache.store(key, sample())
    assert sorted(path.name for path in entries(tmp_path)) == [".hevner-0.part", f"{key[2:]}.json"]
