"""Emotion words: what they mean, how much of it is meant, and how they are read.

Conventions
-----------
A *word* has a place on the plane of valence and arousal, or names a tag, or both; a *degree* says
how much of it; a *feeling* is a word with a degree. `entries` holds where each word comes from,
`degrees` what degrees do, `own` how a person adds words; `describing`, the only module that needs
more than the standard library, turns feelings into what the joint space understands.
"""

from __future__ import annotations

from hevner.words.degrees import DEGREES, PLAIN, Degree
from hevner.words.entries import WORDS, Word
from hevner.words.lexicon import Feeling, Lexicon
from hevner.words.own import load

__all__ = ["DEGREES", "PLAIN", "WORDS", "Degree", "Feeling", "Lexicon", "Word", "load"]
