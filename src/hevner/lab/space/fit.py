"""Fit a space to pairs of music and emotion, in closed form.

The axes of the space are predictions of the default model for music, in standard units: valence and
arousal, quadrants, GEMS shares, and the principal directions of courses and of tags. An emotion
that is given in one form lies on the axes of that form, with a precision that follows from the
agreement of listeners and predictions there. The place of a tag on each axis is a regression on the
tags' teachers. Canonical variates are fitted to the places of musics and emotions.

Learning both branches by gradient descent on a composite of a ranking loss and a correlation loss,
from this beginning or from a random one, was no better on test music.

``hevner train joint`` runs `train`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.lab.default.basis import folds
from hevner.lab.default.fit import Progress, describe, prepare
from hevner.lab.default.table import build, load_tracks
from hevner.lab.joint.cca import LinearCCA
from hevner.lab.space.pairs import Pairs, joined, plan, read
from hevner.lab.space.pairs import build as build_pairs
from hevner.lab.space.recipe import SpaceRecipe
from hevner.model.description import CURVE_POINTS
from hevner.model.space import CLIP, Expert, Points, Space, readings

READINGS = {
    "point": slice(0, 2),
    "quadrants": slice(2, 6),
    "gems": slice(6, 15),
    "tags": slice(15, 71),
    "curve": slice(71, 71 + 2 * CURVE_POINTS),
}
"""Where each form lies among the readings (`hevner.model.space.readings`)."""

LEAST_SCALE = 1e-3
VAGUE = 1e-3
"""Precision of an emotion on the axes of other forms."""

LEAST_SPREAD = 0.1
"""Least spread of a principal direction, against the first; a smaller one is noise."""

LEAST_MISS = 0.02
RIDGE = 0.05
"""Ridge of the canonical variates, in units of the mean variance."""


def fit(pairs: Pairs, recipe: SpaceRecipe, card: dict[str, Any] | None = None) -> Space:
    """Fit a space to training rows.

    ``card`` has facts to keep with the space; name, version and recipe are added.
    """
    axes = _axes(recipe)
    count = axes["tags"].stop
    read = readings(pairs.musics)
    centre, scale = _units(read, pairs)
    x = np.clip((read - centre) / scale, -CLIP, CLIP)
    courses = _directions(x[:, READINGS["curve"]], recipe.space.course_axes)
    linear = _linear(x, courses, axes)
    tag_weights, tag_bias, tag_precision = _tags(pairs, x @ linear, recipe)
    none = np.zeros((count, 0), np.float32)
    blank = np.zeros(count, np.float32)
    facts = {"name": recipe.name, "version": recipe.version, "recipe": recipe.digest}
    space = Space(
        card=(card or {}) | facts,
        centre=_single(centre),
        scale=_single(scale),
        linear=_single(linear),
        music_variance=_single(np.full(count, recipe.space.music_variance)),
        experts=_experts(pairs, recipe, axes, (centre, scale), courses),
        tag_weights=_single(tag_weights),
        tag_bias=_single(tag_bias),
        tag_precision=_single(tag_precision),
        music_variates=none,
        emotion_variates=none,
        music_centre=blank,
        emotion_centre=blank,
        correlations=np.zeros(0, np.float32),
        share=0.0,
        reference=none.T,
    )
    return _with_variates(space, pairs, recipe)


def _axes(recipe: SpaceRecipe) -> dict[str, slice]:
    """Places of the forms among the axes of a space, one after the other."""
    shape = recipe.space
    widths = {"point": 2, "quadrants": len(Quadrant), "gems": len(GEMS), "curve": shape.course_axes,
              "tags": shape.tag_axes}  # fmt: skip
    ends = np.cumsum(list(widths.values())).tolist()
    places = zip(widths.items(), ends, strict=True)
    return {form: slice(end - width, end) for (form, width), end in places}


def _units(read: Doubles, pairs: Pairs) -> tuple[Doubles, Doubles]:
    """Centre and scale of readings; every set weighs the same."""
    weights = np.zeros(len(pairs))
    for name in np.unique(pairs.dataset):
        mine = pairs.dataset == name
        weights[mine] = 1 / mine.sum()
    weights /= weights.sum()
    centre = weights @ read
    scale = np.sqrt(weights @ (read - centre) ** 2)
    # Only long pieces have a course, around their mean; that of others is flat.
    courses = read[:, READINGS["curve"]]
    moving = np.abs(courses).sum(axis=1) > 0
    centre[READINGS["curve"]] = 0
    scale[READINGS["curve"]] = courses[moving].std() if moving.any() else 1.0
    return centre, np.maximum(scale, LEAST_SCALE)


def _linear(x: Doubles, courses: Doubles, axes: Mapping[str, slice]) -> Doubles:
    """Weights from readings to axes, shape ``(readings, axes)``."""
    linear = np.zeros((x.shape[1], axes["tags"].stop))
    for form in ("point", "quadrants", "gems"):
        place = axes[form]
        width = place.stop - place.start
        linear[READINGS[form].start + np.arange(width), place] = np.eye(width)
    linear[READINGS["curve"], axes["curve"]] = courses
    linear[READINGS["tags"], axes["tags"]] = _directions(
        x[:, READINGS["tags"]], axes["tags"].stop - axes["tags"].start
    )
    return linear


def _directions(values: Doubles, count: int) -> Doubles:
    """Principal directions, each of variance 1, shape ``(width, count)``.

    Rows that are all zero do not count; too few rows have no directions.
    """
    rows = values[np.abs(values).sum(axis=1) > 0]
    if len(rows) <= count:
        return np.zeros((values.shape[1], count))
    rows = rows - rows.mean(axis=0)
    found = np.linalg.svd(rows, full_matrices=False)[2][:count].T
    # Signs of singular vectors are arbitrary.
    found = found * np.sign(found[np.abs(found).argmax(axis=0), np.arange(count)])
    spread = (rows @ found).std(axis=0)
    real = spread > LEAST_SPREAD * spread.max()
    return np.asarray(np.where(real, found / np.where(real, spread, 1.0), 0.0))


def _experts(
    pairs: Pairs,
    recipe: SpaceRecipe,
    axes: Mapping[str, slice],
    units: tuple[Doubles, Doubles],
    courses: Doubles,
) -> dict[str, Expert]:
    centre, scale = units
    count = axes["tags"].stop

    def expert(form: str, middle: Doubles, unit: Doubles, weights: Doubles, sure: Doubles) -> None:
        full, precision = np.zeros((len(middle), count)), np.full(count, VAGUE)
        full[:, axes[form]], precision[axes[form]] = weights, sure
        experts[form] = Expert(*(_single(one) for one in (middle, unit, full, precision)))

    experts: dict[str, Expert] = {}
    for form in ("point", "gems", "curve"):
        # Courses are around the mean of a piece, so their centre is 0.
        middle, unit = centre[READINGS[form]], scale[READINGS[form]]
        weights = courses if form == "curve" else np.eye(len(middle))
        expert(form, middle, unit, weights, _agreement(pairs, form, unit, weights))
    even = np.full(len(Quadrant), 1 / len(Quadrant))
    corners = recipe.space.quadrant_reach * (np.eye(len(Quadrant)) - even)
    sure = np.full(len(even), recipe.space.quadrant_precision)
    expert("quadrants", even, np.ones(len(even)), corners, sure)
    return experts


def _agreement(pairs: Pairs, form: str, scale: Doubles, weights: Doubles) -> Doubles:
    """Precision of readings against listeners by axis; all sets weigh the same."""
    rated, read = (
        getattr(side, form).reshape(len(pairs), -1) for side in (pairs.emotions, pairs.musics)
    )
    missed = (((rated - read) / scale) @ weights) ** 2
    known = np.isfinite(missed).all(axis=1)
    means = [
        missed[known & (pairs.dataset == name)].mean(axis=0)
        for name in np.unique(pairs.dataset[known])
    ]
    if not means:
        return np.full(weights.shape[1], VAGUE)
    return np.asarray(1 / np.maximum(np.mean(means, axis=0), LEAST_MISS))


def _tags(pairs: Pairs, places: Doubles, recipe: SpaceRecipe) -> tuple[Doubles, Doubles, Doubles]:
    """Weights, bias and precision of the tags' experts, shape ``(56, axes)`` each.

    With the correlation ``r`` of a tag and an axis, the axis given the tag is a Gaussian of
    variance ``1 - r ** 2`` in units of its own. Music at large is taken out of it, as it is
    counted once for all experts.
    """
    odds = pairs.emotions.tags.astype(np.float64)
    known = np.isfinite(odds).all(axis=1)
    if known.sum() < len(MOOD_TAGS):
        return tuple(np.full((len(MOOD_TAGS), places.shape[1]), v) for v in (0.0, 0.0, VAGUE))  # type: ignore[return-value]
    odds, places = odds[known], places[known]
    middle, spread = odds.mean(axis=0), odds.std(axis=0)
    scale = np.maximum(places.std(axis=0), LEAST_SCALE)
    shared = ((odds - middle) / spread).T @ ((places - places.mean(axis=0)) / scale) / len(odds)
    limit = recipe.space.most_correlation
    shared = np.clip(shared, -limit, limit)
    explained = np.maximum(shared**2, VAGUE)
    weights = shared / explained * scale / spread[:, None]
    return weights, -weights * middle[:, None], explained / (1 - explained)


def _with_variates(space: Space, pairs: Pairs, recipe: SpaceRecipe) -> Space:
    """Add canonical variates of music and ratings, and musics at large."""
    musics = space.music(pairs.musics)
    tags = np.full_like(pairs.emotions.tags, np.nan)
    emotions = space.emotion(replace(pairs.emotions, tags=tags))
    found = LinearCCA.fit(musics.mean, emotions.mean, ridge=RIDGE, relative=True)
    kept = found.correlations >= recipe.scoring.least_correlation
    return replace(
        space,
        music_variates=_single(found.first_weights[:, kept]),
        emotion_variates=_single(found.second_weights[:, kept]),
        music_centre=_single(found.first_mean),
        emotion_centre=_single(found.second_mean),
        correlations=_single(found.correlations[kept]),
        share=recipe.scoring.share,
        reference=_at_large(pairs, musics, recipe),
    )


def _at_large(pairs: Pairs, musics: Points, recipe: SpaceRecipe) -> Floats:
    """Means of equally many musics of every set, evenly spread over it."""
    means = []
    for name in np.unique(pairs.dataset):
        rows = np.flatnonzero(pairs.dataset == name)
        count = min(recipe.scoring.reference, len(rows))
        means.append(musics.mean[rows[np.linspace(0, len(rows) - 1, count).astype(int)]])
    return np.concatenate(means)


def _single(values: Doubles) -> Floats:
    return np.ascontiguousarray(values, np.float32)


READINGS_FOLDER = "readings"
"""Folder in the store for predictions of the default model, fitted without each fold."""


def train(
    recipe: SpaceRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Space:
    """Encode what is missing, and fit the space of a recipe.

    Parameters and errors are those of `hevner.lab.default.fit.train`; finished fits are kept in
    the store too, and progress is reported after every fit.
    """
    prepare(recipe.unified, folders, store, jobs, progress)
    table = build(recipe.unified, folders, store, jobs)
    tasks = plan(folds(table, recipe.folds, recipe.seed))
    folder, count = store / READINGS_FOLDER, partial(progress, "default model")
    parts = read(table, recipe.unified, tasks, folder, jobs, count)
    pairs = build_pairs(
        table, recipe.unified, joined(parts, tasks), load_tracks(recipe.unified, folders)
    )
    facts = {
        "heads": ["music for an emotion", "emotions of music"],
        "unified": f"{recipe.unified.name}-{recipe.unified.version}",
    }
    return fit(pairs, recipe, describe(table) | facts)
