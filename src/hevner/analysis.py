"""From a file to its emotion: the main path of hevner.

``analyze(path)`` decodes the file once, makes the rows of every block of features, finds harmony
and tempo, pools the whole piece and a window around each moment, and runs the model on both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hevner.audio.decode import SAMPLE_RATE, Audio, open_audio
from hevner.audio.sources import Source, open_source
from hevner.defaults import checked_window
from hevner.emotion import Scale
from hevner.features import Features, Pooled, around, extract, pool
from hevner.heads import AXIS_HEADS, HEADS, Head
from hevner.live import EVERY_S, Stream, sample
from hevner.model import explanation, moments, predict, registry, sound_kind, tagging
from hevner.model.prediction import Prediction
from hevner.music import analyse, onsets, rhythm
from hevner.result import Analysis, ChordSpan, Estimate, KeyCandidate, Moment, TempoCandidate
from hevner.silence import with_silence
from hevner.words.headline import derived_fields


def analyze(
    source: Source,
    sample_rate: float | None = None,
    *,
    scale: str = "-1..1",
    window: float | None = None,
    model: str | Path | None = None,
) -> Analysis:
    """Analyse the emotion of a recording.

    Parameters
    ----------
    source
        The path of a file, its bytes, a binary file object, or samples of shape ``(n,)`` or
        ``(n, channels)`` with full scale 1; integers of 8, 16 and 32 bits are scaled by their type.
        A file object that can seek is read from its beginning, another one is copied to a
        temporary file first.
    sample_rate
        Sample rate in hertz; needed for samples.
    scale
        Scale of valence, arousal and tension, ``LOW..HIGH``.
    window
        Seconds of music around each moment of the timeline that its values are computed from.
    model
        Name or path of a model, as for `Analyzer`.

    Returns
    -------
    Analysis

    Raises
    ------
    HevnerError
        If the audio cannot be read or an option makes no sense.

    Notes
    -----
    A file is decoded in this process. For files of strangers in a process that must not end, see
    ``open_audio`` of `Analyzer`.
    """
    path = registry.path_of(model)
    written = path.stat().st_mtime_ns if path.is_file() else 0
    analysis = _kept_analyzer(path, window, written).analyze(source, sample_rate)
    return analysis.on(Scale.parse(scale))


SILENT = "nothing sounds, so there is no emotion"


@dataclass(frozen=True, eq=False)
class Reading:
    """An analysis with the full predictions behind it.

    Attributes
    ----------
    analysis
        The result, on the unit scale.
    whole
        Prediction for the whole piece, one row; None if it is silent or no music.
    moments
        Predictions for the window around each moment of the timeline; None likewise.
    pooled
        What the model read, for `Analyzer.read_pooled`; None likewise.
    """

    analysis: Analysis
    whole: Prediction | None
    moments: Prediction | None
    pooled: Pooled | None = None


class Analyzer:
    """Analyses recordings with one model.

    Parameters
    ----------
    model
        Name of a model, as ``hevner models list`` has it, or the path of its ``.onnx`` file; the
        one that ships with hevner by default.
    window
        Seconds of music around each moment of the timeline that its values are computed from, at
        least `hevner.defaults.MINIMUM_WINDOW_S`.
    open_audio
        Opens files. `hevner.audio.isolated.open_audio` decodes in another process, so that not even
        a file that crashes its decoder ends this one.

    Notes
    -----
    The model is loaded at first use. One analyzer may be used from several threads.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        window: float | None = None,
        open_audio: Callable[[str | Path], Audio] = open_audio,
    ) -> None:
        self.path = registry.path_of(model)
        self.window = checked_window(window)
        self._open_audio = open_audio

    def __repr__(self) -> str:
        """The model and the window in a line."""
        return f"Analyzer({str(self.path)!r}, window={self.window:g})"

    @cached_property
    def model(self) -> predict.Model:
        """The model."""
        return predict.load(self.path)

    @cached_property
    def explainer(self) -> explanation.Explainer | None:
        """What explains the readings of the model, if it has that."""
        return explanation.load(self.path)

    def analyze(self, source: Source, sample_rate: float | None = None) -> Analysis:
        """Analyse the emotion of a recording, on the unit scale; see `analyze`."""
        return self.read(source, sample_rate).analysis

    def stream(self, sample_rate: float, *, every: float = EVERY_S, begin: float = 0.0) -> Stream:
        """Open a stream of sound that is analysed while it goes on.

        Parameters
        ----------
        sample_rate
            Hertz of the samples that are fed.
        every
            Seconds of sound from value to value.
        begin
            Seconds at which the clock of the stream starts.

        Returns
        -------
        Stream
            Its values are those of the newest `window` seconds, each as `analyze` gives it.

        Raises
        ------
        HevnerError
            If the rate or the step makes no sense.
        """
        stream = Stream(self.analyze, self.window, sample_rate, every, begin)
        self.analyze(sample(), SAMPLE_RATE)  # all is loaded before the sound begins
        return stream

    def read(self, source: Source, sample_rate: float | None = None) -> Reading:
        """Analyse the emotion of a recording, and keep the predictions behind the result.

        Open audio at `hevner.audio.decode.SAMPLE_RATE` may be given too.
        """
        audio = open_source(source, sample_rate, self._open_audio)
        features = extract(audio)
        if not features.sounding.any():
            return self._without_emotion(audio, features, "silent", SILENT)
        harmony = analyse(features.spectrum, features.duration)
        vectors = around(features, harmony, self.window)
        kinds = sound_kind.load().shares(vectors[features.sounding])
        share, doubt = _rounded(kinds["music"]), sound_kind.doubt(kinds)
        if kinds["music"] < sound_kind.NO_MUSIC:
            return self._without_emotion(audio, features, "no_music", doubt, share)
        pulse = rhythm.analyse(
            onsets.inputs(features.onsets, features.starts, features.spectrum, harmony)
        )
        key = harmony.key
        facts = Analysis(
            path=audio.source,
            status="ok",
            duration=features.duration,
            model="",
            music_probability=share,
            key=key.label if key else None,
            mode=key.mode if key else None,
            key_confidence=_rounded(key.confidence) if key else None,
            key_candidates=tuple(
                KeyCandidate(one.key, one.mode, _rounded(one.probability))
                for one in (key.candidates() if key else ())
            ),
            tempo=pulse.tempo,
            tempo_candidates=tuple(TempoCandidate(*one) for one in pulse.candidates),
            meter=pulse.meter,
            beats=pulse.beats,
            downbeats=pulse.downbeats,
            chords=tuple(
                ChordSpan(chord.label, round(chord.start, 3), round(chord.end, 3))
                for chord in harmony.chords
            ),
            warnings=(*audio.warnings, *filter(None, [doubt])),
        )
        return self.read_pooled(
            Pooled(
                facts,
                features.duration,
                features.begin,
                features.recording,
                features.starts,
                features.sounding,
                pool(features, harmony, 0.0, features.duration),
                vectors,
            )
        )

    def read_pooled(self, pooled: Pooled) -> Reading:
        """Read the emotion from what was kept of a piece of music, as from the audio itself.

        The analyzer must have the window that its vectors are of.
        """
        vectors, seconds = pooled.vectors, pooled.duration
        whole = self.model.predict(pooled.vector[None, :], seconds)
        course = moments.predict(self.model, whole, vectors, seconds, pooled.sounding, self.window)
        timeline = _timeline(pooled, course)
        heads: dict[str, Any] = {}
        for head in HEADS:
            heads |= self._fields(head, whole, timeline)
        analysis = replace(
            pooled.facts,
            model=self.model.name,
            familiarity=_rounded(whole.familiarity[0]),
            timeline=timeline,
            **heads,
        )
        analysis, rows = with_silence(analysis, pooled.begin, pooled.recording)
        if self.explainer is not None:
            read = vectors[moments.ending(len(vectors), self.window)]
            why = self.explainer.explain(analysis, pooled.vector, read, rows)
            analysis = replace(analysis, explanation=why)
        return Reading(analysis, whole, course.where(rows), pooled)

    def _without_emotion(
        self,
        audio: Audio,
        features: Features,
        status: Literal["silent", "no_music"],
        reason: str,
        share: float | None = None,
    ) -> Reading:
        """The result for what has no emotion: the reason, and the share of music."""
        analysis = Analysis(
            path=audio.source,
            status=status,
            duration=features.recording,
            model=self.model.name,
            headline=reason,
            music_probability=share,
            warnings=(*audio.warnings, reason),
        )
        return Reading(analysis, None, None)

    def _fields(
        self, head: Head, whole: Prediction, timeline: tuple[Moment, ...]
    ) -> dict[str, Any]:
        """Fields of an analysis that report a head; none if the model lacks it."""
        values = whole.outputs[head.name][0]
        if not len(values):
            return {}
        names = head.names(self.model.card)
        ranked = {names[k]: _rounded(values[k]) for k in np.argsort(-values, kind="stable")}
        match head.kind:
            case "ratings" | "interval":
                estimates = _estimates(whole, head, 0)
                if head.field:
                    return {head.field: {name: estimates[name] for name in ranked}}
                # Of valence and arousal, not of the head of quadrants, so that they agree.
                words = derived_fields(**estimates) if head.name == "emotion" else {}
                return {**estimates, **words}
            case "probabilities" if head.name == "quadrants":
                return {}
            case "probabilities" | "shares":
                return {head.field: ranked}
            case "tags":
                card = self.model.card[head.name]
                tags, contradictions = tagging.describe(
                    values,
                    card["base_rates"],
                    card["thresholds"],
                    timeline,
                    whole.values[0].tolist(),
                )
                return {head.field: tags, "contradictions": contradictions}


def _timeline(features: Pooled, moments: Prediction) -> tuple[Moment, ...]:
    """One moment per patch."""
    edges = [0.0, *features.starts[1:], features.duration]

    def values(row: int) -> dict[str, Estimate]:
        parts = [_estimates(moments, head, row) for head in AXIS_HEADS]
        return {name: one for part in parts for name, one in part.items()}

    return tuple(
        Moment(
            round(float(edges[row]), 3),
            round(float(edges[row + 1]), 3),
            **(values(row) if sounds else {}),
        )
        for row, sounds in enumerate(features.sounding)
    )


@lru_cache(maxsize=4)
def _kept_analyzer(path: Path, window: float | None, _written: int) -> Analyzer:
    return Analyzer(path, window=window)


def _estimates(prediction: Prediction, head: Head, row: int) -> dict[str, Estimate]:
    """Values of a head with their intervals by name; none if the model lacks the head."""
    values, halves = prediction.outputs[head.name][row], prediction.half_widths[head.name][row]
    lows, highs = np.maximum(values - halves, head.low), np.minimum(values + halves, 1.0)
    rows = zip(head.outputs, values, lows, highs, strict=False)
    return {name: Estimate(*map(_rounded, three)) for name, *three in rows}


def _rounded(value: float) -> float:
    """Four decimals: finer than any interval, and short in JSON."""
    return round(float(value), 4)
