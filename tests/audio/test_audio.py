from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hevner.audio import decode
from hevner.audio.decode import SAMPLE_RATE, from_array, open_audio
from hevner.errors import AudioError
from tests.audio.encoded import encoded
from tests.errors import raises
from tests.sounds import music, write


def samples(path: Path) -> np.ndarray:
    return np.concatenate(list(open_audio(path).blocks))


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "opus"])
def test_formats_sound_the_same(tmp_path: Path, ending: str) -> None:
    original = music(3.0, 16_000)
    how = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    decoded = samples(write(tmp_path / f"a.{ending}", original, **how))
    assert decoded.dtype == np.float32
    # MP3 pads by a frame.
    assert abs(len(decoded) - len(original)) < 0.1 * SAMPLE_RATE
    size = min(len(decoded), len(original))
    assert np.corrcoef(decoded[:size], original[:size])[0, 1] > 0.98


@pytest.mark.parametrize("ending", ["mp3", "ogg", "flac"])
@pytest.mark.parametrize("block", [0.05, 1.0, 12.0])
def test_size_of_decoded_blocks_does_not_change_the_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, block: float
) -> None:
    """MP3 frames need bits of those before them, which a decoder that seeks has lost."""
    path = write(tmp_path / f"a.{ending}", music(14.0))
    whole, _ = soundfile.read(path, dtype="float32")
    monkeypatch.setattr(decode, "BLOCK_S", block)
    np.testing.assert_allclose(samples(path), whole, atol=1e-6)


@given(st.integers(8_000, 192_000), st.floats(0.1, 2.0))
def test_any_sample_rate_gives_the_right_duration(rate: int, seconds: float) -> None:
    count = max(int(np.ceil(0.1 * rate)) + 1, round(seconds * rate))
    blocks = list(from_array(np.zeros(count, np.float32), rate).blocks)
    assert sum(map(len, blocks)) / SAMPLE_RATE == pytest.approx(count / rate, abs=2 / SAMPLE_RATE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([8_000, 16_000, 44_100, 48_000]), st.floats(0.05, 1.5))
def test_size_of_blocks_does_not_change_the_samples(
    monkeypatch: pytest.MonkeyPatch, rate: int, block: float
) -> None:
    samples = music(1.6, rate)
    whole = np.concatenate(list(from_array(samples, rate).blocks))
    with monkeypatch.context() as patch:
        patch.setattr(decode, "BLOCK_S", block)
        pieces = np.concatenate(list(from_array(samples, rate).blocks))
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


@given(st.integers(1, 12))
def test_channels_are_mixed_by_their_mean(channels: int) -> None:
    samples = np.random.default_rng(channels).normal(size=(4_000, channels)).astype(np.float32)
    for layout in (samples, samples.T):
        mixed = np.concatenate(list(from_array(layout, SAMPLE_RATE).blocks))
        np.testing.assert_allclose(mixed, samples.mean(axis=1), atol=1e-6)


def test_pitch_survives_resampling(tmp_path: Path) -> None:
    time = np.arange(96_000 * 2) / 96_000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(samples(write(tmp_path / "a.wav", tone, 96_000))))
    assert np.argmax(spectrum) / 2 == pytest.approx(440)


@pytest.mark.parametrize("rate", [0, -1, 1, 999, 2_000_000, float("nan")])
def test_senseless_sample_rates_are_refused(rate: float) -> None:
    with raises(AudioError, "bad_sample_rate"):
        from_array(np.zeros(16_000, np.float32), rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_located(value: float) -> None:
    samples = music(4.0)
    samples[2 * SAMPLE_RATE] = value
    with pytest.raises(AudioError, match=r"near 2\.0 s"):
        list(from_array(samples, SAMPLE_RATE).blocks)


def test_senseless_samples_are_refused() -> None:
    with raises(AudioError, "samples_out_of_range"):
        list(from_array(np.full(SAMPLE_RATE, 1e30, np.float32), SAMPLE_RATE).blocks)
    loud = from_array(np.full(SAMPLE_RATE, 20_000.0, np.float32), SAMPLE_RATE)
    list(loud.blocks)
    assert "samples reach 20000 times full scale" in loud.warnings[0]


def test_two_hours_stream_through_little_memory(tmp_path: Path) -> None:
    """7200 s at 8 kHz are 460 MB as float32 at 16 kHz; the blocks in hand are below 2 MB."""
    script = f"""
import resource, soundfile, numpy as np
from hevner.audio.decode import open_audio
path = {str(tmp_path / "long.wav")!r}
with soundfile.SoundFile(path, "w", 8000, 1, "PCM_U8") as file:
    file.seek(7200 * 8000 - 1)
    file.write(np.zeros(1, np.float32))
list(open_audio({str(write(tmp_path / "short.wav"))!r}).blocks)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(len(block) for block in open_audio(path).blocks)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(total, (after - before) / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100
    )
    total, grown_mb = done.stdout.split()
    assert int(total) == 7200 * SAMPLE_RATE
    assert float(grown_mb) < 40


@pytest.mark.parametrize("ending", ["m4a", "mp3"])
def test_aac_is_read_whatever_its_name_and_mixed_by_the_mean(tmp_path: Path, ending: str) -> None:
    left = music(5.0, 44_100)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(encoded(np.stack([left, 0 * left], axis=1), 44_100, "m4a"))
    decoded = samples(path)
    assert len(decoded) / SAMPLE_RATE == pytest.approx(5.0, abs=0.1)
    assert np.abs(decoded).max() == pytest.approx(np.abs(left).max() / 2, rel=0.05)


def test_damaged_aac_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    content = bytearray(encoded(music(30.0, 44_100, 2), 44_100, "m4a"))
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    stream = open_audio(path)
    seconds = sum(map(len, stream.blocks)) / SAMPLE_RATE
    assert 12 < seconds <= 30.1
    assert seconds > 29 or "of 30.0 s" in stream.warnings[0]


@pytest.mark.parametrize("ending", ["m4a", "mp3", "txt"])
def test_text_is_no_audio(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").write_text("words\n" * 1000)
    with raises(AudioError, "not_audio", subject=f"a.{ending}"):
        open_audio(tmp_path / f"a.{ending}")


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000])
def test_other_sample_rates_can_be_asked_for(tmp_path: Path, rate: int) -> None:
    original = music(2.0, rate)
    opened = open_audio(write(tmp_path / "a.wav", original, rate), rate)
    assert opened.sample_rate == rate
    np.testing.assert_allclose(np.concatenate(list(opened.blocks)), original, atol=1e-3)
    made = from_array(music(2.0, 16_000), 16_000, rate)
    assert made.sample_rate == rate
    assert sum(map(len, made.blocks)) == pytest.approx(2.0 * rate, abs=2)


def test_the_shortest_audio_is_as_many_seconds_at_every_rate() -> None:
    samples = np.zeros(5_000, np.float32)  # more than 0.1 s at 48 kHz
    assert sum(map(len, from_array(samples, 48_000, 48_000).blocks)) == 5_000
    with raises(AudioError, "too_short"):
        list(from_array(samples[:4_512], 48_000, 48_000).blocks)
