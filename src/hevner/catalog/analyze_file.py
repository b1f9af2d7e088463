"""From an audio file to the rows of a catalogue.

Conventions
-----------
The moments of an analysis begin three seconds apart and each covers fifteen; of each `TOGETHER`
that follow each other without silence the middle one is kept, for the span of all. Values are on
the unit scale, rounded as in an analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hevner.analysis import Analyzer, Reading
from hevner.arrays import Floats
from hevner.catalog.columns import MODEL, Row
from hevner.features import Pooled
from hevner.heads import ESTIMATE_COLUMNS, ESTIMATES
from hevner.model import description
from hevner.model.prediction import Prediction
from hevner.model.space import Points, Space
from hevner.result import Analysis, Estimate

TOGETHER = 3
"""Moments of an analysis that make one of a catalogue: nine seconds, each covered twice or more."""


@dataclass(frozen=True)
class AnalyzedFile:
    """The analysis of a file as rows of a catalogue.

    The piece has the columns of `hevner.catalog.columns.schema` that come from the sound, with
    ``status``; the moments have all but ``piece``. The features are to be kept, if there are any.
    """

    piece: Row
    moments: list[Row]
    pooled: Pooled | None = None


class FileAnalyzer:
    """Analyses files and places them in the common space; may be used from several threads.

    The analyzer has its default window, as `hevner.catalog.header.current` notes it.
    """

    def __init__(self, analyzer: Analyzer, space: Space) -> None:
        self._analyzer = analyzer
        self._space = space

    def analyze(self, path: Path, /) -> AnalyzedFile:
        """Analyse a file; raises `HevnerError` if that is not possible."""
        return self.rows(self._analyzer.read(path))

    def again(self, pooled: Pooled) -> AnalyzedFile:
        """Analyse a piece whose features were kept; the rows are those of its file."""
        return self.rows(self._analyzer.read_pooled(pooled))

    def rows(self, reading: Reading) -> AnalyzedFile:
        """Rows of a catalogue from a reading."""
        analysis = reading.analysis
        piece = _described(analysis)
        if reading.whole is None or reading.moments is None:
            return AnalyzedFile(piece, [])
        piece["curve"] = _course(analysis).reshape(-1).astype(np.float16)
        piece.update(self._places(self.point(reading))[0])
        spans = _spans(analysis)
        spots = self._places(self._points(reading.moments.where([row for row, *_ in spans])))
        moments = []
        for (row, start, end), spot in zip(spans, spots, strict=True):
            moment = analysis.timeline[row]
            values = {name: _value(getattr(moment, name)) for name in ESTIMATES}
            moments.append({"start": start, "end": end, **values, **spot})
        return AnalyzedFile(piece, moments, reading.pooled)

    def point(self, reading: Reading) -> Points:
        """The place of a piece that has an emotion, one row."""
        assert reading.whole is not None
        return self._points(reading.whole, _course(reading.analysis)[None])

    def _points(self, prediction: Prediction, course: Floats | None = None) -> Points:
        rates = self._analyzer.model.card.get("tags", {}).get("base_rates")
        return self._space.music(description.described(prediction, rates, course))

    def _places(self, points: Points) -> list[Row]:
        """The columns ``vector`` and ``place`` of each row."""
        vectors = self._space.music_vectors(points)
        return [
            {"vector": vector, "place": place}
            for vector, place in zip(vectors, places(points), strict=True)
        ]


def places(points: Points) -> Floats:
    """The column ``place``: the three arrays of points side by side."""
    parts = (points.correlated, points.mean, points.variance)
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _described(analysis: Analysis) -> Row:
    tonic, _, third = (analysis.key or "").partition(" ")
    return {
        "status": analysis.status,
        MODEL: analysis.model,
        "duration": analysis.duration,
        **dict.fromkeys(ESTIMATE_COLUMNS),
        **analysis.estimate_columns(),
        "quadrant": analysis.quadrant,
        "key": analysis.key if tonic else None,
        "key_mode": third or None,
        "mode": analysis.mode,
        "key_candidates": [one.key for one in analysis.key_candidates],
        "sounds_like": next(iter(analysis.sounds_like or ()), None),
        "tempo": analysis.tempo,
        "familiarity": analysis.familiarity,
        "tags": [tag.name for tag in analysis.tags if tag.present],
        "cause": analysis.headline if analysis.status == "no_music" else None,
    }


def _course(analysis: Analysis) -> Floats:
    line = analysis.timeline
    return description.course(
        [(moment.start + moment.end) / 2 for moment in line],
        np.array([_value(moment.valence) for moment in line], np.float64),
        np.array([_value(moment.arousal) for moment in line], np.float64),
    )


def _spans(analysis: Analysis) -> list[tuple[int, float, float]]:
    """The moments to keep: the middle row of each few that follow each other, start and end."""
    spans: list[tuple[int, float, float]] = []
    sounding = [moment.valence is not None for moment in analysis.timeline]
    row = 0
    while row < len(sounding):
        count = 0
        while count < TOGETHER and row + count < len(sounding) and sounding[row + count]:
            count += 1
        if count:
            first, last = analysis.timeline[row], analysis.timeline[row + count - 1]
            spans.append((row + count // 2, first.start, last.end))
        row += max(count, 1)
    return spans


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
