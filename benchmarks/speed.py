"""Compare the speed of hevner with that of Essentia, on the same files in one run.

    python benchmarks/speed.py [--essentia-python ENV/bin/python --models DIR] [--folder DIR]

Both predict emotion, key and chords of every file. Each runs on one and the same core, and they
take turns, so that whatever else the machine does meets both. Figures are medians over the
repetitions, in seconds per 30 s of audio; models are loaded beforehand. ``--essentia-python`` is an
interpreter that has essentia-tensorflow, ``--models`` the folder of ``msd-musicnn-1.pb`` and
``emomusic-musicnn-msd-1.pb`` (CC BY-NC-SA 4.0; for measurement only). Without them hevner is timed
alone and no file is written.
"""

from __future__ import annotations

import os

# One thread everywhere; must be said before numpy is loaded.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.analysis import Analyzer
from hevner.audio.decode import SAMPLE_RATE, open_audio
from hevner.audio.level import Recording
from hevner.audio.windows import Windower
from hevner.encoders.handcrafted import Handcrafted, band_levels
from hevner.encoders.mel import log_mel_of_power, power_spectrum
from hevner.encoders.musicnn import MSD, MTT, MusiCNN
from hevner.features import Features, around, extract, pool
from hevner.files import find_audio
from hevner.model import moments
from hevner.model.prediction import Prediction
from hevner.music import analyse, onsets, rhythm
from hevner.music.records import Harmony
from hevner.music.spectrum import HarmonySpectrum
from hevner.output.spreadsheet import csv_text

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "audio"
RESULTS = ROOT / "benchmarks" / "results" / "speed.csv"
PEER = Path(__file__).with_name("speed_essentia.py")
PER_S = 30.0
TOTAL = "total"


@dataclass
class Clock:
    """CPU and wall seconds by stage, each a list over repetitions of sums over files."""

    cpu: dict[str, list[float]] = field(default_factory=dict)
    wall: dict[str, list[float]] = field(default_factory=dict)

    def start_repetition(self) -> None:
        """Begin new sums."""
        for times in (*self.cpu.values(), *self.wall.values()):
            times.append(0.0)

    def add(self, stage: str, cpu: float, wall: float) -> None:
        """Add to the sums of a stage."""
        for times, value in ((self.cpu, cpu), (self.wall, wall)):
            times.setdefault(stage, [0.0])[-1] += value

    def time(self, stage: str, work: Callable[[], Any]) -> Any:
        """Do some work on the clock."""
        wall, cpu = perf_counter(), process_time()
        result = work()
        self.add(stage, process_time() - cpu, perf_counter() - wall)
        return result

    def per_audio(self, seconds: float) -> dict[str, tuple[float, float]]:
        """Medians of CPU and wall seconds per `PER_S` of audio, by stage."""
        scale = PER_S / seconds
        return {s: (scale * median(self.cpu[s]), scale * median(self.wall[s])) for s in self.cpu}


def time_hevner(files: list[Path], analyzer: Analyzer, clock: Clock) -> None:
    """One repetition: the whole analysis, then stage by stage."""
    for file in files:
        clock.time(TOTAL, lambda file=file: analyzer.analyze(file))
        time_stages(file, analyzer, clock)


def time_stages(file: Path, analyzer: Analyzer, clock: Clock) -> None:
    """The stages of `Analyzer.analyze`, one after the other over the whole file."""
    samples = clock.time("decode", lambda: np.concatenate(list(open_audio(file).blocks)))
    heard = clock.time("level", lambda: sounding(samples))
    duration = len(heard) / SAMPLE_RATE
    patches, frames = clock.time("windows", lambda: cut(heard))
    power = clock.time("mel", lambda: power_spectrum(patches))
    bands = clock.time("mel", lambda: band_levels(power))
    log_mel = clock.time("mel", lambda: log_mel_of_power(power))
    encoded = [row for row in range(len(log_mel)) if row < 2 or row % 2 == 0]
    clock.time("encoder musicnn", lambda: MusiCNN(MSD).run(log_mel))
    clock.time("encoder musicnn-mtt", lambda: MusiCNN(MTT).run(log_mel[encoded]))
    clock.time("encoder handcrafted", lambda: Handcrafted().describe(patches, power, bands))
    spectrum = clock.time("harmony", lambda: HarmonySpectrum().encode(frames))
    harmony = clock.time("harmony", lambda: analyse(spectrum, duration))
    features = extract(open_audio(file))
    heard = clock.time(
        "rhythm",
        lambda: onsets.inputs(features.onsets, features.starts, features.spectrum, harmony),
    )
    clock.time("rhythm", lambda: rhythm.analyse(heard))
    whole = clock.time("pooling and head", lambda: pool(features, harmony, 0, duration))
    clock.time("pooling and head", lambda: analyzer.model.predict(whole[None], duration))
    clock.time("pooling and head", lambda: curve(features, harmony, analyzer))


def sounding(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sounding part at the reference loudness."""
    with Recording(iter([samples]), SAMPLE_RATE, "array") as recording:
        return np.concatenate(list(recording.blocks()))


def curve(features: Features, harmony: Harmony, analyzer: Analyzer) -> Prediction:
    """The predictions for the moments, from which the timeline is made."""
    seconds = features.duration
    whole = analyzer.model.predict(pool(features, harmony, 0, seconds)[None], seconds)
    vectors = around(features, harmony, analyzer.window)
    return moments.predict(
        analyzer.model, whole, vectors, seconds, features.sounding, analyzer.window
    )


def cut(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the encoders and of harmony."""
    windows = []
    for length, hop in (
        (MSD.window_samples, MSD.hop_samples),
        (HarmonySpectrum.window_samples, HarmonySpectrum.hop_samples),
    ):
        windower = Windower(length, hop)
        windows.append(np.concatenate([windower.push(samples), windower.finish()]))
    return windows[0], windows[1]


def time_essentia(files: list[Path], python: Path, models: Path, clock: Clock) -> None:
    """One repetition, in a process of its own with its own Python."""
    command = [str(python), str(PEER), str(models), *map(str, files)]
    environment = {n: v for n, v in os.environ.items() if not n.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"Essentia failed:\n{done.stderr}")
    for stage, (cpu, wall) in json.loads(done.stdout.splitlines()[-1]).items():
        clock.add(stage, cpu, wall)


def show(name: str, stages: dict[str, tuple[float, float]]) -> None:
    """Print a table."""
    print(f"\n{name}, seconds per {PER_S:g} s of audio{'CPU':>13}{'wall':>9}")
    for stage, (cpu, wall) in stages.items():
        print(f"  {stage:<{len(name) + 32}}{cpu:11.3f}{wall:9.3f}")


def write(out: Path, tables: dict[str, dict[str, tuple[float, float]]], ratio: float) -> None:
    """Keep the figures."""
    rows = [
        (name, stage, f"{cpu:.4f}", f"{wall:.4f}")
        for name, stages in tables.items()
        for stage, (cpu, wall) in stages.items()
    ]
    rows.append(("essentia/hevner", TOTAL, f"{ratio:.2f}", ""))
    columns = ("system", "stage", "cpu_s_per_30_s", "wall_s_per_30_s")
    out.write_text(csv_text(columns, rows), "utf-8", newline="")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare the speed of hevner and Essentia.")
    parser.add_argument("--essentia-python", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--folder", type=Path, default=EXAMPLES, help="audio files to analyse")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--core", type=int, default=0, help="the core to run on")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    files = [found.path for found in find_audio([options.folder])[0]]
    analyzer = Analyzer()
    seconds = sum(analyzer.analyze(file).duration for file in files)
    print(f"{len(files)} files, {seconds:.0f} s of audio, {options.repetitions} repetitions")

    ours, theirs = Clock(), Clock()
    with_peer = options.essentia_python is not None and options.models is not None
    for _ in range(options.repetitions):
        ours.start_repetition()
        time_hevner(files, analyzer, ours)
        if with_peer:
            theirs.start_repetition()
            time_essentia(files, options.essentia_python, options.models, theirs)
    tables = {"hevner": ours.per_audio(seconds), "essentia": theirs.per_audio(seconds)}
    show("hevner", tables["hevner"])
    if with_peer:
        show("essentia", tables["essentia"])
        ratio = tables["essentia"][TOTAL][0] / tables["hevner"][TOTAL][0]
        print(f"\nhevner has {ratio:.1f} times the throughput per core")
        write(options.out, tables, ratio)


if __name__ == "__main__":
    main()
