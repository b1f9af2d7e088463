"""How far raters agree: intraclass correlations, split halves, kappa, and each rater with the rest.

Conventions
-----------
Ratings are a matrix with a row per track and a column per rater, NaN where a rater gave nothing
(`hevner.datasets.raters.matrix`). Intraclass correlations are those of Shrout and Fleiss
(Psychological Bulletin 86, 1979), the first by a one-way analysis of variance that allows any
number of raters per track, ``k`` being their mean number corrected for its spread; the second needs
all raters to have rated all tracks. ``ICC(1)`` is the reliability of one rater, ``ICC(1,k)`` that
of the mean of ``k``. Kappa is Fleiss' (Psychological Bulletin 76, 1971) for any number of raters.
Agreement over time is the mean correlation of the courses of two raters of a piece. A course is
seconds and values, both of shape ``(n,)``, the seconds rising.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from hevner.arrays import Doubles, Rows
from hevner.datasets.labels import CLASSES, FELT, NAN, RATINGS
from hevner.datasets.raters import COMMON, matrix, rater_names, weights
from hevner.datasets.resampling import bootstrap
from hevner.datasets.track import Track
from hevner.emotion import AXES

Figures = dict[str, str | float | int | None]
Course = tuple[Doubles, Doubles]
Courses = Callable[[Track, str], Sequence[Course]]

SPLITS = 100
"""Random halves of the raters."""

TINY = 1e-9
"""Share of the variance below which a variance is only rounding."""

STEP_S = 0.5
"""Seconds between the moments at which courses are compared."""

LEAST = 10
"""Moments that two courses must have in common."""

RESAMPLES = 200
"""Resamples for an interval: it is read to two digits at most."""


def one_way(ratings: Doubles) -> tuple[float, float]:
    """``ICC(1)`` and ``ICC(1,k)`` of rows with at least two raters; NaN if they cannot be had."""
    rows = ratings[np.isfinite(ratings).sum(axis=1) > 1]
    counts = np.isfinite(rows).sum(axis=1)
    n, total = len(rows), counts.sum()
    if n < COMMON:
        return NAN, NAN
    means = np.nanmean(rows, axis=1)
    within = np.nansum((rows - means[:, None]) ** 2) / (total - n)
    grand = (counts * means).sum() / total
    between = (counts * (means - grand) ** 2).sum() / (n - 1)
    k = (total - (counts**2).sum() / total) / (n - 1)
    if between <= TINY * (between + within):
        return NAN, NAN
    return (
        float((between - within) / (between + (k - 1) * within)),
        float((between - within) / between),
    )


def two_way(ratings: Doubles) -> tuple[float, float]:
    """``ICC(2)`` and ``ICC(2,k)``; NaN unless all raters have rated all tracks."""
    n, k = ratings.shape
    if n < COMMON or k < 2 or not np.isfinite(ratings).all():
        return NAN, NAN
    grand, rows, columns = ratings.mean(), ratings.mean(axis=1), ratings.mean(axis=0)
    between = k * ((rows - grand) ** 2).sum() / (n - 1)
    raters = n * ((columns - grand) ** 2).sum() / (k - 1)
    left = ratings - rows[:, None] - columns + grand
    error = (left**2).sum() / ((n - 1) * (k - 1))
    single = between + (k - 1) * error + k * (raters - error) / n
    mean = between + (raters - error) / n
    if min(single, mean) <= TINY * (between + raters + error):
        return NAN, NAN  # no variance to be a share of
    return float((between - error) / single), float((between - error) / mean)


def split_half(ratings: Doubles, splits: int = SPLITS) -> float:
    """Correlation of the means of random halves of each track's raters, by Spearman and Brown.

    One below 0 is stepped up as if it were above, so that it stays within -1.
    """
    counts = np.isfinite(ratings).sum(axis=1)
    rows, half = ratings[counts > 1], counts[counts > 1][:, None] // 2
    rng = np.random.default_rng(0)
    found = []
    for _ in range(splits if len(rows) >= COMMON else 0):
        # The raters of each track in random order, those who gave nothing at the end.
        order = np.argsort(np.where(np.isfinite(rows), rng.random(rows.shape), np.inf), axis=1)
        mixed, place = np.take_along_axis(rows, order, axis=1), np.arange(rows.shape[1])
        one = np.where(place < half, mixed, 0).sum(axis=1)
        other = np.where((place >= half) & (place < 2 * half), mixed, 0).sum(axis=1)
        if np.ptp(one / half[:, 0]):
            found.append(_correlation(one / half[:, 0], other / half[:, 0]))
    mean = float(np.nanmean(found)) if np.isfinite(found).any() else NAN
    return 2 * mean / (1 + abs(mean))


def _correlation(one: Doubles, other: Doubles) -> float:
    """Pearson's, 0 where the other is constant."""
    return float(np.corrcoef(one, other)[0, 1]) if np.ptp(other) else 0.0


def kappa(votes: Sequence[Sequence[object]]) -> float:
    """Fleiss' kappa of the classes that raters gave to each track; NaN if it cannot be had."""
    counts = [Counter(given) for given in votes if len(given) > 1]
    total: Counter[object] = Counter()
    for count in counts:
        total.update(count)
    size = total.total()
    chance = sum((number / size) ** 2 for number in total.values()) if size else 1.0
    if chance == 1:
        return NAN
    agreed = [
        sum(number * (number - 1) for number in count.values())
        / (count.total() * (count.total() - 1))
        for count in counts
    ]
    return float((np.mean(agreed) - chance) / (1 - chance))


def together(courses: Sequence[Course]) -> float:
    """Mean correlation of the courses of two raters of a piece; NaN if no two can be compared.

    Courses are resampled to common moments, each between its first and its last value. One that
    does not move has no correlation and is left out.
    """
    if len(courses) < 2:
        return NAN
    first = min(times[0] for times, _ in courses) // STEP_S
    grid = STEP_S * np.arange(first, max(times[-1] for times, _ in courses) // STEP_S + 1)
    rows = np.array([np.interp(grid, *one, left=NAN, right=NAN) for one in courses])
    mine = np.isfinite(rows).astype(float)
    values = np.nan_to_num(rows - [[one[1].mean()] for one in courses])
    # Sums over the moments that two have in common, for all pairs at once.
    count, total, square = mine @ mine.T, values @ mine.T, values**2 @ mine.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = square - total**2 / count
        found = (values @ values.T - total * total.T / count) / np.sqrt(spread * spread.T)
    moves = spread > TINY * np.maximum(square, TINY)
    some = found[np.triu((count >= LEAST) & moves & moves.T, 1)]
    return float(some.mean()) if len(some) else NAN


def courses_of(track: Track, axis: str) -> list[Course]:
    """Courses of the raters of a track, as far as it has a curve with raters."""
    rows = None if track.curve is None else getattr(track.curve, f"{axis}_by_rater")
    if track.curve is None or rows is None:
        return []
    known = [np.isfinite(row) for row in rows]
    return [(track.curve.times[k], row[k]) for k, row in zip(known, rows, strict=True) if k.any()]


def table(tracks: Sequence[Track], courses: Courses = courses_of) -> list[Figures]:
    """Agreement of the raters of tracks, a row per label and measure; none without raters.

    ``courses`` gives those of the raters of a track on an axis, for agreement over time.
    ``value`` with its 95 % bootstrap interval over groups of tracks, where there is one; ``n``
    tracks and ``raters`` stand behind it. The last rows have each rater's correlation with the mean
    of the others, averaged over ratings, which is also the weight that ``rater_weights =
    "agreement"`` gives.
    """
    rated = [track for track in tracks if track.by_rater]
    rows: list[Figures] = []
    for name in (*RATINGS, *FELT):
        ratings = matrix(rated, name) if rated else np.empty((0, 0))
        mine = np.isfinite(ratings).sum(axis=1) > 1
        if mine.sum() >= COMMON:
            used = ratings[mine][:, np.isfinite(ratings[mine]).any(axis=0)]
            some = [track for track, keep in zip(rated, mine, strict=True) if keep]
            rows += _of_ratings(name, used, some)
        if name in AXES:
            rows += _over_time(name, rated, courses)
    for name in (*CLASSES, "tags"):
        rows += _of_classes(name, rated)
    if any(row["measure"] == "ICC(1)" for row in rows):
        weight = weights(rated)
        rows += [_row("all ratings", f"agreement of {r}", weight[r], rated, 1) for r in weight]
    return rows


def _of_ratings(name: str, ratings: Doubles, tracks: Sequence[Track]) -> list[Figures]:
    measures: dict[str, Callable[[Doubles], float]] = {
        "ICC(1)": lambda some: one_way(some)[0],
        "ICC(1,k)": lambda some: one_way(some)[1],
        "ICC(2)": lambda some: two_way(some)[0],
        "ICC(2,k)": lambda some: two_way(some)[1],
        "split-half": lambda some: split_half(some, 10),
    }
    rows = []
    for measure, of in measures.items():
        value = split_half(ratings) if measure == "split-half" else of(ratings)
        if np.isfinite(value):
            rows.append(_row(name, measure, value, tracks, ratings.shape[1], ratings, of))
    return rows


def _over_time(axis: str, tracks: Sequence[Track], courses: Courses) -> list[Figures]:
    found = np.array([together(courses(track, axis)) for track in tracks])
    known = np.isfinite(found)
    if known.sum() < COMMON:
        return []
    some = [track for track, keep in zip(tracks, known, strict=True) if keep]
    mean, raters = float(found[known].mean()), len(rater_names(some))
    return [_row(axis, "over time", mean, some, raters, found[known], lambda r: float(r.mean()))]


def _of_classes(name: str, tracks: Sequence[Track]) -> list[Figures]:
    given = [[one[name] for one in (t.by_rater or {}).values() if name in one] for t in tracks]
    several = [k for k, some in enumerate(given) if len(some) > 1]
    if len(several) < COMMON:
        return []
    if name == "tags":
        words = sorted({tag for some in given for tags in some for tag in tags})  # type: ignore[union-attr]
        each = [kappa([[word in tags for tags in some] for some in given]) for word in words]  # type: ignore[operator]
        known = [value for value in each if np.isfinite(value)]
        value = float(np.mean(known)) if known else NAN
    else:
        value = kappa(given)
    some = [tracks[k] for k in several]
    return [_row(name, "kappa", value, some, len(rater_names(some)))] if np.isfinite(value) else []


def _row(
    label: str,
    measure: str,
    value: float,
    tracks: Sequence[Track],
    raters: int,
    ratings: Doubles | None = None,
    of: Callable[[Doubles], float] | None = None,
) -> Figures:
    groups = np.array([track.group for track in tracks])
    low = high = None
    if ratings is not None and of is not None and len(set(groups)) > 1:

        def score(rows: Rows) -> float:
            return of(ratings[rows])

        low, high = bootstrap(score, groups, resamples=RESAMPLES)
    return {
        "label": label, "measure": measure, "value": round(value, 3),
        "low": None if low is None else round(low, 3),
        "high": None if high is None else round(high, 3),
        "n": len(tracks), "groups": len(set(groups)), "raters": raters,
    }  # fmt: skip
