"""Degrees of an emotion: how strong it is, as distance from neutral.

Conventions
-----------
The standard library only. A degree moves an emotion along the line from neutral through the plain
word. `Degree.factor` is the distance from neutral in units of that of the plain word,
`Degree.steps` is how far the emotion lies above the mean of music at large in standard deviations;
it serves what has no neutral point, such as the shares of listeners who feel an emotion.
"""

from __future__ import annotations

from dataclasses import dataclass

from hevner.words.entries import DATA


@dataclass(frozen=True)
class Degree:
    """A degree of an emotion: its name, empty for the plain word, and all phrases for it."""

    name: str
    factor: float
    steps: float
    phrases: tuple[str, ...] = ()


DEGREES = tuple(
    Degree(one["name"], one["factor"], one["steps"], tuple(one["phrases"]))
    for one in DATA["degrees"]
)
"""From little to much."""

PLAIN = next(degree for degree in DEGREES if not degree.name)
"""A word without a degree."""

# Longer phrases first, so that "a little bit" is not read as "a little" of something.
_PHRASES = sorted(
    ((phrase, degree) for degree in DEGREES for phrase in degree.phrases),
    key=lambda pair: -len(pair[0]),
)


def split(text: str) -> tuple[Degree | None, str]:
    """Part a phrase such as ``very tense`` into its degree and the rest.

    Parameters
    ----------
    text
        In lower case, with single spaces.

    Returns
    -------
    Degree or None
        None if the text has no degree: then the rest is the whole text. A degree alone is a word.
    str
        The text after the degree.
    """
    for phrase, degree in _PHRASES:
        if text.startswith(f"{phrase} "):
            return degree, text.removeprefix(f"{phrase} ").removeprefix("of ")
    return None, text
