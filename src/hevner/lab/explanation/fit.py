"""Fit what explains the readings of a model.

1. Readings of the model: of music as it is, and how they move where rendered music is changed.
2. Terms (non-negative weights of oriented descriptors) and their effects on each reading, by least
   squares on three kinds of rows, in turn: the readings; the moves of readings, by all terms; and
   the same moves, by the terms that the change is about alone.
3. With pieces left out in turn: does a term move a reading as the music that is changed in it does?
   Where the share of right signs is not clearly above a half, its effect is set to 0, and all is
   fitted again, until every term that is left is right.
4. Effects on moments: the same terms, on how windows differ from their clips.
5. Kinds of rated music, by a linear discriminant analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from hevner.arrays import Doubles, Floats, Mask, Rows
from hevner.blocks import WIDTHS, vector_id
from hevner.defaults import DEFAULT_MODEL
from hevner.emotion import Quadrant
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED
from hevner.errors import DataError
from hevner.heads import BY_NAME
from hevner.lab.explanation import changes
from hevner.lab.explanation.music import Music, load, place
from hevner.lab.explanation.recipe import ExplanationRecipe
from hevner.lab.metrics.statistics import bootstrap
from hevner.model import predict
from hevner.model.explanation import LIMIT, Explainer, digest
from hevner.music.descriptors import NAMES as HARMONY

FOLDS = 5
ROUNDS = 10
SAID = 0.02
"""Least move of a reading that an explanation says anything about."""


@dataclass(frozen=True)
class Moves:
    """How music that is changed differs from the same music unchanged.

    Attributes
    ----------
    z
        Differences of standardised vectors, shape ``(pieces, changes, dim)``.
    y
        Differences of readings, shape ``(pieces, changes, readings)``.
    """

    z: Doubles
    y: Doubles

    def where(self, pieces: Mask) -> Moves:
        """Some of the pieces."""
        return Moves(self.z[pieces], self.y[pieces])


def readings_of(model: Any, vectors: Floats, *, windows: bool = False) -> tuple[Doubles, list[str]]:
    """Valence, arousal and, if the model has it, tension of vectors: ``(n, readings)``, names."""
    outputs = model.predict(vectors, windows=windows).outputs
    heads = [name for name in ("emotion", "tension") if name in outputs and outputs[name].shape[1]]
    values = np.concatenate([outputs[name] for name in heads], axis=1)
    return np.asarray(values, np.float64), [one for name in heads for one in BY_NAME[name].outputs]


def moves(model: Any, changed: Mapping[str, Floats], mean: Floats, spread: Floats) -> Moves:
    """Moves of the readings of pieces and their changes, which are vectors by name."""
    stacked = np.stack(list(changed.values()))
    z = np.clip((stacked - mean) / spread, -LIMIT, LIMIT)
    y = np.stack([readings_of(model, vectors)[0] for vectors in stacked])
    return Moves(z[:, 1:] - z[:, :1], y[:, 1:] - y[:, :1])


class Terms:
    """The descriptors of the terms of a recipe, and which changes are about which term."""

    def __init__(self, recipe: ExplanationRecipe) -> None:
        self.names = list(recipe.terms)
        first = sum(w for name, w in WIDTHS.items() if name.startswith("musicnn"))
        columns = {name: first + k for k, name in enumerate((*HANDCRAFTED, *HARMONY))}
        unknown = {
            one for term in recipe.terms.values() for one in (*term.more, *term.less)
        } - columns.keys()
        if unknown:
            raise DataError(f"no descriptors: {', '.join(sorted(unknown))}", code="unknown_name")
        self.columns = [
            [(columns[one], 1.0) for one in term.more] + [(columns[one], -1.0) for one in term.less]
            for term in recipe.terms.values()
        ]
        self.about = np.array(
            [[name in about for name in self.names] for about, _ in changes.CHANGES.values()]
        )

    def oriented(self, z: Doubles) -> list[Doubles]:
        """Descriptors of each term, so that all rise with it."""
        return [
            np.stack([z[..., column] * sign for column, sign in term], axis=-1)
            for term in self.columns
        ]

    def matrix(self, weights: list[Doubles], width: int) -> Floats:
        """Weights as a matrix ``(dim, terms)``."""
        found = np.zeros((width, len(self.names)), np.float32)
        for term, (columns, one) in enumerate(zip(self.columns, weights, strict=True)):
            for (column, sign), weight in zip(columns, one, strict=True):
                found[column, term] = weight * sign
        return found


@dataclass
class Problem:
    """Rows of the least squares: music as it is, then moves, then moves by named terms alone."""

    terms: Terms
    recipe: ExplanationRecipe
    z: Doubles
    y: Doubles
    weights: Doubles
    moves: Moves

    def solve(self, allowed: Mask) -> tuple[list[Doubles], Doubles]:
        """Weights of the descriptors of each term; effects ``(terms, readings)`` where allowed."""
        parts = self._parts()
        loads = [np.full(part[0].shape[1], 1 / part[0].shape[1]) for part in parts]
        for _ in range(ROUNDS):
            effects = self._effects(parts, loads, allowed)
            loads = self._loads(parts, effects, loads)
            loads = self._unit(parts, loads)
        return loads, self._effects(parts, loads, allowed)

    def _parts(self) -> list[tuple[Doubles, Doubles, Doubles]]:
        """For each term its descriptors in the three kinds of rows, each row times its weight."""
        still = self.terms.oriented(self.z)
        moving = self.terms.oriented(self.moves.z)
        found = []
        for term, (music, moved) in enumerate(zip(still, moving, strict=True)):
            named = moved * self.terms.about[:, term][:, None]
            found.append(self._weighed(music, moved, named))
        return found

    @property
    def _goals(self) -> Doubles:
        return np.concatenate(self._weighed(self.y, self.moves.y, self.moves.y))

    def _weighed(
        self, music: Doubles, moved: Doubles, named: Doubles
    ) -> tuple[Doubles, Doubles, Doubles]:
        """The three kinds of rows, each times the root of its weight."""
        count = self.moves.y[..., 0].size
        flat, alone = (rows.reshape(count, -1) for rows in (moved, named))
        return (
            music * np.sqrt(self.weights)[:, None],
            flat * float(np.sqrt(self.recipe.changes_weight / count)),
            alone * float(np.sqrt(self.recipe.named_weight / count)),
        )

    def _effects(
        self, parts: list[tuple[Doubles, Doubles, Doubles]], loads: list[Doubles], allowed: Mask
    ) -> Doubles:
        index = np.stack(
            [np.concatenate(part) @ load for part, load in zip(parts, loads, strict=True)], axis=1
        )
        effects = np.zeros(allowed.shape)
        for reading, goal in enumerate(self._goals.T):
            chosen = allowed[:, reading]
            if chosen.any():
                effects[chosen, reading] = np.linalg.lstsq(index[:, chosen], goal, rcond=None)[0]
        return effects

    def _loads(
        self, parts: list[tuple[Doubles, Doubles, Doubles]], effects: Doubles, loads: list[Doubles]
    ) -> list[Doubles]:
        scale = 1 / np.sqrt(self.weights @ self.y**2)
        rows = [
            np.concatenate(
                [np.concatenate(part) * effects[term, reading] for term, part in enumerate(parts)],
                axis=1,
            )
            * scale[reading]
            for reading in range(effects.shape[1])
        ]
        before = np.concatenate(loads)
        near = np.sqrt(self.recipe.penalty) * np.eye(len(before))
        goals = (*(self._goals * scale).T, near @ before / 2)
        found = lsq_linear(np.concatenate([*rows, near]), np.concatenate(goals), (0, np.inf)).x
        return np.split(found, np.cumsum([len(one) for one in loads])[:-1])

    def _unit(
        self, parts: list[tuple[Doubles, Doubles, Doubles]], loads: list[Doubles]
    ) -> list[Doubles]:
        """Weights with which the standard deviation of each term over the music is 1."""
        spreads = [np.sqrt(((p[0] @ w) ** 2).sum()) for p, w in zip(parts, loads, strict=True)]
        return [w / max(spread, 1e-6) for w, spread in zip(loads, spreads, strict=True)]


def folds_of(count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A fold for each piece."""
    return np.random.default_rng(0).permutation(count) % FOLDS


def named_moves(problem: Problem, allowed: Mask) -> Doubles:
    """Moves that named terms foretell for pieces left out in turn, each change and term alone.

    Shape ``(pieces, changes, terms, readings)``, 0 for terms that a change is not about.
    """
    whole, fold = problem.moves, folds_of(len(problem.moves.y))
    found = np.zeros((*whole.y.shape[:2], *allowed.shape))
    for one in range(FOLDS):
        part = Problem(problem.terms, problem.recipe, problem.z, problem.y, problem.weights,
                       whole.where(fold != one))  # fmt: skip
        loads, effects = part.solve(allowed)
        weights = problem.terms.matrix(loads, problem.z.shape[1])
        found[fold == one] = (whole.z[fold == one] @ weights)[..., None] * effects
    return np.asarray(found * problem.terms.about[:, :, None])


def faithful(foretold: Doubles, actual: Doubles) -> Mask:
    """For which readings each term foretells moves that come true.

    Of moves of `SAID` and more that are foretold, for half of the pieces at least, clearly more
    than half must have the right sign, and the product of moves that are foretold and those that
    come must be clearly above 0 in the mean: at the lower ends of intervals over pieces.
    """
    pieces = np.repeat(np.arange(len(actual)), actual.shape[1])
    found = np.zeros(foretold.shape[2:], bool)
    for term, reading in np.ndindex(found.shape):
        said, moved = foretold[:, :, term, reading].ravel(), actual[..., reading].ravel()
        rows = np.abs(said) >= SAID
        if len(np.unique(pieces[rows])) < len(actual) / 2:
            continue
        right = (np.sign(said) == np.sign(moved))[rows].astype(np.float64)
        found[term, reading] = (
            bootstrap(partial(_mean, right), pieces[rows]).low > 0.5
            and bootstrap(partial(_mean, said * moved), pieces).low > 0
        )
    return found


def faithful_terms(problem: Problem) -> Mask:
    """For which readings each term is named: dropped in turn until all that are left are right."""
    kept = np.ones((len(problem.terms.names), problem.y.shape[1]), bool)
    while not (kept <= (found := faithful(named_moves(problem, kept), problem.moves.y))).all():
        kept &= found
    return kept


def _mean(values: Doubles, rows: Rows) -> float:
    return float(values[rows].mean())


def fit(
    recipe: ExplanationRecipe, music: Music, changed: Mapping[str, Floats], model: Any, content: str
) -> Explainer:
    """Fit the explanation of a model.

    Parameters
    ----------
    recipe
        The recipe.
    music
        Music as it is.
    changed
        By name of a rendered piece, its vector and those of its changes.
    model
        The model, anything with ``predict`` as that of `hevner.model.predict.Model`, and ``name``.
    content
        Digest of its file.
    """
    whole, weights = music.whole, music.weights
    vectors = music.vectors[whole].astype(np.float64)
    mean = weights[whole] @ vectors
    spread = np.sqrt(weights[whole] @ (vectors - mean) ** 2) + 1e-6
    y, names = readings_of(model, music.vectors[whole])
    average = weights[whole] @ y
    z = np.clip((music.vectors - mean) / spread, -LIMIT, LIMIT)
    terms = Terms(recipe)
    moved = moves(model, changed, mean.astype(np.float32), spread.astype(np.float32))
    problem = Problem(terms, recipe, z[whole], y - average, weights[whole], moved)
    kept = faithful_terms(problem)
    loads, effects = problem.solve(kept)
    matrix = terms.matrix(loads, z.shape[1])
    of_moments = kept | (np.array(terms.names) == "loudness")[:, None]
    kind_weights, kind_bias, kinds = _kinds(recipe, music, z)
    card = {
        "name": recipe.name,
        "model": model.name,
        "digest": content,
        "features": vector_id(),
        "data": [*recipe.music, "pop909"],
        "commercial_use": False,
        "licence": "Trained on data for research use: so is the explanation. The code is MIT.",
        "terms": terms.names,
        "readings": names,
        "kinds": kinds,
        "explained": _shares(music, problem, matrix, effects, names),
    }
    return Explainer(
        card=card,
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
        weights=matrix,
        effects=effects.astype(np.float32),
        moment_effects=_moment_effects(model, music, z @ matrix, of_moments),
        average=average.astype(np.float32),
        kind_weights=kind_weights,
        kind_bias=kind_bias,
    )


def deviations(model: Any, music: Music, terms: Doubles) -> tuple[Doubles, Doubles]:
    """How windows differ from their clips: in terms and in readings.

    A model with a course within pieces predicts valence and arousal of a moment from that alone.
    """
    rows = ~music.whole
    clip = (np.cumsum(music.whole) - 1)[music.clip[rows]]
    inside = readings_of(model, music.vectors[rows], windows=True)[0]
    moved = inside - readings_of(model, music.vectors[music.whole])[0][clip]
    if (scores := model.course(music.vectors[rows])) is not None:
        counts = np.maximum(np.bincount(clip), 1)
        means = [(np.bincount(clip, column) / counts)[clip] for column in scores.T]
        moved[:, : scores.shape[1]] = scores - np.stack(means, axis=1)
    return terms[rows] - terms[music.clip[rows]], moved


def _moment_effects(model: Any, music: Music, terms: Doubles, allowed: Mask) -> Floats:
    x, y = deviations(model, music, terms)
    weight = np.sqrt(music.weights[~music.whole])[:, None]
    effects = np.zeros(allowed.shape, np.float32)
    for reading in range(y.shape[1]):
        chosen = allowed[:, reading]
        if chosen.any():
            goal = y[:, reading] * weight[:, 0]
            effects[chosen, reading] = np.linalg.lstsq(x[:, chosen] * weight, goal, rcond=None)[0]
    return effects


def share(left: Doubles, total: Doubles, weights: Doubles) -> Doubles:
    """Share of the variance of readings that is explained, of each."""
    weights = weights / weights.sum()

    def variance(values: Doubles) -> Doubles:
        return np.asarray(weights @ (values - weights @ values) ** 2)

    return np.asarray(1 - variance(left) / variance(total))


def _shares(
    music: Music, problem: Problem, matrix: Floats, effects: Doubles, names: list[str]
) -> dict[str, dict[str, float]]:
    """Shares of the variance of the readings that terms carry, over all sets and in each."""
    left = problem.y - problem.z @ matrix @ effects
    dataset = music.dataset[music.whole]
    found = {}
    for name in ("all", *np.unique(dataset)):
        rows = (dataset == name) | (name == "all")
        values = share(left[rows], problem.y[rows], problem.weights[rows])
        found[str(name)] = dict(zip(names, values.round(3).tolist(), strict=True))
    return found


def _kinds(recipe: ExplanationRecipe, music: Music, z: Doubles) -> tuple[Floats, Floats, list[str]]:
    """Linear scores of rated music by kind and quadrant, and their names."""
    words = [one.value.split(", ")[0] for one in Quadrant]
    label = np.array([
        f"{recipe.kinds[dataset]} that people call {words[quadrant]}"
        if quadrant >= 0 and dataset in recipe.kinds else ""
        for dataset, quadrant in zip(music.dataset, music.quadrant, strict=True)
    ])  # fmt: skip
    rows = music.whole & (label != "")
    names = np.unique(label[rows])
    even = np.full(len(names), 1 / len(names))
    found = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=even)
    found.fit(z[rows], label[rows])
    return found.coef_.T.astype(np.float32), found.intercept_.astype(np.float32), names.tolist()


def train(recipe: ExplanationRecipe, folders: dict[str, Path], store: Path, jobs: int) -> Explainer:
    """Make what is missing in the store, and fit the explanation of the default model."""
    music = load(recipe, folders, store, jobs)
    changed = changes.load(folders, place(store), recipe.pieces)
    return fit(recipe, music, changed, predict.load(DEFAULT_MODEL), digest(DEFAULT_MODEL))
