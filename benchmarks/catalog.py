"""Measure searching a catalogue of up to a million pieces.

    python benchmarks/catalog.py [--pieces 100000 1000000] [--folder DIR]

Pieces are made from real music: the readings that come with the common space, each moved a part of
the way to one of its nearest and shaken a little, so that they lie as densely and as oddly as real
ones do. Their variances are spread as those of real music (`VARIANCES`), which is not at all.

A search is the whole of it, as a person asks for it: words, points, emotions in every form, courses
and pieces to be like, and words with filters that a half, a tenth and a hundredth of the pieces
pass. Each kind is timed in a process of its own, warm, whose memory is measured too: that of its
own, and that of the index, which is the system's cache of a file. The time of a search is the least
of `RUNS`, of the processor, over all threads, beside that of the clock, which means little while
others are at work (``load``). Recall is against the exact order of all pieces that pass. The index
is built in a process of its own too, for its memory. Of ten million pieces nothing is measured:
those rows go on as from the first size to the last, by a power of the number of pieces, and say so
in ``by``.

Run it on an idle machine, limited to two cores: taskset -c 0,1 python benchmarks/catalog.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import math
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hevner.catalog import index_building
from hevner.catalog.analyze_file import places
from hevner.catalog.catalog import Catalog
from hevner.catalog.course import compared
from hevner.catalog.query import Query
from hevner.catalog.scoring import _course_distances, _emotion
from hevner.catalog.search import search
from hevner.catalog.writer import create, writing
from hevner.emotion import MOOD_TAGS
from hevner.lab.metrics.report import write
from hevner.model import space as spaces
from hevner.model.description import CURVE_POINTS
from hevner.model.space import Points, Space
from hevner.words import DEGREES, WORDS

RESULTS = Path(__file__).with_name("results") / "catalog.csv"
SEED = 3
QUERIES = 120
RUNS = 3
"""Times that each search is made."""

ESTIMATED = 10_000_000
BEST = 10
AT_ONCE = 50_000
NEIGHBOURS = 8
SHAKEN = 0.05
VARIANCES = (1.0, 1.0, 1.0, 1.0, 1.0)
"""Smallest, 5 %, median, 95 % and largest variance, over that of the space, of 240 real pieces: 60
each of film, 4Q, Emotify and MIREX, read from features by the shipped model. Whatever a piece,
the space of today gives it the same; a test notices when that changes."""

FILTERS = {
    "half": "duration < 330",
    "tenth": "tempo < 72",
    "hundredth": "duration < 65.4",
    "tag": "array_has(tags, 'calm')",
}
"""Searches for words among the pieces that pass; 5 % have a tag."""

LIMITS: dict[str, dict[str, float]] = {
    "words": {"p50_ms": 5.0, "p95_ms": 10.0},
    "points": {"p50_ms": 5.0, "p95_ms": 10.0},
    "courses": {"p50_ms": 5.0},
    "likes": {"p50_ms": 5.0},
    "half": {},
    "tenth": {"p50_ms": 15.0},
    "hundredth": {"p50_ms": 15.0},
    "tag": {},
}
"""By kind of query, in ms."""

MEMORY_MB = 2000.0
RECALL = 0.99

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Music:
    """Made-up musics: what searches and filters compare.

    ``variance`` is what the variances of the space are multiplied by, ``courses`` are valence and
    arousal over eight parts.
    """

    mean: Array
    variance: Array
    courses: Array
    duration: Array
    tempo: Array
    tags: NDArray[np.intp]

    def points(self, space: Space, some: slice | NDArray[np.intp]) -> Points:
        """Places of some of them."""
        mean = self.mean[some]
        variates = (mean - space.music_centre) @ space.music_variates
        variance = space.music_variance * self.variance[some, None]
        return Points(*(np.asarray(part, np.float32) for part in (variates, mean, variance)))

    def passing(self, kind: str, some: slice) -> NDArray[np.bool_]:
        """Which of some pass the filter of a kind of query."""
        if kind in ("half", "hundredth"):
            return self.duration[some] < (330 if kind == "half" else 65.4)
        if kind == "tenth":
            return self.tempo[some] < 72
        calm = (self.tags[some] == MOOD_TAGS.index("calm")).any(axis=1)
        return calm if kind == "tag" else np.ones(len(calm), bool)


def music(space: Space, count: int, rng: np.random.Generator) -> Music:
    """So many made-up musics."""
    mean = means(space, count, rng)
    # The readings of valence, arousal and their course that such a mean comes from.
    inverse = np.linalg.pinv(space.linear)
    wanted = np.r_[0:2, len(space.linear) - 2 * CURVE_POINTS : len(space.linear)]
    found = mean @ inverse[:, wanted] * space.scale[wanted] + space.centre[wanted]
    curves = found[:, 2:].reshape(-1, 2, CURVE_POINTS)
    courses = found[:, :2, None] + curves - curves.mean(axis=2, keepdims=True)
    return Music(
        mean,
        np.interp(rng.random(count), (0, 0.05, 0.5, 0.95, 1), VARIANCES).astype(np.float32),
        np.clip(courses, -1, 1).astype(np.float32),
        rng.uniform(60, 600, count).astype(np.float32),
        rng.uniform(60, 180, count).astype(np.float32),
        rng.integers(len(MOOD_TAGS), size=(count, 3)),
    )


def means(space: Space, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Means of made-up musics that are spread as those that come with the space."""
    real = space.at_large.mean
    squares = (real**2).sum(axis=1)
    near = np.empty((len(real), NEIGHBOURS), np.intp)
    for first in range(0, len(real), 1000):
        some = slice(first, first + 1000)
        apart = squares[some, None] + squares - 2 * real[some] @ real.T
        near[some] = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    start = rng.integers(len(real), size=count)
    end = near[start, rng.integers(NEIGHBOURS, size=count)]
    way = rng.random((count, 1), np.float32)
    shaken = SHAKEN * real.std(axis=0) * rng.standard_normal((count, real.shape[1]), np.float32)
    return np.asarray(real[start] + way * (real[end] - real[start]) + shaken, np.float32)


def column(rows: NDArray[np.float32]) -> pa.Array:
    """A column of vectors."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def pieces(
    space: Space, made_up: Music, schema: pa.Schema, rng: np.random.Generator
) -> Iterator[pa.Table]:
    """Rows of the catalogue, many at once."""
    for first in range(0, len(made_up.mean), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        points = made_up.points(space, some)
        count = len(points)
        numbers = range(first, first + count)
        average = made_up.courses[some].mean(axis=2)
        curves = made_up.courses[some] - average[:, :, None]
        columns = {
            "id": [f"{number:040x}" for number in numbers],
            "path": [path(number) for number in numbers],
            "name": [f"album {number % 89}/track {number}.flac" for number in numbers],
            "size": [1] * count,
            "mtime": [1] * count,
            "duration": made_up.duration[some],
            "valence": average[:, 0],
            "arousal": average[:, 1],
            "quadrant": rng.choice(["Q1", "Q2", "Q3", "Q4"], count),
            "key": rng.choice(["A minor", "C major", "D minor", "G major"], count),
            "tempo": made_up.tempo[some],
            "tags": [[MOOD_TAGS[tag] for tag in row] for row in made_up.tags[some]],
            "status": ["ok"] * count,
            "vector": column(space.music_vectors(points)),
            "place": column(places(points)),
            "curve": column(curves.reshape(count, -1).astype(np.float16)),
        }
        blank = {f.name: pa.nulls(count, f.type) for f in schema if f.name not in columns}
        yield pa.table({**blank, **columns}).select(schema.names).cast(schema)


def fill(
    folder: Path,
    space: Space,
    count: int,
    rng: np.random.Generator,
    texts: Callable[[range], dict[str, list[Any]]] = lambda _numbers: {},
) -> Catalog:
    """Make a catalogue of so many pieces, with texts for pieces of some numbers."""
    catalog = create(folder, space)
    schema, first = catalog.pieces.schema, 0
    with writing(catalog) as writer:
        made_up = music(space, count, rng)
        for table in pieces(space, made_up, schema, rng):
            for name, values in texts(range(first, first + len(table))).items():
                column = pa.array(values, schema.field(name).type)
                table = table.set_column(schema.get_field_index(name), schema.field(name), column)
            catalog.pieces.add(table)
            first += len(table)
        writer.tidy()
    return Catalog(folder, space)


def path(number: int) -> str:
    """The path of a piece; none is there."""
    return f"/music/artist {number % 997}/album {number % 89}/track {number}.flac"


def queries(kind: str, count: int, pieces: int) -> list[Query]:
    """So many queries of a kind; those to be like a piece are for some of so many pieces."""
    rng = np.random.default_rng(SEED)
    if kind == "points":
        return [Query.of(valence=v, arousal=a) for v, a in rng.uniform(-0.8, 0.8, (count, 2))]
    if kind == "likes":
        return [Query.of(like=path(int(number))) for number in rng.integers(pieces, size=count)]
    words = [word.name for word in WORDS if word.valence is not None]
    named = [
        [f"{rng.choice([d.name for d in DEGREES])} {word}" for word in rng.choice(words, 2, False)]
        for _ in range(count)
    ]
    if kind == "courses":
        return [Query.of(path="->".join(two)) for two in named]
    either = [", ".join(two[: 1 + number % 2]) for number, two in enumerate(named)]
    return [Query.of(mood=mood, where=FILTERS.get(kind, "")) for mood in either]


def best(space: Space, kind: str, wanted: list[Query], made_up: Music) -> NDArray[np.intp]:
    """The best ten of all pieces that pass for each query, shape ``(queries, 10)``."""
    numbers = [int(re.sub(r"\D", "", Path(query.like).name)) for query in wanted if query.like]
    liked = made_up.points(space, np.array(numbers, np.intp))
    emotions = [place for query in wanted if (place := _emotion(space, query)) is not None]
    scores = np.empty((len(wanted), 0), np.float32)
    found = np.empty((len(wanted), 0), np.intp)
    for first in range(0, len(made_up.mean), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        points = made_up.points(space, some)
        if kind == "likes":
            new = space.alike(liked, points)
            rows = [n for n in range(len(numbers)) if first <= numbers[n] < first + len(points)]
            new[rows, [numbers[n] - first for n in rows]] = np.inf  # the piece itself is no hit
        elif kind == "courses":
            courses = [query.course for query in wanted if query.course is not None]
            levels = made_up.courses[some].mean(axis=2)
            moved = compared(levels, made_up.courses[some] - levels[:, :, None])
            new = np.stack([_course_distances(one, moved) for one in courses])
            new[~np.stack([one.are_moving(moved) for one in courses])] = np.inf
        else:
            new = np.concatenate([space.find(one, points) for one in emotions])
        new[:, ~made_up.passing(kind, some)] = np.inf
        kept = np.argpartition(new, BEST, axis=1)[:, :BEST]
        scores = np.concatenate([scores, np.take_along_axis(new, kept, axis=1)], axis=1)
        found = np.concatenate([found, kept + first], axis=1)
        kept = np.argpartition(scores, BEST - 1, axis=1)[:, :BEST]
        scores = np.take_along_axis(scores, kept, axis=1)
        found = np.take_along_axis(found, kept, axis=1)
    return found


def time_searches(folder: Path, space: Space, kind: str, count: int) -> dict[str, object]:
    """Times, memory and results of the queries of a kind, in this process."""
    catalog = Catalog(folder, space)
    wanted = queries(kind, count, catalog.count("pieces"))
    for query in wanted[::4]:
        search(catalog, query)
    clock, processor, results = [], [], []
    for query in wanted:
        runs = []
        for _ in range(RUNS):
            start, begin = time.perf_counter(), time.process_time()
            hits = search(catalog, query)
            runs.append((time.perf_counter() - start, time.process_time() - begin))
        clock.append(1000 * min(one for one, _ in runs))
        processor.append(1000 * min(one for _, one in runs))
        results.append([int(re.sub(r"\D", "", Path(hit.path).name)) for hit in hits])
    return {
        "p50_ms": float(np.median(clock)),
        "p95_ms": float(np.quantile(clock, 0.95)),
        "cpu_p50_ms": float(np.median(processor)),
        "cpu_p95_ms": float(np.quantile(processor, 0.95)),
        "memory_mb": resident("RssAnon"),
        "mapped_mb": resident("RssFile"),
        "results": results,
    }


def build(folder: Path, space: Space) -> dict[str, float]:
    """Time and memory of making the search indexes of a catalogue anew, in this process."""
    catalog, start = Catalog(folder, space), time.process_time()
    for table in (catalog.pieces, catalog.moments):
        index_building.remove(table.path)
        index_building.build(table)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"build_cpu_s": time.process_time() - start, "build_memory_mb": most}


def estimated(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Rows for `ESTIMATED` pieces from those of the smallest and largest size."""
    sizes = sorted({int(str(row["pieces"])) for row in rows})
    if len(sizes) < 2:
        return
    first, last = ([row for row in rows if row["pieces"] == n] for n in (sizes[0], sizes[-1]))
    power = math.log(ESTIMATED / sizes[-1]) / math.log(sizes[-1] / sizes[0])
    for small, large in zip(first, last, strict=True):
        row = dict(large)
        for name, value in large.items():
            before = small[name]
            if isinstance(value, float) and isinstance(before, float) and before and value:
                row[name] = value * (value / before) ** power
        nothing = dict.fromkeys(("queries", "recall_at_10", "recall_worst_tenth"), "")
        yield row | nothing | {"by": "slope", "pieces": ESTIMATED, "load": large["load"]}


def resident(name: str) -> float:
    """A kind of the memory of this process in MB; NaN where the system does not say."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return float("nan") if found is None else int(found[1]) / 1024


def measure(folder: Path, space: Space, count: int, asked: int) -> Iterator[dict[str, object]]:
    """All figures of a catalogue of so many pieces, a row for each kind of query."""
    rng = np.random.default_rng(SEED + count)
    made_up = music(space, count, rng)
    catalog = create(folder, space)
    with writing(catalog) as writer:
        start = time.process_time()
        for table in pieces(space, made_up, catalog.pieces.schema, rng):
            catalog.pieces.add(table)
        filled = time.process_time()
        writer.tidy()
    build = json.loads(subprocess.check_output([sys.executable, __file__, "--build", str(folder)]))
    whole = {
        "by": "measured",
        "pieces": count,
        "fill_cpu_s": filled - start,
        **build,
        "tables_mb": sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6,
        "index_mb": sum(f.stat().st_size for f in folder.glob("*.search")) / 1e6,
    }
    for kind in LIMITS:
        number = asked if kind in ("words", "points") else -(-asked // 4)
        command = [sys.executable, __file__, "--search", str(folder), "--kind", kind]
        found = json.loads(subprocess.check_output([*command, "--queries", str(number)]))
        exact = best(space, kind, queries(kind, number, count), made_up).tolist()
        results = found.pop("results")
        shared = [len({*a} & {*b}) for a, b in zip(results, exact, strict=True)]
        yield {
            "kind": kind,
            "queries": number,
            **found,
            "recall_at_10": float(np.mean(shared)) / BEST,
            "recall_worst_tenth": float(np.quantile(shared, 0.1)) / BEST,
            **whole,
            "load": os.getloadavg()[0],
        }


def missed(row: dict[str, object]) -> Iterator[str]:
    """What a row of figures misses."""
    kind, figures = str(row["kind"]), {n: v for n, v in row.items() if isinstance(v, float)}
    limits = {**LIMITS[kind], "memory_mb": MEMORY_MB}
    yield from (f"{kind} {name}" for name, limit in limits.items() if figures[name] >= limit)
    if figures["recall_at_10"] < RECALL:
        yield f"{kind} recall_at_10"


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--queries", type=int, default=QUERIES, help="searches for words to time")
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=LIMITS, default="words", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    space = spaces.load()
    if options.search is not None:
        print(json.dumps(time_searches(options.search, space, options.kind, options.queries)))
        return
    if options.build is not None:
        print(json.dumps(build(options.build, space)))
        return
    rows, failed = list[dict[str, object]](), list[str]()
    for count in options.pieces:
        folder = options.folder / f"hevner-catalog-{count}"
        try:
            for row in measure(folder, space, count, options.queries):
                rows.append(row)
                print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
                failed += missed(row) if count == options.pieces[-1] else ()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    shown = [
        {n: f"{v:.4g}" if isinstance(v, float) else v for n, v in row.items()}
        for row in (*rows, *estimated(rows))
    ]
    write(shown, options.out, line_end="\r\n")
    if failed:
        sys.exit(f"not reached: {', '.join(failed)}")


if __name__ == "__main__":
    main()
