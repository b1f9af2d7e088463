"""Results of an analysis: frozen records that turn into JSON.

Conventions
-----------
Times are seconds. Estimates are on the scale named in ``scale``. An interval holds the mean rating
of listeners in nine of ten cases (`COVERAGE`). The JSON form is described by
`hevner/analysis.schema.json`, which `tests/golden/regenerate_schema.py` makes from the types and
descriptions of attributes here and in `hevner.result_types`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from hevner.emotion import UNIT, Scale
from hevner.errors import HevnerError
from hevner.explanation import Explanation
from hevner.heads import BY_NAME, ESTIMATES
from hevner.moods import MOOD_TAGS
from hevner.result_types import (
    MODES,
    ChordSpan,
    Emotions,
    Estimate,
    KeyCandidate,
    MeterName,
    Mode,
    Moment,
    Moods,
    OwnNames,
    Positive,
    QuadrantName,
    Quadrants,
    QuadrantWords,
    Seconds,
    Share,
    SoundKinds,
    TagEstimate,
    TempoCandidate,
    Times,
    keywords,
)

__all__ = [
    "COVERAGE",
    "MODES",
    "SURE",
    "Analysis",
    "ChordSpan",
    "Estimate",
    "Failure",
    "KeyCandidate",
    "Moment",
    "TagEstimate",
    "TempoCandidate",
    "clock",
]

COVERAGE = 0.9
"""Share of listeners' mean ratings that an interval is meant to hold."""

SURE = 0.85
"""Probability from which something is said without "perhaps": the first step at which that holds
for seven of ten pieces of each set left out of training (`benchmarks/words.py`)."""


@dataclass(frozen=True)
class Analysis:
    r"""The emotion of one recording.

    Attributes
    ----------
    path
        The file, or "array"; bytes of its name that are not UTF-8 are written as \xNN.
    status
        "silent" if nothing sounds, "no_music" if what sounds is speech, noise or the like: then
        there is no emotion, and no estimate.
    duration
        Length in seconds.
    model
        Name and version of the model.
    headline
        What the music feels like in one phrase, no more than the intervals of valence and arousal
        allow; for what has no emotion, why not.
    music_probability
        Share of the piece that sounds like music; null for silence.
    scale
        Scale of valence, arousal and tension, as LOW..HIGH.
    valence, arousal
        Mean over the whole piece; null for silence.
    tension
        From relaxed to tense, mean over the whole piece; null if the model does not predict it.
    quadrant
        The most probable quarter of the plane, by valence, arousal and their intervals.
    quadrant_words
        The quadrant in words.
    quadrant_probabilities
        Probability of each quadrant; they add up to 1.
    emotions
        How strongly listeners say that the piece expresses each basic emotion, from 0 for not at
        all to 1 for very, the strongest first; null if the model does not predict them.
    moods
        Expected share of listeners who would tick each emotion of the Geneva Emotional Music
        Scale, the largest first.
    tags
        All 56 mood and theme tags, the largest odds ratio first; empty if the model has no tags.
    contradictions
        Sentences on tags that are present but contradict each other.
    key
        Tonic and third, such as A minor; null where nothing has a key, as in drums, noise or a
        single tone.
    mode
        Mode of the piece, such as dorian; null where it is unsure.
    key_confidence
        Probability that tonic and third are right.
    key_candidates
        The most probable keys, the reported one first.
    tempo
        Beats per minute; null if there is no pulse. In 6/8 the beat is a dotted quarter note, else
        a quarter note.
    tempo_candidates
        Tempi at which the beat may be counted, the most probable first.
    meter
        Such as 4/4; null if there is no pulse.
    beats
        Times of the beats, in order; in 7/8 of its groups. `hevner analyze --beats` writes them.
    downbeats
        Times of the first beats of bars, in order. `hevner analyze --beats` writes them.
    chords
        In order, without gaps.
    familiarity
        Share of the model's training music that lies further from the rest of it than this piece;
        below 0.05 the piece is unlike anything the model has learned from.
    classes
        Probability of each class that a model of your own has learned, the most likely first; they
        add up to 1. Empty if the model has none.
    own_tags
        Probability of each tag that a model of your own has learned, the most likely first. Empty
        if the model has none.
    sounds_like
        Probability of each kind of music that the piece may be, by its sound, the most likely
        first; they add up to 1. Null if the model does not predict it.
    timeline
        Emotion over time.
    explanation
        Why the readings are what they are; null for silence, and for a model that has none.
        `hevner analyze --explain` writes it.
    warnings
        Sentences on what was unusual about the file.
    """

    path: str
    status: Literal["ok", "silent", "no_music"]
    duration: Seconds
    model: str
    headline: str = ""
    music_probability: Share | None = None
    scale: Annotated[str, keywords(pattern=r"^.+\.\..+$")] = UNIT.name
    valence: Estimate | None = None
    arousal: Estimate | None = None
    tension: Estimate | None = None
    quadrant: QuadrantName | None = None
    quadrant_words: QuadrantWords | None = None
    quadrant_probabilities: Quadrants = field(default_factory=dict)
    emotions: Emotions | None = None
    moods: Moods = field(default_factory=dict)
    tags: Annotated[tuple[TagEstimate, ...], keywords(maxItems=len(MOOD_TAGS))] = ()
    contradictions: tuple[str, ...] = ()
    key: str | None = None
    mode: Mode | None = None
    key_confidence: Share | None = None
    key_candidates: tuple[KeyCandidate, ...] = ()
    tempo: Positive | None = None
    tempo_candidates: tuple[TempoCandidate, ...] = ()
    meter: MeterName | None = None
    beats: Times = ()
    downbeats: Times = ()
    chords: tuple[ChordSpan, ...] = ()
    familiarity: Share | None = None
    sounds_like: SoundKinds | None = None
    classes: OwnNames = field(default_factory=dict)
    own_tags: OwnNames = field(default_factory=dict)
    timeline: tuple[Moment, ...] = ()
    explanation: Annotated[Explanation | None, keywords(optional=True)] = None
    warnings: tuple[str, ...] = ()

    @property
    def key_text(self) -> str | None:
        """The key with its mode, such as ``"E minor (dorian)"``."""
        return self.key if self.mode in (None, "ionian") else f"{self.key} ({self.mode})"

    def __hash__(self) -> int:
        """A number for sets; that of the fields would fail, as some are dicts."""
        return hash((self.path, self.duration, self.valence, self.arousal))

    def estimates(self) -> dict[str, Estimate]:
        """Values on `scale` with intervals by name, those that are known."""
        found = {name: getattr(self, name) for name in ESTIMATES}
        return {name: estimate for name, estimate in found.items() if estimate is not None}

    def estimate_columns(self) -> dict[str, float]:
        """All known values as flat columns: ``valence``, ``valence_low``, ``valence_high``, ..."""
        columns: dict[str, float] = {}
        emotions = {BY_NAME["emotions"].column(n): e for n, e in (self.emotions or {}).items()}
        for name, one in (self.estimates() | emotions).items():
            columns |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        return columns

    def on(self, scale: Scale) -> Analysis:
        """The same analysis with valence, arousal and tension on another scale."""
        source = Scale.parse(self.scale)
        if source == scale:
            return self

        def moved(record: Analysis | Moment) -> dict[str, Any]:
            found = {name: getattr(record, name) for name in ESTIMATES}
            return {n: one and one.rescaled(source, scale) for n, one in found.items()}

        timeline = tuple(dataclasses.replace(one, **moved(one)) for one in self.timeline)
        why = self.explanation and self.explanation.rescaled(source, scale)
        return dataclasses.replace(
            self, scale=scale.name, timeline=timeline, explanation=why, **moved(self)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and strings, ready for JSON."""
        record: dict[str, Any] = dataclasses.asdict(self)
        if why := record["explanation"]:
            why["timeline"] = list(why["timeline"])
        return {name: list(v) if isinstance(v, tuple) else v for name, v in record.items()}

    def to_row(self) -> dict[str, object]:
        """Flat columns, always the same: numbers and texts, None for what does not apply.

        They are those of ``hevner analyze --format csv``: values with the ends of their intervals
        (``valence``, ``valence_low``, ``valence_high``), a number for each quadrant, emotion, mood
        and tag (``tag_sad``), and texts such as ``headline``, ``key`` and ``tags``.
        """
        return _row(self)

    def __repr__(self) -> str:
        """The main facts in a line."""
        values = (f"{name}={one.value:.2f}" for name, one in self.estimates().items())
        facts = [repr(self.path), clock(self.duration), repr(self.headline), *values]
        return f"Analysis({', '.join(facts + [f'key={self.key!r}'] * (self.key is not None))})"

    def _repr_html_(self) -> str:
        """Show the analysis in a notebook."""
        # Imported here, since pages are made from results.
        from hevner.output.html_page import notebook

        return notebook(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Analysis:
        """The reverse of `to_dict`.

        Raises
        ------
        TypeError, KeyError
            If the record is not of that form.
        """
        values = dict(record)
        values |= {name: _estimate(values[name]) for name in ESTIMATES}
        if values["emotions"] is not None:
            values["emotions"] = {n: Estimate(**one) for n, one in values["emotions"].items()}
        values["tags"] = tuple(TagEstimate(**tag) for tag in values["tags"])
        values["key_candidates"] = tuple(KeyCandidate(**key) for key in values["key_candidates"])
        values["chords"] = tuple(ChordSpan(**chord) for chord in values["chords"])
        values["tempo_candidates"] = tuple(
            TempoCandidate(**one) for one in values["tempo_candidates"]
        )
        for times in ("beats", "downbeats"):
            values[times] = tuple(values.get(times, ()))
        for sentences in ("contradictions", "warnings"):
            values[sentences] = tuple(values[sentences])
        values["timeline"] = tuple(
            Moment(m["start"], m["end"], *(_estimate(m[name]) for name in ESTIMATES))
            for m in values["timeline"]
        )
        why = values.get("explanation")
        values["explanation"] = why and Explanation.from_dict(why)
        return cls(**values)


def _row(record: Analysis | Failure) -> dict[str, object]:
    # Imported here, since writers are made for results.
    from hevner.output.records import row

    return row(record)


def _estimate(record: dict[str, float] | None) -> Estimate | None:
    return None if record is None else Estimate(**record)


def clock(seconds: float) -> str:
    """A time as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


@dataclass(frozen=True)
class Failure:
    """A file that could not be analysed.

    Attributes
    ----------
    path
        The file.
    stage
        The step that failed, such as decode.
    cause
        What went wrong.
    remedy
        What to do about it.
    status
        Always "failed"; distinguishes the two kinds of records.
    code
        Short name of the fault for programs, such as bad_audio.
    """

    path: str
    stage: str
    cause: str
    remedy: str
    status: Literal["failed"] = "failed"
    code: str = HevnerError.code

    @classmethod
    def of(cls, path: str, error: HevnerError) -> Failure:
        """The record of an error raised on purpose."""
        return cls(path, error.stage, error.cause, error.remedy, code=error.code)

    def to_row(self) -> dict[str, object]:
        """The columns of `Analysis.to_row`, of which a failure has a few."""
        return _row(self)

    def __repr__(self) -> str:
        """File and cause in a line."""
        return f"Failure({self.path!r}, {self.cause!r}, code={self.code!r})"

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, ready for JSON."""
        return dataclasses.asdict(self)
