"""Print the tables of ``data.md`` and ``features.md``: cards, splits and measured figures.

    python docs/tables.py

A test holds that the pages have the same tables.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from hevner import datasets
from hevner.datasets.card import Card
from hevner.datasets.splits import MANIFEST

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
NAMES = tuple(name for name in datasets.NAMES if name != "own")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def dataset_table() -> str:
    """What each dataset holds."""
    head = ("name", "tracks", "labels", "valence", "arousal", "emotion", "group", "licence")
    return table(head, (dataset_row(datasets.card(name)) for name in NAMES))


def dataset_row(card: Card) -> list[str]:
    """One dataset; of the group only what comes before the reason."""
    scales = [scale.name if scale else "" for scale in (card.valence, card.arousal)]
    labels = ", ".join(card.labels)
    group = card.group.partition(":")[0]
    return [card.name, f"{card.tracks:,}", labels, *scales, card.emotion, group, card.licence]


def defect_table() -> str:
    """What is known to be wrong with each."""
    rows = (
        [name, defect.name, defect.what, defect.repair]
        for name in NAMES
        for defect in datasets.card(name).defects
    )
    return table(("dataset", "defect", "what is wrong", "what is done"), rows)


def split_table() -> str:
    """Sizes and known leaks of the splits."""
    rows = (
        [
            entry["dataset"],
            entry["name"],
            ", ".join(f"{part} {count:,}" for part, count in entry["counts"].items()),
            entry["leaks"],
        ]
        for entry in json.loads(MANIFEST.read_text(encoding="utf-8"))
    )
    return table(("dataset", "split", "parts", "known leaks"), rows)


def fingerprint_table() -> str:
    """Measured hits and misses of the fingerprint."""
    rows = (
        [
            row["what"],
            row["detail"],
            f"{int(row['hits']):,} of {int(row['n']):,}",
            f"{float(row['low']):.3g} to {float(row['high']):.3g}",
        ]
        for row in read("fingerprint")
    )
    return table(("measured", "on", "count", "95 % interval of the share"), rows)


def store_table() -> str:
    """Measured speed of the store."""
    figures = {row["figure"]: float(row["value"]) for row in read("store")}
    rows = (
        ["tracks", f"{figures['tracks']:,.0f}"],
        ["size", f"{figures['size_mb']:.0f} MB"],
        ["first opening", f"{1000 * figures['open_s']:.1f} ms"],
        ["a random row, median", f"{figures['row_median_ms']:.2f} ms"],
        ["a random row, 99 of 100 below", f"{figures['row_p99_ms']:.1f} ms"],
        ["adding a track, safe on disk", f"{figures['append_ms']:.0f} ms"],
        ["pooling all tracks", f"{figures['pool_all_s']:.0f} s"],
        ["verifying all", f"{figures['verify_s']:.0f} s"],
    )
    return table(("", "measured"), rows)


def read(name: str) -> list[dict[str, str]]:
    """Rows of a result file."""
    with (RESULTS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


TABLES = (dataset_table, defect_table, split_table, fingerprint_table, store_table)


def main() -> None:
    """Print all tables, an empty line between them."""
    print("\n\n".join(make() for make in TABLES))  # noqa: T201


if __name__ == "__main__":
    main()
