"""Put the analysis of the sounding part of a recording back on the clock of its file.

Everything is computed on the sounding part (`hevner.features`); here all times in the result move
by the silence before it, and the silence around it becomes moments without emotion and the chord
``N``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hevner.result import Analysis, ChordSpan, Moment

SHORTEST_S = 0.5
"""Silence shorter than this is counted to the moment and the chord beside it."""


def with_silence(analysis: Analysis, begin: float, duration: float) -> tuple[Analysis, list[int]]:
    """The analysis with silence around it.

    Parameters
    ----------
    analysis
        Of the sounding part, which begins at 0.
    begin
        Seconds of silence before it.
    duration
        Seconds of the whole recording.

    Returns
    -------
    tuple
        The analysis on the clock of the recording, and for each of its moments the number of the
        moment it was made from; for silence that of the nearest.
    """
    end = begin + analysis.duration
    before, after = begin >= SHORTEST_S, duration - end >= SHORTEST_S
    first, last = (begin if before else 0.0), (end if after else duration)

    def moved(seconds: float) -> float:
        if seconds <= 0:
            return round(first, 3)
        return round(last if seconds >= analysis.duration else begin + seconds, 3)

    moments = [replace(m, start=moved(m.start), end=moved(m.end)) for m in analysis.timeline]
    chords = [replace(c, start=moved(c.start), end=moved(c.end)) for c in analysis.chords]
    rows = list(range(len(moments)))
    if before:
        moments.insert(0, Moment(0.0, round(first, 3), None, None))
        chords.insert(0, ChordSpan("N", 0.0, round(first, 3)))
        rows.insert(0, 0)
    if after:
        moments.append(Moment(round(last, 3), round(duration, 3), None, None))
        chords.append(ChordSpan("N", round(last, 3), round(duration, 3)))
        rows.append(rows[-1])
    instants: dict[str, Any] = {
        name: tuple(round(begin + seconds, 3) for seconds in getattr(analysis, name))
        for name in ("beats", "downbeats")
        if hasattr(analysis, name)
    }
    spans: dict[str, Any] = {"timeline": tuple(moments), "chords": tuple(_joined(chords))}
    return replace(analysis, duration=round(duration, 3), **spans, **instants), rows


def _joined(chords: list[ChordSpan]) -> list[ChordSpan]:
    """Neighbours with the same label as one."""
    joined: list[ChordSpan] = []
    for chord in chords:
        if joined and joined[-1].label == chord.label:
            chord = ChordSpan(chord.label, joined.pop().start, chord.end)
        joined.append(chord)
    return joined
