"""The other direction: which words say what a piece feels like, and how much of it.

Conventions
-----------
Only words that have a place on the plane are told: those for a sound, a theme or a use are no
feelings. Of the degrees of a word the one of least divergence is told, and words are ranked by it:
divergences are relative to music at large, so a vague word, which is never far off, does not lead
with every piece. On music kept aside the degrees that lead spread evenly; ranked by how few other
pieces fit a word better, they are mostly "extremely".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hevner.catalog.hits import Told
from hevner.words import DEGREES, Feeling, Lexicon
from hevner.words.describing import describe

if TYPE_CHECKING:
    from hevner.model.space import Points, Space


def emotions_of(
    space: Space, music: Points, count: int | None = None, lexicon: Lexicon | None = None
) -> list[Told]:
    """Words for a piece, those that say most of it first.

    Parameters
    ----------
    space
        The joint space.
    music
        One place; see `hevner.catalog.scoring.whereabouts`.
    count
        Most words; None for all.
    lexicon
        The shipped one if None.
    """
    words = [word for word in (lexicon or Lexicon()).words if word.is_placed]
    feelings = [Feeling(word, degree) for word in words for degree in DEGREES]
    emotions = space.emotion(describe(feelings))
    divergences = space.tell(music, emotions)[0]
    best = divergences.reshape(len(words), len(DEGREES)).argmin(axis=1)
    chosen = np.arange(len(words)) * len(DEGREES) + best
    emotions = emotions.where(chosen)
    fits = space.fit(space.find(emotions, music), emotions)[:, 0]
    order = np.argsort(divergences[chosen], kind="stable")
    return [
        Told(
            feelings[chosen[one]].word.name,
            feelings[chosen[one]].degree.name,
            float(fits[one]),
            float(divergences[chosen[one]]),
        )
        for one in order[:count]
    ]
