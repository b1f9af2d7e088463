"""Print the accuracy tables of ``docs/results/emotion.md`` from the committed results.

python benchmarks/tables.py
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

from peers import print_table, short

from hevner.emotion import BASIC

RESULTS = Path(__file__).with_name("results")
Score = dict[str, str]
NAMES = {
    "musifeast": "MUSIFEAST", "film": "film scores", "musemo": "MusEmo", "vgmidi": "VGMIDI",
    "quadrants4q": "4Q", "emopia": "EMOPIA", "mirex": "MIREX", "emotify": "Emotify",
}  # fmt: skip
RATED = tuple(NAMES)[:4]
OTHER = (
    *("valence auc", "arousal auc", "quadrant accuracy", "quadrant signs", "gems mean r"),
    *(f"{name} r" for name in ("tension", *BASIC)),
)
"""Scores of what is no rating of valence and arousal."""
ABLATIONS = ("musicnn_mtt", "harmony", "handcrafted")


def read(name: str) -> dict[tuple[str, str, str], Score]:
    """Rows of a result file by protocol, dataset and metric."""
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        return {(r["protocol"], r["dataset"], r["metric"]): r for r in csv.DictReader(file)}


def cell(row: Score | None) -> str:
    """A score with its interval."""
    if row is None:
        return ""
    value, low, high = (short(row[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def emotion(protocol: str, dataset: str) -> list[str]:
    """Line of the table of one set with ratings."""
    scores = read("default")
    metrics = [f"{axis} {m}" for axis in ("valence", "arousal") for m in ("r", "ccc", "r2")]
    return [NAMES[dataset], *(cell(scores.get((protocol, dataset, m))) for m in metrics)]


def tags(scores: dict[tuple[str, str, str], Score]) -> list[list[str]]:
    """Lines of the table of tags: against the network that taught them, and against listeners."""
    rows = []
    for (protocol, dataset, metric), row in scores.items():
        if metric in ("tags spearman", "tags ece"):
            rows.append([NAMES[dataset], metric, cell(row), "", ""])
        elif metric.startswith("tag auc") and not metric.endswith("network"):
            other = scores[protocol, dataset, f"{metric}, by the tagging network"]
            gain = scores[protocol, dataset, f"{metric}, more than the tagging network"]
            word = metric.removeprefix("tag auc, ")
            rows.append([NAMES[dataset], f"AUC of {word}", cell(row), cell(other), cell(gain)])
    return rows


def main() -> None:
    """Print all tables."""
    argparse.ArgumentParser(description="Print the tables of docs/results/emotion.md.").parse_args()
    scores = read("default")
    axes = [f"{axis} {m}" for axis in ("valence", "arousal") for m in ("r", "CCC", "R2")]
    for protocol in ("cross-validation", "leave-one-dataset-out"):
        print(f"\n{protocol}\n")
        print(table(["", *axes], [emotion(protocol, name) for name in RATED]))
    print("\nclasses, moods, tension and basic emotions\n")
    rows = [
        [f"{NAMES[d]} {metric}", protocol, cell(row)]
        for (protocol, d, metric), row in scores.items()
        if metric.endswith(OTHER) or " against " in metric
    ]
    print(table(["", "protocol", "score"], rows))
    print("\nbeside Essentia's heads and VibeNet\n")
    with (RESULTS / "peers.csv").open(newline="") as file:
        print_table(list(csv.DictReader(file)))
    print_rest(scores)


def print_rest(scores: dict[tuple[str, str, str], Score]) -> None:
    """Print intervals, genres left out, tags and ablations."""
    print("\nintervals and curves\n")
    rows = [
        [NAMES[d], p, *(cell(scores.get((p, d, f"{a} {m}"))) for a in ("valence", "arousal")
                        for m in ("coverage", "interval width"))]
        for p in ("cross-validation", "leave-one-dataset-out") for d in RATED
    ]  # fmt: skip
    heads = [f"{a} {m}" for a in ("valence", "arousal") for m in ("coverage", "width")]
    print(table(["", "protocol", *heads], rows))
    print("\ngenres left out\n")
    print(cell(scores.get(("leave-one-genre-out", "emotify", "gems mean r"))))
    print("\ntags\n")
    print(table(["", "against", "hevner", "tagging network", "difference"], tags(scores)))
    for metric in ("valence within-piece r", "arousal within-piece r", "valence coverage",
                   "arousal coverage"):  # fmt: skip
        print(f"curves {metric}: {cell(scores['curves', 'vgmidi', metric])}")
    print("\nablations\n")
    wanted = [
        ("leave-one-dataset-out", "musemo", "valence r"),
        ("leave-one-dataset-out", "musemo", "arousal r"),
        ("leave-one-dataset-out", "vgmidi", "valence r"),
        ("leave-one-dataset-out", "vgmidi", "arousal r"),
        ("cross-validation", "emopia", "quadrant accuracy"),
        ("cross-validation", "emotify", "gems mean r"),
    ]
    rows = [["with the kernel", *(cell(scores[key]) for key in wanted)]]
    for name in ("linear", *(f"without_{block}" for block in ABLATIONS)):
        found = read(name)
        rows.append([name.replace("_", " "), *(cell(found[key]) for key in wanted)])
    print(table(["", *(f"{NAMES[d]} {m}, {p}" for p, d, m in wanted)], rows))


if __name__ == "__main__":
    main()
