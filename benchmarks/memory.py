"""Measure peak memory and CPU time of the analysis of a long file.

    python benchmarks/memory.py [--hours 2]

The file is made of the examples, over and over, each time at another speed and level, as FLAC at
44.1 kHz in stereo. The figures are those of a process that runs ``hevner analyze`` on it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hevner.lab.metrics.report import write

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "memory.csv"
RATE = 44_100
LIMIT_MB = 600
SEED = 7


def compose(path: Path, hours: float) -> None:
    """Write the long file."""
    rng = np.random.default_rng(SEED)
    files = sorted((ROOT / "examples" / "audio").glob("*.ogg"))
    pieces = [soundfile.read(file, dtype="float32", always_2d=True) for file in files]
    left = int(hours * 3600 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 2, format="FLAC", compression_level=0.0) as file:
        while left > 0:
            samples, rate = pieces[rng.integers(len(pieces))]
            changed = soxr.resample(samples, rate, RATE * rng.uniform(0.8, 1.25), quality="LQ")
            block = changed[:left] * rng.uniform(0.2, 1.0)
            file.write(np.clip(np.broadcast_to(block, (len(block), 2)), -1, 1))
            left -= len(block)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure the memory that a long file takes.")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        long, result = Path(name) / "long.flac", Path(name) / "result.json"
        compose(long, options.hours)
        command = [sys.executable, "-m", "hevner", "analyze", str(long), "--no-cache"]
        subprocess.run([*command, "--output", str(result)], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, else kibibytes
    megabytes, seconds = used.ru_maxrss / per_megabyte, used.ru_utime + used.ru_stime
    print(f"{options.hours:g} h: peak {megabytes:.0f} MB (limit {LIMIT_MB}), CPU {seconds:.0f} s")
    row = {
        "hours": f"{options.hours:g}", "peak_mb": f"{megabytes:.0f}", "limit_mb": LIMIT_MB,
        "cpu_s": f"{seconds:.1f}",
    }  # fmt: skip
    write([row], options.out)


if __name__ == "__main__":
    main()
