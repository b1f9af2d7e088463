"""Measure live listening: memory over hours, speed, delay, and whether it says what a file says.

    python benchmarks/live.py [--runs 10:10 10:1] [--minutes 72] [--seconds 60]

- ``memory``: hours of made-up music, in stereo at 44.1 kHz, composed block by block and fed as fast
  as it goes (``HOURS:STEP``, with a value every ``STEP`` seconds), for at most ``--minutes``;
  resident memory after the first `WARM` values and from then on.
- ``delay``: ``hevner listen -`` is fed samples at the speed at which they would be played; from the
  moment when the last samples of a second are written to the moment when its line is there.
- ``service``: the same for ``hevner serve``, which is sent what has been played every quarter of a
  second, as the page sends it, from the moment at which the stream is begun.
- ``same``: the examples, fed in blocks of random length, beside the analysis of the same windows as
  files; and beside the curve of the whole file, which knows all of the piece.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
import soundfile

from hevner.analysis import Analyzer
from hevner.live import FIRST_S
from hevner.output.spreadsheet import csv_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "live.csv"
RATE, BLOCK_S, PART_S = 44_100, 0.1, 0.25
WARM = 20
GROWTH_MB, DELAY_S, DIFFERENCE = 50, 1.5, 1e-3
SEED = 11

Rows = list[tuple[str, str, float, float | str]]


def compose(block_s: float) -> Iterator[np.ndarray]:
    """Blocks of music without end: a chord a second; every three minutes other keys and tempi."""
    rng, parts = np.random.default_rng(SEED), round(1 / block_s)
    time_s = np.arange(RATE, dtype=np.float32) / np.float32(RATE)
    for second in range(10**9):
        if second % 180 == 0:
            tonic, pulse = 110 * 2 ** (rng.integers(12) / 12), rng.uniform(1, 3)
            third, level, noise = rng.choice([3, 4]), rng.uniform(0.1, 0.8), rng.uniform(0, 0.05)
            hiss = (noise * level * rng.normal(size=(RATE, 2))).astype(np.float32)
            chords = [
                level * np.sin(2 * np.pi * np.outer(time_s, tonic * 2 ** (steps / 12))).mean(axis=1)
                for steps in np.add.outer([0, 5, 7, 9], [0, third, 7, 12])
            ]
        beat = np.exp(-4 * ((second + time_s) * np.float32(pulse) % 1)) * (second % 180 < 176)
        mono = (chords[rng.integers(4)] * beat).astype(np.float32)
        stereo = mono[:, None] * np.float32([1, 0.8]) + hiss
        yield from np.array_split(stereo, parts)


def memory(hours: float, step: float, minutes: float) -> Rows:
    """Feed hours of music as fast as it goes, or as many as ``minutes`` allow."""
    stream = Analyzer().stream(RATE, every=step)
    process, values, start, peak = psutil.Process(), 0, 0.0, 0.0
    begin, cpu = time.perf_counter(), time.process_time()
    for block in compose(1.0):
        for instant in stream.feed(block):
            values += 1
            now = process.memory_info().rss / 2**20
            start, peak = (now, now) if values <= WARM else (start, max(peak, now))
            if values % 100 == 0:
                print(f"{instant.time / 3600:.2f} h: {now:.0f} MB", file=sys.stderr, flush=True)
        if stream.time >= hours * 3600 or time.perf_counter() - begin > minutes * 60:
            break
    spent, used = time.perf_counter() - begin, time.process_time() - cpu
    run = f"memory, {stream.time / 3600:.2f} h, a value every {step:g} s"
    return [
        (run, "values", values, ""),
        (run, "MB after warm-up", round(start, 1), ""),
        (run, "MB at the end", round(process.memory_info().rss / 2**20, 1), ""),
        (run, "MB more at most", round(peak - start, 1), GROWTH_MB),
        (run, "times as fast as it plays", round(stream.time / spent, 1), ""),
        (run, "CPU seconds per value", round(used / values, 3), ""),
    ]


def delay(seconds: float) -> Rows:
    """Feed the command line as if the music were played."""
    command = [sys.executable, "-m", "hevner", "listen", "-", "-f", "jsonl", "-q"]
    command += ["--rate", str(RATE), "--channels", "2"]
    came: dict[float, float] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def collect(lines: Iterator[bytes]) -> None:
            for line in lines:
                came[json.loads(line)["time"]] = time.perf_counter()

        reader = threading.Thread(target=collect, args=(iter(process.stdout),))
        reader.start()
        sent: dict[float, float] = {}
        count, begin = 0, time.perf_counter()
        for block in compose(BLOCK_S):
            count += len(block)
            time.sleep(max(0.0, begin + count / RATE - time.perf_counter()))
            sent[round(count / RATE, 3)] = time.perf_counter()
            process.stdin.write((block * 32767).astype("<i2").tobytes())
            process.stdin.flush()
            if count >= seconds * RATE:
                break
        process.stdin.close()
        reader.join()
    late = [came[at] - sent[at] for at in sorted(came)]
    return _rows(f"delay, {seconds:g} s as they are played", late)


def service(seconds: float) -> Rows:
    """Feed the service as the page does while music is played."""
    command = [sys.executable, "-m", "hevner", "serve", "--port", "0", "--state"]
    with (
        TemporaryDirectory() as state,
        subprocess.Popen([*command, state], stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        try:
            said = next(line for line in process.stderr if line.startswith("Listening"))
            port = int(said.split("/ ")[0].rpartition(":")[2])
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                late = _lateness(connection, seconds)
        finally:
            process.terminate()
    return _rows(f"service, {seconds:g} s as they are played", late)


def _lateness(connection: HTTPConnection, seconds: float) -> list[float]:
    """Seconds from the last sample of each value to the answer that has it."""

    def ask(path: str, sound: bytes = b"") -> dict[str, Any]:
        connection.request("POST", f"/api/v1/live{path}", sound)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer

    music = np.concatenate([*islice(compose(1.0), math.ceil(seconds))])[:, 0]
    sound, count = (music * 32767).astype("<i2"), 0
    late: list[float] = []
    begin = time.perf_counter()
    id = ask(f"?rate={RATE}")["id"]
    while count < seconds * RATE:
        time.sleep(max(0.0, begin + count / RATE + PART_S - time.perf_counter()))
        played = min(round((time.perf_counter() - begin) * RATE), count + 2 * RATE)
        instants = ask(f"/{id}", sound[count:played].tobytes())["instants"]
        now = time.perf_counter() - begin
        late += [now - one["time"] for one in instants]
        count = played
    return late


def _rows(run: str, late: list[float]) -> Rows:
    rows: Rows = [(run, "values", len(late), "")]
    if late:
        rows += [(run, "s until the first value", round(FIRST_S + late[0], 3), 4)]
        rows += [
            (run, f"s late, {name}", round(float(value), 3), DELAY_S)
            for name, value in (
                ("median", np.median(late)),
                ("95 of 100", np.quantile(late, 0.95)),
                ("the latest", np.max(late)),
            )
        ]
    return rows


def same(seconds: float) -> Rows:
    """Compare values with those of files."""
    analyzer, rng = Analyzer(), np.random.default_rng(SEED)
    windows, curves = [], []
    for file in sorted((ROOT / "examples" / "audio").glob("*.ogg")):
        samples, rate = soundfile.read(file, dtype="float32", frames=round(seconds * RATE))
        whole = analyzer.analyze(samples, rate)
        stream, at = analyzer.stream(rate, every=5.0), 0
        while at < len(samples):
            size = int(rng.integers(1, rate))
            for instant in stream.feed(samples[at : at + size]):
                end = round(instant.time * rate)
                window = samples[max(0, end - round(analyzer.window * rate)) : end]
                point = analyzer.analyze(window, rate).timeline[-1]
                there = next(one for one in whole.timeline if one.end >= instant.time)
                for name in ("valence", "arousal", "tension"):
                    live = getattr(instant, name)
                    if live and getattr(point, name) and getattr(there, name):
                        windows.append(abs(live.value - getattr(point, name).value))
                        curves.append(abs(live.value - getattr(there, name).value))
            at += size
    run = "same, the examples"
    return [
        (run, "values", len(windows), ""),
        (run, "largest difference to the same window", float(np.max(windows)), DIFFERENCE),
        (run, "mean difference to the curve of the file", round(float(np.mean(curves)), 3), ""),
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Measure live listening.")
    parser.add_argument("--runs", nargs="*", default=["10:10", "10:1"], metavar="HOURS:STEP")
    parser.add_argument("--minutes", type=float, default=72.0, help="most that such a run takes")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the other runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    rows: Rows = []
    runs = [[*map(float, run.split(":"))] for run in options.runs]
    steps = [partial(memory, *run, options.minutes) for run in runs]  # type: ignore[call-arg]
    quick = [partial(measure, options.seconds) for measure in (delay, service, same)]
    for measure in (*quick, *steps):
        rows += measure()
        text = csv_text(("run", "figure", "value", "limit"), rows)
        options.out.write_text(text, "utf-8", newline="")
    for run, figure, value, limit in rows:
        print(f"{run}: {figure} {value:g}" + (f" (limit {limit:g})" if limit != "" else ""))


if __name__ == "__main__":
    main()
