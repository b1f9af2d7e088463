"""What an analysis gives each field of tags: only what hevner is sure of.

Conventions
-----------
A value is a tuple of texts; only `MOOD` has several. What is not known, or not sure, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from hevner.emotion import Scale
from hevner.output.summary import present_tags
from hevner.result import SURE, Analysis

MOOD, TEMPO, KEY, WORDS = "mood", "tempo", "key", "words"
USUAL = (MOOD, TEMPO, KEY)
FIELDS = (*USUAL, "valence", "arousal", "tension", WORDS)
"""Fields that can be written; the usual ones have a convention in every kind of file."""

SCALE = Scale(0, 100)
"""Scale of valence, arousal and tension in tags, for players that compare whole numbers."""

Values = dict[str, tuple[str, ...]]


def values_of(
    analysis: Analysis,
    fields: Collection[str] = USUAL,
    scale: Scale = SCALE,
    sure: float = SURE,
) -> Values:
    """The values of fields of tags for a piece.

    Parameters
    ----------
    analysis
        The analysis, on any scale; one without emotion gives no values.
    fields
        Names in `FIELDS`.
    scale
        Scale of valence, arousal and tension, written with about two digits.
    sure
        Least probability, in [0, 1], of a quadrant, tempo or key that is written.
    """
    if analysis.status != "ok":
        return {}
    placed = analysis.on(scale).estimates()
    found: dict[str, str | list[str] | None] = {
        MOOD: moods(analysis, sure),
        TEMPO: _tempo(analysis, sure),
        KEY: _key(analysis, sure),
        WORDS: analysis.headline,
        **{name: number(one.value, scale) for name, one in placed.items()},
    }
    texts = {name: found.get(name) for name in FIELDS if name in fields}
    return {
        name: (text,) if isinstance(text, str) else tuple(text)
        for name, text in texts.items()
        if text
    }


def moods(analysis: Analysis, sure: float = SURE) -> list[str]:
    """The words of the quadrant, if that is sure, and the tags of emotion that the table shows."""
    quadrant = analysis.quadrant or ""
    is_sure = analysis.quadrant_probabilities.get(quadrant, 0.0) >= sure
    words = (analysis.quadrant_words or "").split(", ") if is_sure else []
    tags = present_tags(analysis, everything=False).get("emotion", [])
    return [word for word in dict.fromkeys((*words, *tags)) if word]


def number(value: float, scale: Scale) -> str:
    """A value on a scale, as fine as two decimals on -1..1 or whole numbers on 0..100."""
    digits = max(0, round(2 - math.log10((scale.high - scale.low) / 2)))
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _tempo(analysis: Analysis, sure: float) -> str | None:
    shares = [one.probability for one in analysis.tempo_candidates if one.tempo == analysis.tempo]
    is_sure = max(shares, default=0.0) >= sure
    return f"{analysis.tempo:.0f}" if analysis.tempo is not None and is_sure else None


def _key(analysis: Analysis, sure: float) -> str | None:
    """Key as tags have it: ``Am``, ``Eb``."""
    if analysis.key is None or (analysis.key_confidence or 0.0) < sure:
        return None
    tonic, _, third = analysis.key.partition(" ")
    return tonic + "m" * (third == "minor")
