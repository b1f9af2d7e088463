from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.errors import OutputError
from hevner.files import (
    OutputFile,
    display_name,
    expanded,
    file_named,
    find_audio,
    make_folder,
    printable,
    replace_file,
    sweep_parts,
    write_file,
)
from tests.errors import raises
from tests.fakes import contents

posix = pytest.mark.skipif(sys.platform == "win32", reason="names and links of POSIX systems")


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def names(root: Path, *paths: Path) -> list[str]:
    found, problems = find_audio(paths or (root,))
    assert problems == []
    return [file.path.relative_to(root).as_posix() for file in found]


def test_folders_are_searched_in_order_for_audio_only(tmp_path: Path) -> None:
    make(tmp_path, "b.wav", "a.MP3", "notes.txt", "cover.jpg", ".hidden.wav", "._a.mp3")
    make(tmp_path, "z/c.flac", "d/e/f.ogg", ".git/g.wav", "empty/readme")
    assert names(tmp_path) == ["a.MP3", "b.wav", "d/e/f.ogg", "z/c.flac"]


def test_named_files_are_tried_whatever_their_names(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", ".hidden.wav")
    paths = [tmp_path / "notes.txt", tmp_path / ".hidden.wav", tmp_path / "missing.wav"]
    assert names(tmp_path, *paths) == ["notes.txt", ".hidden.wav", "missing.wav"]


def test_each_file_is_found_once(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "sub/b.wav")
    paths = [tmp_path / "sub/b.wav", tmp_path, tmp_path / "sub", tmp_path / "sub/../a.wav"]
    assert names(tmp_path, *paths) == ["sub/b.wav", "a.wav"]


def test_names_are_relative_to_the_folder_searched(tmp_path: Path) -> None:
    make(tmp_path, "x/sub/b.wav", "c.wav")
    found, _ = find_audio([tmp_path / "x", tmp_path / "c.wav"])
    assert [str(file.name) for file in found] == [os.path.join("sub", "b.wav"), "c.wav"]  # noqa: PTH118


@posix
def test_links_are_followed_and_loops_are_harmless(tmp_path: Path) -> None:
    make(tmp_path, "music/a.wav", "music/deep/b.wav", "elsewhere/c.wav")
    (tmp_path / "music/deep/loop").symlink_to(tmp_path / "music")
    (tmp_path / "music/self").symlink_to("self")
    (tmp_path / "music/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "music/again.wav").symlink_to(tmp_path / "elsewhere/c.wav")
    (tmp_path / "music/broken.wav").symlink_to(tmp_path / "nowhere.wav")
    found = names(tmp_path, tmp_path / "music")
    assert found == ["music/a.wav", "music/again.wav", "music/deep/b.wav"]


@posix
def test_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert names(tmp_path) == ["a.wav"]


def test_folder_that_cannot_be_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.wav", "closed/b.wav")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found, (problem,) = find_audio([tmp_path])
    assert [file.path.name for file in found] == ["a.wav"]
    assert (problem.path, problem.stage) == (str(tmp_path / "closed"), "find")
    assert "Permission denied" in problem.cause


@given(st.binary(max_size=30))
def test_display_names_are_valid_unicode(name: bytes) -> None:
    shown = display_name(name.decode("utf-8", "surrogateescape"))
    shown.encode("utf-8")
    try:
        assert shown == name.decode("utf-8")
    except UnicodeDecodeError:
        assert "\\x" in shown


@given(st.text())
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in printable(text))


def test_printable_keeps_letters_and_escapes_control_characters() -> None:
    assert printable("Dvořák – 月 🎵") == "Dvořák – 月 🎵"  # noqa: RUF001
    assert printable("a\x1b[31mb\nc\udcff") == r"a\x1b[31mb\nc\xff"


def test_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    path.chmod(0o640)
    replace_file(path, b"new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert contents(tmp_path) == ["out.txt"]


@posix
def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_failed_replacement_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "out.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_text() == "old"
    assert contents(tmp_path) == ["out.txt"]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with raises(OutputError, "folder_missing", subject=str(tmp_path / "no" / "out.txt")):
        write_file(tmp_path / "no" / "out.txt", b"new")
    (tmp_path / "file").write_bytes(b"")
    with raises(OutputError, "cannot_write", subject=str(tmp_path / "file" / "no")):
        make_folder(tmp_path / "file" / "no")


def test_output_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "out.txt")
    output.write("é" * 10)
    assert contents(tmp_path) == []
    output.commit()
    output.close()
    assert (tmp_path / "out.txt").read_text("utf-8") == "é" * 10


def test_large_outputs_wait_in_an_unnamed_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hevner.files.SPOOL_BYTES", 100)
    output = OutputFile(tmp_path / "out.txt")
    for _ in range(50):
        output.write("0123456789")
    assert contents(tmp_path) == []
    output.commit()
    output.close()
    assert (tmp_path / "out.txt").read_text() == "0123456789" * 50


def test_output_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "out.txt")
    output.write("text")
    output.close()
    assert contents(tmp_path) == []


def test_output_into_a_missing_folder_is_refused_at_once(tmp_path: Path) -> None:
    with raises(OutputError, "folder_missing", subject="out.txt"):
        OutputFile(tmp_path / "missing" / "out.txt")


def test_output_onto_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    with raises(OutputError, "cannot_write", subject=str(tmp_path)):
        OutputFile(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_device_is_named_with_a_remedy() -> None:
    output = OutputFile(Path("/dev/full"))
    output.write("text")
    with pytest.raises(OutputError, match=r"/dev/full: .*No space left.*Free some space"):
        output.commit()
    output.close()
    assert Path("/dev/full").is_char_device()


@given(st.binary(min_size=1, max_size=30).filter(lambda name: b"\\" not in name))
def test_a_file_is_found_again_by_its_shown_name(name: bytes) -> None:
    path = os.fsdecode(b"/nowhere/" + name.replace(b"\0", b"."))
    assert os.fspath(file_named(display_name(path))) == os.fspath(Path(path))


def test_unfinished_files_are_swept_and_others_stay(tmp_path: Path) -> None:
    make(tmp_path, ".hevner-0123.part", ".hevner-4567.part", "song.part", ".hevner")
    os.utime(tmp_path / ".hevner-0123.part", (0, 0))
    sweep_parts(tmp_path, older_than=3600)
    assert contents(tmp_path) == [".hevner", ".hevner-4567.part", "song.part"]
    sweep_parts(tmp_path)
    assert contents(tmp_path) == [".hevner", "song.part"]


@posix
def test_home_is_written_out_where_no_shell_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/music") == Path("/home/me/music")
    assert expanded("a/~/b") == Path("a/~/b")
    assert expanded("~no-such-user/b") == Path("~no-such-user/b")
