"""Words for the emotion of a piece: the other direction of a search.

Conventions
-----------
Only words that have a place on the plane are considered: those for a sound, a theme or a use are no
feelings. Words are ranked by the least divergence of their degrees: divergences are relative to
music at large, so a vague word, which is never far off, does not lead with every piece. Which words
may be said at all, and in which degree, the position of the piece on the plane decides, by valence,
arousal and their intervals (`hevner.position`): a divergence grows with every reading of the piece
that goes the way of the word, so that it alone would call most of them "extremely".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hevner.emotion import AXES
from hevner.hits import EmotionWord
from hevner.model.space import Points, Space
from hevner.position import Position
from hevner.result import Estimate
from hevner.words import DEGREES, Feeling, Lexicon
from hevner.words.describing import describe
from hevner.words.headline import degree_of

LEAST = 0.5
"""Probability from which a word is said at all, with "perhaps" below `hevner.result.SURE`."""


def emotions_of(
    space: Space,
    music: Points,
    position: Position,
    count: int | None = None,
    lexicon: Lexicon | None = None,
) -> list[EmotionWord]:
    """Words of a lexicon for a piece, the best first, at most ``count``; there may be none.

    ``music`` is the place of the piece, one row, as `hevner.catalog.scoring.locate` finds it.
    """
    said = []
    for word in (lexicon or Lexicon()).words:
        if word.valence is None or word.arousal is None:
            continue
        degree, probability = degree_of(position, word.valence, word.arousal)
        if probability >= LEAST:
            said.append((Feeling(word, degree), probability))
    if not said:
        return []
    feelings = [Feeling(feeling.word, degree) for feeling, _ in said for degree in DEGREES]
    divergences = space.find(space.emotion(describe(feelings)), music)[:, 0]
    least = divergences.reshape(len(said), len(DEGREES)).min(axis=1)
    emotions = space.emotion(describe([feeling for feeling, _ in said]))
    fits = space.fit(space.find(emotions, music), emotions)[:, 0]
    return [
        EmotionWord(
            said[one][0].word.name,
            said[one][0].degree.name,
            float(fits[one]),
            float(least[one]),
            said[one][1],
        )
        for one in np.argsort(least, kind="stable")[:count]
    ]


def position_of(row: Mapping[str, Any]) -> Position:
    """The position of a piece by its columns ``valence``, ``valence_low`` and so on."""
    values = [Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in AXES]
    return Position.of(*values)
