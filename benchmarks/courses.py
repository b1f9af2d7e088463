"""Measure what a search for a course finds: whether it moves, and whether a piece finds itself.

    hevner index FOLDER --into CATALOGUE
    python benchmarks/courses.py CATALOGUE

The results are of the free music that `library.py` fetches, files of 60 kB and more, so that
jingles are among them. Courses are compared by level and movement, without pieces that stay where
the course moves (`hevner.catalog.course`), and, as in version 0.1, by their distance on the plane
alone, which weighs a step in level like one of movement.

*Asked* courses lead between words of the four quadrants, there and back, or along lines through
random points of the plane. Of the ten best pieces it is counted how many are flat (their movement
is below 0.025; the median of pieces is 0.042) or shorter than 20 s; ``agreement`` is the mean
correlation of their movement with the wanted one, of both axes, ``level`` the mean distance of
their means. *Found* courses are those of pieces of a minute and more, with noise; *drawn* ones have
their movement enlarged too, as people draw it. It is counted how often the piece itself comes
first, or among the ten best.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.catalog import course, open_catalog
from hevner.catalog.catalog import Catalog
from hevner.catalog.course import LARGEST, MOVEMENT, STILL, Course
from hevner.lab.metrics.report import write
from hevner.model.description import CURVE_POINTS
from hevner.words import Lexicon

OUT = Path(__file__).parent / "results" / "courses.csv"
SEEDS = 5
RANDOM = 20
"""Random courses for each seed."""

BEST = 10
FLAT = 0.025
SHORT_S = 20.0
LONG_S = 60.0
NOISE = 0.03
"""Standard deviation of the noise on each part of a course that is looked for."""

ENLARGED = 4.0
RESAMPLED = 2_000
CORNERS = ("excited", "tense", "sad", "calm")
METHODS = {"level and movement": (MOVEMENT, LARGEST, STILL), "plane alone": (1.0, np.inf, 0.0)}

Array = NDArray[np.floating]


def asked() -> Iterator[Course]:
    """Courses between words, there and back, and at random."""
    lexicon = Lexicon()
    for first, last in itertools.permutations(CORNERS, 2):
        yield course.parse(f"{first}->{last}", lexicon)
        yield course.parse(f"{first}->{last}->{first}", lexicon)
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        for _ in range(RANDOM):
            steps = int(rng.integers(2, 5))
            yield Course.through(range(steps), *rng.uniform(-0.8, 0.8, (2, steps)))


def best_of(wanted: Course, means: Array, around: Array) -> NDArray[np.intp]:
    """Pieces in the order in which a search finds them."""
    courses = course.compared(means, around)
    apart = ((courses - wanted.wanted) ** 2).sum(axis=(1, 2))
    order = np.argsort(apart, kind="stable")
    return order[wanted.are_moving(courses[order])]


def of_asked(means: Array, around: Array, seconds: Array) -> list[dict[str, float]]:
    """What is measured of each course that is asked for."""
    sizes = np.sqrt((around**2).mean(axis=(1, 2)))
    rows = []
    for wanted in asked():
        best = best_of(wanted, means, around)[:BEST]
        moved = (wanted.points - wanted.mean[:, None]).ravel()
        found = around[best].reshape(len(best), -1)
        norms = np.maximum(np.linalg.norm(found, axis=1) * np.linalg.norm(moved), 1e-9)
        rows.append(
            {
                "flat": float((sizes[best] < FLAT).mean()),
                "short": float((seconds[best] < SHORT_S).mean()),
                "flat_first": float(sizes[best[0]] < FLAT),
                "agreement": float((found @ moved / norms).mean()),
                "level": float(np.linalg.norm(means[best] - wanted.mean, axis=1).mean()),
            }
        )
    return rows


def of_found(
    means: Array, around: Array, seconds: Array, enlarged: float
) -> list[dict[str, float]]:
    """What is measured of looking for each long piece by its own course."""
    rows = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        for piece in np.flatnonzero(seconds >= LONG_S):
            noise = rng.normal(0, NOISE, (2, CURVE_POINTS))
            points = means[piece][:, None] + enlarged * around[piece] + noise
            best = best_of(Course(points.astype(np.float32)), means, around)[:BEST]
            rows.append({"first": float(best[0] == piece), "among_ten": float(piece in best)})
    return rows


def summary(rows: list[dict[str, float]]) -> dict[str, object]:
    """Means with bootstrap intervals of 95 % over courses."""
    picks = np.random.default_rng(0).integers(len(rows), size=(RESAMPLED, len(rows)))
    found: dict[str, object] = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        low, high = np.quantile(values[picks].mean(axis=1), (0.025, 0.975))
        ends = {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
        found |= {column: round(float(value), 3) for column, value in ends.items()}
    return found


def measured(catalog: Catalog) -> Iterator[dict[str, object]]:
    """A row for each way of comparing and each kind of course."""
    columns = ("duration", "valence", "arousal", "curve")
    pieces = list(catalog.listing(columns, "curve IS NOT NULL"))
    means = np.array([(one["valence"], one["arousal"]) for one in pieces])
    around = np.array([one["curve"] for one in pieces], np.float64).reshape(-1, 2, CURVE_POINTS)
    seconds = np.array([one["duration"] for one in pieces])
    for method, settings in METHODS.items():
        course.MOVEMENT, course.LARGEST, course.STILL = settings
        kinds = {
            "asked": of_asked(means, around, seconds),
            "found": of_found(means, around, seconds, 1.0),
            "drawn": of_found(means, around, seconds, ENLARGED),
        }
        for kind, rows in kinds.items():
            facts = {"compared by": method, "courses": kind, "n": len(rows), "pieces": len(pieces)}
            yield facts | summary(rows)
    course.MOVEMENT, course.LARGEST, course.STILL = METHODS["level and movement"]


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    rows = list(measured(open_catalog(given.catalogue)))
    write(rows, given.out, list(dict.fromkeys(name for row in rows for name in row)))
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
