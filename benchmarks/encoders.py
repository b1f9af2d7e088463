"""Measure the large encoders at their full size, with random weights.

    python benchmarks/encoders.py --folder SCRATCH [--encoder mert-v1-95m ...] [--threads 2]

For each encoder, weights of the published names and shapes are made up and added as a user would
add them; a process of its own then loads them and encodes a clip of 30 seconds three times. Speed
and memory do not depend on the values of weights. On a CUDA card the throughput at several batch
sizes is measured too, against the card's own rate at multiplying large matrices; without one, these
figures are written as not measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import jukebox
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from hevner import encoders
from hevner.audio.decode import from_array
from hevner.encoders import weights
from hevner.lab.data.extraction import run
from hevner.lab.rehearsal import clap_weights, mert_weights
from hevner.output.spreadsheet import csv_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "encoders.csv"
NAMES = ("mert-v1-95m", "mert-v1-95m+all", "mert-v1-330m", "clap-music", "jukebox-5b")
COLUMNS = ("encoder", "device", "measure", "value", "unit", "runs")
RATE = 44_100
SECONDS = 30
RUNS = 3
ENOUGH_S = 120
"""No further run is begun after so many seconds."""

BATCHES = (1, 2, 4, 8, 16, 32)
ON_CARD = (
    ("throughput at the best batch", "clips of 30 s per s"),
    ("best batch", "windows"),
    ("times real time", ""),
    ("memory on the card", "MB"),
    ("share of the card's rate at matrices", ""),
)


def clip() -> np.ndarray:
    """A chord in noise."""
    rng = np.random.default_rng(5)
    instants = np.arange(SECONDS * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * instants) for f in (220.0, 277.2, 329.6))
    return (0.1 * chord + 0.02 * rng.normal(size=len(instants))).astype(np.float32)


def add(name: str, scratch: Path) -> None:
    """Make weights up and add them; what was published-like is removed again."""
    if weights.added(name):
        return
    published = scratch / "published" / name
    published.mkdir(parents=True, exist_ok=True)
    make_up(name, published)
    weights.add(name, str(published), accept_licence=True, offline=True)
    shutil.rmtree(published)


def make_up(name: str, folder: Path) -> None:
    """Write what is published of an encoder, with random values."""
    if name.startswith("mert"):
        mert_weights.mert(name, folder)
    elif name.startswith("clap"):
        clap_weights.write(folder)
    else:
        jukebox.write(name, folder)


def measure_cpu(name: str, threads: int) -> dict[str, float]:
    """Figures of this process, which has not done anything else."""
    torch.set_num_threads(threads)
    samples = clip()
    took, used = [], []
    for _ in range(RUNS):
        began, before = time.perf_counter(), time.process_time()
        run(lambda rate: from_array(samples, RATE, rate), [name], "clip")
        took.append(time.perf_counter() - began)
        used.append(time.process_time() - before)
        if sum(took) > ENOUGH_S:
            break
    return {
        "first clip, loading included": took[0],
        "seconds per clip": statistics.median(took[1:] or took),
        "CPU seconds per clip": statistics.median(used[1:] or used),
        "peak": peak_memory(),
        "runs": len(took),
    }


def peak_memory() -> float:
    """Most memory that this process has held, in MB (Linux).

    The figure of `resource` includes the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def measure_card(name: str) -> dict[str, float]:
    """Throughput on the card by batch; the best one is reported."""
    encoder = encoders.create(name, "cuda")
    card = encoder.card
    window = np.resize(clip(), card.window_samples)
    encoder.encode(window[None])
    with FlopCounterMode(display=False) as counter:
        encoder.encode(window[None])
    best: dict[str, float] = {}
    for batch in BATCHES:
        windows = np.repeat(window[None], batch, axis=0)
        torch.cuda.reset_peak_memory_stats()
        try:
            seconds = jukebox.timed(lambda windows=windows: encoder.encode(windows))
        except torch.cuda.OutOfMemoryError:
            break
        encoded = batch * card.window_samples / card.sample_rate / seconds
        if encoded > best.get("times real time", 0.0):
            best = {
                "throughput at the best batch": encoded / SECONDS,
                "best batch": batch,
                "times real time": encoded,
                "memory on the card": torch.cuda.max_memory_allocated() / 2**20,
                "share of the card's rate at matrices": (
                    counter.get_total_flops() * batch / seconds / jukebox.matrix_rate()
                ),
            }
    return best


def rows(name: str, threads: int) -> list[tuple[str, ...]]:
    """Lines of the result file about one encoder."""
    cuda = torch.cuda.is_available()
    figures = apart("cpu", name, threads)
    runs = int(figures.pop("runs"))
    units = {"peak": "MB"}
    lines = [
        (name, f"CPU, {threads} threads", measure, f"{value:.2f}", units.get(measure, "s"), runs)
        for measure, value in figures.items()
    ]
    on_card = apart("card", name, threads) if cuda else {}
    device = torch.cuda.get_device_name() if cuda else "CUDA"
    for measure, unit in ON_CARD:
        figure = f"{on_card[measure]:.3g}" if cuda else jukebox.NOT_MEASURED
        lines.append((name, device, measure, figure, unit, RUNS if cuda else 0))
    return [tuple(map(str, line)) for line in lines]


def apart(where: str, name: str, threads: int) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--measure", where, "--encoder", name]
    done = subprocess.run(
        [*command, "--threads", str(threads)], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure the large encoders.")
    parser.add_argument("--folder", type=Path, help="where weights are made up; many gigabytes")
    parser.add_argument("--encoder", nargs="+", default=NAMES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", choices=("cpu", "card"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    if options.measure == "cpu":
        print(json.dumps(measure_cpu(options.encoder[0], options.threads)))
        return
    if options.measure == "card":
        print(json.dumps(measure_card(options.encoder[0])))
        return
    os.environ["HEVNER_HOME"] = str(options.folder / "home")
    kept = []
    if options.out.is_file():
        with options.out.open(newline="") as file:
            kept = [tuple(row.values()) for row in csv.DictReader(file)]
    for name in options.encoder:
        add(name.partition("+")[0], options.folder)
        found = rows(name, options.threads)
        for row in found:
            print(*row, sep=", ", flush=True)
        kept = [row for row in kept if row[0] != name] + found
        options.out.write_text(csv_text(COLUMNS, kept), "utf-8", newline="")


if __name__ == "__main__":
    main()
