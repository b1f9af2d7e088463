"""Words for the emotion of a piece: the other direction of a search.

Conventions
-----------
Only words that have a place on the plane are considered: those for a sound, a theme or a use are no
feelings. Of the degrees of a word the one of least divergence is chosen, and words are ranked by
it: divergences are relative to music at large, so a vague word, which is never far off, does not
lead with every piece. On music kept aside the degrees that lead spread evenly; ranked by how few
other pieces fit a word better, they are mostly "extremely".
"""

from __future__ import annotations

import numpy as np

from hevner.hits import EmotionWord
from hevner.model.space import Points, Space
from hevner.words import DEGREES, Feeling, Lexicon
from hevner.words.describing import describe


def emotions_of(
    space: Space, music: Points, count: int | None = None, lexicon: Lexicon | None = None
) -> list[EmotionWord]:
    """Words of a lexicon for a piece, the best first, at most ``count``.

    ``music`` is the place of the piece, one row, as `hevner.catalog.scoring.locate` finds it.
    """
    words = [word for word in (lexicon or Lexicon()).words if word.is_placed]
    feelings = [Feeling(word, degree) for word in words for degree in DEGREES]
    emotions = space.emotion(describe(feelings))
    divergences = space.find(emotions, music).T[0]
    best = divergences.reshape(len(words), len(DEGREES)).argmin(axis=1)
    chosen = np.arange(len(words)) * len(DEGREES) + best
    emotions = emotions.where(chosen)
    fits = space.fit(space.find(emotions, music), emotions)[:, 0]
    order = np.argsort(divergences[chosen], kind="stable")
    return [
        EmotionWord(
            feelings[chosen[one]].word.name,
            feelings[chosen[one]].degree.name,
            float(fits[one]),
            float(divergences[chosen[one]]),
        )
        for one in order[:count]
    ]
