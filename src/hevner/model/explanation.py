"""Why the model reads a piece as it does: what each musical term adds to each reading.

A *term* is a property of music, such as mode or pace: a weighted sum of standardised descriptors
(the blocks ``handcrafted`` and ``harmony`` of the pooled vector), with mean 0 and standard
deviation 1 over the training music. For the whole piece, and for each moment of it::

    value = average         + sum of effect * term                    + other
    value = value of piece  + sum of effect * (term - term of piece)  + other

Terms and effects are fitted to the readings of one model (`hevner.lab.explanation`), on music as it
is and on rendered music that was changed in one cause at a time. An effect is 0 where music that
is changed in the term does not move the reading as the term says.

Conventions
-----------
Numpy only. An explanation lies beside the model it is of, which it knows by the digest of its file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Floats, Rows
from hevner.blocks import vector_id
from hevner.defaults import explanation_of
from hevner.errors import ModelError
from hevner.explanation import OTHER, Contributions, Explanation
from hevner.model import stored
from hevner.model.prediction import softmax
from hevner.result import Analysis

LIMIT = 4.0
"""Standardised descriptors are limited to this many standard deviations."""

CLEAR = 0.7
"""Probability of a kind of rated music from which it is named."""

PLURALS = {"song": "songs", "film score": "film scores", "solo piano": "piano pieces"}
"""How kinds of music (`hevner.emotion.SOUNDS_LIKE`) are called in ``kinds`` of a card."""

_ARRAYS = (
    *("mean", "spread", "weights", "effects", "moment_effects", "average"),
    *("kind_weights", "kind_bias"),
)


def digest(model: Path) -> str:
    """Name of the content of a model."""
    return hashlib.sha256(model.read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Explainer:
    """Explains the readings of one model.

    Attributes
    ----------
    card
        Names of ``terms``, ``readings`` and ``kinds``, digest of the model, and facts for people.
    mean, spread
        Standardisation of the pooled vector, shape ``(dim,)``.
    weights
        From standardised vectors to terms, shape ``(dim, terms)``.
    effects, moment_effects
        What a standard deviation of a term adds to a reading, shape ``(terms, readings)``: of a
        piece, and of a moment against its piece.
    average
        Mean of the readings over the training music, shape ``(readings,)``.
    kind_weights, kind_bias
        Linear scores of kinds of rated music, shapes ``(dim, kinds)`` and ``(kinds,)``.
    """

    card: dict[str, Any]
    mean: Floats
    spread: Floats
    weights: Floats
    effects: Floats
    moment_effects: Floats
    average: Floats
    kind_weights: Floats
    kind_bias: Floats

    def standardise(self, vectors: Floats) -> Floats:
        """Pooled vectors in units of their spread in training, limited to `LIMIT`."""
        return np.asarray(np.clip((vectors - self.mean) / self.spread, -LIMIT, LIMIT), np.float32)

    def terms(self, vectors: Floats) -> Floats:
        """Terms of pooled vectors ``(n, dim)``, shape ``(n, terms)``."""
        return np.asarray(self.standardise(vectors) @ self.weights, np.float32)

    def similar_to(self, vector: Floats, sounds_like: dict[str, float] | None = None) -> str:
        """The kind of rated music that a pooled vector ``(dim,)`` is most like.

        Empty if unsure, or if the model itself finds another kind of music likelier.
        """
        scores = self.standardise(vector[None, :]) @ self.kind_weights + self.kind_bias
        shares = softmax(scores)[0]
        best = int(shares.argmax())
        kind = str(self.card["kinds"][best])
        agreed = not sounds_like or kind.startswith(PLURALS[next(iter(sounds_like))])
        return kind if agreed and shares[best] >= CLEAR else ""

    def explain(
        self, analysis: Analysis, vector: Floats, moments: Floats, rows: Rows | list[int]
    ) -> Explanation:
        """Explain an analysis on the unit scale.

        Parameters
        ----------
        analysis
            The analysis.
        vector
            Pooled vector of the whole piece, shape ``(dim,)``.
        moments
            Pooled vectors of windows, shape ``(n, dim)``.
        rows
            The window of each moment of the timeline.
        """
        whole, windows = self.terms(vector[None, :])[0], self.terms(moments)
        names = self.card["terms"]
        values = {
            name: (float(estimate.value), column)
            for column, name in enumerate(self.card["readings"])
            if (estimate := analysis.estimates().get(name)) is not None
        }
        readings = {}
        for name, (value, column) in values.items():
            average = round(float(self.average[column]), 4)
            added = self._named(whole, self.effects[:, column], value - average)
            readings[name] = Contributions(average, added)
        timeline = []
        for moment, row in zip(analysis.timeline, rows, strict=True):
            difference = windows[row] - whole
            timeline.append({
                name: self._named(
                    difference, self.moment_effects[:, column], estimate.value - value
                )
                for name, (value, column) in values.items()
                if (estimate := getattr(moment, name, None)) is not None
            })  # fmt: skip
        music = {n: round(float(one), 2) for n, one in zip(names, whole, strict=True)}
        similar = self.similar_to(vector, analysis.sounds_like)
        return Explanation(music, similar, readings, tuple(timeline))

    def _named(self, terms: Floats, effects: Floats, total: float) -> dict[str, float]:
        """What each term adds, rounded, and what is left of the total."""
        added = {
            name: round(float(term * effect), 4)
            for name, term, effect in zip(self.card["terms"], terms, effects, strict=True)
            if effect
        }
        return added | {OTHER: round(total - sum(added.values()), 4)}

    def save(self, path: Path) -> None:
        """Write arrays as ``.npz`` and the card as ``.json`` beside it."""
        stored.write(path, {name: getattr(self, name) for name in _ARRAYS}, self.card)


def load(model: Path) -> Explainer | None:
    """The explanation of a model; None if there is none beside it.

    Raises
    ------
    ModelError
        If it is damaged, of another model, or of other features.
    """
    path = explanation_of(model)
    if not path.exists():
        return None
    with stored.damage_is_refused(path, "the explanation"):
        arrays, card = stored.read(path)
        found = Explainer(card, *(arrays[name] for name in _ARRAYS))
        known = card["digest"], card["features"]
    if known != (digest(model), vector_id()):
        raise ModelError(
            f"it explains the model {card['model']}, not the one beside it",
            subject=str(path),
            remedy="Fit it anew with 'hevner train explanation', or delete it",
            code="other_model",
        )
    return found
