"""Measure what decoding in a process of its own costs: an album, and a single short clip.

    python benchmarks/isolation.py [--rounds 5]

The album is twelve pieces of four minutes, made of the examples, as MP3 at 44.1 kHz in stereo; the
clip is 30 s of the same kind. Each round runs ``hevner analyze --no-cache --jobs 1`` with decoding
in a process of its own and within, in turn; and decoding alone, whose difference is steadier: what
isolation adds to the album in CPU time. Figures are medians over the rounds, and the median ratio
of the two in one round with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import soundfile
import soxr

from hevner.output.spreadsheet import csv_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "isolation.csv"
RATE, TRACKS, TRACK_S, CLIP_S = 44_100, 12, 240, 30
SEED = 11

WITHIN = """
from hevner.audio import decode, isolated
isolated.open_audio = decode.open_audio
isolated.Decoders.start = lambda self: None
from hevner.cli import main
main()
"""


DECODE = """
import sys
from pathlib import Path
from hevner.audio.{module} import open_audio
for path in sorted(Path(sys.argv[1]).iterdir()):
    for block in open_audio(path).blocks:
        pass
"""


def compose(folder: Path, tracks: int, seconds: int, rng: np.random.Generator) -> None:
    """Write pieces made of the examples, each time at another speed."""
    files = sorted((ROOT / "examples" / "audio").glob("*.ogg"))
    folder.mkdir()
    for number in range(tracks):
        parts, left = [], seconds * RATE
        while left > 0:
            samples, rate = soundfile.read(files[rng.integers(len(files))], always_2d=True)
            changed = soxr.resample(samples, rate, RATE * rng.uniform(0.8, 1.25), quality="LQ")
            parts.append(np.broadcast_to(changed[:left], (len(changed[:left]), 2)))
            left -= len(parts[-1])
        soundfile.write(folder / f"{number:02}.mp3", np.concatenate(parts), RATE)


def command(music: Path, isolated: bool, alone: bool) -> list[str]:
    """The command that analyses music, or decodes it alone."""
    if alone:
        code = DECODE.format(module="isolated" if isolated else "decode")
        return [sys.executable, "-c", code, str(music)]
    start = ["-m", "hevner"] if isolated else ["-c", WITHIN]
    return [sys.executable, *start, "analyze", str(music), "--no-cache", "--jobs", "1"]


def run(command: list[str]) -> tuple[float, float]:
    """CPU and wall time of a command in seconds, with all processes that it starts."""
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, perf_counter() - began


def interval(ratios: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the median."""
    drawn = rng.choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure what isolated decoding costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tracks", type=int, default=TRACKS)
    parser.add_argument("--track-seconds", type=int, default=TRACK_S)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        album, clip = Path(name) / "album", Path(name) / "clip"
        compose(album, options.tracks, options.track_seconds, rng)
        compose(clip, 1, CLIP_S, rng)
        for what, music, alone, rounds in (
            ("album", album, False, options.rounds),
            ("album, decoding alone", album, True, 2 * options.rounds),
            ("clip", clip, False, 3 * options.rounds),
        ):
            run(command(music, True, alone))  # Python compiles modules when they are first imported
            pairs = []
            for number in range(rounds):
                order = (True, False) if number % 2 else (False, True)
                found = {one: run(command(music, one, alone)) for one in order}
                pairs.append((found[False], found[True]))
            times = np.array(pairs)  # (round, within or isolated, CPU or wall)
            for column, kind in enumerate(("cpu", "wall")):
                within, isolated = times[:, 0, column], times[:, 1, column]
                ratios = isolated / within
                low, high = interval(ratios, rng)
                figures = np.median(within), np.median(isolated), np.median(ratios), low, high
                rows.append([what, kind, rounds, *(f"{figure:.3f}" for figure in figures)])
                print(*rows[-1], flush=True)
    columns = ("what", "time", "rounds", "within_s", "isolated_s", "ratio", "low", "high")
    options.out.write_text(csv_text(columns, rows), "utf-8", newline="")


if __name__ == "__main__":
    main()
