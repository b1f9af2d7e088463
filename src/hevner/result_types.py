"""The records that a result is made of, and the types of their fields.

Conventions
-----------
As in `hevner.result`, which gives the records on. `Annotated` adds keywords of JSON Schema to a
type: `tests/golden/regenerate_schema.py` makes `hevner/analysis.schema.json` from the types and the
descriptions of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from hevner.emotion import Quadrant, Scale
from hevner.heads import BY_NAME
from hevner.moods import MOOD_TAGS, Group


def keywords(**values: Any) -> tuple[tuple[str, Any], ...]:
    """Keywords of JSON Schema, the ``keys`` of an object, and whether a field is ``optional``."""
    return tuple(values.items())


Seconds = Annotated[float, keywords(minimum=0)]
Share = Annotated[float, keywords(minimum=0, maximum=1)]
Positive = Annotated[float, keywords(exclusiveMinimum=0)]
QuadrantName = Annotated[str, keywords(enum=BY_NAME["quadrants"].outputs)]
QuadrantWords = Annotated[str, keywords(enum=tuple(one.value for one in Quadrant))]
Quadrants = Annotated[dict[str, Share], keywords(keys=BY_NAME["quadrants"].outputs)]
Times = Annotated[tuple[Seconds, ...], keywords(optional=True)]
MeterName = Annotated[str, keywords(pattern=r"^\d+/\d+$")]
Moods = Annotated[dict[str, Share], keywords(keys=BY_NAME["gems"].outputs)]
OwnNames = Annotated[dict[str, Share], keywords(optional=True)]
SoundKinds = Annotated[dict[str, Share], keywords(keys=BY_NAME["sounds_like"].outputs)]
MODES = ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "harmonic minor")
"""The modes, as in `hevner.music.chord_labels`, which loads array libraries."""
Mode = Annotated[str, keywords(enum=MODES)]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, on the scale named in `scale`, or [0, 1] for basic emotions.

    Attributes
    ----------
    value
        The best guess.
    low
        Lower end of the interval.
    high
        Upper end of the interval.
    """

    value: float
    low: float
    high: float

    def rescaled(self, source: Scale, target: Scale) -> Estimate:
        """The same estimate on another scale."""
        ends = (target.from_unit(source.to_unit(x)) for x in (self.value, self.low, self.high))
        # 5.4936, not 5.493600000000001: the last digits are noise of the arithmetic.
        return Estimate(*(round(end, target.digits + 9) for end in ends))


Emotions = Annotated[dict[str, Estimate], keywords(keys=BY_NAME["emotions"].outputs)]


@dataclass(frozen=True)
class Moment:
    """Emotion of a span inside a piece; the spans follow each other without overlap.

    It is computed from the analysis window around the middle of the span.

    Attributes
    ----------
    start
        Begin of the span.
    end
        End of the span.
    valence, arousal
        Null where the music is silent.
    tension
        Null where the music is silent, or if the model does not predict it.
    """

    start: Seconds
    end: Seconds
    valence: Estimate | None = None
    arousal: Estimate | None = None
    tension: Estimate | None = None


@dataclass(frozen=True)
class ChordSpan:
    """A chord and when it sounds.

    Attributes
    ----------
    label
        Label in the syntax of mir_eval, such as C:maj or F#:min7; N for none.
    start
        Begin.
    end
        End.
    """

    label: Annotated[str, keywords(minLength=1)]
    start: Seconds
    end: Seconds


@dataclass(frozen=True)
class KeyCandidate:
    """A key that the piece may be in.

    Attributes
    ----------
    key
        Tonic and third, such as E minor.
    mode
        The mode with that tonic and third; null where it is unsure.
    probability
        Probability of that tonic with that third.
    """

    key: Annotated[str, keywords(minLength=1)]
    mode: Mode | None
    probability: Share


@dataclass(frozen=True)
class TempoCandidate:
    """A tempo at which the beat may be counted.

    Attributes
    ----------
    tempo
        Beats per minute.
    probability
        How likely listeners count at this tempo; those of all candidates add up to at most 1.
    """

    tempo: Positive
    probability: Share


@dataclass(frozen=True)
class TagEstimate:
    """How likely a mood or theme tag is.

    Attributes
    ----------
    name
        The tag.
    group
        Kind of tag: what the music feels like, how it sounds, what it brings to mind, or what it
        is made for.
    probability
        Probability that people who tag music would give this piece the tag. Most tags are given
        rarely, so a few percent can be a lot.
    odds_ratio
        The odds of the tag for this piece over those for any piece: above 1 the music makes the
        tag more likely than usual, below 1 less likely.
    present
        Whether the probability reaches the threshold of the tag.
    """

    name: Annotated[str, keywords(enum=MOOD_TAGS)]
    group: Group
    probability: Share
    odds_ratio: Annotated[float, keywords(minimum=0)]
    present: bool
