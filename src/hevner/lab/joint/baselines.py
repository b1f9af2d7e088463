"""Ways to match music and emotions that need no network: chance, regression, linear CCA.

Conventions
-----------
A *matcher* is fitted to the training rows of a dataset and returns distances between any of its
music and any emotions. Everything, penalties too, is chosen inside the training rows, by folds of
whole groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hevner.arrays import Doubles
from hevner.lab.data.blocks import Block, grouped_folds
from hevner.lab.joint import scoring
from hevner.lab.joint.cca import LinearCCA
from hevner.lab.joint.data import Emotions, Index, MatchingData
from hevner.lab.joint.recipe import Correlated as CorrelatedDistance
from hevner.lab.joint.recipe import MatcherRecipe, Scorer
from hevner.lab.joint.scoring import Distances, Embedded
from hevner.lab.metrics.retrieval import first_ranks
from hevner.lab.regression.ridge import NormalEquations, sums_by_fold

PENALTIES = tuple(float(10**power) for power in np.arange(-2.5, 1.1, 0.5))
"""Penalties of ridge regressions, as shares of the mean variance of a number."""

RIDGES = (0.1, 1.0, 10.0)
"""Penalties of CCA, likewise."""

INNER_FOLDS = 5
NEAREST = 20
"""Number of nearest emotions whose mean is predicted for music."""

_SHRINKAGE = 0.05
"""Share of the diagonal in covariances that are inverted."""


class Matcher(Protocol):
    """Anything that can match music and emotions."""

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Distances between some music of the dataset and emotions, in both directions."""


def places(matcher: Matcher, musics: Index, known: Emotions) -> Doubles:
    """Emotions that a matcher predicts for music: the mean place of the nearest known emotions.

    Those are the emotions of training rows. A regressor of places predicts them itself. Shape
    ``(len(musics), k)``, as `Emotions.place`.
    """
    if isinstance(matcher, Regressor) and not matcher.whole:
        return matcher.units.back(matcher.predicted[musics])
    apart = matcher.distances(musics, known, "corrected").to_emotion
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :NEAREST]
    return np.asarray(known.place[nearest].mean(axis=1))


@dataclass(frozen=True)
class Units:
    """Standard units of training rows; unknown numbers become their mean."""

    mean: Doubles
    spread: Doubles

    @classmethod
    def fit(cls, table: Doubles) -> Units:
        """Units of a table ``(n, k)``; NaN does not count."""
        known = np.isfinite(table)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, table, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (table - mean) ** 2, 0).sum(axis=0) / count)
        return cls(mean, np.where(spread > 1e-9, spread, 1.0))

    @classmethod
    def of(cls, emotions: Emotions) -> Units:
        """Units of all labels of emotions.

        How a curve moves is measured by how places differ, axis by axis, so that it counts for as
        much as it moves: in standard units of its own, the small movements of most curves would
        outweigh where they are.
        """
        labels, place = cls.fit(emotions.labels), cls.fit(emotions.place)
        return cls(labels.mean, np.resize(place.spread, len(labels.mean)))

    def __call__(self, table: Doubles) -> Doubles:
        """The table in these units."""
        return np.nan_to_num((table - self.mean) / self.spread)

    def back(self, table: Doubles) -> Doubles:
        """A table in these units, in its own units again."""
        return np.asarray(table * self.spread + self.mean)


def music_vectors(data: MatchingData, train: Index) -> Doubles:
    """Music of all rows in units of the training rows, shape ``(n, width)``.

    Blocks have the same total variance; the mean variance of a number is 1.
    """
    weights = np.ones(len(train))
    parts = []
    for vectors in data.vectors:
        block = Block.fit(vectors[train], weights, components=vectors.shape[1])
        parts.append(block(vectors))
    found = np.concatenate(parts, axis=1)
    return np.asarray(found * np.sqrt(found.shape[1] / len(parts)))


def log_rank(distances: Distances) -> float:
    """Mean logarithm of the rank of the right item, over both directions; lower is better."""
    return float(np.mean([np.log(first_ranks(-table)).mean() for table in distances]))


@dataclass(frozen=True)
class Chance:
    """Distances without information."""

    seed: int

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Distances drawn evenly from [0, 1)."""
        rng = np.random.default_rng(self.seed)
        sizes = (len(musics), len(emotions))
        return Distances(rng.random(sizes), rng.random(sizes[::-1]))


# --- regression ---


@dataclass(frozen=True, eq=False)
class Regressor:
    """A ridge regression of emotions from music: of all labels (``whole``) or the place alone.

    ``predicted`` has all music of the dataset, in ``units``. ``residuals`` are errors for training
    rows by regressions that had not seen them, ``rated`` the emotions of these rows; both are None
    unless distances are calibrated.
    """

    whole: bool
    units: Units
    predicted: Doubles
    residuals: Doubles | None = None
    rated: Doubles | None = None

    @classmethod
    def fit(cls, data: MatchingData, space: MatcherRecipe, train: Index) -> Regressor:
        """Fit to training rows."""
        truth = data.emotions.labels if space.whole else data.emotions.place
        own = data.emotions.where(train)
        units = Units.of(own) if space.whole else Units.fit(own.place)
        music, rated = music_vectors(data, train), units(truth)[train]
        predicted, unseen = _regressed(music, rated, train, data.groups[train])
        if not space.calibrated:
            return cls(space.whole, units, predicted)
        # Predictions for rows that a regression had not seen show how far to trust it.
        slopes = (unseen * rated).sum(axis=0) / (unseen**2).sum(axis=0)
        return cls(space.whole, units, predicted * slopes, rated - unseen * slopes, rated)

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Euclidean distances, or minus the log likelihood ratios of Gaussians."""
        rated = self.units(emotions.labels if self.whole else emotions.place)
        predicted = self.predicted[musics]
        if self.residuals is None or self.rated is None:
            from scipy.spatial.distance import cdist

            apart = np.asarray(cdist(predicted, rated))
            return Distances(apart, apart.T)
        likely = _squares(predicted[:, None] - rated, self.residuals)
        common = _squares(rated, self.rated)
        return Distances(likely - common, (likely - common).T)


def _squares(differences: Doubles, sample: Doubles) -> Doubles:
    """Squared lengths in units of the covariance of a sample, along the last axis."""
    covariance = sample.T @ sample / len(sample)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))
    return np.asarray(
        np.einsum("...k,kl,...l->...", differences, np.linalg.inv(covariance), differences)
    )


def _regressed(
    music: Doubles, rated: Doubles, train: Index, groups: Index
) -> tuple[Doubles, Doubles]:
    """Predictions of a ridge regression for all rows, and for training rows it had not seen."""
    rows = music[train]
    fold = grouped_folds(groups, INNER_FOLDS, seed=0)
    total, parts = sums_by_fold(rows, rated, np.ones(len(rows)), fold)
    unseen = []
    for penalty in PENALTIES:
        guesses = np.zeros_like(rated)
        for k, part in enumerate(parts):
            guesses[fold == k] = _solve(total - part, penalty, rows[fold == k])
        unseen.append(guesses)
    best = int(np.argmin([((guesses - rated) ** 2).mean() for guesses in unseen]))
    return _solve(total, PENALTIES[best], music), unseen[best]


def _solve(moments: NormalEquations, penalty: float, rows: Doubles) -> Doubles:
    coefficients, intercept = moments.solve(np.full(rows.shape[1], penalty * moments.weight))
    return np.asarray(rows @ coefficients + intercept)


# --- linear CCA ---


@dataclass(frozen=True, eq=False)
class Correlated:
    """Linear regularised CCA of music and all labels of emotions.

    Each of the analyses leaves out a fold of the training rows, on which its correlations are
    measured; distances are averaged.
    """

    units: Units
    music: Doubles
    analyses: tuple[LinearCCA, ...]
    distance: CorrelatedDistance
    least_correlation: float

    @classmethod
    def fit(cls, data: MatchingData, space: MatcherRecipe, train: Index) -> Correlated:
        """Fit to training rows, with the ridge that ranks best in folds of them."""
        music, units = music_vectors(data, train), Units.of(data.emotions.where(train))
        rated, distance = units(data.emotions.labels), space.network.correlated
        fold = grouped_folds(data.groups[train], INNER_FOLDS, seed=0)
        least = space.network.least_correlation
        best = np.inf
        chosen: tuple[LinearCCA, ...] = ()
        for ridge in RIDGES:
            analyses, errors = [], []
            for k in range(fold.max() + 1):
                rest, held = train[fold != k], train[fold == k]
                found = LinearCCA.fit(music[rest], rated[rest], ridge, relative=True)
                analyses.append(found.recalibrated(music[held], rated[held]))
                apart = _apart(music[held], rated[held], analyses[-1], distance, least)
                errors.append(log_rank(apart))
            if np.mean(errors) < best:
                best, chosen = float(np.mean(errors)), tuple(analyses)
        return cls(units, music, chosen, distance, least)

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Distances of canonical variates."""
        rated = self.units(emotions.labels)
        music = self.music[musics]
        return averaged([
            _apart(music, rated, one, self.distance, self.least_correlation)
            for one in self.analyses
        ])  # fmt: skip


def averaged(found: Sequence[Distances]) -> Distances:
    """Mean of distances of several models."""
    return Distances(*(np.asarray(np.mean(tables, axis=0)) for tables in zip(*found, strict=True)))


def _apart(
    music: Doubles, rated: Doubles, cca: LinearCCA, distance: CorrelatedDistance, least: float
) -> Distances:
    musics, emotions = (Embedded(rows, rows, np.ones_like(rows)) for rows in (music, rated))
    return scoring.score(
        musics, emotions, cca, weight=1.0, correlated=distance, least_correlation=least
    )
