"""Whatever can be handed over is analysed, or refused with the cause."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hevner.audio import sources
from hevner.audio.decode import SAMPLE_RATE, Audio, from_array, open_audio
from hevner.audio.samples import CENTRES
from hevner.audio.sources import open_source
from hevner.errors import AudioError, HevnerError
from tests.errors import raises
from tests.sounds import music, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX systems")


def heard(source: Any, rate: Any = None) -> np.ndarray:
    try:
        return np.concatenate(list(open_source(source, rate, open_audio).blocks))
    finally:
        if isinstance(source, io.IOBase):
            source.close()


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("songs") / "song.flac")


class Unseekable:
    """As a socket or an answer of a server reads."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, count: int = -1) -> bytes:
        return self._content.read(min(count, 1000))


def begun(path: Path) -> io.BufferedReader:
    file = path.open("rb")
    file.read(100)
    return file


def spooled(path: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115
    file.write(path.read_bytes())
    return file


WAYS: dict[str, Callable[[Path], Any]] = {
    "text": str,
    "path": lambda path: path,
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "file": lambda path: path.open("rb"),
    "file read in part": begun,
    "raw file": lambda path: path.open("rb", buffering=0),
    "SpooledTemporaryFile": spooled,
    "unseekable": lambda path: Unseekable(path.read_bytes()),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_audio(song: Path, way: str) -> None:
    np.testing.assert_array_equal(heard(WAYS[way](song)), heard(song))


@posix
def test_pipes_are_heard_as_files_are(song: Path) -> None:
    with subprocess.Popen(["cat", song], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        np.testing.assert_array_equal(heard(process.stdout), heard(song))
    with subprocess.Popen(["cat", song], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        path = f"/dev/fd/{process.stdout.fileno()}"
        np.testing.assert_array_equal(heard(path), heard(song))


def closed(path: Path) -> io.BufferedReader:
    file = path.open("rb")
    file.close()
    return file


@pytest.mark.parametrize(
    ("source", "code", "named"),
    [
        (lambda _: b"", "empty_file", "bytes"),
        (lambda _: io.BytesIO(), "empty_file", "file object"),
        (lambda _: Unseekable(b""), "empty_file", "file object"),
        (lambda _: b"RIFF", "not_audio", "bytes"),
        (lambda _: io.StringIO("text"), "not_binary", "file object"),
        (lambda path: path.open(encoding="latin-1"), "not_binary", "song.flac"),
        (closed, "unreadable", "song.flac"),
        (lambda path: path.parent, "not_a_file", ""),
        (lambda _: "a\0b", "file_missing", "a"),
    ],
)
def test_what_cannot_be_read_says_why(
    song: Path, source: Callable[[Path], Any], code: str, named: str
) -> None:
    with raises(AudioError, code, subject=named):
        heard(source(song))


@pytest.mark.parametrize("source", ["s3://bucket/song.flac", Path("https://example.org/a.mp3")])
def test_music_elsewhere_must_be_downloaded(source: str | Path) -> None:
    with raises(AudioError, "file_missing") as caught:
        heard(source)
    assert "not on this machine" in caught.value.cause
    assert "Download it" in str(caught.value.remedy)


@pytest.mark.parametrize("source", [None, 5, 1.5, {}, set(), object(), lambda: 1])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with raises(HevnerError, "wrong_source"):
        heard(source, 16_000)


@pytest.mark.parametrize("source", [np.zeros(9), [0.1], ["a.wav", "b.wav"]])
def test_samples_need_a_rate(source: Any) -> None:
    with raises(HevnerError, "sample_rate_missing"):
        heard(source)


def test_a_pipe_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_BYTES", 10_000)

    class Endless:
        def read(self, _count: int) -> bytes:
            return b"x" * 1000

    with raises(AudioError, "too_large"):
        heard(Endless())


def test_no_room_for_a_copy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(sources, "SpooledTemporaryFile", lambda _size: Full())
    with pytest.raises(AudioError, match="No space left"):
        heard(Unseekable(b"x" * 10))


# Arrays


@pytest.mark.parametrize("kind", [*CENTRES, "float16", "float32", "float64", ">f4", ">i2"])
def test_samples_of_every_type_sound_the_same(kind: str) -> None:
    sound = music(1.0)
    scaled = sound
    if np.dtype(kind).kind in "iu":
        half = 2.0 ** (8 * np.dtype(kind).itemsize - 1)
        scaled = sound.astype(np.float64) * (half - 1) + CENTRES[np.dtype(kind).name]
    bits = min(8 * np.dtype(kind).itemsize, 24) - 1
    difference = heard(scaled.astype(kind), SAMPLE_RATE) - sound
    assert np.abs(difference).max() <= (2.0**-10 if kind == "float16" else 2.0 ** (1 - bits))


@pytest.mark.parametrize("rate", [16_000, 16_000.0, np.int32(16_000), np.float32(16_000)])
@pytest.mark.parametrize("as_list", [False, True])
def test_lists_and_all_kinds_of_numbers_will_do(rate: Any, as_list: bool) -> None:
    sound = music(0.5)
    source = sound.tolist() if as_list else sound
    np.testing.assert_allclose(heard(source, rate), sound)


def test_the_longer_axis_is_time() -> None:
    sound = music(0.5)
    for array in (np.stack([sound, sound]), np.stack([sound, sound], axis=1), sound[None]):
        np.testing.assert_allclose(heard(array, 16_000), sound, atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(0), "too_short"),
        (np.zeros((0, 2)), "too_short"),
        (np.zeros((2, 0)), "too_short"),
        (np.zeros((0, 0)), "too_short"),
        ([], "too_short"),
        (np.float32(1), "wrong_shape"),
        (np.zeros((2, 2, 2)), "wrong_shape"),
        ([[0.1], [0.1, 0.2]], "wrong_shape"),
        (np.zeros((300, 200)), "too_many_channels"),
        (np.zeros(9, np.int64), "wrong_type"),
        ([1, 2, 3], "wrong_type"),
        (np.zeros(9, bool), "wrong_type"),
        (np.zeros(9, complex), "wrong_type"),
        (np.zeros(9, object), "wrong_type"),
        (np.array(["a"]), "wrong_type"),
        (np.zeros(9, "M8[s]"), "wrong_type"),
    ],
)
def test_arrays_that_are_no_audio_are_refused(samples: Any, code: str) -> None:
    with raises(AudioError, code, subject="array") as caught:
        from_array(samples, 16_000)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "rate", ["16000", None, True, float("nan"), float("inf"), 0, -1, 1e9, 16_000j, [16_000]]
)
def test_rates_that_are_none_are_refused(rate: Any) -> None:
    with raises(AudioError, "bad_sample_rate"):
        from_array(music(0.5), rate)


def test_open_audio_is_taken_as_it_is() -> None:
    audio = from_array(music(0.5), 16_000)
    assert open_source(audio, None, open_audio) is audio
    assert isinstance(audio, Audio)
