"""Time what a person waits for: import, help, a search, two analyses of a short clip.

    python benchmarks/startup.py [--repetitions N]

Every figure is of fresh processes, in milliseconds: the median wall time, and the median processor
time, which says more while others are at work. The clip is the first 30 s of an example, in a cache
that is empty the first time. The search is for words in a catalogue of that clip: on a larger one
it takes a few milliseconds longer (`benchmarks/catalog.py`).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import soundfile

from hevner.output.spreadsheet import csv_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "startup.csv"
CLIP_S = 30

IMPORT = "import time; t = time.perf_counter(); import hevner; print(time.perf_counter() - t)"
LIMITS_MS = {
    "import hevner": 150,
    "hevner --help": 400,
    "hevner search": 400,
    "hevner analyze, 30 s, first run": 3000,
    "hevner analyze, 30 s, second run": None,
}


Times = tuple[float, float]


def run(*arguments: str, cache: Path) -> tuple[Times, str]:
    """Wall and processor time of a fresh Python in milliseconds, and what it printed."""
    environment = {**os.environ, "HEVNER_CACHE": str(cache)}
    command = [sys.executable, *arguments]
    start, begin = perf_counter(), spent()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return (1000 * (perf_counter() - start), spent() - begin), done.stdout


def spent() -> float:
    """Processor time of all processes that were waited for, in milliseconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (usage.ru_utime + usage.ru_stime)


def measure(folder: Path) -> list[Times]:
    """One repetition, in the order of `LIMITS_MS`."""
    clip, cache = folder / "clip.wav", Path(tempfile.mkdtemp(dir=folder))
    analyze = ("-m", "hevner", "analyze", str(clip), "--format", "jsonl")
    (_, processor), printed = run("-c", IMPORT, cache=cache)
    imported = 1000 * float(printed), processor
    helped, _ = run("-m", "hevner", "--help", cache=cache)
    catalogue = folder / "catalogue"
    if not catalogue.exists():
        run("-m", "hevner", "index", str(clip), "--into", str(catalogue), cache=cache)
    searched, _ = run("-m", "hevner", "search", str(catalogue), "--mood", "calm", cache=cache)
    first, fresh = run(*analyze, cache=cache)
    second, known = run(*analyze, cache=cache)
    assert fresh == known
    return [imported, helped, searched, first, second]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Time imports and short commands.")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audio, rate = soundfile.read(ROOT / "examples" / "audio" / "journey.ogg")
        soundfile.write(folder / "clip.wav", audio[: CLIP_S * rate], rate)
        measure(folder)  # Python compiles modules when they are first imported
        rows = [measure(folder) for _ in range(options.repetitions)]
    lines = []
    for (what, limit), times in zip(LIMITS_MS.items(), zip(*rows, strict=True), strict=True):
        wall, processor = map(median, zip(*times, strict=True))
        lines.append((what, f"{wall:.0f}", f"{processor:.0f}", limit or ""))
        note = f" (limit {limit})" if limit else ""
        print(f"{what:<36}{wall:6.0f} ms, of the processor {processor:6.0f} ms{note}")
    columns = ("what", "median_ms", "processor_ms", "limit_ms")
    options.out.write_text(csv_text(columns, lines), "utf-8", newline="")


if __name__ == "__main__":
    main()
