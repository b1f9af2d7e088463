"""Fit a person's correction to a few ratings, without making predictions worse.

With ten ratings a line fitted by least squares is worse than no correction. So there is a prior
centred on no change, and the ratings decide how far the correction leaves it. Per axis, four
hypotheses are weighed: the line of the default model fits this person or not, moods matter beyond
it or not. Under each the change is Gaussian with the standard deviations of a `Prior` (zero where
there is no change), the noise is one of a few sizes, and everything has a closed form. The result
is the mean over all of them, weighted by how probable each makes the ratings (Bayesian model
averaging): few or inconsistent ratings change little, many consistent ones as much as least
squares.

The prior comes from other datasets: the distances of their ratings from the predictions of a model
that was not trained on them.

Conventions
-----------
Unit scale throughout. ``values``, ``ratings``: shape ``(n,)``; ``moods``: ``(n, 9)``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets.rows import Row, read_rows
from hevner.emotion import GEMS, Scale
from hevner.errors import DataError
from hevner.files import display_name
from hevner.personal import LEAST_SLOPE, TERMS, Axis, Personal, basis, moods_of
from hevner.result import Analysis, Estimate

FEWEST = 3
"""Fewest ratings that change anything: a line needs two, and a third to check it."""

UNCHANGED_LINE = 6.0
UNCHANGED_MOODS = 3.0
"""Odds, before any rating, that there is no change. These and `MOODS` were chosen among about ten
settings such that no number of ratings makes predictions worse on MusEmo and VGMIDI: the learning
curves on these sets are a little optimistic."""

NOISES = (0.5, 0.7, 1.0, 1.4, 2.0)
"""Possible sizes of the noise, as multiples of the prior's."""

MOODS = 0.25
"""Standard deviation of the weight of a mood. Whole datasets suggest 0.5 to 1 (maximum likelihood);
weights that large cost correlation on MusEmo with three to eight ratings."""


@dataclass(frozen=True)
class Prior:
    """Standard deviations: the line, ratings around it, the weight of a mood per unit of share."""

    offset: float
    slope: float
    noise: float
    moods: float = MOODS


PRIOR = Prior(offset=0.12, slope=0.2, noise=0.22)
"""From MusEmo and VGMIDI, each analysed by a model not trained on it, rounded; printed by
``benchmarks/personalise.py``."""


@dataclass(frozen=True)
class Sample:
    """One axis of rated pieces: predictions of a model, and ratings of people."""

    values: Doubles
    moods: Doubles
    ratings: Doubles


def fit(analyses: Sequence[Analysis], ratings: Doubles, prior: Prior = PRIOR) -> Personal:
    """Fit a correction to analyses by one model and ratings of the same pieces, ``(n, 2)``.

    Raises `DataError` if there are fewer than `FEWEST` ratings, or a piece is silent.
    """
    if len(analyses) < FEWEST:
        raise DataError(
            f"{len(analyses)} ratings are too few",
            remedy=f"Rate at least {FEWEST} pieces, better 10 to 30",
            code="too_few_ratings",
        )
    axes = (fit_axis(one, prior) for one in samples(analyses, ratings))
    return Personal(analyses[0].model, len(analyses), *axes)


def samples(analyses: Sequence[Analysis], ratings: Doubles) -> tuple[Sample, Sample]:
    """Valence and arousal of rated pieces."""
    moods = np.concatenate([moods_of(analysis) for analysis in analyses])
    values = np.array([[_value(a.valence), _value(a.arousal)] for a in analyses])
    first, second = (Sample(values[:, axis], moods, ratings[:, axis]) for axis in range(2))
    return first, second


def _value(estimate: Estimate | None) -> float:
    if estimate is None:
        raise DataError("a silent piece cannot be rated", remedy="Leave it out", code="silent")
    return estimate.value


def fit_axis(sample: Sample, prior: Prior = PRIOR) -> Axis:
    """Fit the correction of one axis; with fewer than `FEWEST` ratings it changes nothing."""
    count = len(sample.ratings)
    centre = np.nan_to_num(sample.moods.mean(axis=0)) if count else np.zeros(len(GEMS))
    terms = basis(sample.values, sample.moods - centre)
    residual = sample.ratings - sample.values
    hypotheses = list(product((0, 1), (0, 1), NOISES))
    found = [
        _posterior(terms, residual, _variances(prior, line, moods), factor * prior.noise)
        for line, moods, factor in hypotheses
    ]
    odds = [UNCHANGED_LINE ** (1 - line) * UNCHANGED_MOODS ** (1 - m) for line, m, _ in hypotheses]
    means, covariances, evidence = (np.array(part) for part in zip(*found, strict=True))
    weights = np.array(odds) * np.exp(evidence - evidence.max())
    weights /= weights.sum()
    change = weights @ means
    covariance = np.tensordot(weights, covariances, 1)
    covariance += (means - change).T @ (weights[:, None] * (means - change))
    noise = prior.noise * np.sqrt(weights @ [factor**2 for _, _, factor in hypotheses])
    if count < FEWEST:
        change = np.zeros(TERMS)
    change[1] = max(change[1], LEAST_SLOPE - 1)
    return Axis(change, centre, float(noise), covariance)


def _variances(prior: Prior, line: int, moods: int) -> Doubles:
    """Prior variances of a change, shape ``(TERMS,)``."""
    weights = np.full(len(GEMS), moods * prior.moods**2)
    return np.concatenate([[line * prior.offset**2, line * prior.slope**2], weights])


def _posterior(
    terms: Doubles, residual: Doubles, variances: Doubles, noise: float
) -> tuple[Doubles, Doubles, float]:
    """Mean and covariance of the change under one hypothesis and noise, and their evidence."""
    spread = np.sqrt(variances)
    scaled = terms * spread / noise
    target = residual / noise
    information = np.eye(TERMS) + scaled.T @ scaled
    projected = scaled.T @ target
    mean = np.linalg.solve(information, projected)
    evidence = -0.5 * (
        target @ target
        - projected @ mean
        + np.linalg.slogdet(information)[1]
        + 2 * len(target) * np.log(noise)
    )
    covariance = np.linalg.inv(information) * np.outer(spread, spread)
    return spread * mean, covariance, float(evidence)


def left_out_errors(sample: Sample, prior: Prior = PRIOR) -> tuple[float, float]:
    """Mean absolute error without and with a correction fitted to all other ratings."""
    errors = []
    for row in range(len(sample.ratings)):
        rest = np.arange(len(sample.ratings)) != row
        axis = fit_axis(
            Sample(sample.values[rest], sample.moods[rest], sample.ratings[rest]), prior
        )
        guess = axis.values(sample.values[~rest], sample.moods[~rest])
        errors.append(abs(sample.ratings[row] - guess[0]))
    return float(np.abs(sample.ratings - sample.values).mean()), float(np.mean(errors))


@dataclass(frozen=True)
class Rated:
    """A row of a rating file on the unit scale; ``where`` names file and line."""

    path: Path
    valence: float
    arousal: float
    where: str


def read_ratings(path: Path, scale: Scale) -> tuple[list[Rated], list[DataError]]:
    """Read a person's ratings, and one error per bad row, from a CSV file.

    Its columns are ``path``, relative to the folder of the file, ``valence`` and ``arousal``.
    Raises `DataError` if the file cannot be read or lacks a column.
    """
    rated: list[Rated] = []
    problems: list[DataError] = []
    seen: dict[str, str] = {}
    missing = "Give a CSV file with the columns path, valence and arousal"
    for row in read_rows(path, ("path", "valence", "arousal"), missing=missing):
        try:
            one = _rated(row, path.parent, scale)
            real = os.path.realpath(one.path)
            if real in seen:
                raise DataError(
                    f"'{display_name(one.path)}' was rated before, in {seen[real]}",
                    subject=row.where,
                    remedy="Keep one of the two rows",
                    code="duplicate",
                )
            seen[real] = row.where
            rated.append(one)
        except DataError as error:
            problems.append(error)
    return rated, problems


def _rated(row: Row, folder: Path, scale: Scale) -> Rated:
    path = folder / row.text("path")
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on names too long
        raise DataError(
            f"there is no file '{display_name(path)}'",
            subject=row.where,
            remedy="Correct the path, which starts at the folder of the table",
            code="file_missing",
        )
    return Rated(path, _rating(row, "valence", scale), _rating(row, "arousal", scale), row.where)


def _rating(row: Row, column: str, scale: Scale) -> float:
    value = row.number(column)
    if not scale.low <= value <= scale.high:
        raise DataError(
            f"{value:g} in column {column} lies outside the scale {scale.name}",
            subject=row.where,
            remedy="Correct the rating, or name the scale of the ratings with --scale",
            code="out_of_range",
        )
    return scale.to_unit(value)
