"""Measure a feature store of 100,000 synthetic tracks.

    python benchmarks/store.py [--tracks 100000]

Each track has ten windows of 200 float32 numbers, as MusiCNN gives for half a minute. A random row
is one by the id of its track, in a process that has the file open; an append is one track in a
transaction of its own, safe on disk. The first open is that of a new process.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hevner.output.spreadsheet import csv_text
from hevner.store import Entry, FeatureFile, FeatureStore, Kind, digest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "store.csv"
KIND = Kind("synthetic", "1", 200)
WINDOWS = 10
SEED = 11
LIMIT_OPEN_S = 0.2
LIMIT_ROW_MS = 1.0

OPEN = """
import sys, time
from pathlib import Path
from hevner.store import FeatureFile
start = time.perf_counter()
FeatureFile(Path(sys.argv[1]))
print(time.perf_counter() - start)
"""


def entry(track: int, rng: np.random.Generator) -> Entry:
    """A made-up track."""
    rows = rng.random((WINDOWS, KIND.dimension), np.float32)
    return Entry(digest(str(track)), rows, np.arange(WINDOWS) * 3.0, 30.0)


def fill(folder: Path, tracks: int, rng: np.random.Generator) -> FeatureFile:
    """Store all tracks, a thousand at a time."""
    file = FeatureStore(folder).open("made-up", KIND)
    for first in range(0, tracks, 1000):
        numbers = range(first, min(first + 1000, tracks))
        file.add_many([(f"track {number}", "", entry(number, rng)) for number in numbers])
    return file


def measure(folder: Path, tracks: int) -> dict[str, float]:
    """All figures."""
    rng = np.random.default_rng(SEED)
    figures: dict[str, float] = {"tracks": tracks}

    start = time.perf_counter()
    file = fill(folder, tracks, rng)
    figures["fill_s"] = time.perf_counter() - start
    figures["size_mb"] = file.size / 1e6

    command = [sys.executable, "-c", OPEN, str(file.path)]
    opened = [float(subprocess.check_output(command, text=True)) for _ in range(5)]
    figures["open_s"] = max(opened)

    file = FeatureFile(file.path)
    times = []
    for number in rng.integers(tracks, size=5000):
        start = time.perf_counter()
        row = file.get(f"track {number}").rows[rng.integers(WINDOWS)].copy()
        times.append(1000 * (time.perf_counter() - start))
        assert row.shape == (KIND.dimension,)
    figures["row_median_ms"] = float(np.median(times))
    figures["row_p99_ms"] = float(np.quantile(times, 0.99))

    start = time.perf_counter()
    for number in range(200):
        file.add(entry(tracks + number, rng), f"track {tracks + number}")
    figures["append_ms"] = 1000 * (time.perf_counter() - start) / 200

    start = time.perf_counter()
    file.pooled([f"track {number}" for number in range(tracks)])
    figures["pool_all_s"] = time.perf_counter() - start

    start = time.perf_counter()
    assert file.verify() == []
    figures["verify_s"] = time.perf_counter() - start
    return figures


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure the feature store.")
    parser.add_argument("--tracks", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.tracks)
    figures |= {"limit_open_s": LIMIT_OPEN_S, "limit_row_ms": LIMIT_ROW_MS}
    for name, value in figures.items():
        print(f"{name:<16} {value:.4g}")
    rows = [(name, f"{value:.6g}") for name, value in figures.items()]
    options.out.write_text(csv_text(("figure", "value"), rows), "utf-8", newline="")


if __name__ == "__main__":
    main()
