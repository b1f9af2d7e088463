"""Which genre drives a model: leave it out of training and see who suffers.

A ridge regression is trained on the songs of a dataset, once with everything, once without a genre,
and once without as many tracks drawn at random from all genres, which is what mere loss of
music costs. Errors are those for songs that were not trained on.

Conventions
-----------
Errors are root mean squares in units of the scale [-1, 1]. A change is the error without less the
error with: above 0, the genre was of use. Intervals are paired 95 % bootstrap intervals over
groups. Genres need as many groups as there are folds (`hevner.lab.gap.bias`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.lab.data.samples import Samples
from hevner.lab.gap.bias import FOLDS, ridge, with_genres
from hevner.lab.gap.labels import AXES, names, rated
from hevner.lab.gap.null import Array, Mask
from hevner.lab.metrics.regression import rmse
from hevner.lab.metrics.statistics import paired_bootstrap

CONTROLS = 5
"""Random losses of the same size; their errors are averaged."""


@dataclass(frozen=True)
class Dominance:
    """What becomes of a model without one genre.

    Attributes
    ----------
    representation, dataset, axis, genre, tracks
        The model, and the genre that is left out.
    others, low, high
        Change of the error for all other genres, with its interval.
    others_random
        The same when as many tracks of any genre are left out.
    own, own_low, own_high
        Change of the error for the genre itself, with its interval: what it costs to judge a genre
        that was never heard.
    """

    representation: str
    dataset: str
    axis: str
    genre: str
    tracks: int
    others: float
    low: float
    high: float
    others_random: float
    own: float
    own_low: float
    own_high: float


def dominance(representation: str, samples: Samples, seed: int = 0) -> list[Dominance]:
    """Leave out each genre of each rated dataset that has at least three."""
    rows: list[Dominance] = []
    for name, part in with_genres(samples.where(rated(samples))):
        genres = sorted(set(part.genre.tolist()))
        if len(genres) > 2:
            study = _Study(representation, name, part, seed)
            rows += [row for genre in genres for row in study.without(genre)]
    return rows


class _Study:
    """One dataset, its folds, and the predictions of a model that has all genres."""

    def __init__(self, representation: str, dataset: str, samples: Samples, seed: int) -> None:
        self.representation, self.dataset, self.samples, self.seed = (
            representation, dataset, samples, seed,
        )  # fmt: skip
        self.rng = np.random.default_rng(seed)
        self.fold = self._assign()
        self.whole = self.predict(np.ones(len(samples), bool))

    def _assign(self) -> NDArray[np.intp]:
        """Fold of every row; whole groups, spread over genres."""
        from sklearn.model_selection import StratifiedGroupKFold

        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        genre, group = self.samples.genre, self.samples.group
        fold = np.zeros(len(genre), np.intp)
        for number, (_, test) in enumerate(splitter.split(genre, genre, group)):
            fold[test] = number
        return fold

    def predict(self, allowed: Mask) -> Array:
        """Predictions for every row, trained on allowed rows of other folds."""
        vectors, emotion = self.samples.blocks[self.representation], self.samples.emotion
        guess = np.empty_like(emotion)
        for number in range(FOLDS):
            test = self.fold == number
            model = ridge().fit(vectors[allowed & ~test], emotion[allowed & ~test])
            guess[test] = model.predict(vectors[test])
        return guess

    def without(self, genre: str) -> list[Dominance]:
        """Both axes."""
        own = self.samples.genre == genre
        guess = self.predict(~own)
        controls = [self.predict(self._random_loss(int(own.sum()))) for _ in range(CONTROLS)]
        return [self._row(axis, genre, own, guess, controls) for axis in range(len(AXES))]

    def _random_loss(self, count: int) -> Mask:
        """All rows but ``count`` random ones, in whole groups as far as they go."""
        kept = np.ones(len(self.samples), bool)
        for group in self.rng.permutation(names(self.samples.group)):
            rows = np.flatnonzero(self.samples.group == group)[:count]
            kept[rows] = False
            count -= len(rows)
        return kept

    def _row(
        self, axis: int, genre: str, own: Mask, guess: Array, controls: list[Array]
    ) -> Dominance:
        truth = self.samples.emotion[:, axis]
        with_all = self.whole[:, axis]

        def change(rows: Mask) -> tuple[float, float, float]:
            return paired_bootstrap(
                rmse, truth[rows], guess[rows, axis], with_all[rows], self.samples.group[rows],
                seed=self.seed,
            )  # fmt: skip

        lost = np.mean([rmse(truth[~own], one[~own, axis]) for one in controls])
        return Dominance(
            self.representation, self.dataset, AXES[axis], genre, int(own.sum()),
            *change(~own), float(lost - rmse(truth[~own], with_all[~own])), *change(own),
        )  # fmt: skip
