"""Loudness, the sounding part, offsets: what is handed on is the same for every copy of a piece."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import freqz

from hevner.audio import level
from hevner.audio.decode import SAMPLE_RATE
from hevner.audio.level import FLOOR_DB, RANGE_DB, REFERENCE_DB, Level, Recording
from hevner.errors import AudioError
from tests.errors import raises
from tests.sounds import music

CELL = round(level.CELL_S * SAMPLE_RATE)


def cut(samples: np.ndarray, size: int = 100_000) -> Iterator[np.ndarray]:
    return (samples[at : at + size] for at in range(0, len(samples), size))


def heard(samples: np.ndarray, size: int = 100_000) -> tuple[Level, np.ndarray]:
    with Recording(cut(samples.astype(np.float32), size), SAMPLE_RATE, "array") as recording:
        return recording.level, np.concatenate(list(recording.blocks()))


def tone(hertz: float, seconds: float = 4.0) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.sin(2 * np.pi * hertz * time).astype(np.float32)


@pytest.mark.parametrize("hertz", [40.0, 100.0, 440.0, 997.0, 1700.0, 4000.0, 7000.0])
def test_loudness_is_that_of_the_standard(hertz: float) -> None:
    # The filters that the standard tabulates for 48 kHz.
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285], [
        1.0, -1.69065929318241, 0.73248077421585,
    ]  # fmt: skip
    high_pass = [1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621]
    power = np.prod([abs(freqz(*one, [hertz], fs=48_000)[1][0]) ** 2 for one in (shelf, high_pass)])
    expected = -0.691 + 10 * np.log10(power / 2)
    assert heard(tone(hertz))[0].loudness == pytest.approx(expected, abs=0.1)
    assert hertz != 997 or expected == pytest.approx(-3.01, abs=0.01)


def test_loudness_is_gated() -> None:
    loud, soft = tone(997), 0.01 * tone(997)
    assert heard(np.concatenate([loud, soft, soft]))[0].loudness == pytest.approx(-3.01, abs=0.3)


@given(st.floats(-24, 40))
def test_gain_changes_nothing(decibels: float) -> None:
    plain, changed = (heard(music(3.0) * 10 ** (d / 20)) for d in (0, decibels))
    assert changed[0].loudness == pytest.approx(plain[0].loudness + decibels, abs=0.01)
    np.testing.assert_allclose(changed[1], plain[1], atol=1e-4)


def test_what_is_heard_has_the_reference_loudness() -> None:
    _, samples = heard(0.003 * music(6.0))
    assert heard(samples)[0].loudness == pytest.approx(REFERENCE_DB, abs=0.05)


@given(st.floats(-0.5, 0.5), st.integers(500, 60_000))
def test_an_offset_is_removed(offset: float, size: int) -> None:
    plain, shifted = heard(music(3.0))[1], heard(music(3.0) + offset, size)[1]
    np.testing.assert_allclose(shifted, plain, atol=2e-3)
    assert abs(shifted.mean()) < 1e-3


def test_an_offset_alone_is_silence() -> None:
    assert heard(np.full(3 * SAMPLE_RATE, 0.2))[0].loudness is None


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_silence_around_is_no_part(before: int, after: int) -> None:
    sound = tone(440, 2.0)
    found, samples = heard(np.pad(sound, (before, after)))
    assert found.total == len(sound) + before + after
    # A sliver of sound in a cell of silence may be lost.
    assert -CELL / 50 <= before - found.first <= CELL
    assert -CELL / 50 <= found.last - before - len(sound) <= 2 * CELL
    assert len(samples) == found.last - found.first


def test_silence_inside_stays() -> None:
    gap = np.zeros(5 * SAMPLE_RATE, np.float32)
    assert len(heard(np.concatenate([tone(440), gap, tone(440)]))[1]) == 13 * SAMPLE_RATE


def test_what_is_far_softer_than_the_piece_is_silence() -> None:
    for softer, kept in ((RANGE_DB - 3, 8.0), (RANGE_DB + 3, 4.0)):
        end = tone(440) * 10 ** (-softer / 20)
        assert len(heard(np.concatenate([tone(440), end]))[1]) == kept * SAMPLE_RATE


def test_a_quiet_master_is_music_and_dither_is_not() -> None:
    quiet = np.round(music(4.0) * 10 ** (-60 / 20) * 32768) / 32768
    assert heard(quiet)[0].loudness is not None
    rng = np.random.default_rng(1)
    dither = np.round(rng.triangular(-1, 0, 1, 4 * SAMPLE_RATE)) / 32768
    assert FLOOR_DB - 10 < 10 * np.log10(np.square(dither).mean()) < FLOOR_DB + 3
    assert heard(0.5 * dither)[0].loudness is None


def test_silence_is_heard_as_its_beginning() -> None:
    found, samples = heard(np.zeros(40 * SAMPLE_RATE))
    assert found == Level(40 * SAMPLE_RATE, 0, 12 * SAMPLE_RATE, None, 0.0)
    assert not samples.any()


@pytest.mark.parametrize("size", [1_111, 16_000, 10**6])
def test_size_of_blocks_does_not_matter(size: int) -> None:
    sound = np.pad(music(20.0), (3_000, 50_000)) + np.float32(0.01)
    expected, other = heard(sound), heard(sound, size)
    assert (other[0].first, other[0].last) == (expected[0].first, expected[0].last)
    np.testing.assert_allclose(other[1], expected[1], atol=1e-5)


def test_long_audio_lies_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = heard(music(6.0))[1]
    monkeypatch.setattr(level, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(level, "READ_S", 0.7)
    np.testing.assert_allclose(heard(music(6.0))[1], expected, atol=1e-6)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        closed = False

        def __init__(self, size: int) -> None:
            pass

        def write(self, content: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            Full.closed = True

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    with raises(AudioError, "no_space", subject="array") as error:
        heard(music(1.0))
    assert error.value.stage == "setup", "the file is not to blame, and is tried again"
    assert Full.closed
