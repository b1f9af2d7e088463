"""Ways to match music and emotions that need no network: chance, regression, linear CCA.

Conventions
-----------
A *matcher* is fitted to the training rows of a world and tells distances of any of its music to
any emotions. Everything, penalties too, is chosen inside the training rows, by folds of whole
groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hevner.lab.data.blocks import Block, grouped_folds
from hevner.lab.joint import scoring
from hevner.lab.joint.material import Array, Emotions, Index, World
from hevner.lab.joint.recipe import Scorer, Space
from hevner.lab.joint.scoring import Distances, Embedded, random_distances, regressed_distances
from hevner.lab.metrics.retrieval import first_ranks
from hevner.lab.regression.ridge import NormalEquations
from hevner.model.cca import LinearCCA

PENALTIES = tuple(float(10**power) for power in np.arange(-2.5, 1.1, 0.5))
"""Of ridge regressions, as shares of the mean variance of a number."""

RIDGES = (0.1, 1.0, 10.0)
"""Of CCA, likewise."""

INNER_FOLDS = 5
NEAREST = 20
"""Emotions whose mean is told of music."""

_SHRINKAGE = 0.05
"""Share of the diagonal in covariances that are inverted."""


class Matcher(Protocol):
    """What tells distances."""

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Distances of some music of the world and emotions, in both directions."""


def places(matcher: Matcher, musics: Index, known: Emotions) -> Array:
    """What a matcher tells of music: the mean place of the nearest of some known emotions.

    A regressor of places tells them itself.

    Parameters
    ----------
    matcher
        Fitted.
    musics
        Rows of the world.
    known
        Emotions of the training rows.

    Returns
    -------
    NDArray
        Shape ``(len(musics), k)``, as `Emotions.place`.
    """
    if isinstance(matcher, Regressor) and not matcher.whole:
        return matcher.units.back(matcher.told[musics])
    apart = matcher.distances(musics, known, "corrected").to_emotion
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :NEAREST]
    return np.asarray(known.place[nearest].mean(axis=1))


@dataclass(frozen=True)
class Units:
    """Standard units of training rows; what is not told becomes their mean."""

    mean: Array
    spread: Array

    @classmethod
    def fit(cls, table: Array) -> Units:
        """Take the units of a table ``(n, k)``; NaN does not count."""
        known = np.isfinite(table)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, table, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (table - mean) ** 2, 0).sum(axis=0) / count)
        return cls(mean, np.where(spread > 1e-9, spread, 1.0))

    @classmethod
    def of(cls, emotions: Emotions) -> Units:
        """Of all that is told of emotions.

        How a curve moves is measured by how places differ, axis by axis, so that it counts for as
        much as it moves: in standard units of its own, the small movements of most curves would
        outweigh where they are.
        """
        told, place = cls.fit(emotions.told), cls.fit(emotions.place)
        return cls(told.mean, np.resize(place.spread, len(told.mean)))

    def __call__(self, table: Array) -> Array:
        """The table in these units."""
        return np.nan_to_num((table - self.mean) / self.spread)

    def back(self, table: Array) -> Array:
        """The reverse."""
        return np.asarray(table * self.spread + self.mean)


def heard(world: World, train: Index) -> Array:
    """Music of all rows in units of the training rows, shape ``(n, width)``.

    Blocks have the same total variance; the mean variance of a number is 1.
    """
    weights = np.ones(len(train))
    parts = []
    for vectors in world.vectors:
        block = Block.fit(vectors[train], weights, components=vectors.shape[1])
        parts.append(block(vectors))
    found = np.concatenate(parts, axis=1)
    return np.asarray(found * np.sqrt(found.shape[1] / len(parts)))


def log_rank(distances: Distances) -> float:
    """Mean logarithm of the rank of what is sought, over both directions; lower is better."""
    tables = (distances.to_emotion, distances.to_music)
    return float(np.mean([np.log(first_ranks(-table)).mean() for table in tables]))


@dataclass(frozen=True)
class Chance:
    """Distances that say nothing."""

    seed: int

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Random ones."""
        return random_distances(len(musics), len(emotions), self.seed)


# --- regression ---


@dataclass(frozen=True, eq=False)
class Regressor:
    """A ridge regression of what emotions are from music.

    Attributes
    ----------
    whole, units
        Whether all of an emotion is told, and in which units.
    told
        Of all music of the world, in these units.
    residuals, rated
        Of the training rows, by regressions that had not seen them, and their emotions, where
        distances are to be calibrated.
    """

    whole: bool
    units: Units
    told: Array
    residuals: Array | None = None
    rated: Array | None = None

    @classmethod
    def fit(cls, world: World, space: Space, train: Index) -> Regressor:
        """Fit to training rows."""
        truth = world.emotions.told if space.whole else world.emotions.place
        own = world.emotions.where(train)
        units = Units.of(own) if space.whole else Units.fit(own.place)
        music, rated = heard(world, train), units(truth)[train]
        told, unseen = _regressed(music, rated, train, world.groups[train])
        if not space.calibrated:
            return cls(space.whole, units, told)
        # Regressions that had not seen a row say how far to trust them.
        slopes = (unseen * rated).sum(axis=0) / (unseen**2).sum(axis=0)
        return cls(space.whole, units, told * slopes, rated - unseen * slopes, rated)

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Euclidean distances, or minus the log likelihood ratios of Gaussians."""
        rated = self.units(emotions.told if self.whole else emotions.place)
        told = self.told[musics]
        if self.residuals is None or self.rated is None:
            return regressed_distances(told, rated)
        likely = _squares(told[:, None] - rated, self.residuals)
        common = _squares(rated, self.rated)
        return Distances(likely - common, (likely - common).T, "regressor, calibrated")


def _squares(differences: Array, sample: Array) -> Array:
    """Squared lengths in units of the covariance of a sample, along the last axis."""
    covariance = sample.T @ sample / len(sample)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * np.diag(np.diag(covariance))
    return np.asarray(
        np.einsum("...k,kl,...l->...", differences, np.linalg.inv(covariance), differences)
    )


def _regressed(music: Array, rated: Array, train: Index, groups: Index) -> tuple[Array, Array]:
    """What a ridge regression tells of all rows, and of training rows it had not seen."""
    rows = music[train]
    fold = grouped_folds(groups, INNER_FOLDS, seed=0)
    ones = np.ones(len(rows))
    parts = [
        NormalEquations.of(rows[fold == k], rated[fold == k], ones[fold == k]) for k in set(fold)
    ]
    total = sum(parts[1:], start=parts[0])
    unseen = []
    for penalty in PENALTIES:
        guesses = np.zeros_like(rated)
        for k, part in zip(set(fold), parts, strict=True):
            guesses[fold == k] = _solve(total - part, penalty, rows[fold == k])
        unseen.append(guesses)
    best = int(np.argmin([((guesses - rated) ** 2).mean() for guesses in unseen]))
    return _solve(total, PENALTIES[best], music), unseen[best]


def _solve(moments: NormalEquations, penalty: float, rows: Array) -> Array:
    coefficients, intercept = moments.solve(np.full(rows.shape[1], penalty * moments.weight))
    return np.asarray(rows @ coefficients + intercept)


# --- linear CCA ---


@dataclass(frozen=True, eq=False)
class Correlated:
    """Linear regularised CCA of music and all that is told of emotions.

    Each of the analyses leaves out a fold of the training rows, which tells its correlations;
    distances are averaged.
    """

    units: Units
    music: Array
    analyses: tuple[LinearCCA, ...]
    distance: scoring.Correlated
    least_correlation: float

    @classmethod
    def fit(cls, world: World, space: Space, train: Index) -> Correlated:
        """Fit to training rows, with the ridge that ranks best in folds of them."""
        music, units = heard(world, train), Units.of(world.emotions.where(train))
        rated, distance = units(world.emotions.told), space.network.correlated
        fold = grouped_folds(world.groups[train], INNER_FOLDS, seed=0)
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
        """Of canonical variates."""
        rated = self.units(emotions.told)
        music = self.music[musics]
        return averaged([
            _apart(music, rated, one, self.distance, self.least_correlation)
            for one in self.analyses
        ])  # fmt: skip


def averaged(found: Sequence[Distances]) -> Distances:
    """Mean of distances of several models."""
    to_emotion = np.mean([one.to_emotion for one in found], axis=0)
    to_music = np.mean([one.to_music for one in found], axis=0)
    return Distances(to_emotion, to_music, found[0].label)


def _apart(
    music: Array, rated: Array, cca: LinearCCA, distance: scoring.Correlated, least: float
) -> Distances:
    musics, emotions = (Embedded(rows, rows, np.ones_like(rows)) for rows in (music, rated))
    return scoring.score(
        musics, emotions, cca, weight=1.0, correlated=distance, least_correlation=least
    )
