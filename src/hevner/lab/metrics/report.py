"""A table of scores: means over seeds with intervals over groups."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Names, Rows
from hevner.errors import ModelError
from hevner.files import write_file
from hevner.lab.metrics.statistics import RESAMPLES, bootstrap
from hevner.output.spreadsheet import csv_text
from hevner.text_file import read_json

Row = dict[str, object]
Score = Callable[[int, Rows], float]
"""A score by seed and rows."""


def by_seed(score: Callable[[Any, Rows], float], tables: Sequence[Any]) -> Score:
    """Score of some rows of a table, one table per seed."""
    return lambda seed, rows: score(tables[seed], rows)


def mean_of(values: Sequence[NDArray[np.floating]]) -> Score:
    """Mean of values of rows, given by seed."""
    return lambda seed, rows: float(values[seed][rows].mean())


def less(first: Score, second: Score) -> Score:
    """The first score less the second, on the same rows."""
    return lambda seed, rows: first(seed, rows) - second(seed, rows)


class Grouped(Protocol):
    """Rows of one dataset, each of a group."""

    @property
    def dataset(self) -> Names:
        """Name of the dataset, for every row."""

    @property
    def group(self) -> Names:
        """Song, piece, game or artist of every row."""


class Pieces(NamedTuple):
    """Rows of which nothing but dataset and group is known."""

    dataset: Names
    group: Names


class Report:
    """Rows of a result table; a score is the mean over seeds, its interval over groups."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, protocol: str, table: Grouped, name: str, score: Score, seeds: int) -> None:
        """Add ``score(seed, rows)`` of a table."""
        everything = np.arange(len(table.group))
        per_seed = [score(seed, everything) for seed in range(seeds)]
        low, high = bootstrap(lambda rows: score(0, rows), table.group, resamples=RESAMPLES)
        self.rows.append(
            {
                "protocol": protocol,
                "dataset": str(table.dataset[0]),
                "metric": name,
                "value": round(float(np.mean(per_seed)), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "seed_std": round(float(np.std(per_seed)), 4),
                "n": len(table.group),
                "groups": len(set(table.group)),
                "seeds": seeds,
            }
        )


def into_card(rows: Sequence[Row], card: Path, run: str) -> None:
    """Write scores, and the run that made them, into the card of a model (a JSON file).

    Raises `ModelError` if the card cannot be read; `OutputError` if it cannot be written.
    """
    try:
        facts = read_json(card)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the card cannot be read ({error})",
            subject=str(card),
            remedy="Train the model first",
            code="unreadable_card",
        ) from error
    kept = [{n: v for n, v in row.items() if n != "seed_std"} for row in rows]
    facts["scores"] = {"run": run, "rows": kept}
    write_file(card, (json.dumps(facts, indent=1) + "\n").encode("utf-8"))


def write(
    rows: Sequence[Mapping[str, object]],
    path: Path,
    columns: Sequence[str] = (),
    line_end: str = "\n",
) -> None:
    """Write rows as CSV; columns are the keys of the first row unless they are given.

    Raises `OutputError` if the file cannot be written; what was there before stays.
    """
    columns = columns or list(rows[0])
    text = csv_text(columns, ([row.get(name) for name in columns] for row in rows), line_end)
    write_file(path, text.encode("utf-8"))
