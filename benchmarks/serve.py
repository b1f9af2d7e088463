"""Measure the service under load, on loopback.

    python benchmarks/serve.py [--pieces 100000] [--folder DIR] [--seconds 30]

Three parts, each with a server of its own process and clients in this one:

- *search*: 50 clients search a catalogue of made-up pieces (`benchmarks/catalog.py`), each waiting
  a second on average between an answer and its next question, as people do; no two questions are
  the same.
- *flat out*: the same without waiting, which shows how many searches a second there can be.
- *uploads*: 8 files at once while 10 clients search. All must finish.

All the while the health of the server is asked ten times a second, and the memory of the server and
of its workers is watched. Times mean little where others are at work (``load``), but for
``cpu_ms``: time of the server's process for each search, its workers left out. Run it on an idle
machine.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import catalog
import numpy as np
import psutil
import soundfile

from hevner.client import Client
from hevner.lab.metrics.report import write
from hevner.model import space as spaces
from hevner.words import DEGREES, WORDS

RESULTS = Path(__file__).with_name("results") / "serve.csv"
UPLOADS = 8
UPLOAD_S = 180
THINK_S = 1.0
PARTS = {"search": (50, THINK_S), "flat out": (50, 0.0), "uploads": (10, THINK_S)}
"""By name: clients, and seconds that each waits on average between two searches."""
READY_S, WARM_S = 3.0, 2.0
"""Seconds in which workers load their model, and of searches that are not counted."""
LIMITS = {"search p95_ms": 100.0, "search health_max_ms": 50.0, "uploads health_max_ms": 50.0}


@dataclass
class Seen:
    """What was measured in one part, in seconds and bytes."""

    searches: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    refused: int = 0
    finished: int = 0
    cpu: float = 0.0
    server_bytes: int = 0
    worker_bytes: int = 0


class Link:
    """A connection that is kept open: little work for the client, so that the server is timed.

    It comes from ``source``, an address of this machine, which makes it that client's.
    """

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._port = port
        self._source = (source, 0)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> tuple[int, bytes]:
        """Send a request; return status and body of the answer."""
        try:
            return await self._ask(method, path, body, kind)
        except (asyncio.IncompleteReadError, ConnectionError):  # closed after a long silence
            self._streams = None
            return await self._ask(method, path, body, kind)

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=self._source
            )
        reader, writer = self._streams
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        lengths = (int(line[15:]) for line in lines if line.startswith("content-length:"))
        answer = await reader.readexactly(next(lengths, 0))
        if "connection: close" in lines:
            self.close()
        return int(lines[0].split()[1]), answer


def question(rng: random.Random) -> bytes:
    """A search that nobody has asked before."""
    words = [f"{rng.choice(DEGREES).name} {rng.choice(WORDS).name}".strip() for _ in range(2)]
    point = {
        "valence": round(rng.uniform(-0.8, 0.8), 3),
        "arousal": round(rng.uniform(-0.8, 0.8), 3),
    }
    asked: dict[str, object] = rng.choice(
        ({"words": words}, {"point": point}, {"point": point, "words": words})
    )
    if rng.random() < 0.2:
        asked["filters"] = {"duration": {"max": rng.randint(200, 500)}}
    return json.dumps(asked).encode()


async def search(
    link: Link,
    seen: Seen,
    until: float,
    think: float,
    seed: int,
    ask: Callable[[random.Random], bytes] = question,
) -> None:
    """One person."""
    rng = random.Random(seed)
    await asyncio.sleep(rng.uniform(0, think))
    while time.monotonic() < until:
        body = ask(rng)
        begin = time.perf_counter()
        status, _ = await link.ask("POST", "/catalog/search", body)
        seen.searches.append(time.perf_counter() - begin)
        seen.refused += status != 200
        await asyncio.sleep(rng.expovariate(1 / think) if think else 0)
    link.close()


async def watch(port: int, process: psutil.Process, seen: Seen) -> None:
    """Ask for health and look at memory until cancelled."""
    link = Link(port)
    try:
        while True:
            begin = time.perf_counter()
            await link.ask("GET", "/health")
            seen.health.append(time.perf_counter() - begin)
            workers = [worker.memory_info().rss for worker in process.children()]
            seen.server_bytes = max(seen.server_bytes, process.memory_info().rss)
            seen.worker_bytes = max(seen.worker_bytes, *workers, 0)
            await asyncio.sleep(0.1)
    finally:
        link.close()


def upload(port: int, files: list[str]) -> int:
    """Send files at once and wait until they are analysed; return how many were."""
    client = Client(f"http://127.0.0.1:{port}")

    def one(path: str) -> int:
        return client.analyze(path).status == "ok"

    with ThreadPoolExecutor(max(1, len(files))) as pool:
        return sum(pool.map(one, files))


def started(folder: Path, state: str, *options: str) -> tuple[subprocess.Popen[str], int]:
    """A server of a catalogue that listens, and its port."""
    command = [sys.executable, "-m", "hevner", "serve", str(folder), "--state", state]
    command += ["--port", "0", "--rate", "1000000", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "Listening on" in line:
            return process, int(line.split("/ ")[0].rpartition(":")[2])
    raise SystemExit("the server does not start")


@contextmanager
def server(folder: Path, jobs: int) -> Iterator[tuple[int, psutil.Process]]:
    """A server of a catalogue: its port and its process."""
    with tempfile.TemporaryDirectory() as state:
        process, port = started(folder, state, "--jobs", str(jobs))
        try:
            time.sleep(READY_S)
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.communicate()


async def part(
    port: int,
    process: psutil.Process,
    seconds: float,
    clients: int,
    think: float,
    files: list[str],
) -> Seen:
    """Let clients search while files are analysed."""
    warm, seen, loop = Seen(), Seen(), asyncio.get_running_loop()
    # What sends large files in this process would hold up what takes the time.
    with ProcessPoolExecutor(1, get_context("spawn")) as sender:
        await loop.run_in_executor(sender, upload, port, [])
        await asyncio.gather(
            *(search(Link(port), warm, time.monotonic() + WARM_S, 0, -n) for n in (1, 2))
        )
        watching, before = asyncio.create_task(watch(port, process, seen)), process.cpu_times()
        sent = loop.run_in_executor(sender, upload, port, files)
        until = time.monotonic() + seconds
        await asyncio.gather(*(search(Link(port), seen, until, think, n) for n in range(clients)))
        after = process.cpu_times()
        seen.cpu = after.user + after.system - before.user - before.system
        seen.finished = await sent
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return seen


def song(path: Path, seed: int) -> str:
    """A file of three minutes: chords and noise, as no two are the same."""
    rng = np.random.default_rng(seed)
    clock = np.arange(UPLOAD_S * 44_100) / 44_100
    tones = 220 * 2 ** (rng.integers(0, 24, (UPLOAD_S, 3)) / 12)
    pitch = tones[clock.astype(int)]
    sound = np.sin(2 * np.pi * pitch * clock[:, None]).mean(axis=1) * np.exp(-4 * (clock % 0.5))
    noise = rng.normal(0, 0.02, (len(clock), 2))
    soundfile.write(path, 0.5 * sound[:, None] + noise, 44_100)
    return str(path)


def made(folder: Path, count: int) -> None:
    """Make a catalogue of so many pieces."""
    catalog.fill(folder, spaces.load(), count, np.random.default_rng(catalog.SEED))


def row_of(name: str, seen: Seen, seconds: float) -> dict[str, object]:
    """A row of the table."""
    p50, p95 = (1000 * np.quantile(seen.searches, q) for q in (0.5, 0.95))
    return {
        "part": name,
        "searches": len(seen.searches),
        "per_second": round(len(seen.searches) / seconds, 1),
        "refused": seen.refused,
        "p50_ms": round(p50, 1),
        "p95_ms": round(p95, 1),
        "cpu_ms": round(1000 * seen.cpu / len(seen.searches), 1),
        "health_p95_ms": round(1000 * np.quantile(seen.health, 0.95), 1),
        "health_max_ms": round(1000 * max(seen.health), 1),
        "uploads_finished": seen.finished,
        "server_mb": round(seen.server_bytes / 1e6),
        "worker_mb": round(seen.worker_bytes / 1e6),
        "load": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    folder = options.folder / f"hevner-serve-{options.pieces}"
    if not folder.exists():
        made(folder, options.pieces)
    files = [song(options.folder / f"hevner-serve-{n}.flac", n) for n in range(UPLOADS)]
    rows = []
    for name, (clients, think) in PARTS.items():
        sent = files if name == "uploads" else []
        with server(folder, 2) as (port, process):
            seen = asyncio.run(part(port, process, options.seconds, clients, think, sent))
            rows.append(row_of(name, seen, options.seconds))
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    shutil.rmtree(folder)
    for file in files:
        Path(file).unlink()
    write(rows, options.out, line_end="\r\n")
    by_name = {str(row["part"]): row for row in rows}
    missed = [
        limit
        for limit, most in LIMITS.items()
        if limit.split()[0] in by_name
        and float(str(by_name[limit.split()[0]][limit.split()[1]])) >= most
    ]
    missed += ["all uploads"] if by_name["uploads"]["uploads_finished"] != UPLOADS else []
    if missed:
        sys.exit(f"not reached: {', '.join(missed)}")


if __name__ == "__main__":
    main()
