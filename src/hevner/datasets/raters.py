"""What several raters gave, and what the tracks are taken to be: means, most votes, weights.

Conventions
-----------
Ratings of one field as a matrix have a row per track and a column per rater, shape ``(n, m)``, NaN
where a rater gave nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets.labels import FELT, NAN, RATINGS
from hevner.datasets.track import Given, Track

COMMON = 3
"""Fewest tracks that a rater must share with others for an agreement."""

Votes = Mapping[str, Mapping[str, Given]]


def rater_names(tracks: Sequence[Track]) -> list[str]:
    """Names of all raters of tracks, sorted."""
    return sorted({name for track in tracks for name in track.by_rater or ()})


def matrix(tracks: Sequence[Track], field: str) -> Doubles:
    """Ratings of a field by track and rater, the raters in the order of `rater_names`."""
    raters = rater_names(tracks)
    given = [
        [(track.by_rater or {}).get(name, {}).get(field, NAN) for name in raters]
        for track in tracks
    ]
    return np.array(given, float).reshape(len(tracks), len(raters))


def agreement(ratings: Doubles) -> Doubles:
    """Correlation of each rater with the mean of the others, shape ``(m,)``.

    NaN for raters who share fewer than `COMMON` tracks with others, or always give the same.
    """
    found = np.full(ratings.shape[1], NAN)
    for k in range(ratings.shape[1]):
        others = np.delete(ratings, k, axis=1)
        both = np.isfinite(ratings[:, k]) & np.isfinite(others).any(axis=1)
        if both.sum() >= COMMON:
            mean = np.nanmean(others[both], axis=1)
            if np.ptp(mean) and np.ptp(ratings[both, k]):
                found[k] = np.corrcoef(ratings[both, k], mean)[0, 1]
    return found


def weights(tracks: Sequence[Track]) -> dict[str, float]:
    """Weight of each rater: the mean of the `agreement` over all ratings, never below 0.

    A rater of whom it is not known gets the mean of the others; without any, all count alike. This
    is the evaluator weighted estimator of Grimm and Kroschel (ASRU 2005) with the raters left out
    of the mean that they are compared with.
    """
    raters = rater_names(tracks)
    found = np.array([agreement(matrix(tracks, field)) for field in (*RATINGS, *FELT)])
    known = np.isfinite(found)
    total = np.where(known, np.maximum(found, 0), 0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(len(raters), NAN), where=known.any(0))
    usual = mean[np.isfinite(mean)].mean() if np.isfinite(mean).any() else 1.0
    mean = np.where(np.isfinite(mean), mean, usual)
    return dict(zip(raters, mean.tolist() if mean.sum() else np.ones(len(raters)), strict=True))


def mean_and_spread(
    votes: Votes, field: str, weight: Mapping[str, float]
) -> tuple[float | None, float | None]:
    """Weighted mean of a rating, and the standard deviation of the raters (n - 1) about theirs.

    None without a rating; no deviation of fewer than two.
    """
    shares = _shares(votes, field, weight)
    if not shares:
        return None, None
    values = np.array([votes[name][field] for name in shares], float)
    mean = float(np.average(values, weights=list(shares.values())))
    return mean, float(values.std(ddof=1)) if len(values) > 1 else None


def most_votes(votes: Votes, field: str, weight: Mapping[str, float]) -> str | None:
    """The class with the most weight; None without votes, or if two have as much."""
    found: dict[str, float] = defaultdict(float)
    for name, share in _shares(votes, field, weight).items():
        found[str(votes[name][field])] += share
    best = [one for one, share in found.items() if share >= max(found.values()) - 1e-9]
    return best[0] if len(best) == 1 else None


def common_tags(votes: Votes, weight: Mapping[str, float]) -> tuple[str, ...] | None:
    """Tags that raters of at least half the weight gave; None if nobody gave this label."""
    shares = _shares(votes, "tags", weight)
    found: dict[str, float] = defaultdict(float)
    for name, share in shares.items():
        tags = votes[name]["tags"]
        for tag in tags if isinstance(tags, tuple) else ():
            found[tag] += share
    half = sum(shares.values()) / 2 - 1e-9
    return tuple(sorted(tag for tag, share in found.items() if share >= half)) if shares else None


def _shares(votes: Votes, field: str, weight: Mapping[str, float]) -> dict[str, float]:
    """Weights of the raters who gave a field; all alike if none of them has any."""
    found = {name: weight[name] for name, one in votes.items() if field in one}
    return found if sum(found.values()) else dict.fromkeys(found, 1.0)
