"""A stream of sound: its values are those of its windows as files, and it keeps nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hevner.analysis import Analyzer
from hevner.errors import AudioError, HevnerError
from hevner.live import FIRST_S, Stream
from hevner.result import Analysis, ChordSpan, Estimate, Moment
from tests.errors import raises
from tests.sounds import music

RATE = 22_050
ESTIMATES = ("valence", "arousal", "tension")


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(window=5.0)


class Kept:
    """Stands for an analyzer: keeps the windows that it is given."""

    def __init__(self) -> None:
        self.windows: list[np.ndarray] = []

    def __call__(self, samples: np.ndarray, rate: float) -> Analysis:
        self.windows.append(np.array(samples))
        seconds, value = len(samples) / rate, Estimate(0.1, 0.0, 0.2)
        moment = Moment(0.0, seconds, value, value, value)
        chords = (ChordSpan("C:maj", 0.0, seconds),)
        return Analysis("array", "ok", seconds, "none", chords=chords, timeline=(moment,))


def test_values_are_the_last_of_the_curve_of_the_same_window(analyzer: Analyzer) -> None:
    samples = np.concatenate([music(5.0, RATE, 2), 0.3 * music(4.0, RATE, 2)[::-1]])
    samples[:, 1] *= -1.0  # channels that cancel, which a mixer must see whole
    stream, found, at = analyzer.stream(RATE), [], 0
    for size in [1, 700, 40_000, 30_000, 90_000, len(samples)]:
        found += stream.feed(samples[at : at + size])
        at += size
    assert [one.time for one in found] == [3, 4, 5, 6, 7, 8, 9]
    assert [one.complete for one in found] == [False, False, True, True, True, True, True]
    assert [one.seconds for one in found] == [3, 4, 5, 5, 5, 5, 5]
    assert len({one.valence for one in found}) > 4
    for one in found:
        end = round(one.time * RATE)
        window = analyzer.analyze(samples[max(0, end - 5 * RATE) : end], RATE)
        for name in ESTIMATES:
            live, point = getattr(one, name), getattr(window.timeline[-1], name)
            assert [live.value, live.low, live.high] == pytest.approx(
                [point.value, point.low, point.high], abs=1e-3
            )
        assert one.chord == window.chords[-1].label
        assert (one.key, one.tempo, one.status) == (window.key, window.tempo, "ok")


@given(
    sizes=st.lists(st.integers(1, 9_000), max_size=60),
    step=st.sampled_from([1.0, 0.5, 2.7, 7.0]),
    channels=st.integers(1, 3),
)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_a_window_is_the_newest_sound_however_it_is_fed(
    sizes: list[int], step: float, channels: int
) -> None:
    samples = np.random.default_rng(1).normal(size=(13_000, channels)).astype(np.float32)
    kept, found, at = Kept(), [], 0
    stream = Stream(kept, 4.0, 1000, step)  # type: ignore[arg-type]
    for size in [*sizes, 13_000]:
        found += stream.feed(samples[at : at + size])
        at += size
    ends = [round(one.time * 1000) for one in found]
    assert ends == list(range(3_000, 13_001, round(1000 * step)))
    for end, window in zip(ends, kept.windows, strict=True):
        assert np.array_equal(window, samples[max(0, end - 4_000) : end])


def test_steps_may_be_longer_than_a_window() -> None:
    kept = Kept()
    stream = Stream(kept, 4.0, 1000, every=10.0, begin=100.0)  # type: ignore[arg-type]
    found = stream.feed(np.arange(24_000, dtype=np.float32) / 24_000)
    assert [one.time for one in found] == [103.0, 113.0, 123.0]
    assert stream.time == 124.0
    assert [round(float(one[-1, 0] * 24_000)) for one in kept.windows] == [2999, 12_999, 22_999]
    assert [len(one) for one in kept.windows] == [3000, 4000, 4000]


def test_a_stream_holds_two_windows_however_long_it_is() -> None:
    stream = Stream(lambda samples, rate: Kept()(samples, rate), 4.0, 1000)  # type: ignore[arg-type, return-value]

    def held() -> int:
        arrays = [one for one in vars(stream).values() if isinstance(one, np.ndarray)]
        rest = [one for one in vars(stream).values() if isinstance(one, list | dict | set)]
        assert not rest, "nothing that may grow"
        return sum(one.nbytes for one in arrays)

    block = np.zeros(1000, np.float32)
    for _ in range(10):
        stream.feed(block)
    before = held()
    for _ in range(500):
        stream.feed(block)
    assert held() == before == 2 * 4000 * 4


def test_silence_has_no_value_and_music_after_it_is_as_long_as_it_is(analyzer: Analyzer) -> None:
    stream = analyzer.stream(RATE)
    silent = stream.feed(np.zeros(6 * RATE))
    assert {one.status for one in silent} == {"silent"}
    assert {(one.valence, one.chord, one.tempo) for one in silent} == {(None, None, None)}
    assert not any(one.complete for one in silent)
    sounding = stream.feed(music(6.0, RATE))
    assert [round(one.seconds) for one in sounding] == [1, 2, 3, 4, 5, 5]
    assert [one.complete for one in sounding] == [False] * 4 + [True] * 2
    assert all(one.valence for one in sounding[2:])


def test_integers_are_scaled_and_empty_blocks_do_nothing() -> None:
    kept = Kept()
    stream = Stream(kept, 4.0, 1000)  # type: ignore[arg-type]
    stream.feed([])
    stream.feed(np.full((3000, 1), 16_384, np.int16))
    stream.feed(np.zeros((0, 2)))
    assert np.array_equal(kept.windows[0], np.full((3000, 1), 0.5, np.float32))


def test_what_makes_no_sense_is_refused_and_leaves_the_stream_as_it_was() -> None:
    kept = Kept()
    stream = Stream(kept, 4.0, 1000)  # type: ignore[arg-type]
    stream.feed(np.zeros((2000, 2)))
    with raises(AudioError, "channels_change"):
        stream.feed(np.zeros(10))
    with raises(AudioError, "not_finite"):
        stream.feed(np.full((1000, 2), np.nan))
    with raises(AudioError, "wrong_type"):
        stream.feed([["a", "b"]])  # type: ignore[list-item]
    with raises(AudioError, "wrong_shape"):
        stream.feed(np.zeros((2, 2, 2)))
    with raises(AudioError, "too_many_channels"):
        Stream(kept, 4.0, 1000).feed(np.zeros((1, 100)))  # type: ignore[arg-type]
    assert stream.time == 2.0
    (one,) = stream.feed(np.ones((1000, 2)))
    assert one.time == FIRST_S
    assert kept.windows[0].mean() == pytest.approx(1 / 3)
    with raises(AudioError, "bad_sample_rate"):
        Analyzer().stream(0)
    for every in (0, -1, float("nan"), float("inf")):
        with raises(HevnerError, "bad_step"):
            Analyzer().stream(RATE, every=every)


def test_an_instant_is_plain_for_json(analyzer: Analyzer) -> None:
    (one,) = analyzer.stream(RATE).feed(music(3.5, RATE))
    record = one.to_dict()
    assert record["time"] == 3.0
    assert set(record["valence"]) == {"value", "low", "high"}
    assert record["chord"] == one.chord
