"""Measure how smoothly playlists go, against the shortest way through the same pieces.

    python benchmarks/playlist.py [--pieces 2000] [--playlists 40]

Pieces are those of `catalog.py`, made from real readings, of 997 artists. Playlists lead from one
word to another, in an hour. Each is made as it is and without the last step, which puts its pieces
in order (`hevner.catalog.playlist.shortest`). The way of a playlist is the sum of the steps from
piece to piece on the plane of valence and arousal; the best possible one is the shortest order of
the same pieces with the same first and last one, found exactly (Held and Karp, 1962).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import catalog as made_up
import numpy as np
from numpy.typing import NDArray

from hevner.catalog import playlist
from hevner.catalog.catalog import Catalog
from hevner.catalog.search import Hits
from hevner.lab.metrics.report import write
from hevner.model import space as spaces
from hevner.model.space import Points, Space
from hevner.words import Lexicon
from hevner.words.describing import describe

SEEDS = 5
MINUTES = 60
RESAMPLED = 2_000
OUT = Path(__file__).parent / "results" / "playlist.csv"


def names(rng: np.random.Generator, numbers: range) -> dict[str, list[str]]:
    """Artists and titles of some pieces."""
    return {
        "artist": [f"artist {rng.integers(997)}" for _ in numbers],
        "title": [f"track {number}" for number in numbers],
    }


def best(steps: NDArray[np.float64]) -> float:
    """Length of the shortest way from the first row to the last through all others."""
    inner = len(steps) - 2
    if inner < 1:
        return float(steps[0, -1])
    costs = np.full((1 << inner, inner), np.inf)
    costs[1 << np.arange(inner), np.arange(inner)] = steps[0, 1:-1]
    between = steps[1:-1, 1:-1]
    for seen in range(1, 1 << inner):
        for new in range(inner):
            if not seen >> new & 1:
                cost = (costs[seen] + between[:, new]).min()
                costs[seen | 1 << new, new] = min(costs[seen | 1 << new, new], cost)
    return float((costs[-1] + steps[1:-1, -1]).min())


def facts(space: Space, catalog: Catalog, hits: Hits, seconds: float) -> dict[str, float]:
    """What is measured of a playlist."""
    plane = np.array([(hit.valence, hit.arousal) for hit in hits])
    steps = np.linalg.norm(plane[:, None] - plane, axis=2)
    paths = [hit.path for hit in hits]
    rows = {row["path"]: row["place"] for row in catalog.listing(["path", "place"], _of(paths))}
    points = catalog.points(np.array([rows[path] for path in paths]))
    return {
        "pieces": len(hits),
        "way_to_best": float(steps.diagonal(1).sum()) / best(steps),
        "fit": float(np.mean([hit.fit for hit in hits])),
        "unlike": float(space.alike(points, points).diagonal(1).mean()),
        "artist_again": sum(one.artist == other.artist for one, other in pairwise(hits)),
        "ms": 1000 * seconds,
    }


def _of(paths: list[str]) -> str:
    return f"path IN ({', '.join(repr(path) for path in paths)})"


def ends(space: Space, rng: np.random.Generator) -> tuple[Points, Points]:
    """The emotions of two words."""
    words = [word.name for word in Lexicon().words if word.valence is not None]
    two = [Lexicon().parse(str(word)) for word in rng.choice(words, 2, replace=False)]
    first, last = (space.merge(space.emotion(describe(word))) for word in two)
    return first, last


def summary(rows: list[dict[str, float]], rng: np.random.Generator) -> dict[str, object]:
    """Means with bootstrap intervals of 95 %, and the worst way."""
    found: dict[str, object] = {"playlists": len(rows)}
    picks = rng.integers(len(rows), size=(RESAMPLED, len(rows)))
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        low, high = np.quantile(values[picks].mean(axis=1), (0.025, 0.975))
        found |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
    return found | {"worst_way": max(row["way_to_best"] for row in rows)}


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pieces", type=int, default=2_000)
    parser.add_argument("--playlists", type=int, default=40, help="in all, over all seeds")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    space, rows = spaces.load(), dict[str, list[dict[str, float]]]()
    ordered = playlist.shortest
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "catalog"
            catalog = made_up.fill(place, space, given.pieces, rng, partial(names, rng))
            for _ in range(given.playlists // SEEDS):
                two = ends(space, rng)
                for name, order in (("ordered", ordered), ("as chosen", lambda way, _: list(way))):
                    playlist.shortest = order
                    start = time.perf_counter()
                    hits = playlist.make_playlist(catalog, *two, 60 * MINUTES)
                    seconds = time.perf_counter() - start
                    rows.setdefault(name, []).append(facts(space, catalog, hits, seconds))
    playlist.shortest = ordered
    found = []
    for name, some in rows.items():
        figures = {"pieces_in_catalogue": given.pieces, **summary(some, np.random.default_rng(0))}
        shown = {n: f"{v:.4g}" if isinstance(v, float) else v for n, v in figures.items()}
        found.append({"order": name, **shown})
        print(found[-1])
    write(found, given.out)


if __name__ == "__main__":
    main()
