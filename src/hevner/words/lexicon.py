"""Reading emotions in words: ``calm, slightly nostalgic`` or ``very tense and dark``.

Conventions
-----------
The standard library only. Case, spaces and hyphens do not matter. A word is found under its name,
its synonyms, and as the noun in -ness or the adverb in -ly of either. Nothing is guessed: a word
that is not known is an error that names those nearest to it in spelling.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from hevner.errors import HevnerError
from hevner.words.degrees import PLAIN, Degree, split
from hevner.words.entries import WORDS, Word

STAGE = "words"

SUGGESTIONS = 5
"""Words named for one that is not known."""

ALIKE = 0.6
"""Similarity of spelling, in [0, 1], from which a word is named as near."""

EXAMPLES = ("happy", "tense", "sad", "calm")
"""Words named where none is near, one of each quadrant."""

_BETWEEN = re.compile(r"\s*[,;+&]\s*(?:and\s)?|\s+and\s+")

_ENDINGS = (("iness", "y"), ("ness", ""), ("ily", "y"), ("ly", ""))
"""Endings of an unknown word, and what replaces them."""


class WordError(HevnerError):
    """A word that is not known, or that is said not to be wanted.

    Parameters
    ----------
    cause, remedy, code
        As those of `HevnerError`.
    word
        The word.
    near
        Known words that may be meant, the nearest first.
    """

    stage = STAGE

    def __init__(
        self, cause: str, *, remedy: str, code: str, word: str, near: Iterable[str] = ()
    ) -> None:
        super().__init__(cause, remedy=remedy, code=code)
        self.word = word
        self.near = tuple(near)


@dataclass(frozen=True)
class Feeling:
    """A word with a degree; as text it can be parsed again."""

    word: Word
    degree: Degree = PLAIN

    def __str__(self) -> str:
        return f"{self.degree.name} {self.word.name}".strip()


@dataclass(frozen=True)
class Lexicon:
    """Words, and how to find them.

    Attributes
    ----------
    words
        All words; no two have the same name.
    phrases
        A person's own names: other names for a word with a degree, such as ``my morning`` for
        ``slightly happy``. A degree before such a name replaces the degree that it stands for.
    """

    words: tuple[Word, ...] = WORDS
    phrases: Mapping[str, Feeling] | None = None

    @cached_property
    def _known(self) -> dict[str, Feeling]:
        """Word and degree by name. Names count before synonyms, a person's own before all."""
        known = {synonym: Feeling(w) for w in self.words for synonym in w.synonyms}
        known |= {word.name: Feeling(word) for word in self.words}
        return known | dict(self.phrases or {})

    def parse(self, text: str) -> tuple[Feeling, ...]:
        """Read words with degrees, separated by commas, semicolons, ``+``, ``&`` or "and".

        Raises
        ------
        HevnerError
            If there are none, or one is not known.
        """
        pieces = [piece for piece in _BETWEEN.split(plain(text)) if piece]
        if not pieces:
            raise HevnerError(
                "no emotion is named",
                remedy="Write words, such as 'calm, slightly nostalgic'",
                stage=STAGE,
                code="no_words",
            )
        return tuple(dict.fromkeys(self.feeling(piece) for piece in pieces))

    def feeling(self, text: str) -> Feeling:
        """Read one word with or without a degree.

        Raises
        ------
        HevnerError
            If the word is not known.
        """
        phrase = plain(text)
        if found := self._find(phrase):
            return found
        degree, rest = split(phrase)
        found = self._find(rest)
        if found is None:
            raise self._unknown(rest)
        return found if degree is None else Feeling(found.word, degree)

    def _find(self, name: str) -> Feeling | None:
        stems = [name.removesuffix(old) + new for old, new in _ENDINGS if name.endswith(old)]
        return next((self._known[stem] for stem in (name, *stems) if stem in self._known), None)

    def _unknown(self, name: str) -> HevnerError:
        negated = re.match(r"(?:not(?: at all)?|no|without)\s+(.+)", name)
        if negated:
            return WordError(
                f"'{name}' says what is not wanted",
                remedy=f'Give it apart, as --not "{negated[1]}"',
                code="negated_word",
                word=name,
            )
        near = self.nearest(name)
        hint = f"Did you mean {_either(near)}?" if near else f"Try {_either(EXAMPLES)}."
        return WordError(
            f"the word '{name}' is not known",
            remedy=f"{hint} 'hevner moods --words' lists all words",
            code="unknown_word",
            word=name,
            near=(one.partition(" (")[0] for one in near),
        )

    def nearest(self, name: str) -> list[str]:
        """Names of known words that look most like a name, the nearest first; there may be none.

        A synonym is named with its word.
        """
        return [
            found if str(self._known[found]) == found else f"{found} ({self._known[found]})"
            for found in difflib.get_close_matches(plain(name), self._known, SUGGESTIONS, ALIKE)
        ]


def plain(text: str) -> str:
    """In lower case, with single spaces and no hyphens."""
    return " ".join(text.lower().replace("-", " ").split())


def _either(names: Iterable[str]) -> str:
    *others, last = (f"'{name}'" for name in names)
    return f"{', '.join(others)} or {last}" if others else last
