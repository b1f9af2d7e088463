"""Measure how far emotion moves if a copy of a piece is louder, offset, surrounded by silence ...

    python benchmarks/invariance.py [--out FILE.csv]

Every example piece is changed in every way of `CHANGES` and analysed beside the original. A line of
the result has the values of one changed piece and how far they moved, on the scale -1..1; the
command fails if one moved further than its limit. Gains are of floating point samples, which do not
clip; ``rounded`` ones of 16 bits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from hevner.analysis import Analyzer
from hevner.emotion import AXES
from hevner.lab.metrics.report import write
from hevner.result import Analysis

ROOT = Path(__file__).resolve().parents[1]
AUDIO = ROOT / "examples" / "audio"
RESULTS = ROOT / "benchmarks" / "results" / "invariance.csv"

Samples = NDArray[np.float32]
Change = Callable[[Samples, int], tuple[Samples, int]]
"""From samples ``(n, channels)`` and their rate to others."""


def gain(decibels: float) -> Change:
    """Louder or softer."""
    return lambda samples, rate: (samples * np.float32(10 ** (decibels / 20)), rate)


def rounded(decibels: float) -> Change:
    """Softer, and rounded to 16 bits."""
    factor = np.float32(10 ** (decibels / 20))
    return lambda samples, rate: (np.round(samples * factor * 32768) / np.float32(32768), rate)


def silence(before: float, after: float) -> Change:
    """Digital silence around it, in seconds."""
    return lambda samples, rate: (
        np.pad(samples, ((int(before * rate), int(after * rate)), (0, 0))),
        rate,
    )


def inverted(samples: Samples, rate: int) -> tuple[Samples, int]:
    """One of two channels inverted."""
    return np.stack([samples[:, 0], -samples[:, -1]], axis=1), rate


def one_side(samples: Samples, rate: int) -> tuple[Samples, int]:
    """The mono mix on the left alone."""
    mono = samples.mean(axis=1)
    return np.stack([mono, np.zeros_like(mono)], axis=1), rate


LIMIT = 0.05
CHANGES: dict[str, tuple[float, Change]] = {
    "gain +12 dB": (LIMIT, gain(12)),
    "gain -12 dB": (LIMIT, gain(-12)),
    "gain -40 dB, rounded": (LIMIT, rounded(-40)),
    "offset .05": (LIMIT, lambda samples, rate: (samples + np.float32(0.05), rate)),
    "10 s of silence before": (LIMIT, silence(10, 0)),
    "10 s of silence after": (LIMIT, silence(0, 10)),
    "7.03 s before, 60 s after": (LIMIT, silence(7.03, 60)),
    "one channel inverted": (LIMIT, inverted),
    "mono": (LIMIT, lambda samples, rate: (samples.mean(axis=1, keepdims=True), rate)),
    "mono on one side": (LIMIT, one_side),
    "8 kHz": (0.12, lambda samples, rate: (soxr.resample(samples, rate, 8000), 8000)),
}


def values(analysis: Analysis) -> tuple[float, float]:
    """Valence and arousal; NaN for silence."""
    if analysis.valence is None or analysis.arousal is None:
        return float("nan"), float("nan")
    return analysis.valence.value, analysis.arousal.value


def measure(files: list[Path]) -> list[dict[str, object]]:
    """A line for every piece and change."""
    analyzer, lines = Analyzer(), []
    for file in files:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
        plain = values(analyzer.analyze(samples, rate))
        for name, (limit, change) in CHANGES.items():
            changed = values(analyzer.analyze(*change(samples, rate)))
            moved = [round(after - before, 4) for before, after in zip(plain, changed, strict=True)]
            lines.append(
                {
                    "piece": file.stem, "change": name, "valence": changed[0],
                    "arousal": changed[1], "valence_moved": moved[0], "arousal_moved": moved[1],
                    "limit": limit,
                }
            )  # fmt: skip
    return lines


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure what a change of the copy moves.")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    lines = measure(sorted(AUDIO.glob("*.ogg")))
    write(lines, options.out)
    missed = []
    for name, (limit, _) in CHANGES.items():
        own = [line for line in lines if line["change"] == name]
        most = [max(abs(float(str(line[f"{axis}_moved"]))) for line in own) for axis in AXES]
        print(f"{name}: valence {most[0]:.3f}, arousal {most[1]:.3f} at most (limit {limit:g})")
        if not max(most) <= limit:
            missed.append(name)
    if missed:
        sys.exit(f"not reached: {', '.join(missed)}")


if __name__ == "__main__":
    main()
