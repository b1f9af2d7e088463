"""Measure how predicted curves follow listeners within pieces.

    python benchmarks/within.py recipes/unified.toml --data DIR --store DIR \
        --out benchmarks/results/within.csv

Pieces with ratings over time are held out, a fifth of the groups (games) at a time; the recipe is
fitted without them, its network left out, and predicts their moments as an analysis does. Three
ways are compared: ``windows``, each window predicted on its own; ``ending``, the same, for the
window that ends with the moment; ``course``, the value of the piece and a part within it.

``within-piece r, 5 s`` is the correlation of predicted and mean rated values over steps of that
length, averaged over the pieces that have four steps; ``after 15 s`` without their beginning.
``r of differences`` pools the steps of all pieces, less the mean of the piece. ``ceiling`` is the
within-piece r that the true curve would have: the root of the reliability of the raters' mean, by
halves of the raters (Spearman-Brown). ``coverage``: share of rated moments inside the interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hevner.datasets.track import Curve, Track
from hevner.defaults import DEFAULT_WINDOW_S
from hevner.emotion import AXES
from hevner.features import around, pool
from hevner.lab.data.corpus import Variant, features_of
from hevner.lab.default.basis import folds
from hevner.lab.default.evaluate import refuse_leaks
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build, load_tracks
from hevner.lab.metrics.report import Pieces, Report, Score, less, write
from hevner.lab.recipes import read
from hevner.model import moments
from hevner.model.predict import Model
from hevner.model.prediction import Prediction
from hevner.music import analyse

Array = NDArray[Any]

FOLDS = 5
STEPS_S = (5, 10, 15)
FEWEST_STEPS = 4
BEGINNING_S = 15.0
HALVES = 20


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece with ratings over time, its pooled vectors, and the middles of its moments."""

    curve: Curve
    whole: Array
    vectors: Array
    sounding: Array
    times: Array


@dataclass(frozen=True, eq=False)
class Line:
    """Predicted valence and arousal of the moments of a piece, with half-widths, ``(n, 2)``."""

    values: Array
    halves: Array


def pieces_of(recipe: DefaultRecipe, tracks: dict[str, Track], store: Path) -> dict[str, Piece]:
    """Pieces with ratings over time, by name."""
    return {
        name: _piece(track, track.curve, recipe.sets[track.dataset].variants[0], store)
        for name, track in tracks.items()
        if track.curve is not None
    }


def _piece(track: Track, curve: Curve, variant: Variant, store: Path) -> Piece:
    features = features_of(track, variant, store)
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    return Piece(
        curve,
        pool(features, harmony, 0.0, features.duration)[None, :],
        around(features, harmony, DEFAULT_WINDOW_S),
        features.sounding,
        features.begin + features.centres,
    )


def lines(model: Model, piece: Piece) -> dict[str, Line]:
    """Predictions of a model that has not seen the piece, by way."""
    seconds = float(piece.times[-1] - piece.times[0]) + moments.STEP_S
    whole = model.predict(piece.whole, seconds)
    windows = model.predict(piece.vectors, seconds, windows=True)
    course = moments.predict(model, whole, piece.vectors, seconds, piece.sounding, DEFAULT_WINDOW_S)
    late = windows.where(moments.ending(len(piece.vectors), DEFAULT_WINDOW_S))
    ways: dict[str, Prediction] = {"windows": windows, "ending": late, "course": course}
    return {way: Line(one.values, one.halves) for way, one in ways.items()}


def predict(
    table: Table,
    recipe: DefaultRecipe,
    tracks: dict[str, Track],
    pieces: dict[str, Piece],
    seed: int,
) -> list[dict[str, Line]]:
    """Predictions for all pieces, each by a model fitted without its group."""
    fold = folds(table, FOLDS, seed)
    found: dict[str, dict[str, Line]] = {}
    for number in range(FOLDS):
        test = fold == number
        refuse_leaks(table, test, tracks)
        model = fit(table.where(~test), recipe)
        held = set(table.clip[test]) & set(pieces)
        found |= {name: lines(model, pieces[name]) for name in held}
    return [found[name] for name in pieces]


def rated(curve: Curve) -> Array:
    """Mean ratings, shape ``(n, 2)``."""
    return np.stack([curve.valence, curve.arousal], axis=1)


def steps(times: Array, values: Array, length: float, since: float = 0.0) -> Array | None:
    """Means over steps of a length in seconds, rows; None if there are too few."""
    late = times >= since
    if not late.any():
        return None
    number = ((times[late] - times[late][0]) // length).astype(int)
    means = [values[late][number == one].mean(axis=0) for one in np.unique(number)]
    return np.stack(means) if len(means) >= FEWEST_STEPS else None


def differences(
    piece: Piece, line: Line, axis: int, length: float, since: float = 0.0
) -> tuple[Array, Array] | None:
    """Rated and predicted steps of one axis less their means; None if there are too few."""
    times = piece.curve.times
    guess = np.interp(times, piece.times, line.values[:, axis])
    both = np.stack([rated(piece.curve)[:, axis], guess], axis=1)
    found = steps(times, both, length, since)
    if found is None:
        return None
    truth, guess = (found - found.mean(axis=0)).T
    return truth, guess


def within_r(piece: Piece, line: Line, axis: int, length: float, since: float) -> float:
    """Correlation within a piece; NaN if it has too few steps."""
    pair = differences(piece, line, axis, length, since)
    return float("nan") if pair is None else correlation(*pair)


def correlation(truth: Array, guess: Array) -> float:
    """Pearson's r of two arrays without mean; 0 where one does not vary."""
    scale = float(np.sqrt((truth @ truth) * (guess @ guess)))
    return float(truth @ guess) / max(scale, 1e-9)


def ceilings(curve: Curve, length: float) -> Array:
    """Correlation of halves of the raters over steps, mean of some halvings; NaN if too short."""
    rng = np.random.default_rng(0)
    found = []
    for table in (curve.valence_by_rater, curve.arousal_by_rater):
        by_step = None if table is None else steps(curve.times, table.T, length)
        if by_step is None:
            return np.full(2, np.nan)
        centred = by_step - by_step.mean(axis=0)
        orders = [rng.permutation(centred.shape[1]) for _ in range(HALVES)]
        halves = [np.array_split(order, 2) for order in orders]
        found.append(np.mean([correlation(*(centred[:, h].mean(axis=1) for h in two))
                              for two in halves]))  # fmt: skip
    return np.array(found)


def add_all(
    report: Report, table: Pieces, pieces: list[Piece], found: list[list[dict[str, Line]]]
) -> None:
    """Add all scores; predictions by seed and piece."""
    seeds = len(found)
    for length in STEPS_S:
        halves = np.stack([ceilings(piece.curve, length) for piece in pieces])
        for axis, name in enumerate(AXES):
            report.add("ceiling", table, f"{name} within-piece r, {length} s",
                       ceiling(halves[:, axis]), 1)  # fmt: skip
    for name, ways in scores(pieces, found):
        for way, score in ways.items():
            report.add(way, table, name, score, seeds)
        for other in ("windows", "ending"):
            gain = less(ways["course"], ways[other])
            report.add(f"course less {other}", table, name, gain, seeds)


Of = Callable[[Piece, Line], Any]
Summary = Callable[[list[Any]], float]
"""From what was found of some pieces to a score; pieces that are too short are None."""


def scores(
    pieces: list[Piece], found: list[list[dict[str, Line]]]
) -> Iterator[tuple[str, dict[str, Score]]]:
    """Names of scores, and the scores by way."""

    def by_way(of: Of, summary: Summary) -> dict[str, Score]:
        return {
            way: score_of(
                [[of(p, one[way]) for p, one in zip(pieces, seed, strict=True)] for seed in found],
                summary,
            )
            for way in found[0][0]
        }

    for axis, name in enumerate(AXES):
        for length in STEPS_S:
            for since in (0.0, BEGINNING_S):
                after = f", after {since:g} s" if since else ""
                within = partial(within_r, axis=axis, length=length, since=since)
                yield f"{name} within-piece r, {length} s{after}", by_way(within, np.nanmean)
            whole = partial(differences, axis=axis, length=length)
            yield f"{name} r of differences, {length} s", by_way(whole, pooled_r)
        yield f"{name} coverage", by_way(partial(covered, axis=axis), np.mean)


def score_of(values: list[list[Any]], summary: Summary) -> Score:
    """A summary of some of the pieces, from what was found of each by seed."""
    return lambda seed, rows: float(summary([values[seed][row] for row in rows]))


def pooled_r(pairs: list[Any]) -> float:
    """Correlation over the steps of all pieces."""
    kept = [pair for pair in pairs if pair is not None]
    return correlation(*(np.concatenate([pair[k] for pair in kept]) for k in range(2)))


def ceiling(halves: Array) -> Score:
    """Root of the reliability of all raters from the correlations of halves."""

    def score(_seed: int, rows: Array) -> float:
        mean = max(float(np.nanmean(halves[rows])), 0.0)
        return float(np.sqrt(2 * mean / (1 + mean)))

    return score


def covered(piece: Piece, line: Line, axis: int) -> float:
    """Share of moments whose mean rating lies inside the interval."""
    rating = np.interp(piece.times, piece.curve.times, rated(piece.curve)[:, axis])
    error = np.abs(rating - line.values[:, axis])
    return float((error <= line.halves[:, axis])[piece.sounding].mean())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", type=Path)
    for name in ("data", "store", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    recipe = msgspec.structs.replace(read(options.recipe, DefaultRecipe), tags=None)
    folders = {name: options.data / name for name in recipe.sets}
    table, tracks = build(recipe, folders, options.store), load_tracks(recipe, folders)
    pieces = pieces_of(recipe, tracks, options.store)
    found = [predict(table, recipe, tracks, pieces, seed) for seed in range(options.seeds)]
    first = [int(np.argmax(table.clip == name)) for name in pieces]
    result = Report()
    add_all(result, Pieces(table.dataset[first], table.group[first]), [*pieces.values()], found)
    write(result.rows, options.out)


if __name__ == "__main__":
    main()
