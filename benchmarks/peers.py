"""Compare hevner with Essentia's heads and VibeNet, on the same clips of labelled music.

    python benchmarks/peers.py clips --data DIR --renders DIR --out CLIPS.csv
    PEERS/bin/python benchmarks/peer_predictions.py CLIPS.csv PEERS.csv --models DIR
    python benchmarks/peers.py predict --data DIR --store DIR --out HEVNER.csv [--recipe FILE]
    python benchmarks/peers.py score HEVNER.csv PEERS.csv --data DIR --out CSV

``clips`` lists the files; ``--renders`` is the folder of renders in a store, for sets of MIDI.
``predict`` trains the default model without each set in turn, from the features in a store, and
writes what it says of that set; with ``--folds SEED`` it trains without each of five folds of all
sets instead, to be compared with another version of the model on the same folds.
``score`` reads any number of tables with the columns dataset, id, valence and arousal on [-1, 1],
and, where there are any, tension and system. The first system of the first table is the one that
all others are compared with; its name is "hevner" where the column is missing. It writes a row for
every set, score and system: the score, and how much better the first system is on the same clips,
both with a 95 % bootstrap interval over groups (albums, artists, games, songs), and prints a table.
A system that lacks clips of a set is left out of that set. With ``--leaks``, the table of
``leaks.py``, clips that share a song, an artist or a recording with another set are not counted.

Scores, by what a set has:

ratings     Pearson's r, CCC, R2, R2 after the best line; r within genres (genre means taken off);
            the leak: r of predicted valence with rated arousal.
quadrants   AUC of valence and of arousal over all songs, and of valence between two quadrants:
            happy Q1, angry Q2, sad Q3, calm Q4; accuracy of the quadrant by the signs of both
            values, and by the sides of their medians over the set, which asks for no scale.
clusters    AUC of valence or arousal between two of MIREX's clusters: cheerful 2, wistful 3,
            aggressive 5.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner import datasets
from hevner.arrays import Mask, Rows
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.emotion import AXES, Quadrant
from hevner.lab.default.basis import folds
from hevner.lab.default.evaluate import OUTER_FOLDS
from hevner.lab.default.fit import fit
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table as FeatureTable
from hevner.lab.default.table import build
from hevner.lab.gap.bias import class_means
from hevner.lab.metrics.regression import ccc, pearson, r2, r2_affine
from hevner.lab.metrics.report import write
from hevner.lab.metrics.statistics import bootstrap
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.recipes import read

Array = NDArray[np.float64]
Table = dict[str, dict[str, Array]]
"""Valence, arousal and tension by system and by name of the clip, such as ``film/001``."""

SOUNDFONTS = {"vgmidi": "FluidR3_GM", "emopia": "FluidR3_GM"}
"""Sets of MIDI, and the soundfont that they are played with."""

NEW = ("film", "musifeast", "quadrants4q", "mirex")
"""Sets that the shipped model was not trained on."""

RECIPE = Path(__file__).parents[1] / "recipes" / "unified.toml"
SETS = (*NEW, "musemo", *SOUNDFONTS)
READINGS = (*AXES, "tension")
METRICS = {"r": pearson, "CCC": ccc, "R2": r2, "R2 after a line": r2_affine}

QUADRANT_PAIRS = {
    "happy / sad": ("Q1", "Q3"),
    "calm / sad": ("Q4", "Q3"),
    "happy / angry": ("Q1", "Q2"),
}
CLUSTER_PAIRS = (
    ("valence AUC, cheerful / wistful", 0, 2, 3),
    ("valence AUC, cheerful / aggressive", 0, 2, 5),
    ("arousal AUC, aggressive / wistful", 1, 5, 3),
)
SHORT = ("valence r", "arousal r", "tension r", "valence r within genres",
         "arousal r within genres", "quadrants by signs")  # fmt: skip
"""Scores in the printed table, beside all AUCs."""


@dataclass(frozen=True)
class Question:
    """A score that the labels of a set allow.

    Attributes
    ----------
    name
        Name of the score.
    clips
        Which clips of the set it is about, in the set's order.
    score
        From predicted values of some clips, shape ``(n, 3)``, and the numbers of these clips.
    """

    name: str
    clips: Rows
    score: Callable[[Array, Rows], float]


def questions(tracks: Sequence[Track]) -> Iterator[Question]:
    """All scores that the labels of a set allow."""
    everything = np.arange(len(tracks))
    for axis, name in enumerate(READINGS):
        rated = [getattr(track, name) for track in tracks]
        if None not in rated:
            yield from rating_questions(np.array(rated, float), axis, name, tracks)
    if all(track.valence is not None for track in tracks):
        arousal = np.array([track.arousal for track in tracks], float)
        yield Question("leak", everything, lambda v, rows: pearson(arousal[rows], v[:, 0]))
    elif all(track.quadrant for track in tracks):
        yield from quadrant_questions([q.name for t in tracks if (q := t.quadrant)])
    elif all(track.cluster for track in tracks):
        cluster = np.array([track.cluster for track in tracks])
        for name, axis, high, low in CLUSTER_PAIRS:
            yield pair(name, axis, cluster == high, cluster == low)


def rating_questions(
    rated: Array, axis: int, name: str, tracks: Sequence[Track]
) -> Iterator[Question]:
    """Agreement with the ratings of one axis."""
    everything = np.arange(len(rated))
    for metric, of in METRICS.items():
        yield Question(
            f"{name} {metric}", everything, lambda v, rows, of=of: of(rated[rows], v[:, axis])
        )
    if all(track.genre for track in tracks):
        genre = np.unique([track.genre for track in tracks], return_inverse=True)[1]
        yield Question(
            f"{name} r within genres",
            everything,
            lambda v, rows: pearson(
                rated[rows] - class_means(rated[rows], genre[rows]),
                v[:, axis] - class_means(v[:, axis], genre[rows]),
            ),
        )


def quadrant_questions(quadrant: Sequence[str]) -> Iterator[Question]:
    """Orders between quadrants, and how many are right by signs."""
    names = np.array(quadrant)
    everything = np.arange(len(names))
    for name, (high, low) in QUADRANT_PAIRS.items():
        yield pair(f"valence AUC, {name}", 0, names == high, names == low)
    positive = np.isin(names, ("Q1", "Q4")), np.isin(names, ("Q1", "Q2"))
    for axis, name in enumerate(AXES):
        yield pair(f"{name} AUC", axis, positive[axis], ~positive[axis])

    def right(values: Array, rows: Rows) -> float:
        found = [Quadrant.of(*point).name for point in values[:, :2]]
        return float(np.mean(np.array(found) == names[rows]))

    yield Question("quadrants by signs", everything, right)
    yield Question(
        "quadrants by medians", everything, lambda v, rows: right(v - np.median(v, axis=0), rows)
    )


def pair(name: str, axis: int, high: NDArray[np.bool_], low: NDArray[np.bool_]) -> Question:
    """How often a clip of one kind gets the higher value than one of another."""
    return Question(
        name, np.flatnonzero(high | low), lambda v, rows: roc_auc(high[rows], v[:, axis])
    )


def read_predictions(paths: Iterable[Path]) -> Table:
    """All systems of some tables, in order."""
    table: Table = {}
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                values = [float(row.get(name) or np.nan) for name in READINGS]
                system = table.setdefault(row.get("system") or "hevner", {})
                system[f"{row['dataset']}/{row['id']}"] = np.array(values)
    return table


def score_set(tracks: Sequence[Track], table: Table) -> Iterator[dict[str, object]]:
    """Rows of the result for one set."""
    names = [leaks.name(track) for track in tracks]
    groups = np.array([track.group for track in tracks])
    said = {
        system: np.stack([values[name] for name in names])
        for system, values in table.items()
        if all(name in values for name in names)
    }
    first = said.get(next(iter(table)))
    for question in questions(tracks):
        group = groups[question.clips]
        for system, values in said.items():
            if question.name.startswith("tension") and np.isnan(values[:, 2]).any():
                continue
            row: dict[str, object] = {
                "dataset": tracks[0].dataset,
                "metric": question.name,
                "system": system,
            }
            row |= {"n": str(len(group)), "groups": str(len(set(group)))}
            yield row | measure(question, values, first, group)


def measure(
    question: Question, values: Array, first: Array | None, group: NDArray[Any]
) -> dict[str, str]:
    """A score, and how much better the first system is, each with its interval."""

    def score(of: Array, numbers: Rows) -> float:
        rows = question.clips[numbers]
        return question.score(of[rows], rows)

    def better(numbers: Rows) -> float:
        return score(first, numbers) - score(values, numbers) if first is not None else np.nan

    everything = np.arange(len(group))
    found = [score(values, everything), *bootstrap(lambda rows: score(values, rows), group)]
    if first is values or first is None or np.isnan(better(everything)):
        differences = ["", "", ""]
    else:
        gained = [better(everything), *bootstrap(better, group)]
        differences = [f"{number:.4f}" for number in gained]
    columns = ("value", "low", "high", "difference", "difference_low", "difference_high")
    return dict(zip(columns, [f"{number:.4f}" for number in found] + differences, strict=True))


# --- the steps ---


def load(options: argparse.Namespace) -> dict[str, list[Track]]:
    """Tracks of the sets that are in the folder of data, by set."""
    here = [name for name in options.sets if (options.data / name).is_dir()]
    return {name: list(datasets.load(name, options.data / name)) for name in here}


def list_clips(options: argparse.Namespace) -> None:
    """Write the table of files for the peers."""
    rows: list[dict[str, object]] = []
    for name, tracks in load(options).items():
        for track in tracks:
            path = track.path
            if name in SOUNDFONTS:
                path = options.renders / name / SOUNDFONTS[name] / f"{track.id}.flac"
            rows.append({"dataset": name, "id": track.id, "path": str(path.resolve())})
    write(rows, options.out)


def predict_left_out(options: argparse.Namespace) -> None:
    """Write what the default model says of every set when it was trained on the others."""
    recipe = read(options.recipe, DefaultRecipe)
    table = build(recipe, {name: options.data / name for name in recipe.sets}, options.store)
    rows: list[dict[str, object]] = []
    for left_out, train in divisions(table, recipe, options):
        test = table.where(left_out & table.clean)
        model = fit(table.where(train), recipe)
        found = model.predict(test.vectors, test.seconds).outputs
        tension = found["tension"][:, 0] if found["tension"].size else np.full(len(test), np.nan)
        for clip, values in zip(
            test.clip, np.column_stack([found["emotion"], tension]), strict=True
        ):
            name, _, number = clip.partition("/")
            row: dict[str, object] = {"dataset": name, "id": number}
            for axis, value in zip((*AXES, "tension"), values, strict=True):
                row[axis] = f"{value:.5f}" if np.isfinite(value) else ""
            way = "set left out" if options.folds is None else "in folds"
            rows.append(row | {"system": f"{model.name}, {way}"})
    write(rows, options.out)


def divisions(
    table: FeatureTable, recipe: DefaultRecipe, options: argparse.Namespace
) -> Iterator[tuple[Mask, Mask]]:
    """Rows to predict, and rows to train on; no group is in both."""
    if options.folds is not None:
        fold = folds(table, OUTER_FOLDS, options.folds)
        for number in range(OUTER_FOLDS):
            yield fold == number, fold != number
        return
    for name in (one for one in options.sets if one in recipe.sets):
        mine = table.dataset == name
        yield mine, ~mine & ~np.isin(table.group, table.group[mine])


def score(options: argparse.Namespace) -> None:
    """Write scores and print the table."""
    table = read_predictions(options.tables)
    known = shared(options.leaks) if options.leaks else set()
    rows: list[dict[str, object]] = []
    for tracks in load(options).values():
        rows += score_set([t for t in tracks if leaks.name(t) not in known], table)
    write(rows, options.out)
    print_table(rows)


def shared(path: Path) -> set[str]:
    """Names of the clips that share something with another set."""
    with path.open(newline="", encoding="utf-8") as file:
        pairs = [(row["first"], row["second"]) for row in csv.DictReader(file)]
    return {
        name
        for pair in pairs
        if pair[0].partition("/")[0] != pair[1].partition("/")[0]
        for name in pair
    }


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table in Markdown; ``*`` marks a system that the first one clearly differs from."""
    systems = list(dict.fromkeys(str(row["system"]) for row in rows))
    lines: dict[str, dict[str, str]] = {}
    for row in rows:
        metric = str(row["metric"])
        if metric in SHORT or "AUC" in metric:
            line = lines.setdefault(f"{row['dataset']}, {metric} (n {row['n']})", {})
            clear = row["difference"] and float(str(row["difference_low"])) * float(
                str(row["difference_high"])
            ) > 0  # fmt: skip
            text = "{} [{}, {}]".format(*(short(row[key]) for key in ("value", "low", "high")))
            line[str(row["system"])] = text + ("*" if clear else "")
    print("| " + " | ".join(["", *systems]) + " |")
    print("|---" * (len(systems) + 1) + "|")
    for name, line in lines.items():
        print("| " + " | ".join([name, *(line.get(system, "") for system in systems)]) + " |")


def short(value: object) -> str:
    """Two decimals without the leading zero."""
    return f"{float(str(value)):.2f}".replace("0.", ".")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare hevner with Essentia and VibeNet.")
    steps = parser.add_subparsers(required=True)
    wanted = {
        "clips": (list_clips, "--renders"),
        "predict": (predict_left_out, "--store"),
        "score": (score, "tables"),
    }
    for name, (step, own) in wanted.items():
        one = steps.add_parser(name)
        one.add_argument(own, type=Path, **({"nargs": "+"} if own == "tables" else {}))
        one.add_argument("--data", type=Path, required=True)
        one.add_argument("--out", type=Path, required=True)
        one.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
        if name == "score":
            one.add_argument("--leaks", type=Path)
        if name == "predict":
            one.add_argument("--recipe", type=Path, default=RECIPE)
            one.add_argument("--folds", type=int, metavar="SEED")
        one.set_defaults(step=step)
    options = parser.parse_args()
    options.step(options)


if __name__ == "__main__":
    main()
