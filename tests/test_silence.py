"""Silence around a piece: the result is the same, on the clock of the file."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from hevner.analysis import Analyzer
from hevner.audio.decode import SAMPLE_RATE
from hevner.result import Analysis, ChordSpan, Moment
from hevner.silence import SHORTEST_S, with_silence
from tests.sounds import music


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer()


@pytest.fixture(scope="module")
def plain(analyzer: Analyzer) -> Analysis:
    return analyzer.analyze(music(20.0), SAMPLE_RATE)


@pytest.mark.parametrize(("before", "after"), [(10, 0), (0, 600), (7, 3)])
def test_silence_changes_nothing_but_times(
    analyzer: Analyzer, plain: Analysis, before: int, after: int
) -> None:
    sound = np.pad(music(20.0), (before * SAMPLE_RATE, after * SAMPLE_RATE))
    reading = analyzer.read(sound, SAMPLE_RATE)
    found = reading.analysis
    assert found.duration == pytest.approx(20 + before + after, abs=0.01)
    for name in ("valence", "arousal"):
        values = (getattr(one, name).value for one in (plain, found))
        assert next(values) == pytest.approx(next(values), abs=0.005)
    assert (found.key, found.tempo) == (plain.key, plain.tempo)
    assert found.moods == pytest.approx(plain.moods, abs=0.005)
    line, sounding = found.timeline, [m for m in found.timeline if m.valence is not None]
    assert (line[0].start, line[-1].end) == (0, found.duration)
    assert all(one.end == other.start for one, other in pairwise(line))
    assert [m.start for m in sounding] == pytest.approx(
        [m.start + before for m in plain.timeline], abs=0.06
    )
    assert (line[0].valence is None, line[-1].valence is None) == (before > 0, after > 0)
    assert reading.moments is not None
    assert len(reading.moments.outputs["emotion"]) == len(line)
    chords = found.chords
    assert (chords[0].start, chords[-1].end) == (0, found.duration)
    assert all(one.end == other.start for one, other in pairwise(chords))
    starts = [(c.label, c.start) for c in chords if c.label != "N"]
    expected = [(c.label, c.start + before) for c in plain.chords if c.label != "N"]
    assert [label for label, _ in starts] == [label for label, _ in expected]
    assert [at for _, at in starts] == pytest.approx([at for _, at in expected], abs=0.11)


def test_short_silence_belongs_to_its_neighbour() -> None:
    short = SHORTEST_S / 2
    piece = Analysis(
        "array", "ok", 6.0, "model",
        chords=(ChordSpan("C:maj", 0.0, 6.0),),
        timeline=(Moment(0.0, 3.0, None, None), Moment(3.0, 6.0, None, None)),
    )  # fmt: skip
    whole, rows = with_silence(piece, short, 6 + 2 * short)
    assert whole.timeline == (
        Moment(0.0, 3 + short, None, None),
        Moment(3 + short, 6 + 2 * short, None, None),
    )
    assert whole.chords == (ChordSpan("C:maj", 0.0, 6 + 2 * short),)
    assert rows == [0, 1]


def test_silence_joins_silence() -> None:
    piece = Analysis(
        "array", "ok", 6.0, "model",
        chords=(ChordSpan("N", 0.0, 1.0), ChordSpan("C:maj", 1.0, 6.0)),
        timeline=(Moment(0.0, 6.0, None, None),),
    )  # fmt: skip
    whole, rows = with_silence(piece, 4.0, 12.0)
    assert [(c.label, c.start, c.end) for c in whole.chords] == [
        ("N", 0, 5), ("C:maj", 5, 10), ("N", 10, 12),
    ]  # fmt: skip
    assert [(m.start, m.end) for m in whole.timeline] == [(0, 4), (4, 10), (10, 12)]
    assert rows == [0, 0, 0]


def test_every_time_of_an_analysis_is_moved() -> None:
    """A new field with times must be moved too: add it to `with_silence`, then here."""
    timed = {
        field.name
        for field in dataclasses.fields(Analysis)
        if "Seconds" in str(field.type) or field.name in ("chords", "timeline")
    }
    assert timed - {"beats", "downbeats"} == {"duration", "chords", "timeline"}
