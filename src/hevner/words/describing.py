"""From words with degrees to descriptions that the joint space takes.

Conventions
-----------
Every part of a description follows the degree. A place on the plane is measured from neutral; what
has no neutral point is measured from the mean of music at large, in standard deviations over
pieces (`Degree.steps`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hevner.arrays import Doubles
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.model.description import Description, join
from hevner.words.degrees import Degree
from hevner.words.lexicon import Feeling

REACH = 0.7
"""Distance of a piece called by a word over that of the word itself. Words for feelings lie 0.61
from neutral on average (`hevner.words.entries.RADIUS`), rated music 0.42 (EmoMusic; DEAM 0.39,
PMEmo 0.52): music rarely goes as far as words do."""

TAG_STEP = 0.8
"""Standard deviation over pieces of a tag's log odds, as the unified model predicts them for
Emotify; 0.56 to 1.09, depending on the tag."""

QUADRANT_STEP = 1.0
"""Log odds of a quadrant, above those of even chances, for a step."""

GEMS_MEANS = (0.136, 0.195, 0.187, 0.261, 0.306, 0.186, 0.258, 0.229, 0.186)
GEMS_STEPS = (0.102, 0.150, 0.171, 0.182, 0.218, 0.184, 0.236, 0.183, 0.158)
"""Mean and standard deviation over the pieces of Emotify of the share of listeners who feel each of
`hevner.emotion.GEMS`."""


def describe(feelings: Sequence[Feeling]) -> Description:
    """Describe the music of each feeling, one row for each.

    Parameters
    ----------
    feelings
        At least one.
    """
    return join([_row(feeling) for feeling in feelings])


def _row(feeling: Feeling) -> Description:
    word, degree = feeling.word, feeling.degree
    parts: dict[str, Doubles] = {}
    if word.valence is not None and word.arousal is not None:
        parts["point"] = degree.factor * REACH * np.array([[word.valence, word.arousal]])
    if word.quadrant is not None:
        parts["quadrants"] = _quadrants(word.quadrant, degree)
    if word.gems is not None:
        index = GEMS.index(word.gems)
        shares = np.array([GEMS_MEANS])
        shares[0, index] += degree.steps * GEMS_STEPS[index]
        parts["gems"] = np.clip(shares, 0, 1)
    if word.tag is not None:
        tags = np.full((1, len(MOOD_TAGS)), np.nan)
        tags[0, MOOD_TAGS.index(word.tag)] = degree.steps * TAG_STEP
        parts["tags"] = tags
    return Description.of(**parts)


def _quadrants(quadrant: Quadrant, degree: Degree) -> Doubles:
    odds = np.ones((1, len(Quadrant)))
    odds[0, list(Quadrant).index(quadrant)] = np.exp(degree.steps * QUADRANT_STEP)
    return np.asarray(odds / odds.sum())
