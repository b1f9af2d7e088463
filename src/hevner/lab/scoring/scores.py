"""Scores of a model's readings against the labels of one dataset, each with its interval.

Conventions
-----------
Ratings are compared on the unit scale, basic emotions on [0, 1]. Metrics: ``r`` Pearson, ``ccc``
concordance, ``r2`` coefficient of determination, ``r2_affine`` the same after the best line from
readings to ratings over these very tracks, ``coverage`` share of ratings inside the model's
interval, which promises `hevner.result.COVERAGE`, and ``interval width``. Of classes: ``accuracy``,
beside that of always saying the most frequent class, and ``auc``, the area under the curve of one
class against the others. Of tags: ``auc`` and ``ap`` (average precision). Of moments: ``r within a
piece``, the mean over pieces. Intervals are 95 %, by a bootstrap over groups. What a model does
not predict has no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Doubles, Integers, Mask, Rows
from hevner.datasets.labels import Classes, LabelTable, Tags, label_table
from hevner.emotion import AXES, BASIC, GEMS, MOOD_TAGS, Quadrant
from hevner.lab.data.labels import quadrants_of
from hevner.lab.default.scores import METRICS, PAIRS
from hevner.lab.metrics.regression import pearson
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.metrics.tags import average_precision, roc_auc
from hevner.lab.scoring.readings import Readings
from hevner.model.prediction import Prediction
from hevner.words import WORDS, Word

FEWEST = 3
"""Fewest tracks that are scored."""

OfRows = Callable[[Rows], float]
"""A score of some rows."""

Named = tuple[str, str, OfRows, Mask]
"""Label, metric, score, and the rows that have the label."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Ratings and readings of one label on one scale, shape ``(n,)``; ``half`` may be NaN."""

    truth: Doubles
    guess: Doubles
    half: Doubles


def rated_axes(table: LabelTable, found: Prediction) -> dict[str, Axis]:
    """All ratings that the model predicts."""
    axes: dict[str, Axis] = {}
    for head, names in (("emotion", AXES), ("tension", ("tension",)), ("emotions", BASIC)):
        values, halves = found.outputs[head], found.half_widths[head]
        for k, name in enumerate(names):
            if name in table.ratings and values.shape[1]:
                truth = table.ratings[name]
                truth = (truth + 1) / 2 if head == "emotions" else truth
                half = halves[:, k] if halves.shape[1] else np.full(len(truth), np.nan)
                axes[name] = Axis(truth, values[:, k].astype(float), half.astype(float))
    shares = found.outputs["gems"]
    for k, name in enumerate(GEMS):
        if name in table.shares and shares.shape[1]:
            truth = table.shares[name]
            none = np.full(len(truth), np.nan)
            axes[f"felt {name}"] = Axis(truth, shares[:, k].astype(float), none)
    return axes


def class_scores(
    classes: Classes, kind: str, found: Prediction, own: tuple[str, ...]
) -> tuple[Doubles | None, list[str]]:
    """A score for each class, higher for more likely, shape ``(n, classes)``, NaN where unknown.

    Parameters
    ----------
    classes, kind
        The classes and their kind, one of `hevner.datasets.labels.CLASSES`.
    found
        What the model predicts.
    own
        Names of the classes that the model has learned by name.

    Returns
    -------
    Scores, None if no class is known; and the names of those that are not.
    """
    columns = [_class_score(name, kind, found, own) for name in classes.names]
    known = [column for column in columns if column is not None]
    lacking = [name for name, one in zip(classes.names, columns, strict=True) if one is None]
    if not known:
        return None, lacking
    blank = np.full(len(known[0]), np.nan)
    return np.stack([blank if one is None else one for one in columns], axis=1), lacking


def _class_score(name: str, kind: str, found: Prediction, own: tuple[str, ...]) -> Doubles | None:
    if name in own:
        return found.outputs["classes"][:, own.index(name)].astype(float)
    if kind == "quadrant" and found.outputs["quadrants"].shape[1]:
        return found.outputs["quadrants"][:, list(Quadrant.__members__).index(name)].astype(float)
    tag = _tag(name, found)
    if tag is not None:
        return tag
    word = _word(name)
    if word is None or word.valence is None or word.arousal is None:
        return None
    place = np.array([word.valence, word.arousal])
    return np.asarray(-np.linalg.norm(found.values.astype(float) - place, axis=1))


def _word(name: str) -> Word | None:
    """The word of hevner that a name is, or is a synonym of."""
    plain = name.casefold().strip()
    return next((one for one in WORDS if plain in (one.name, *one.synonyms)), None)


def _tag(name: str, found: Prediction) -> Doubles | None:
    """Probability of the tag that a name is; None if the model has none."""
    word, tags = _word(name), found.outputs["tags"]
    if word is None or word.tag is None or not tags.shape[1]:
        return None
    return np.asarray(tags[:, MOOD_TAGS.index(word.tag)], float)


def scores_of(
    readings: Readings, names: Mapping[str, tuple[str, ...]]
) -> tuple[list[Named], list[str]]:
    """All scores that labels and model allow, and sentences on labels that it does not predict.

    ``names`` are those that the model's card gives of the outputs of ``classes`` and ``own_tags``.
    """
    table, found = label_table(readings.tracks), readings.prediction
    scores: list[Named] = []
    notes: list[str] = []
    axes = rated_axes(table, found)
    for name, axis in axes.items():
        scores += _of_axis(name, axis)
    missing = [name for name in table.ratings if name not in axes]
    if missing:
        notes.append(f"the model does not predict {', '.join(missing)}")
    for kind, classes in table.classes.items():
        scores += _of_plane(kind, classes.number, found)
        values, lacking = class_scores(classes, kind, found, names.get("classes", ()))
        if values is not None:
            scores += _of_classes(kind, classes, values, not lacking)
        if lacking and kind == "category":
            notes.append(f"the model does not know the classes {', '.join(lacking)}")
    if table.tags is not None:
        some, lacking = _of_tags(table.tags, found, names.get("own_tags", ()))
        scores += some
        if lacking:
            notes.append(f"the model does not know the tags {', '.join(lacking)}")
    scores += _of_moments(readings)
    return scores, notes


def pictures(
    readings: Readings, names: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Axis], dict[str, tuple[Classes, Doubles]]]:
    """Ratings with their readings, and classes with the scores of each, for plots."""
    table, found = label_table(readings.tracks), readings.prediction
    classes = {}
    for kind, one in table.classes.items():
        values, _ = class_scores(one, kind, found, names.get("classes", ()))
        if values is not None:
            classes[kind] = (one, values)
    return rated_axes(table, found), classes


def _of_axis(name: str, axis: Axis) -> list[Named]:
    there = np.isfinite(axis.truth)
    scores: list[Named] = [
        (name, metric, lambda rows, f=function: f(axis.truth[rows], axis.guess[rows]), there)  # type: ignore[misc]
        for metric, function in METRICS.items()
    ]
    if np.isfinite(axis.half).all():
        inside = np.abs(axis.truth - axis.guess) <= axis.half
        scores.append((name, "coverage", lambda rows: float(inside[rows].mean()), there))
        width = 2 * axis.half
        scores.append((name, "interval width", lambda rows: float(width[rows].mean()), there))
    return scores


def _of_plane(kind: str, number: Integers, found: Prediction) -> list[Named]:
    """Classes with a place on the plane, by valence and arousal."""
    there, values = number >= 0, found.values.astype(float)
    scores: list[Named] = []
    if kind == "quadrant":
        high = np.isin(number, (0, 3)), np.isin(number, (0, 1))
        for k, axis in enumerate(AXES):
            scores.append((kind, f"auc of {axis}", _auc(high[k], values[:, k]), there))
        right = quadrants_of(values) == number
        scores.append((kind, "accuracy by signs", lambda rows: float(right[rows].mean()), there))
    for name, axis, first, second in PAIRS.get(kind, ()):
        both = np.isin(number, (first, second))
        of = _auc(number == first, values[:, AXES.index(axis)])
        scores.append((kind, f"auc of {axis}, {name}", of, both))
    return scores


def _auc(right: Mask, values: Doubles) -> OfRows:
    return lambda rows: roc_auc(right[rows], values[rows])


def _mean(scores: list[OfRows]) -> OfRows:
    """Mean of the scores that are defined for some rows."""

    def mean(rows: Rows) -> float:
        found = [value for value in (score(rows) for score in scores) if np.isfinite(value)]
        return float(np.mean(found)) if found else np.nan

    return mean


def _of_classes(kind: str, classes: Classes, values: Doubles, whole: bool) -> list[Named]:
    number = classes.number
    there = number >= 0
    scores: list[Named] = []
    each: list[OfRows] = []
    for k, name in enumerate(classes.names):
        if np.isfinite(values[:, k]).all() and (number == k).any():
            of = _auc(number == k, values[:, k])
            scores.append((f"{kind} {name}", "auc", of, there))
            each.append(of)
    if len(each) > 1:
        scores.append((kind, "mean auc", _mean(each), there))
    # Scores of different make, such as tags and places, cannot be set against each other.
    if whole and (values >= 0).all():
        right = values.argmax(axis=1) == number
        most = number == np.bincount(number[there]).argmax()
        scores.append((kind, "accuracy", lambda rows: float(right[rows].mean()), there))
        largest: OfRows = lambda rows: float(most[rows].mean())  # noqa: E731
        scores.append((kind, "share of the largest class", largest, there))
    return scores


def _of_tags(tags: Tags, found: Prediction, own: tuple[str, ...]) -> tuple[list[Named], list[str]]:
    there = np.asarray(np.isfinite(tags.has).all(axis=1))
    scores: list[Named] = []
    lacking: list[str] = []
    each: dict[str, list[OfRows]] = {"auc": [], "ap": []}
    for k, name in enumerate(tags.names):
        values = (
            found.outputs["own_tags"][:, own.index(name)].astype(float)
            if name in own
            else _tag(name, found)
        )
        if values is None:
            lacking.append(name)
            continue
        has = tags.has[:, k] == 1
        for metric, function in (("auc", roc_auc), ("ap", average_precision)):
            of = lambda rows, f=function, h=has, v=values: f(h[rows], v[rows])  # noqa: E731
            scores.append((f"tag {name}", metric, of, there))
            each[metric].append(of)
    for metric, some in each.items():
        if len(some) > 1:
            scores.append(("tags", f"mean {metric}", _mean(some), there))
    return scores, lacking


def _of_moments(readings: Readings) -> list[Named]:
    """Mean over pieces of the correlation over time within each."""
    scores: list[Named] = []
    for k, axis in enumerate(AXES):
        within = np.full(len(readings.tracks), np.nan)
        for row, course in readings.courses.items():
            curve = readings.tracks[row].curve
            if curve is not None and len(curve.times) > FEWEST:
                within[row] = pearson(getattr(curve, axis), course[:, k])
        there = np.isfinite(within)
        if there.any():
            mean = lambda rows, w=within: float(w[rows].mean())  # noqa: E731
            scores.append((f"{axis} over time", "r within a piece", mean, there))
    return scores


def rows_of(
    readings: Readings,
    scores: list[Named],
    status: np.ndarray,
    facts: dict[str, str],
) -> list[dict[str, object]]:
    """Rows of a table of scores: for all tracks, and apart for those that training knows or not.

    ``status`` is that of `hevner.lab.scoring.known`, ``facts`` are columns that all rows share.
    """
    groups = np.array([f"{track.dataset}/{track.group}" for track in readings.tracks])
    kinds = list(dict.fromkeys(status.tolist()))
    parts = {" and ".join(kinds): np.ones(len(groups), bool)}
    if "seen" in kinds and len(kinds) > 1:
        parts |= {"seen": status == "seen", "not seen": status != "seen"}
    rows: list[dict[str, object]] = []
    for part, mask in parts.items():
        for label, metric, score, there in scores:
            chosen = np.flatnonzero(there & mask)
            if len(chosen) < FEWEST:
                continue
            value, low, high = _with_interval(score, chosen, groups[chosen])
            if np.isfinite(value):
                rows.append(
                    {
                        **facts,
                        "label": label,
                        "metric": metric,
                        "value": round(value, 4),
                        "low": low,
                        "high": high,
                        "n": len(chosen),
                        "groups": len(set(groups[chosen])),
                        "music": part,
                    }
                )
    return rows


def _with_interval(
    score: OfRows, chosen: Rows, groups: np.ndarray
) -> tuple[float, float | None, float | None]:
    with np.errstate(invalid="ignore"):
        value = score(chosen)
        if len(set(groups)) < 2 or not np.isfinite(value):
            return value, None, None
        low, high = bootstrap(lambda rows: score(chosen[rows]), groups)
    return value, round(low, 4), round(high, 4)
