"""Entries of a recipe that follow from datasets that the model is not trained on.

How ratings of music at large spread (``hevner datasets ratings``), and how many songs carry a tag
(``hevner datasets tag-rates``). A recipe (`hevner.lab.default.recipe`) also needs the slope of the
log odds of a tag over one standard unit of a tagging network's, and how many times its base rate a
tag must be given for the best F1. Both are one for all tags, for rare ones are too few.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from hevner import datasets
from hevner.arrays import Doubles, Mask
from hevner.datasets.mtg_jamendo import split
from hevner.emotion import MOOD_TAGS
from hevner.lab.default.recipe import Ratings
from hevner.lab.metrics.tags import f1_macro

SHARES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Shares to choose from, in base rates."""


RATED = ("emomusic", "deam", "pmemo")
"""Large rated sets."""


def ratings(folders: Mapping[str, Path]) -> Ratings:
    """Mean, standard deviation and correlation of ratings, averaged over `RATED`.

    Takes the folder of each dataset, by name; each recording counts once.
    """
    seen: set[str] = set()
    numbers = []
    for name in RATED:
        tracks = [t for t in datasets.load(name, folders[name]) if t.recording not in seen]
        seen |= {track.recording for track in tracks}
        rated = np.array([[t.valence, t.arousal] for t in tracks], float)
        correlation = np.corrcoef(rated.T)[0, 1]
        numbers.append([*rated.mean(axis=0), *rated.std(axis=0), correlation])
    a, b, c, d, correlation = np.mean(numbers, axis=0).tolist()
    return Ratings(mean=(a, b), std=(c, d), correlation=correlation)


def ratings_lines(folders: Mapping[str, Path]) -> list[str]:
    """A recipe's table ``ratings``, in TOML; see `ratings`."""
    found = ratings(folders)
    pairs = (
        f"{name} = [{', '.join(f'{one:.2f}' for one in getattr(found, name))}]"
        for name in ("mean", "std")
    )
    return ["[ratings]", *pairs, f"correlation = {found.correlation:.2f}"]


def base_rates(folder: Path) -> Doubles:
    """Share of the training songs of split 0 with each tag, shape ``(56,)``."""
    tracks = datasets.load("mtg_jamendo", folder)
    part = split(folder, 0)
    train = [track for track in tracks if part[track.id] == "train"]
    rows = [[tag in (track.tags or ()) for tag in MOOD_TAGS] for track in train]
    return np.asarray(np.mean(rows, axis=0), np.float64)


def slope(truth: Mask, odds: Doubles) -> float:
    """Median over tags of the slope of a logistic regression on standardised log odds."""
    units = (odds - odds.mean(axis=0)) / odds.std(axis=0)
    fits = (
        LogisticRegression(C=1.0).fit(unit[:, None], tag)
        for unit, tag in zip(units.T, truth.T, strict=True)
    )
    return float(np.median([fit.coef_[0, 0] for fit in fits]))


def best_share(truth: Mask, odds: Doubles, rates: Doubles) -> float:
    """Which of `SHARES` gives the best macro F1."""
    scores = []
    for share in SHARES:
        levels = np.clip(1 - share * rates, 0, 1)
        limits = [np.quantile(one, level) for one, level in zip(odds.T, levels, strict=True)]
        scores.append(f1_macro(truth, odds, np.array(limits)))
    return SHARES[int(np.argmax(scores))]


def rate_lines(folder: Path) -> list[str]:
    """A recipe's table ``tags.base_rates``, in TOML, from the folder of MTG-Jamendo."""
    rates = zip(MOOD_TAGS, base_rates(folder), strict=True)
    return ["[tags.base_rates]", *(f"{tag} = {rate:.5f}" for tag, rate in rates)]
