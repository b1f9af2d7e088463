"""From a file to its emotion: the main path of hevner.

``analyze(path)`` decodes the file once, runs every encoder over the stream, finds harmony and
tempo, pools the whole piece and a window around each moment, and asks the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.audio.decode import Audio, from_array, open_audio
from hevner.defaults import (
    DEFAULT_MODEL,
    DEFAULT_WINDOW_S,
    MINIMUM_WINDOW_S,
    checked_window,
    identity,
)
from hevner.emotion import Scale
from hevner.errors import HevnerError
from hevner.features import Features, extract, pool
from hevner.model import head, tagging
from hevner.music import Harmony, analyse
from hevner.music.tempo import tempo
from hevner.result import Analysis, ChordSpan, Estimate, Moment, TagEstimate

__all__ = [
    "DEFAULT_MODEL",
    "DEFAULT_WINDOW_S",
    "MINIMUM_WINDOW_S",
    "Analyzer",
    "Reading",
    "analyze",
    "identity",
]


def analyze(
    source: str | Path | NDArray[np.floating],
    sample_rate: int | None = None,
    *,
    scale: str = "-1..1",
    window: float | None = None,
) -> Analysis:
    """Tell the emotion of a recording.

    Parameters
    ----------
    source
        A file, or samples of shape ``(n,)`` or ``(n, channels)`` with full scale 1.
    sample_rate
        Hertz; needed for samples.
    scale
        Of valence and arousal, ``LOW..HIGH``.
    window
        Seconds of music behind each moment of the timeline.

    Returns
    -------
    Analysis

    Raises
    ------
    HevnerError
        If the audio cannot be read or an option makes no sense.
    """
    analysis = _default_analyzer(window).analyze(source, sample_rate)
    return analysis.on(Scale.parse(scale))


Source = str | Path | NDArray[np.floating] | Audio
"""A file, samples, or audio that is open already."""


@dataclass(frozen=True, eq=False)
class Reading:
    """An analysis with all that the model said, of the piece and of each moment.

    Attributes
    ----------
    analysis
        What is shown of it, on the unit scale.
    whole
        Of the whole piece, one row; None if it is silent.
    moments
        Of the window around each moment of the timeline, a row each; None if it is silent.
    """

    analysis: Analysis
    whole: head.Prediction | None
    moments: head.Prediction | None


class Analyzer:
    """Analyses recordings with one model.

    Parameters
    ----------
    model
        Path of a model; the one that ships with hevner by default.
    window
        Seconds of music behind each moment of the timeline, at least `MINIMUM_WINDOW_S`.

    Notes
    -----
    The model is loaded at first use. One analyzer may be used from several threads.
    """

    def __init__(self, model: Path | None = None, *, window: float | None = None) -> None:
        self.path = model or DEFAULT_MODEL
        self.window = checked_window(window)

    @cached_property
    def model(self) -> head.Model:
        """The model."""
        return head.load(self.path)

    def analyze(self, source: Source, sample_rate: int | None = None) -> Analysis:
        """Tell the emotion of a recording, on the unit scale; see `analyze`."""
        return self.read(source, sample_rate).analysis

    def read(self, source: Source, sample_rate: int | None = None) -> Reading:
        """Tell the emotion of a recording, and keep all that the model said.

        Audio that is open already, at `hevner.audio.decode.SAMPLE_RATE`, may be given too.
        """
        audio = _open(source, sample_rate)
        features = extract(audio)
        path = audio.source
        if not features.sounding.any():
            analysis = Analysis(
                path=path,
                status="silent",
                duration=features.duration,
                model=self.model.name,
                warnings=(*audio.warnings, "nothing sounds: there is no emotion to tell"),
            )
            return Reading(analysis, None, None)
        harmony = analyse(features.spectrum, features.duration)
        whole = self.model.predict(pool(features, harmony, 0.0, features.duration)[None, :])
        moments = self._moments(features, harmony)
        timeline = _timeline(features, moments)
        analysis = self._describe(path, features, harmony, whole, timeline, tuple(audio.warnings))
        return Reading(analysis, whole, moments)

    def _describe(
        self,
        path: str,
        features: Features,
        harmony: Harmony,
        whole: head.Prediction,
        timeline: tuple[Moment, ...],
        warnings: tuple[str, ...],
    ) -> Analysis:
        quadrant = head.QUADRANTS[int(whole.quadrants[0].argmax())]
        order = np.argsort(-whole.gems[0])
        key = harmony.key
        tags, contradictions = self._tags(whole.tags[0], timeline)
        return Analysis(
            path=path,
            status="ok",
            duration=round(features.duration, 3),
            model=self.model.name,
            valence=_estimate(whole, 0, 0),
            arousal=_estimate(whole, 0, 1),
            quadrant=quadrant.name,
            quadrant_words=quadrant.value,
            quadrant_probabilities={
                one.name: _rounded(share)
                for one, share in zip(head.QUADRANTS, whole.quadrants[0], strict=True)
            },
            moods={head.MOODS[mood]: _rounded(whole.gems[0, mood]) for mood in order},
            key=key.label if key else None,
            key_confidence=_rounded(key.confidence) if key else None,
            tempo=tempo(features.onsets),
            chords=tuple(
                ChordSpan(chord.label, round(chord.start, 3), round(chord.end, 3))
                for chord in harmony.chords
            ),
            familiarity=_rounded(whole.familiarity[0]),
            tags=tags,
            contradictions=contradictions,
            timeline=timeline,
            warnings=warnings,
        )

    def _tags(
        self, probabilities: NDArray[np.float32], timeline: tuple[Moment, ...]
    ) -> tuple[tuple[TagEstimate, ...], tuple[str, ...]]:
        """Tags and what to say of those that contradict each other; none if the model has none."""
        if not len(probabilities):
            return (), ()
        card = self.model.card["tags"]
        return tagging.describe(probabilities, card["base_rates"], card["thresholds"], timeline)

    def _moments(self, features: Features, harmony: Harmony) -> head.Prediction:
        """What the model says of the window around each patch."""
        spans = [(c - self.window / 2, c + self.window / 2) for c in features.centres]
        vectors = np.stack([pool(features, harmony, *_inside(s, features)) for s in spans])
        return self.model.predict(vectors, windows=True)


def _timeline(features: Features, moments: head.Prediction) -> tuple[Moment, ...]:
    """One moment per patch."""
    edges = [0.0, *features.starts[1:], features.duration]
    return tuple(
        Moment(
            round(float(edges[row]), 3),
            round(float(edges[row + 1]), 3),
            _estimate(moments, row, 0) if sounds else None,
            _estimate(moments, row, 1) if sounds else None,
        )
        for row, sounds in enumerate(features.sounding)
    )


@lru_cache(maxsize=4)
def _default_analyzer(window: float | None) -> Analyzer:
    return Analyzer(window=window)


def _open(source: Source, sample_rate: int | None) -> Audio:
    if isinstance(source, Audio):
        return source
    if isinstance(source, str | Path):
        return open_audio(source)
    if sample_rate is None:
        raise HevnerError(
            "samples were given without their sample rate",
            remedy="Call analyze(samples, sample_rate)",
            stage="options",
        )
    return from_array(source, sample_rate)


def _inside(span: tuple[float, float], features: Features) -> tuple[float, float]:
    """A window moved, not shortened, to lie within the recording."""
    start, end = span
    length = end - start
    start = min(max(start, 0.0), max(features.duration - length, 0.0))
    return start, min(start + length, features.duration)


def _estimate(prediction: head.Prediction, row: int, axis: int) -> Estimate:
    value, half = prediction.values[row, axis], prediction.halves[row, axis]
    return Estimate(
        _rounded(value), _rounded(max(value - half, -1.0)), _rounded(min(value + half, 1.0))
    )


def _rounded(value: float) -> float:
    """Four decimals: finer than any interval, and short in JSON."""
    return round(float(value), 4)
