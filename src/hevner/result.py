"""What an analysis hands back: frozen records that say what they mean and turn into JSON.

Conventions
-----------
Times are seconds. Valence and arousal are on the scale named in ``scale``. An interval holds the
value that listeners would give on average in nine of ten cases (`COVERAGE`). The JSON form is
described by `hevner/analysis.schema.json`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from hevner.emotion import UNIT, Scale
from hevner.errors import HevnerError
from hevner.moods import Group

COVERAGE = 0.9
"""Share of listeners' mean ratings that an interval is meant to hold."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes
    ----------
    value
        The best guess.
    low, high
        Ends of the interval of coverage `COVERAGE`.
    """

    value: float
    low: float
    high: float

    def rescaled(self, source: Scale, target: Scale) -> Estimate:
        """The same estimate on another scale."""
        ends = (target.from_unit(source.to_unit(x)) for x in (self.value, self.low, self.high))
        return Estimate(*ends)


@dataclass(frozen=True)
class Moment:
    """Emotion of a span inside a piece.

    Attributes
    ----------
    start, end
        The span this moment stands for, in seconds; spans follow each other without overlap.
        The music looked at is the analysis window around the span's middle.
    valence, arousal
        None where the music is silent.
    """

    start: float
    end: float
    valence: Estimate | None
    arousal: Estimate | None


@dataclass(frozen=True)
class ChordSpan:
    """A chord, as a label in the syntax of mir_eval (``C:maj``, ``F#:min7``, ``N`` for none)."""

    label: str
    start: float
    end: float


@dataclass(frozen=True)
class TagEstimate:
    """How likely a mood or theme tag is.

    Attributes
    ----------
    name
        One of `hevner.moods.MOOD_TAGS`.
    group
        Its kind; see `hevner.moods.GROUPS`.
    probability
        That people who tag music would give this piece the tag, in [0, 1]. Most tags are given
        rarely, so a few percent can be a lot.
    odds_ratio
        The odds of the tag for this piece over those for any piece: above 1 the music speaks for
        the tag, below 1 against it.
    present
        Whether the probability reaches the tag's own threshold.
    """

    name: str
    group: Group
    probability: float
    odds_ratio: float
    present: bool


@dataclass(frozen=True)
class Analysis:
    """The emotion of one recording.

    Attributes
    ----------
    path
        The file, or ``"array"``.
    status
        ``"ok"``, or ``"silent"`` if nothing sounds: then there is no emotion to tell.
    duration
        Seconds.
    scale
        Scale of valence and arousal, e.g. ``"-1..1"``.
    valence, arousal
        Of the whole piece.
    quadrant
        ``"Q1"`` to ``"Q4"``, the most probable quarter of the plane.
    quadrant_words
        The quadrant in words.
    quadrant_probabilities
        Probability of each quadrant; they add up to 1.
    moods
        Expected share of listeners, in [0, 1], who would tick each of the nine GEMS emotions;
        the largest first.
    tags
        All 56 mood and theme tags, those first for which the music speaks most; empty if the model
        tells none.
    contradictions
        Sentences on tags that are present but contradict each other.
    key
        Such as ``"A minor"``; None if there is no harmony.
    key_confidence
        Probability of that key, in [0, 1].
    tempo
        Beats per minute; None if there is no pulse.
    chords
        In order, without gaps.
    familiarity
        In [0, 1]: the share of the model's training music that lies further from the rest of it
        than this piece does. Below 0.05 the piece is unlike anything the model has learned from.
    timeline
        Emotion over time.
    model
        Name and version of the model.
    warnings
        Sentences on what was unusual about the file.
    """

    path: str
    status: Literal["ok", "silent"]
    duration: float
    model: str
    scale: str = UNIT.name
    valence: Estimate | None = None
    arousal: Estimate | None = None
    quadrant: str | None = None
    quadrant_words: str | None = None
    quadrant_probabilities: dict[str, float] = field(default_factory=dict)
    moods: dict[str, float] = field(default_factory=dict)
    tags: tuple[TagEstimate, ...] = ()
    contradictions: tuple[str, ...] = ()
    key: str | None = None
    key_confidence: float | None = None
    tempo: float | None = None
    chords: tuple[ChordSpan, ...] = ()
    familiarity: float | None = None
    timeline: tuple[Moment, ...] = ()
    warnings: tuple[str, ...] = ()

    def on(self, scale: Scale) -> Analysis:
        """The same analysis with valence and arousal on another scale."""
        source = Scale.parse(self.scale)

        def moved(estimate: Estimate | None) -> Estimate | None:
            return None if estimate is None else estimate.rescaled(source, scale)

        timeline = tuple(
            dataclasses.replace(m, valence=moved(m.valence), arousal=moved(m.arousal))
            for m in self.timeline
        )
        return dataclasses.replace(
            self,
            scale=scale.name,
            valence=moved(self.valence),
            arousal=moved(self.arousal),
            timeline=timeline,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and strings, ready for JSON."""
        record: dict[str, Any] = dataclasses.asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in record.items()}

    def _repr_html_(self) -> str:
        """What a notebook shows."""
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
        values["valence"] = _estimate(values["valence"])
        values["arousal"] = _estimate(values["arousal"])
        values["tags"] = tuple(TagEstimate(**tag) for tag in values["tags"])
        values["chords"] = tuple(ChordSpan(**chord) for chord in values["chords"])
        for sentences in ("contradictions", "warnings"):
            values[sentences] = tuple(values[sentences])
        values["timeline"] = tuple(
            Moment(m["start"], m["end"], _estimate(m["valence"]), _estimate(m["arousal"]))
            for m in values["timeline"]
        )
        return cls(**values)


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
        What was being done, e.g. ``"decode"``.
    cause
        What went wrong.
    remedy
        What to do about it.
    """

    path: str
    stage: str
    cause: str
    remedy: str
    status: Literal["failed"] = "failed"

    @classmethod
    def of(cls, path: str, error: HevnerError) -> Failure:
        """The record of an error raised on purpose."""
        return cls(path, error.stage, error.cause, error.remedy)

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, ready for JSON."""
        return dataclasses.asdict(self)
