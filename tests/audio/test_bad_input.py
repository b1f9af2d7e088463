"""Files that are damaged, odd or not audio at all, each of them really made."""

from __future__ import annotations

import errno
import os
import re
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hevner.analysis import Analyzer
from hevner.batch import analyze_many, analyze_one
from hevner.cache import Cache
from hevner.files import find_audio
from hevner.result import Analysis, Failure
from tests.fakes import contents
from tests.sounds import music, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="file system of POSIX systems")

Maker = Callable[[Path], None]


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer()


def cut(path: Path, share: float) -> None:
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def header(path: Path, at: bytes, offset: int, value: int) -> None:
    """Set a 32-bit number, counted from a chunk name of a WAV file."""
    content = bytearray(path.read_bytes())
    where = content.index(at) + offset
    content[where : where + 4] = struct.pack("<I", value)
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("These are the words of a song.\n" * 400)


def noise_of_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(100_000))


def header_alone(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:44])


def nan(path: Path) -> None:
    samples = music()
    samples[10_000] = np.nan
    write(path, samples, subtype="FLOAT")


def infinite(path: Path) -> None:
    samples = music()
    samples[10_000] = np.inf
    write(path, samples, subtype="FLOAT")


def ten_milliseconds(path: Path) -> None:
    write(path, music(0.01))


def one_sample(path: Path) -> None:
    write(path, music(1.0)[:1])


def one_hertz(path: Path) -> None:
    write(path)
    header(path, b"fmt ", 12, 1)


def no_rate(path: Path) -> None:
    write(path)
    header(path, b"fmt ", 12, 0)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def missing(path: Path) -> None:
    assert path.name not in contents(path.parent)


@pytest.mark.parametrize(
    ("make", "name", "cause"),
    [
        (empty, "a.wav", "the file is empty"),
        (empty, "a.mp3", "the file is empty"),
        (text, "a.mp3", "not audio"),
        (text, "a.wav", "not audio"),
        (noise_of_bytes, "a.mp3", "not audio"),
        (noise_of_bytes, "a.flac", "not audio"),
        (header_alone, "a.wav", "too short to analyse"),
        (nan, "a.wav", r"not finite .* near 0\.6 s"),
        (infinite, "a.wav", r"not finite .* near 0\.6 s"),
        (ten_milliseconds, "a.wav", r"too short to analyse \(10 ms\)"),
        (one_sample, "a.wav", r"too short to analyse \(0 ms\)"),
        (one_hertz, "a.wav", "sample rate of 1 Hz makes no sense"),
        (no_rate, "a.wav", "not audio"),
        pytest.param(pipe, "a.wav", "not a regular file", marks=posix),
        (folder, "a.wav", "not a regular file"),
        (missing, "a.wav", "no such file"),
        pytest.param(missing, "x" * 300 + ".wav", "File name too long", marks=posix),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value)[:20],
)
def test_file_that_cannot_be_analysed_says_why_and_what_to_do(
    tmp_path: Path, analyzer: Analyzer, make: Maker, name: str, cause: str
) -> None:
    path = tmp_path / name
    make(path)
    failure = analyze_one(path, analyzer, Cache("m", tmp_path / "kept"))
    assert isinstance(failure, Failure)
    assert failure.path == str(path)
    assert failure.stage == "decode"
    assert re.search(cause, failure.cause)
    assert failure.remedy


@posix
def test_device_is_refused(analyzer: Analyzer) -> None:
    failure = analyze_one(Path("/dev/zero"), analyzer)
    assert isinstance(failure, Failure)
    assert failure.cause == "not a regular file"


def test_file_without_permission_says_so(
    tmp_path: Path, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.wav")
    usual = Path.open

    def refuse(self: Path, *how: object, **more: object) -> object:
        if self == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return usual(self, *how, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    failure = analyze_one(path, analyzer, Cache("m", tmp_path / "kept"))
    assert isinstance(failure, Failure)
    assert failure.cause == "cannot be opened (Permission denied)"
    assert "permissions" in failure.remedy


@pytest.mark.parametrize(("ending", "share"), [("wav", 0.6), ("flac", 0.6), ("aiff", 0.6)])
def test_truncated_file_is_read_as_far_as_it_goes(
    tmp_path: Path, analyzer: Analyzer, ending: str, share: float
) -> None:
    path = write(tmp_path / f"a.{ending}", music(20.0))
    cut(path, share)
    analysis = analyze_one(path, analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.duration == pytest.approx(20 * share, abs=1.0)
    assert any("ends early" in warning and "of 20.0 s" in warning for warning in analysis.warnings)


@pytest.mark.parametrize("ending", ["ogg", "mp3"])
def test_truncated_stream_is_read_as_far_as_it_goes(
    tmp_path: Path, analyzer: Analyzer, ending: str
) -> None:
    """Nothing in these formats need say how long they should have been."""
    path = write(tmp_path / f"a.{ending}", music(20.0))
    cut(path, 0.6)
    analysis = analyze_one(path, analyzer)
    assert isinstance(analysis, Analysis)
    assert 8 < analysis.duration < 16


def test_damage_in_the_middle_ends_the_audio_there(tmp_path: Path, analyzer: Analyzer) -> None:
    path = write(tmp_path / "a.flac", music(40.0))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    analysis = analyze_one(path, analyzer)
    assert isinstance(analysis, Analysis)
    assert 19 < analysis.duration <= 40


def test_header_that_claims_far_more_is_corrected(tmp_path: Path, analyzer: Analyzer) -> None:
    path = write(tmp_path / "a.wav", music(3.0))
    header(path, b"data", 4, 1_000_000_000)
    analysis = analyze_one(path, analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.duration == pytest.approx(3)
    assert any("3.0 of 31250.0 s" in warning for warning in analysis.warnings)


def test_header_of_a_stream_is_no_reason_to_warn(tmp_path: Path, analyzer: Analyzer) -> None:
    path = write(tmp_path / "a.wav", music(3.0))
    header(path, b"data", 4, 0xFFFFFFFF)
    analysis = analyze_one(path, analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.duration == pytest.approx(3)
    assert analysis.warnings == ()


@pytest.mark.parametrize(
    ("true", "claimed"),
    [("flac", "mp3"), ("mp3", "wav"), ("ogg", "mp3"), ("wav", "ogg"), ("mp3", "flac"), ("wav", "")],
)
def test_wrong_ending_does_not_matter(
    tmp_path: Path, analyzer: Analyzer, true: str, claimed: str
) -> None:
    original = write(tmp_path / f"a.{true}", music(4.0))
    renamed = Path(shutil.copy(original, tmp_path / f"b.{claimed}"))
    right, wrong = analyze_one(original, analyzer), analyze_one(renamed, analyzer)
    assert isinstance(right, Analysis)
    assert isinstance(wrong, Analysis)
    assert wrong.valence == right.valence


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(64_000, np.float32),
        np.full(64_000, 0.5, np.float32),
        np.full(64_000, -1.0, np.float32),
        np.zeros(1_700, np.float32),
    ],
    ids=["silence", "direct current", "full-scale direct current", "a tenth of a second"],
)
@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_silence_is_told_as_silence_not_as_an_emotion(
    tmp_path: Path, analyzer: Analyzer, samples: np.ndarray, ending: str
) -> None:
    analysis = analyze_one(write(tmp_path / f"a.{ending}", samples), analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.status == "silent"
    assert (analysis.valence, analysis.arousal, analysis.quadrant) == (None, None, None)
    assert (analysis.key, analysis.moods) == (None, {})


def test_many_channels_at_a_high_rate_are_music_all_the_same(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    analysis = analyze_one(write(tmp_path / "a.wav", music(3.0, 96_000, 8), 96_000), analyzer)
    plain = analyze_one(write(tmp_path / "b.wav", music(3.0)), analyzer)
    assert isinstance(analysis, Analysis)
    assert isinstance(plain, Analysis)
    assert analysis.duration == pytest.approx(3)
    assert analysis.valence is not None
    assert plain.valence is not None
    assert analysis.valence.value == pytest.approx(plain.valence.value, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0])
def test_short_clips_get_an_answer(tmp_path: Path, analyzer: Analyzer, seconds: float) -> None:
    analysis = analyze_one(write(tmp_path / "a.wav", music(seconds)), analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.status == "ok"
    assert analysis.duration == pytest.approx(seconds, abs=0.001)


@posix
def test_name_that_is_not_unicode_is_analysed(tmp_path: Path, analyzer: Analyzer) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.flac"))
    shutil.move(write(tmp_path / "a.flac"), path)
    (found,), _ = find_audio([tmp_path])
    analysis = analyze_one(found.path, analyzer)
    assert isinstance(analysis, Analysis)
    assert analysis.path == f"{tmp_path}/caf\\xe9.flac"


def test_file_deleted_after_it_was_listed_fails_alone(tmp_path: Path, analyzer: Analyzer) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write(tmp_path / name)
    found, _ = find_audio([tmp_path])
    (tmp_path / "b.wav").unlink()
    cache = Cache("m", tmp_path / "kept")
    first, gone, last = analyze_many([file.path for file in found], analyzer, 2, cache)
    assert (first.status, last.status) == ("ok", "ok")
    assert isinstance(gone, Failure)
    assert gone.cause == "no such file"
