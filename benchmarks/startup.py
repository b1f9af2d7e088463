"""Time what a person waits for: import, help, a first and a second analysis of a short clip.

    python benchmarks/startup.py [--repetitions N]

Every figure is the median wall time of fresh processes, in milliseconds. The clip is the first 30 s
of an example, in a cache that is empty the first time.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import soundfile

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "startup.csv"
CLIP_S = 30

IMPORT = "import time; t = time.perf_counter(); import hevner; print(time.perf_counter() - t)"
LIMITS_MS = {
    "import hevner": 150,
    "hevner --help": 400,
    "hevner analyze, 30 s, first run": 3000,
    "hevner analyze, 30 s, second run": None,
}


def run(*arguments: str, cache: Path) -> tuple[float, str]:
    """Wall time of a fresh Python in milliseconds, and what it printed."""
    environment = {**os.environ, "HEVNER_CACHE": str(cache)}
    command = [sys.executable, *arguments]
    start = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return 1000 * (perf_counter() - start), done.stdout


def measure(folder: Path) -> list[float]:
    """One repetition, in the order of `LIMITS_MS`."""
    clip, cache = folder / "clip.wav", Path(tempfile.mkdtemp(dir=folder))
    analyze = ("-m", "hevner", "analyze", str(clip), "--format", "jsonl")
    imported = 1000 * float(run("-c", IMPORT, cache=cache)[1])
    helped, _ = run("-m", "hevner", "--help", cache=cache)
    first, fresh = run(*analyze, cache=cache)
    second, known = run(*analyze, cache=cache)
    assert fresh == known
    return [imported, helped, first, second]


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
    with options.out.open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["what", "median_ms", "limit_ms"])
        for (what, limit), times in zip(LIMITS_MS.items(), zip(*rows, strict=True), strict=True):
            lines.writerow([what, f"{median(times):.0f}", limit or ""])
            note = f" (limit {limit})" if limit else ""
            print(f"{what:<36}{median(times):6.0f} ms{note}")


if __name__ == "__main__":
    main()
