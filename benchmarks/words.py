"""How often words are right: headlines, degrees and quadrants on data not trained on.

    python benchmarks/words.py --data DIR --store DIR --keep FILE.pkl

Predictions are those of models that have not seen the piece: five folds by song, game or album, and
every set with ratings or quadrants left out (``--recipe``, as `hevner evaluate` trains them). They
are kept in ``--keep``, made if it is missing.

``benchmarks/results/words.csv`` has for each kind of words the pieces that get them, the share of
those where listeners agree, with a bootstrap interval over groups (songs, games, albums). A
headline is right if the listeners' mean lies in the quadrant, or in one of the two that are named;
"near neutral" if it lies within .35 of neutral. A word with a degree is right if the mean lies in
the quarter of the plane around the word and at least so far out; here ``n`` counts pieces, and the
share is the mean over pieces of the share of their words, of all ("WORD") and of some.
"""

from __future__ import annotations

import argparse
import pickle
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from hevner.emotion import Quadrant
from hevner.lab.data.labels import quadrants_of
from hevner.lab.metrics.report import write
from hevner.model.prediction import Prediction
from hevner.position import Position
from hevner.result import COVERAGE, SURE, Estimate
from hevner.words import DEGREES, WORDS
from hevner.words.headline import NEAR_NEUTRAL, degree_of, headline, least

RESULTS = Path(__file__).with_name("results") / "words.csv"
FOLDS = 5
NEAR = 0.35
SHOWN = ("calm", "happy", "sad", "tense")
"""Words that have rows of their own."""

DRAWS = 2000
QUADRANTS = list(Quadrant)
Array = NDArray[np.float64]


@dataclass
class Predicted:
    """Predictions of one set and what listeners said; NaN where they were not asked.

    Attributes
    ----------
    values, halves, truth
        Valence and arousal, half-widths of their intervals, and listeners' means, ``(n, 2)``.
    quadrant
        Index of the quadrant by listeners, ``(n,)``.
    head
        Probabilities by the model's own head of quadrants, ``(n, 4)``.
    group
        What is drawn together in a bootstrap.
    """

    protocol: str
    dataset: str
    values: Array
    halves: Array
    truth: Array
    quadrant: NDArray[np.int64]
    head: Array
    group: NDArray[np.str_]


def held_out(recipe_path: Path, data: Path, store: Path) -> list[Predicted]:
    """Predictions out of fold, and with each set left out."""
    from hevner.lab.default.basis import folds
    from hevner.lab.default.fit import fit
    from hevner.lab.default.recipe import DefaultRecipe
    from hevner.lab.default.table import build
    from hevner.lab.recipes import read

    recipe = read(recipe_path, DefaultRecipe)
    table = build(recipe, {name: data / name for name in recipe.sets}, store, 1)
    fold = folds(table, FOLDS, 0)
    parts = [("folds", fold != number, fold == number) for number in range(FOLDS)]
    rated = np.unique(table.dataset[(table.quadrant >= 0) | np.isfinite(table.emotion[:, 0])])
    parts += [("left out", table.others(name), table.dataset == name) for name in rated]
    found: dict[tuple[str, str], list[tuple[Prediction, object]]] = defaultdict(list)
    for protocol, train, test in parts:
        model = fit(table.where(train), recipe)
        rows = table.where(test & table.clean)
        for name in sorted(set(rows.dataset) & set(rated.tolist())):
            mine = rows.where(rows.dataset == name)
            found[protocol, name].append((model.predict(mine.vectors, mine.seconds), mine))
        print(protocol, flush=True)
    return [_predicted(protocol, name, some) for (protocol, name), some in found.items()]


def _predicted(protocol: str, dataset: str, parts: list[tuple[Prediction, object]]) -> Predicted:
    def both(name: str) -> Array:
        return np.concatenate([getattr(rows, name) for _, rows in parts])

    guesses = [guess for guess, _ in parts]
    truth, quadrant = both("emotion"), both("quadrant").astype(np.int64)
    return Predicted(
        protocol,
        dataset,
        np.concatenate([guess.values for guess in guesses]).astype(np.float64),
        np.concatenate([guess.halves for guess in guesses]).astype(np.float64),
        truth,
        np.where(quadrant >= 0, quadrant, quadrants_of(np.nan_to_num(truth))),
        np.concatenate([guess.outputs["quadrants"] for guess in guesses]).astype(np.float64),
        both("group").astype(str),
    )


def positions(predicted: Predicted) -> list[Position]:
    """The distribution of every piece."""
    found = []
    for values, halves in zip(predicted.values, predicted.halves, strict=True):
        low, high = np.maximum(values - halves, -1), np.minimum(values + halves, 1)
        axes = (Estimate(*map(float, one)) for one in zip(values, low, high, strict=True))
        found.append(Position.of(*axes))
    return found


class Table:
    """Rows of results."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(self, predicted: Predicted, what: str, mask: NDArray[np.bool_], right: Array) -> None:
        """A share with its interval; right is NaN where it does not count."""
        chosen = mask & np.isfinite(right)
        if not chosen.any():
            return
        groups = sorted(set(predicted.group[chosen]))
        parts = [right[chosen & (predicted.group == one)] for one in groups]
        sums, counts = np.array([p.sum() for p in parts]), np.array([len(p) for p in parts])
        draw = np.random.default_rng(1).integers(len(parts), size=(DRAWS, len(parts)))
        means = sums[draw].sum(axis=1) / counts[draw].sum(axis=1)
        value = float(right[chosen].mean())
        low, high = np.quantile(means, [0.025, 0.975])
        self._row(predicted, what, int(chosen.sum()), value, float(low), float(high))

    def number(self, predicted: Predicted, what: str, value: float) -> None:
        """A number about a whole set."""
        self._row(predicted, what, len(predicted.values), value, None, None)

    def _row(
        self,
        predicted: Predicted,
        what: str,
        n: int,
        value: float,
        low: float | None,
        high: float | None,
    ) -> None:
        numbers = {"value": value, "low": low, "high": high}
        shown = {name: "" if one is None else round(one, 4) for name, one in numbers.items()}
        self.rows.append(
            {"protocol": predicted.protocol, "dataset": predicted.dataset, "what": what, "n": n}
            | shown
        )


def score(predicted: Predicted, table: Table) -> None:
    """Add all rows of a set."""
    places = positions(predicted)
    every = np.ones(len(places), bool)
    best = np.array([QUADRANTS.index(place.quadrant) for place in places])
    right = (best == predicted.quadrant).astype(np.float64)
    table.add(predicted, "quadrant of the values", every, right)
    head = (predicted.head.argmax(axis=1) == predicted.quadrant).astype(np.float64)
    table.add(predicted, "quadrant of the head", every, head)
    rated = bool(np.isfinite(predicted.truth).all())
    if rated:
        deviation = NormalDist().inv_cdf((1 + COVERAGE) / 2)
        errors = predicted.truth - predicted.values
        scaled = errors / (predicted.halves / deviation)
        table.number(predicted, "correlation of errors", float(np.corrcoef(scaled.T)[0, 1]))
        for axis, name in enumerate(("valence", "arousal")):
            table.number(predicted, f"mean error of {name}", float(errors[:, axis].mean()))
    else:
        # The offset with which as many pieces lie on each side as listeners say.
        sides = (np.isin(predicted.quadrant, (0, 3)), predicted.quadrant < 2)
        for axis, name in enumerate(("valence", "arousal")):
            offset = -np.quantile(predicted.values[:, axis], 1 - sides[axis].mean())
            table.number(predicted, f"mean error of {name}", float(offset))
    _headlines(predicted, places, right, table)
    if rated:
        _degrees(predicted, places, table)


def _headlines(predicted: Predicted, places: list[Position], right: Array, table: Table) -> None:
    said = [headline(place) for place in places]
    perhaps = np.array([s.startswith("perhaps ") for s in said])
    plain = np.array([any(one.value in s for one in Quadrant) for s in said]) & ~perhaps
    near = np.array([s == NEAR_NEUTRAL for s in said])
    table.add(predicted, "headline: a quadrant", plain, right)
    table.add(predicted, "headline: perhaps a quadrant", perhaps, right)
    for quadrant in Quadrant:
        mine = np.array([quadrant.value in s for s in said]) & plain
        table.add(predicted, f"headline: {quadrant.value}", mine, right)
    named = np.array(
        [
            float(s.startswith("between ") and QUADRANTS[q].value.split(",")[0] in s)
            for s, q in zip(said, predicted.quadrant, strict=True)
        ]
    )
    table.add(predicted, "headline: between two", ~plain & ~perhaps & ~near, named)
    distance = np.hypot(*predicted.truth.T)
    close = np.where(np.isfinite(distance), distance < NEAR, np.nan)
    table.add(predicted, "headline: near neutral", near, close)


def _degrees(predicted: Predicted, places: list[Position], table: Table) -> None:
    names = [*(degree.name or "plain" for degree in DEGREES), "perhaps"]
    right: dict[str, list[list[float]]] = {
        f"{name} {word}": [[] for _ in places] for word in ("WORD", *SHOWN) for name in names
    }
    for row, (place, truth) in enumerate(zip(places, predicted.truth, strict=True)):
        for word in WORDS:
            if word.valence is None or word.arousal is None:
                continue
            degree, share = degree_of(place, word.valence, word.arousal)
            if share < 0.5:
                continue
            is_sure = share >= SURE
            name = (degree.name or "plain") if is_sure else "perhaps"
            direction = np.array([word.valence, word.arousal])
            radius = float(np.hypot(*direction))
            along = truth @ direction / radius
            across = abs(truth @ np.array([-direction[1], direction[0]])) / radius
            far = least(degree if is_sure else DEGREES[0], radius)
            is_right = float(along >= max(across, far))
            right[f"{name} WORD"][row].append(is_right)
            if word.name in SHOWN:
                right[f"{name} {word.name}"][row].append(is_right)
    for name, parts in right.items():
        means = np.array([np.mean(one) if one else np.nan for one in parts])
        table.add(predicted, name, np.isfinite(means), means)


def main() -> None:
    """Predict what is not kept, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/unified.toml"))
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not options.keep.exists():
        known = held_out(options.recipe, options.data, options.store)
        options.keep.write_bytes(pickle.dumps(known))
    table = Table()
    for predicted in pickle.loads(options.keep.read_bytes()):
        score(predicted, table)
    write(table.rows, options.out)
    for row in table.rows:
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    main()
