"""Entries of a recipe that follow from datasets that the model is not trained on.

How ratings of music at large spread (``hevner datasets ratings``), and how tags of MTG-Jamendo
follow the log odds that its baseline network gives them (``hevner datasets tag-rates``).

The folder of MTG-Jamendo must hold the predictions of its baseline for the test songs
(`baseline_vggish`). A recipe (`hevner.lab.default.recipe`) needs base rates, the slope of the log
odds of a tag over one standard unit of the network's log odds, and how many times its base rate a
tag must be given for the best F1. Slope and share are one for all tags, for rare ones are too few.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from hevner import datasets
from hevner.arrays import Doubles, Mask
from hevner.datasets.mtg_jamendo import split
from hevner.emotion import AXES, MOOD_TAGS
from hevner.errors import DataError
from hevner.lab.metrics.tags import f1_macro

SHARES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Shares to choose from, in base rates."""


RATED = ("emomusic", "deam", "pmemo")
"""Large rated sets."""


def ratings(folders: Mapping[str, Path]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation by axis, averaged over `RATED`; each recording counts once.

    Takes the folder of each dataset, by name.
    """
    seen: set[str] = set()
    means, spreads = [], []
    for name in RATED:
        tracks = [t for t in datasets.load(name, folders[name]) if t.recording not in seen]
        seen |= {track.recording for track in tracks}
        rated = np.array([[t.valence, t.arousal] for t in tracks], float)
        means.append(rated.mean(axis=0))
        spreads.append(rated.std(axis=0))
    mean, spread = np.mean(means, axis=0), np.mean(spreads, axis=0)
    return {name: (float(mean[k]), float(spread[k])) for k, name in enumerate(AXES)}


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


def read_baseline(folder: Path) -> tuple[Mask, Doubles]:
    """Tags of the test songs and the log odds of the baseline, shape ``(4231, 56)``.

    If they are not there, `DataError` is raised.
    """
    place = folder / "baseline_vggish"
    try:
        truth = np.load(place / "groundtruth.npy", allow_pickle=False).astype(bool)
        output = np.load(place / "baseline_vggish_predictions.npy", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the predictions of the baseline cannot be read ({error})",
            subject=str(place),
            remedy="Point to the folder of MTG-Jamendo with the results of its baseline",
            code="unreadable",
        ) from error
    kept = np.clip(output.astype(np.float64), 1e-6, 1 - 1e-6)
    return truth, np.asarray(np.log(kept / (1 - kept)))


def recipe_lines(folder: Path) -> list[str]:
    """Entries of a recipe's table ``tags``, in TOML, from the folder of MTG-Jamendo.

    If the dataset or the predictions of its baseline cannot be read, `DataError` is raised.
    """
    rates = base_rates(folder)
    truth, odds = read_baseline(folder)
    return [
        f"slope = {slope(truth, odds):.3f}",
        f"flagged = {best_share(truth, odds, rates)}",
        "[tags.base_rates]",
        *(f"{tag} = {rate:.5f}" for tag, rate in zip(MOOD_TAGS, rates, strict=True)),
    ]
