from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hevner import encoders
from hevner.audio.decode import Audio, from_array
from hevner.encoders.base import EncoderCard
from hevner.errors import AudioError
from hevner.lab.data import extraction
from hevner.lab.data.extraction import kinds, run
from tests.sounds import music

SECONDS = 21.0


class Loudness:
    """An encoder of another rate: first sample, last sample and number of samples of a window."""

    def __init__(self, name: str, rate: int) -> None:
        window = 2 * rate
        self.card = EncoderCard(
            name, "1", rate, window, window, 3, "MIT", True, "", "", rate, memory=1
        )
        self.batches: list[int] = []

    def encode(self, windows: np.ndarray) -> np.ndarray:
        self.batches.append(len(windows))
        sizes = np.full(len(windows), windows.shape[1])
        return np.stack([windows[:, 0], windows[:, -1], sizes], axis=1).astype(np.float32)


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Loudness]]:
    made = {name: Loudness(name, rate) for name, rate in (("a", 24_000), ("b", 48_000))}
    create = encoders.create
    monkeypatch.setattr(encoders, "create", lambda name: made.get(name) or create(name))
    monkeypatch.setattr(encoders, "available", lambda: ["a", "b", "handcrafted"])
    extraction._create.cache_clear()
    yield made
    extraction._create.cache_clear()


def listen_to(samples: np.ndarray, heard: list[int]) -> Callable[[int], Audio]:
    def listen(rate: int) -> Audio:
        heard.append(rate)
        return from_array(samples, 16_000, rate)

    return listen


def test_audio_is_read_once_for_each_rate(loud: dict[str, Loudness]) -> None:
    heard: list[int] = []
    entries = run(listen_to(music(SECONDS), heard), ["a", "harmony", "b", "handcrafted"], "c")
    assert heard == [24_000, 16_000, 48_000]
    assert [kind.name for kind in kinds(["a", "b"])] == ["a-1", "b-1"]
    for name, rate in (("a-1", 24_000), ("b-1", 48_000)):
        entry = entries[name]
        np.testing.assert_allclose(entry.starts, [*range(0, 20, 2), SECONDS - 2], atol=1e-4)
        assert entry.duration == pytest.approx(SECONDS, abs=1e-3)
        assert (entry.rows[:, 2] == 2 * rate).all()
    assert "harmony" in " ".join(entries)


def test_large_encoders_are_handed_several_windows_in_order(loud: dict[str, Loudness]) -> None:
    samples = np.linspace(-1, 1, int(SECONDS * 16_000), dtype=np.float32)
    rows = run(listen_to(samples, []), ["a"], "c")["a-1"].rows
    assert loud["a"].batches == [10, 1]  # six windows wait for the next block
    assert (np.diff(rows[:, 0]) > 0).all()


def test_a_short_stream_is_one_short_window(loud: dict[str, Loudness]) -> None:
    short, shorter = (run(listen_to(music(s), []), ["a"], "c")["a-1"] for s in (1.5, 0.4))
    assert short.rows[:, 2].tolist() == [36_000]
    assert shorter.rows[:, 2].tolist() == [24_000]
    assert (short.duration, shorter.duration) == (1.5, 0.4)


def test_damage_is_told_at_every_rate(loud: dict[str, Loudness]) -> None:
    samples = music(SECONDS)
    samples[80_000] = np.nan
    with pytest.raises(AudioError, match=r"not finite .* near 5\.0 s"):
        run(listen_to(samples, []), ["a"], "c")
