"""Ratings of datasets, and the distances between them.

Conventions
-----------
Ratings are on the unit scale, mapped from each dataset's nominal one; tracks without valence and
arousal are left out here.

==================  ==========  ===================================================================
Distance            Range       Meaning
==================  ==========  ===================================================================
``wasserstein``     [0, 2]      mean distance that ratings must move, in units of the scale
``jensen_shannon``  [0, 1]      Jensen-Shannon distance, base 2, of histograms of 20 equal bins
==================  ==========  ===================================================================

Both are metrics in the mathematical sense: 0 for the same distribution (of bins), symmetric, and
they obey the triangle inequality. No result is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Integers, Mask
from hevner.emotion import AXES
from hevner.lab.data.labels import quadrants_of
from hevner.lab.data.samples import Samples, names
from hevner.lab.gap.distances import Distance, Measure, Within, compare_datasets
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.statistics import bootstrap

BINS = 20


@dataclass(frozen=True)
class LabelSummary:
    """Ratings of one dataset, on the unit scale; NaN where there are none.

    ``low`` and ``high`` are the interval, over groups, of the correlation of valence and arousal
    over tracks. ``q1`` to ``q4`` are the shares of the quadrants among tracks with ratings or a
    quadrant.
    """

    dataset: str
    tracks: int
    rated: int
    valence_mean: float
    valence_sd: float
    arousal_mean: float
    arousal_sd: float
    correlation: float
    low: float
    high: float
    q1: float
    q2: float
    q3: float
    q4: float


def rated(samples: Samples) -> Mask:
    """Rows with valence and arousal."""
    return np.asarray(np.isfinite(samples.emotion).all(axis=1))


def quadrants(samples: Samples) -> Integers:
    """Quadrant by the ratings where there are any, else the given one; -1 without either."""
    found, known = samples.quadrant.copy(), rated(samples)
    found[known] = quadrants_of(samples.emotion[known])
    return found


def summarise(samples: Samples) -> list[LabelSummary]:
    """Ratings of every dataset, in the order of the samples."""
    return [_summary(samples.where(samples.of(name))) for name in names(samples.dataset)]


def distances(samples: Samples, seed: int = 0) -> tuple[list[Distance], list[Within]]:
    """Distances of ratings between every two datasets, and within each.

    Datasets without valence and arousal, or with a single group of such tracks, are left out.
    """
    samples = samples.where(rated(samples))
    many = [n for n in names(samples.dataset) if len(set(samples.group[samples.of(n)])) > 1]
    samples = samples.where(samples.of(*many))
    apart: list[Distance] = []
    inside: list[Within] = []
    for axis, values in zip(AXES, samples.emotion.T, strict=True):
        measures = partial(_measures, values)
        found = compare_datasets(axis, measures, samples.dataset, samples.group, seed)
        apart += found[0]
        inside += found[1]
    return apart, inside


def wasserstein(first: ArrayLike, second: ArrayLike) -> float:
    """Wasserstein-1 (earth mover's) distance of values of one axis."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(first, second))


def jensen_shannon(first: ArrayLike, second: ArrayLike) -> float:
    """Jensen-Shannon distance of values of one axis: the root of the divergence, base 2."""
    from scipy.spatial.distance import jensenshannon

    counts = [np.histogram(values, BINS, range=(-1, 1))[0] for values in (first, second)]
    return float(jensenshannon(*counts, base=2))


def _measures(values: Doubles, rows: Mask) -> dict[str, Measure]:
    own = values[rows]

    return {
        "wasserstein": lambda split: wasserstein(own[split], own[~split]),
        "jensen_shannon": lambda split: jensen_shannon(own[split], own[~split]),
    }


def _summary(samples: Samples) -> LabelSummary:
    emotion, group = samples.emotion[rated(samples)], samples.group[rated(samples)]
    quadrant = quadrants(samples)
    known = quadrant[quadrant >= 0]
    nan = float("nan")
    shares = np.bincount(known, minlength=4) / len(known) if len(known) else np.full(4, nan)
    if len(set(group)) < 2:
        mean, sd, correlation, interval = np.full(2, nan), np.full(2, nan), nan, (nan, nan)
    else:
        mean, sd = emotion.mean(axis=0), emotion.std(axis=0, ddof=1)
        correlation = pearson(*emotion.T)
        interval = bootstrap(lambda rows: pearson(*emotion[rows].T), group)
    return LabelSummary(
        str(samples.dataset[0]), len(samples), len(emotion),
        float(mean[0]), float(sd[0]), float(mean[1]), float(sd[1]), correlation, *interval,
        *(float(share) for share in shares),
    )  # fmt: skip
