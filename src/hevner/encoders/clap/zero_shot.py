"""Mood words for a piece, from a model that was never trained on ratings.

Conventions
-----------
Each word is put into a few sentences, whose vectors are averaged; the score of a word is the
model's own contrast: the softmax of cosine times logit scale over the given words. Scores sum to 1.
They are **not calibrated**: they rank words for a piece, depend on which other words were given,
and are no probability that a listener would agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hevner.arrays import Floats

TEMPLATES = (
    "{} music",
    "music that sounds {}",
    "the mood of this music is {}",
    "this music makes the listener feel {}",
)


class Text(Protocol):
    """Anything that turns sentences into vectors: a `TextTower`, or an encoder that has one."""

    @property
    def logit_scale(self) -> float:
        """Factor for cosines."""

    def text(self, sentences: Sequence[str]) -> Floats:
        """Vectors of unit length, shape ``(n, dimension)``."""


def moods(
    audio: Floats, text: Text, words: Sequence[str], templates: Sequence[str] = TEMPLATES
) -> list[tuple[str, float]]:
    """Rank words by how well they fit a piece.

    Parameters
    ----------
    audio
        Embeddings of the windows of a piece, shape ``(n, dimension)``, of unit length.
    text
        Text tower of the same checkpoint.
    words
        Words, such as those of `hevner.words.WORDS`; whole sentences with ``templates=["{}"]``.
    templates
        Sentences with a gap for the word.

    Returns
    -------
    list of (str, float)
        Every word with its score, best first; of equals, in the order given.

    Raises
    ------
    ValueError
        If there are no windows, no words or no templates.
    """
    if not len(audio) or not len(words) or not len(templates):
        raise ValueError("moods needs at least one window, one word and one template")
    found = scores(audio, word_vectors(text, words, templates), text.logit_scale)
    return [(words[at], float(found[at])) for at in np.argsort(-found, kind="stable")]


def word_vectors(text: Text, words: Sequence[str], templates: Sequence[str] = TEMPLATES) -> Floats:
    """Vector of each word: mean over the templates, of unit length, ``(len(words), dimension)``.

    Compute it once for many pieces.
    """
    sentences = [template.format(word) for word in words for template in templates]
    vectors = text.text(sentences).reshape(len(words), len(templates), -1).mean(axis=1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def scores(audio: Floats, vectors: Floats, logit_scale: float) -> Floats:
    """Score of each word for a piece, from `word_vectors`, shape ``(len(vectors),)``."""
    cosines = (vectors @ audio.T).mean(axis=1)
    shares = np.exp(logit_scale * (cosines - cosines.max()))
    return np.asarray(shares / shares.sum(), np.float32)
