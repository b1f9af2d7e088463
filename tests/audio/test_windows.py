from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.audio.windows import Windower


def run(
    samples: np.ndarray, length: int, hop: int, cuts: list[int]
) -> tuple[np.ndarray, list[int]]:
    windower = Windower(length, hop)
    windows = [windower.push(block) for block in np.split(samples, sorted(cuts))]
    windows.append(windower.finish())
    return np.concatenate(windows), windower.starts


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, int, int, list[int]]:
    length = draw(st.integers(1, 40))
    hop = draw(st.integers(1, length))
    total = draw(st.integers(0, 200))
    cuts = draw(st.lists(st.integers(0, total), max_size=8))
    return np.arange(1, total + 1, dtype=np.float32), length, hop, cuts


@given(streams())
def test_blocks_of_any_size_give_the_windows_of_one_block(
    stream: tuple[np.ndarray, int, int, list[int]],
) -> None:
    samples, length, hop, cuts = stream
    windows, starts = run(samples, length, hop, cuts)
    whole, whole_starts = run(samples, length, hop, [])
    assert starts == whole_starts
    np.testing.assert_array_equal(windows, whole)


@given(streams())
def test_windows_hold_the_samples_from_their_starts(
    stream: tuple[np.ndarray, int, int, list[int]],
) -> None:
    samples, length, hop, cuts = stream
    windows, starts = run(samples, length, hop, cuts)
    assert windows.shape == (len(starts), length)
    assert windows.dtype == np.float32
    for window, start in zip(windows, starts, strict=True):
        expected = np.resize(samples[start:], length) if len(samples) < length else (
            samples[start : start + length]
        )  # fmt: skip
        np.testing.assert_array_equal(window, expected)


@given(streams())
def test_every_sample_is_covered_but_for_less_than_half_a_hop(
    stream: tuple[np.ndarray, int, int, list[int]],
) -> None:
    samples, length, hop, cuts = stream
    _, starts = run(samples, length, hop, cuts)
    covered = np.zeros(len(samples), bool)
    for start in starts:
        covered[start : start + length] = True
    left_out = np.flatnonzero(~covered)
    assert 2 * len(left_out) < max(hop, 1) or len(samples) == 0
    assert len(left_out) == 0 or left_out[0] == len(samples) - len(left_out)
    assert all(start % hop == 0 for start in starts[:-1])


def test_nothing_gives_no_window() -> None:
    windows, starts = run(np.zeros(0, np.float32), 4, 2, [])
    assert windows.shape == (0, 4)
    assert starts == []


@pytest.mark.parametrize(("length", "hop"), [(4, 0), (4, 5), (0, 0), (4, -1)])
def test_hops_that_leave_gaps_are_refused(length: int, hop: int) -> None:
    with pytest.raises(ValueError, match="hop must lie in"):
        Windower(length, hop)


@given(st.integers(1, 40), st.data())
def test_a_short_stream_is_one_window_as_long_as_it_is(length: int, data: st.DataObject) -> None:
    shortest = data.draw(st.integers(1, length))
    total = data.draw(st.integers(1, length - 1)) if length > 1 else 1
    samples = np.arange(1, total + 1, dtype=np.float32)
    windower = Windower(length, length, shortest)
    windows = [*windower.push(samples), *windower.finish()]
    assert windower.starts == [0]
    np.testing.assert_array_equal(windows, [np.resize(samples, max(total, shortest))])


def test_streams_of_a_window_and_more_have_full_windows_only() -> None:
    windower = Windower(4, 4, 2)
    windows = [*windower.push(np.arange(7, dtype=np.float32)), *windower.finish()]
    np.testing.assert_array_equal(windows, [[0, 1, 2, 3], [3, 4, 5, 6]])


@pytest.mark.parametrize("shortest", [-1, 5])
def test_the_shortest_window_is_no_longer_than_a_window(shortest: int) -> None:
    with pytest.raises(ValueError, match="shortest"):
        Windower(4, 4, shortest)
