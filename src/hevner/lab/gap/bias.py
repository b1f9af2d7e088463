"""Recognition of dataset and genre, the share of genre in emotion, and genres that drive a model.

Conventions
-----------
Everything is predicted for tracks whose group (song, game, artist) was not trained on. Intervals
are 95 % bootstrap intervals over groups; they hold for the fitted models, not for refitting.
Vectors are standardised on the training part. Errors are root mean squares in units of the scale
[-1, 1].

A *class* (a dataset, a genre) needs as many groups as there are folds; tracks of smaller ones are
left out. ``genre`` is the collection, such as a game series, where there is no genre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hevner.arrays import Doubles, Floats, Mask, Names, Rows
from hevner.emotion import AXES
from hevner.lab.data.samples import Samples, names
from hevner.lab.gap.labels import rated
from hevner.lab.metrics.regression import pearson, r2, rmse
from hevner.lab.metrics.statistics import Difference, bootstrap, paired_bootstrap

FOLDS = 5

INVERSE_PENALTY = 0.01
"""Inverse penalty of the linear classifier, C of scikit-learn's `LogisticRegression`."""

PENALTIES = tuple(10.0 ** np.arange(0, 6.5, 0.5))
"""Penalties of the ridge regression, chosen inside the training part."""


CONTROLS = 5
"""Random losses of the same size as a genre; their errors are averaged."""


@dataclass(frozen=True)
class Probe:
    """Score of a linear classifier of datasets or genres (``target``).

    ``within`` names the dataset or datasets of the tracks. ``accuracy`` is the mean share of each
    class that is recognised, ``low`` and ``high`` its interval, ``chance`` 1 / classes.
    """

    representation: str
    target: str
    within: str
    classes: int
    tracks: int
    groups: int
    accuracy: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True)
class GenreShare:
    """Share of the ratings of a dataset that genre alone explains.

    ``eta_squared`` is the share of the variance that lies between the genres of these tracks, some
    of it by chance; ``r2`` that of predicting the mean of the genre for new songs, with its
    interval.
    """

    dataset: str
    axis: str
    genres: int
    tracks: int
    groups: int
    eta_squared: float
    r2: float
    low: float
    high: float


@dataclass(frozen=True)
class GenreReliance:
    """Share of genre in the predictions of a ridge regression, trained on other songs.

    ``r`` is the correlation of ratings and predictions; ``r_within``, with its interval, that after
    the mean of the genre is subtracted from both. Shares are those of the variance that lies
    between genres. ``excess``, with its interval, is the predicted less the rated share: above 0
    the model relies on genre more than listeners do.
    """

    representation: str
    dataset: str
    axis: str
    tracks: int
    r: float
    r_within: float
    low: float
    high: float
    rated_share: float
    predicted_share: float
    excess: float
    excess_low: float
    excess_high: float


@dataclass(frozen=True)
class Dominance:
    """Change of a model's error when one genre, of ``tracks`` tracks, is left out of training.

    A change is the error without less the error with: above 0, the genre was of use. ``others`` is
    that for all other genres and ``own`` that for the genre itself, each with its paired interval;
    ``others_random`` is that for the other genres when as many random tracks are left out, which
    measures the mere loss of music.
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


def dataset_probes(representation: str, samples: Samples, seed: int = 0) -> list[Probe]:
    """Classify all datasets, then every two of them; no rows with fewer than two usable ones."""
    usable = common_classes(samples.dataset, samples.group)
    present = names(samples.dataset[usable])
    if len(present) < 2:
        return []
    choices = [tuple(present)] + (list(combinations(present, 2)) if len(present) > 2 else [])
    return [
        _probe(representation, "dataset", ", ".join(chosen), samples.where(samples.of(*chosen)),
               samples.dataset[samples.of(*chosen)], seed)
        for chosen in choices
    ]  # fmt: skip


def genre_probes(representation: str, samples: Samples, seed: int = 0) -> list[Probe]:
    """Classify the genres of each dataset that has at least two."""
    return [
        _probe(representation, "genre", name, part, part.genre, seed)
        for name, part in with_genres(samples)
    ]


def genre_shares(samples: Samples, seed: int = 0) -> list[GenreShare]:
    """Share that genre explains, per rated dataset with at least two genres."""
    rows = []
    for name, part in with_genres(samples.where(rated(samples))):
        guesses = np.empty_like(part.emotion)
        for train, test in folds(part.genre, part.group, seed):
            guesses[test] = part.emotion[train].mean(axis=0)
            for genre in set(part.genre[train]):
                mine = part.genre == genre
                guesses[test & mine] = part.emotion[train & mine].mean(axis=0)
        for axis, truth, guess in zip(AXES, part.emotion.T, guesses.T, strict=True):
            interval = bootstrap(_score(r2, truth, guess), part.group, seed=seed)
            rows.append(
                GenreShare(
                    name, axis, len(set(part.genre)), len(part), len(set(part.group)),
                    eta_squared(truth, part.genre), r2(truth, guess), *interval,
                )
            )  # fmt: skip
    return rows


def genre_reliance(representation: str, samples: Samples, seed: int = 0) -> list[GenreReliance]:
    """Reliance of a ridge regression on genre, per rated dataset with at least two genres."""
    rows = []
    for name, part in with_genres(samples.where(rated(samples))):
        tests = [test for _, test in folds(part.genre, part.group, seed)]
        guesses = _unseen(part.blocks[representation], part.emotion, tests)
        for axis, truth, guess in zip(AXES, part.emotion.T, guesses.T, strict=True):
            rows.append(_reliance(representation, name, axis, part, truth, guess, seed))
    return rows


def dominance(representation: str, samples: Samples, seed: int = 0) -> list[Dominance]:
    """Leave each genre out of training, in each rated dataset that has at least three."""
    rows = []
    for name, part in with_genres(samples.where(rated(samples))):
        genres = sorted(set(part.genre.tolist()))
        if len(genres) < 3:
            continue
        rng = np.random.default_rng(seed)
        tests = [test for _, test in folds(part.genre, part.group, seed)]
        data = part.blocks[representation], part.emotion, tests
        whole = _unseen(*data)
        for genre in genres:
            own = part.genre == genre
            guess = _unseen(*data, ~own)
            lost = [
                _unseen(*data, _random_loss(part.group, int(own.sum()), rng))
                for _ in range(CONTROLS)
            ]
            for axis, truth in enumerate(part.emotion.T):
                columns = truth, guess[:, axis], whole[:, axis], part.group

                def change(rows: Mask, columns: tuple[Any, ...] = columns) -> Difference:
                    return paired_bootstrap(rmse, *(one[rows] for one in columns), seed=seed)

                random = np.mean([rmse(truth[~own], one[~own, axis]) for one in lost])
                rows.append(
                    Dominance(
                        representation, name, AXES[axis], genre, int(own.sum()), *change(~own),
                        float(random - rmse(truth[~own], whole[~own, axis])), *change(own),
                    )
                )  # fmt: skip
    return rows


def _unseen(
    vectors: Floats, emotion: Doubles, tests: list[Mask], allowed: Mask | None = None
) -> Doubles:
    """Predictions for every row by ridge regressions on (allowed) rows of other folds."""
    from sklearn.linear_model import RidgeCV

    guess = np.empty_like(emotion)
    for test in tests:
        train = ~test if allowed is None else allowed & ~test
        model = _standardised(RidgeCV(PENALTIES, alpha_per_target=True))
        guess[test] = model.fit(vectors[train], emotion[train]).predict(vectors[test])
    return guess


def _random_loss(group: Names, count: int, rng: np.random.Generator) -> Mask:
    """All rows but ``count`` random ones, in whole groups as far as they go."""
    kept = np.ones(len(group), bool)
    for one in rng.permutation(names(group)):
        rows = np.flatnonzero(group == one)[:count]
        kept[rows] = False
        count -= len(rows)
    return kept


def eta_squared(values: Doubles, classes: Names) -> float:
    """Share of the variance of values ``(n,)`` that lies between classes, in [0, 1]."""
    within = values - class_means(values, classes)
    total = values - values.mean()
    return float(1 - within @ within / (total @ total))


def class_means(values: Doubles, classes: Names) -> Doubles:
    """The mean of its class for each value, shape ``(n,)``."""
    _, index = np.unique(classes, return_inverse=True)
    means = np.bincount(index, values) / np.bincount(index)
    return np.asarray(means[index])


def balanced_accuracy(truth: Names, guess: Names) -> float:
    """Mean over classes of the share that is recognised, in [0, 1]."""
    _, index = np.unique(truth, return_inverse=True)
    return float(np.mean(np.bincount(index, truth == guess) / np.bincount(index)))


def with_genres(samples: Samples) -> Iterator[tuple[str, Samples]]:
    """Each dataset with at least two `common_classes` of genre, and its tracks of these."""
    for name in names(samples.dataset):
        part = samples.where(samples.of(name))
        part = part.where(common_classes(part.genre, part.group) & (part.genre != ""))
        if len(set(part.genre)) > 1:
            yield name, part


def common_classes(classes: Names, groups: Names) -> Mask:
    """Rows of classes with enough groups."""
    pairs = set(zip(classes.tolist(), groups.tolist(), strict=True))
    sizes = {name: sum(one == name for one, _ in pairs) for name in set(classes.tolist())}
    return np.array([sizes[name] >= FOLDS for name in classes.tolist()], bool)


def _standardised(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _probe(
    representation: str, target: str, within: str, samples: Samples, truth: Names, seed: int
) -> Probe:
    from sklearn.linear_model import LogisticRegression

    vectors = samples.blocks[representation].astype(np.float64)
    guess = np.empty_like(truth)
    for train, test in folds(truth, samples.group, seed):
        model = _standardised(
            LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=2000)
        )
        guess[test] = model.fit(vectors[train], truth[train]).predict(vectors[test])
    low, high = bootstrap(_score(balanced_accuracy, truth, guess), samples.group, seed=seed)
    classes = len(set(truth))
    return Probe(
        representation, target, within, classes, len(truth), len(set(samples.group)),
        balanced_accuracy(truth, guess), low, high, 1 / classes,
    )  # fmt: skip


def _reliance(
    representation: str, dataset: str, axis: str, samples: Samples, truth: Doubles, guess: Doubles,
    seed: int,
) -> GenreReliance:  # fmt: skip
    genre = samples.genre

    def beyond(rows: Rows) -> float:
        first, second = truth[rows], guess[rows]
        first, second = (v - class_means(v, genre[rows]) for v in (first, second))
        return pearson(first, second)

    def excess(rows: Rows) -> float:
        return eta_squared(guess[rows], genre[rows]) - eta_squared(truth[rows], genre[rows])

    everything = np.arange(len(truth))
    return GenreReliance(
        representation, dataset, axis, len(truth), pearson(truth, guess),
        beyond(everything), *bootstrap(beyond, samples.group, seed=seed),
        eta_squared(truth, genre), eta_squared(guess, genre),
        excess(everything), *bootstrap(excess, samples.group, seed=seed),
    )  # fmt: skip


def folds(classes: Names, groups: Names, seed: int) -> Iterator[tuple[Mask, Mask]]:
    """Masks of the rows to train on and to test; groups are never on both sides."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for _, places in splitter.split(classes, classes, groups):
        test = np.zeros(len(classes), bool)
        test[places] = True
        yield ~test, test


def _score(metric: Any, truth: Any, guess: Any) -> Any:
    return lambda rows: metric(truth[rows], guess[rows])
