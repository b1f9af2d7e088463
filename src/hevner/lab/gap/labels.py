"""Ratings of datasets, and the distances between them.

Conventions
-----------
Ratings are on the unit scale, mapped from each dataset's nominal one; tracks without valence and
arousal are left out here. Distances are those of `hevner.lab.metrics.distribution`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hevner.arrays import Doubles, Integers, Mask, Names
from hevner.emotion import Quadrant
from hevner.lab.data.samples import Samples
from hevner.lab.gap.null import Distance, Measure, Within, between, within
from hevner.lab.metrics import distribution
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.statistics import bootstrap

AXES = ("valence", "arousal")

MEASURES = {
    "wasserstein": distribution.wasserstein,
    "jensen_shannon": distribution.jensen_shannon,
}


@dataclass(frozen=True)
class LabelSummary:
    """Ratings of one dataset.

    Attributes
    ----------
    dataset, tracks, rated
        Name, number of tracks, number of tracks with valence and arousal.
    valence_mean, valence_sd, arousal_mean, arousal_sd
        Mean and standard deviation on the unit scale; NaN without ratings.
    correlation, low, high
        Correlation of valence and arousal over tracks, with its interval over groups.
    q1, q2, q3, q4
        Shares of the quadrants among tracks with ratings or a quadrant; NaN if there are none.
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
    found = samples.quadrant.copy()
    order = list(Quadrant)
    for row in np.flatnonzero(rated(samples)):
        valence, arousal = samples.emotion[row]
        found[row] = order.index(Quadrant.of(valence, arousal))
    return found


def summarise(samples: Samples) -> list[LabelSummary]:
    """Ratings of every dataset, in the order of the samples."""
    return [_summary(samples.where(samples.of(name))) for name in names(samples.dataset)]


def distances(samples: Samples, seed: int = 0) -> tuple[list[Distance], list[Within]]:
    """Distances of ratings between every two datasets, and within each.

    Datasets without valence and arousal, or with a single group of such tracks, are left out.
    """
    samples = samples.where(rated(samples))
    datasets = [n for n in names(samples.dataset) if len(set(samples.group[samples.of(n)])) > 1]
    apart: list[Distance] = []
    inside: list[Within] = []
    for number, axis in enumerate(AXES):
        for name in datasets:
            rows = samples.of(name)
            measures = _measures(samples.emotion[rows, number])
            inside += within(axis, name, measures, samples.group[rows], seed)
        for first, second in combinations(datasets, 2):
            rows = samples.of(first, second)
            measures = _measures(samples.emotion[rows, number])
            is_first = samples.dataset[rows] == first
            apart += between(axis, first, second, measures, is_first, samples.group[rows], seed)
    return apart, inside


def names(datasets: Names) -> list[str]:
    """Distinct names in the order of their first rows."""
    return list(dict.fromkeys(datasets.tolist()))


def _measures(values: Doubles) -> dict[str, Measure]:
    def measure(name: str) -> Measure:
        return lambda split: MEASURES[name](values[split], values[~split])

    return {name: measure(name) for name in MEASURES}


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
