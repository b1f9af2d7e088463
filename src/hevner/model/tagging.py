"""From tag probabilities to a report: which tags a piece has, and why some contradict each other.

Conventions
-----------
The standard library only. Sequences over tags are in the order of `hevner.moods.MOOD_TAGS`;
valence and arousal are on the unit scale.

Tags are ranked by their *odds ratio*, the odds of a tag for this piece over its odds for any
piece. Ranked by probability, the tags that are given often ("energetic", 9 % of all music) would
lead with every piece; the ratio keeps what this piece adds (its logarithm is the weight of
evidence; Good, 1950).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hevner.moods import OPPOSITIONS, TAGS, Opposition
from hevner.result import Moment, TagEstimate, clock

LEAST = 1e-4
"""Least distance of a probability from 0 and 1, where odds are infinite."""

FEELINGS = ("mood", "energy")
"""Aspects of oppositions that valence and arousal decide: a slow or soft piece may be aroused."""

MOVES = 0.3
"""Least change of valence or arousal over time that can explain contradicting tags. Nine of ten
excerpts of 30 s move less (50 of Emotify), two of five whole pieces move more (30 of VGMIDI)."""


def describe(
    probabilities: Iterable[float],
    base_rates: Iterable[float],
    thresholds: Iterable[float],
    timeline: Sequence[Moment],
    point: Sequence[float],
) -> tuple[tuple[TagEstimate, ...], tuple[str, ...]]:
    """All tags of a piece, the largest odds ratio first, and its `contradictions`.

    A tag is present if its threshold is reached and valence and arousal do not contradict it.

    Parameters
    ----------
    probabilities
        Calibrated probability of each tag for this piece.
    base_rates
        Share of music at large that carries each tag.
    thresholds
        Probability from which each tag may count as present.
    timeline
        Emotion over time.
    point
        Valence and arousal of the whole piece.

    Raises
    ------
    ValueError
        If a sequence does not have one number per tag.
    """
    numbers = zip(TAGS, probabilities, base_rates, thresholds, strict=True)
    tags = [
        TagEstimate(
            tag.name,
            tag.group,
            round(float(probability), 4),
            round(_odds(probability) / _odds(base_rate), 3),
            bool(probability >= threshold),
        )
        for tag, probability, base_rate, threshold in numbers
    ]
    tags.sort(key=lambda tag: tag.odds_ratio, reverse=True)
    known = agreeing(tags, point[0], point[1])
    return known, contradictions(known, timeline)


def agreeing(
    tags: Iterable[TagEstimate], valence: float, arousal: float
) -> tuple[TagEstimate, ...]:
    """The tags, of which no feeling is present that valence or arousal of the piece contradict.

    "Happy" is none for a piece of negative valence: the sides are those of the oppositions of
    `FEELINGS`, whose first tags are the higher on their axis.
    """
    point = {"valence": valence, "arousal": arousal}
    against: set[str] = set()
    for one in OPPOSITIONS:
        if one.aspect in FEELINGS and point[one.axis]:
            against.update(one.first if point[one.axis] < 0 else one.second)
    return tuple(replace(tag, present=tag.present and tag.name not in against) for tag in tags)


def _odds(probability: float) -> float:
    limited = min(max(float(probability), LEAST), 1 - LEAST)
    return limited / (1 - limited)


def contradictions(tags: Iterable[TagEstimate], timeline: Sequence[Moment]) -> tuple[str, ...]:
    """Explain present tags that contradict each other.

    A piece that moves from one side of the plane to the other may rightly have both tags.
    Otherwise the evidence is divided, and the sentence says so.

    Returns
    -------
    tuple of str
        A sentence for each opposition with present tags on both sides, which are named in the order
        given; without numbers on a scale, so that it holds on any.
    """
    present = [tag.name for tag in tags if tag.present]
    sentences = []
    for opposition in OPPOSITIONS:
        first = [name for name in present if name in opposition.first]
        second = [name for name in present if name in opposition.second]
        if first and second:
            sides = f"{', '.join(first)} but also {', '.join(second)}"
            reason = _reason(opposition, timeline)
            sentences.append(f"{sides}: they disagree about {opposition.aspect}, and {reason}")
    return tuple(sentences)


def _reason(opposition: Opposition, timeline: Sequence[Moment]) -> str:
    """The reason for a contradiction: the piece changes, or the evidence is divided."""
    axis = opposition.axis
    course = [
        (estimate.value, (moment.start + moment.end) / 2)
        for moment in timeline
        if (estimate := getattr(moment, axis)) is not None
    ]
    if course:
        (low, low_time), (high, high_time) = min(course), max(course)
        if low < 0 < high and high - low >= MOVES:
            return (
                f"the piece changes ({axis} is lowest around {clock(low_time)} "
                f"and highest around {clock(high_time)})"
            )
    return f"the evidence is divided, as {axis} does not change enough over time to explain it"
