"""Measure explanations: do readings move as they say, and how much of the readings they carry.

    python benchmarks/explain.py --data DIR --store DIR [--model FILE] [--out FILE.csv]

*Faithfulness*: rendered pieces that the explanation was not fitted to are changed in one cause at a
time (`hevner.lab.explanation.changes`). What the terms that the change is about foretell is
compared with how the reading of the model moved: share of right signs where a move of at least .02
is foretold, and correlation over all cases; the same for all terms together. *Shares of variance*:
what the terms carry of the readings of music as it is, and of how moments differ from their piece,
fitted without the groups (songs, albums, games) that are judged. *Kinds*: how often what music
sounds most like is right, likewise. Intervals are 95 % bootstrap intervals over pieces or groups.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.defaults import DEFAULT_MODEL
from hevner.lab import recipes
from hevner.lab.explanation import changes
from hevner.lab.explanation.fit import SAID, Terms, deviations, fit, moves, readings_of, share
from hevner.lab.explanation.music import Music, load, place
from hevner.lab.explanation.recipe import ExplanationRecipe
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import bootstrap
from hevner.model import predict
from hevner.model.explanation import Explainer
from hevner.model.explanation import load as load_explanation

Array = NDArray[Any]
ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "recipes" / "explanation.toml"
RESULTS = ROOT / "benchmarks" / "results" / "explain.csv"
COLUMNS = ("measure", "of", "reading", "n", "cases", "value", "low", "high", "moved", "foretold")
FOLDS = 5
Row = dict[str, object]


def row(measure: str, of: str, reading: str, groups: Array, score: Callable[[Array], float]) -> Row:
    """A score over cases with the groups that they are of."""
    every, n = np.arange(len(groups)), len(np.unique(groups))
    found: Row = {"measure": measure, "of": of, "reading": reading, "n": n, "cases": len(groups)}
    if n < 2:
        return found
    low, high = bootstrap(score, groups)
    return found | {name: round(float(one), 3) for name, one in
                    (("value", score(every)), ("low", low), ("high", high))}  # fmt: skip


def faithfulness(
    explainer: Explainer, model: Any, changed: dict[str, Array], terms: Terms
) -> Iterator[Row]:
    """Rows for each change and term, and over all."""
    moved = moves(model, changed, explainer.mean, explainer.spread)
    each = (moved.z @ explainer.weights)[..., None] * explainer.effects
    named, total = (each * terms.about[:, :, None]).sum(axis=2), each.sum(axis=2)
    pieces = np.repeat(np.arange(len(changed)), len(terms.about)).reshape(named.shape[:2])
    every = np.ones(len(terms.about), bool)
    parts = [(name, number == np.arange(len(every)), named)
             for number, name in enumerate(changes.CHANGES)]  # fmt: skip
    parts += [(f"term {n}", terms.about[:, k], named) for k, n in enumerate(terms.names)]
    parts += [("named terms", every, named), ("all terms", every, total)]
    for reading, name in enumerate(explainer.card["readings"]):
        for of, which, foretold in parts:
            said, y = foretold[:, which, reading].ravel(), moved.y[:, which, reading].ravel()
            groups = pieces[:, which].ravel()
            means = {"moved": round(y.mean(), 3), "foretold": round(said.mean(), 3)}
            large = np.abs(said) >= SAID
            right = (np.sign(said) == np.sign(y))[large].astype(float)
            yield (
                row("right signs", of, name, groups[large], lambda c, r=right: r[c].mean()) | means
            )
            if said.any():
                yield row("correlation", of, name, groups,
                          lambda c, a=said, b=y: np.corrcoef(a[c], b[c])[0, 1]) | means  # fmt: skip


def shares(
    recipe: ExplanationRecipe, music: Music, changed: dict[str, Array], model: Any
) -> Iterator[Row]:
    """Rows for each set and over all, of what was left out in turn."""
    groups, where = np.unique(music.group, return_inverse=True)
    fold = (np.random.default_rng(0).permutation(len(groups)) % FOLDS)[where]
    y, names = readings_of(model, music.vectors[music.whole])
    left, like = y.copy(), np.full(len(music.clip), "", object)
    inside = np.zeros((int((~music.whole).sum()), 2, y.shape[1]))
    for one in range(FOLDS):
        out = fold == one
        explainer = fit(recipe, music.where(~out), changed, model, "")
        whole = out & music.whole
        left[out[music.whole]] -= explainer.terms(music.vectors[whole]) @ explainer.effects
        x, moved = deviations(model, music, explainer.terms(music.vectors).astype(float))
        rows = out[~music.whole]
        inside[rows] = np.stack([moved, moved - x @ explainer.moment_effects], axis=1)[rows]
        for clip in np.flatnonzero(whole & (music.quadrant >= 0)):
            like[clip] = explainer.similar_to(music.vectors[clip]) or "none"
    windows = ~music.whole
    for reading, name in enumerate(names):
        for of in ("all", *recipe.music):
            for measure, rows, a, b in (
                ("share of variance", music.whole, left[:, reading], y[:, reading]),
                ("share within pieces", windows, inside[:, 1, reading], inside[:, 0, reading]),
            ):
                mine = (music.dataset[rows] == of) | (of == "all")
                if mine.any():
                    w = music.weights[rows][mine]
                    yield row(measure, of, name, music.group[rows][mine],
                              lambda c, a=a[mine], b=b[mine], w=w:
                              float(share(a[c], b[c], w[c])))  # fmt: skip
    yield from kinds(recipe, music, like)


def kinds(recipe: ExplanationRecipe, music: Music, like: Array) -> Iterator[Row]:
    """How often what music sounds most like is its kind, and what people call it."""
    words = ("happy", "tense", "sad", "calm")
    rows = np.flatnonzero(
        (like != "") & (like != "none") & np.isin(music.dataset, list(recipe.kinds))
    )
    said = [str(one).split(" that people call ") for one in like[rows]]
    truth = [(recipe.kinds[music.dataset[r]], words[music.quadrant[r]]) for r in rows]
    for column, of in enumerate(("kind", "word")):
        right = np.array([float(a[column] == b[column]) for a, b in zip(said, truth, strict=True)])
        yield row("sounds like", of, "", music.group[rows], lambda c, r=right: r[c].mean())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure explanations of readings.")
    parser.add_argument("--data", type=Path, required=True, help="Folder of the datasets")
    parser.add_argument("--store", type=Path, required=True, help="Folder of stored features")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="Recipe of the explanation")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="Model, explained beside")
    parser.add_argument("--jobs", type=int, default=1, help="Number of parallel processes")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    recipe = recipes.read(options.recipe, ExplanationRecipe)
    explainer = load_explanation(options.model)
    if explainer is None:
        parser.error(f"no explanation lies beside {options.model}")
    folders = {one: options.data / one for one in (*recipe.music, "vgmidi", "emopia", "pop909")}
    kept = place(options.store)
    tested = changes.load(folders, kept, recipe.tested, after=recipe.pieces)
    fitted = changes.load(folders, kept, recipe.pieces)
    music = load(recipe, folders, options.store, options.jobs)
    model = predict.load(options.model)
    rows = [*faithfulness(explainer, model, tested, Terms(recipe)),
            *shares(recipe, music, fitted, model)]  # fmt: skip
    write(rows, options.out, COLUMNS)
    for one in rows:
        print(*(one.get(name, "") for name in COLUMNS))


if __name__ == "__main__":
    main()
