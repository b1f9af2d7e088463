"""Small feature files for the tests of the store, and processes that write to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from hevner.store import Entry, FeatureFile, FeatureStore, Kind, digest

KIND = Kind("loud", "1", 5)
ROOT = Path(__file__).resolve().parents[2]


def vectors(track: str, count: int = 3) -> np.ndarray:
    seed = int(digest(track)[:8], 16)
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def entry(track: str, count: int = 3) -> Entry:
    starts = np.arange(count) * 1.5
    return Entry(digest(track), vectors(track, count), starts, duration=1.5 * count + 0.1)


def filled(folder: Path, count: int = 10) -> FeatureFile:
    file = FeatureStore(folder).open("songs", KIND)
    file.add_many([(f"t{i}", "", entry(f"t{i}")) for i in range(count)])
    return file


def assert_holds(file: FeatureFile, tracks: list[str], count: int = 3) -> None:
    assert [track for track, _ in file.ids()] == sorted(tracks)
    for track in tracks:
        np.testing.assert_array_equal(file.get(track).rows, vectors(track, count))


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process with these arguments; its output can be read."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Words that a process wrote before it ended well."""
    words = process.communicate()[0].split()
    assert process.returncode == 0
    return words
