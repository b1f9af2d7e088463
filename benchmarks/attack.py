"""Measure the service while it is attacked, on loopback.

    python benchmarks/attack.py [--pieces 10000] [--folder DIR] [--seconds 20]

A server of a catalogue of made-up pieces (`benchmarks/serve.py`) answers four people at one
address, each of whom searches about twice a second, while others at another address mean harm:

- *none*: nobody does.
- *slow*: 100 connections, of which 40 are silent, 40 send a request a byte at a time, and 20 an
  upload; whatever is closed is opened again.
- *filters*: 24 clients send the longest filters that are taken, and far longer ones, one after the
  other.
- *turns*: the same, but the four search with filters too, which wait in the same queue.
- *searches*: 24 clients ask for the hundred best moments, one search after the other.
- *jobs*: 1,000 uploads, of which every third is cancelled at once and every seventh twice.
- *requests*: hostile hosts, origins, ranges, names of files, paths and bodies.
- *restarts*: 60 uploads, while the server is killed five times and started again. Here nobody
  searches.

Counted besides the time of a search: answers of 500, answers that show a trace or a path, and jobs
that were lost. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import serve
import soundfile

from hevner.lab.metrics.report import write

RESULTS = Path(__file__).with_name("results") / "attack.csv"

SILENT, HALF, DRIPPING = 40, 40, 20
FILTERS = 24
JOBS, SENDERS = 1000, 8
RESTARTS, RESTARTED_JOBS = 5, 60
CLIENTS, THINK_S = 4, 0.5
LIMIT_MS = 150.0
ROOM = ("--queue", "2000", "--jobs", "1")
"""Options of a server that takes all jobs."""

PEOPLE = "127.0.0.2"
"""Address of those who mean no harm, another client to the server; Linux has all of 127/8."""

HEAD = (
    b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
    b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n--edge\r\n"
    b'Content-Disposition: form-data; name="file"; filename="slow.wav"\r\n\r\n'
)
"""The beginning of an upload."""


@dataclass
class Harm:
    """What came of an attack."""

    requests: int = 0
    faults: int = 0
    shown: int = 0
    lost: int = 0
    statuses: set[int] = field(default_factory=set)

    def note(self, status: int, answer: bytes) -> None:
        """Count an answer."""
        self.requests += 1
        self.statuses.add(status)
        self.faults += status == 500
        self.shown += b"Traceback" in answer or b"/src/" in answer or b"/home/" in answer


Attack = Callable[[int, float, Harm], Awaitable[None]]
"""Of a port, until a time, with what comes of it."""


async def none(_port: int, until: float, _harm: Harm) -> None:
    """Wait."""
    await asyncio.sleep(until - time.monotonic())


async def slow(port: int, until: float, harm: Harm) -> None:
    """Hold connections open."""

    async def hold(start: bytes, drops: bytes) -> None:
        while time.monotonic() < until:
            with suppress(OSError, asyncio.IncompleteReadError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                harm.requests += 1
                writer.write(start)
                while time.monotonic() < until and not writer.is_closing():
                    writer.write(drops)
                    await writer.drain()
                    await asyncio.sleep(0.2)
                writer.close()

    await asyncio.gather(
        *(hold(b"", b"") for _ in range(SILENT)),
        *(hold(b"GET / HTTP/1.1\r\nX: ", b"x") for _ in range(HALF)),
        *(hold(HEAD, b"x") for _ in range(DRIPPING)),
    )


async def filters(port: int, until: float, harm: Harm) -> None:
    """Send filters that take long."""

    async def client(number: int) -> None:
        link, rng = serve.Link(port), random.Random(number)
        while time.monotonic() < until:
            terms = rng.choice((58, 490))
            where = f"valence {'+1' * terms} > {rng.random():.3f}"
            body = json.dumps({"words": ["calm"], "where": where}).encode()
            harm.note(*await link.ask("POST", "/catalog/search", body))
        link.close()

    await asyncio.gather(*map(client, range(FILTERS)))


async def searches(port: int, until: float, harm: Harm) -> None:
    """Send searches that take long, all at once."""

    async def client(number: int) -> None:
        link, rng = serve.Link(port), random.Random(number)
        while time.monotonic() < until:
            asked = json.loads(serve.question(rng)) | {"moments": True, "limit": 100}
            harm.note(*await link.ask("POST", "/catalog/search", json.dumps(asked).encode()))
        link.close()

    await asyncio.gather(*map(client, range(FILTERS)))


def filtered(rng: random.Random) -> bytes:
    """A search with a filter that nobody has sent before."""
    asked = json.loads(serve.question(rng)) | {"where": f"valence > {rng.uniform(-1, 0):.4f}"}
    return json.dumps(asked).encode()


def form(name: str = "song.wav") -> bytes:
    """A form with two seconds of a tone."""
    file = BytesIO()
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(32_000) / 16_000)
    soundfile.write(file, tone, 16_000, format="WAV")
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + file.getvalue() + b"\r\n--edge--\r\n"


KIND = "multipart/form-data; boundary=edge"


async def send(link: serve.Link, body: bytes, harm: Harm) -> str:
    """Upload a file, as often as it takes; return the id of its job."""
    while True:
        status, answer = await link.ask("POST", "/analyses", body, KIND)
        harm.note(status, answer)
        if status == 202:
            return str(json.loads(answer)["id"])
        await asyncio.sleep(0.1)


async def ended(link: serve.Link, ids: dict[str, bool], harm: Harm) -> None:
    """Wait for the end of jobs, by id, with whether each was cancelled; count those lost."""
    for id, cancelled in ids.items():
        while True:
            status, answer = await link.ask("GET", f"/analyses/{id}")
            state = json.loads(answer).get("state", "")
            if status == 404 or state in ("done", "failed", "cancelled"):
                break
            await asyncio.sleep(0.2)
        if state == "done":
            status, answer = await link.ask("GET", f"/analyses/{id}/result")
            harm.lost += status != 200
        else:
            harm.lost += not cancelled


async def jobs(port: int, _until: float, harm: Harm) -> None:
    """Send many files and cancel some."""
    body, numbers = form(), iter(range(JOBS))

    async def sender() -> None:
        link, ids = serve.Link(port), {}
        for number in numbers:
            id = await send(link, body, harm)
            ids[id] = number % 3 == 0
            for _ in range(ids[id] + (ids[id] and number % 7 == 0)):
                harm.note(*await link.ask("DELETE", f"/analyses/{id}"))
        await ended(link, ids, harm)
        link.close()

    await asyncio.gather(*(sender() for _ in range(SENDERS)))


def post(path: str, kind: str, body: bytes) -> bytes:
    """A request with a body."""
    head = f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def hostile() -> list[bytes]:
    """Requests that mean harm."""
    hosts = ("evil.example", "[", "a" * 9000, "127.0.0.1@x")
    origins = ("http://[", "null", "//", "x" * 9000)
    ranges = ("bytes=-", "bytes=9-1", "x=1", "bytes=" + "0-1," * 900)
    paths = ("/static/../app.py", "/static/%2e%2e/app.py", "//", "/%00", "/api/v1/models/..%2fx")
    names = ("../x.wav", "a\x00b.wav", "=A(1).wav", "<script>.wav", "x" * 5000, "\r\nX: y")
    bodies = (b"{", b"[" * 5000, b'{"words": ["' + b"x" * 9000 + b'"]}', b"\xff\xfe", b"NaN")
    health, audio = "/api/v1/health", "/api/v1/catalog/pieces/x/audio"
    heads = [
        *((health, f"Host: {host}") for host in hosts),
        *((health, f"Host: localhost\r\nOrigin: {origin}") for origin in origins),
        *((audio, f"Host: localhost\r\nRange: {span}") for span in ranges),
        *((path, "Host: localhost") for path in paths),
    ]
    return [
        *(f"GET {path} HTTP/1.1\r\n{lines}\r\n\r\n".encode() for path, lines in heads),
        *(post("/analyses", KIND, form(name)) for name in names),
        *(post("/catalog/search", "application/json", body) for body in bodies),
        *(b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G\x00T / HTTP/1.1\r\n\r\n"),
    ]


async def requests(port: int, until: float, harm: Harm) -> None:
    """Send what means harm."""
    for request in itertools.cycle(hostile()):
        if time.monotonic() > until:
            return
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(65536), 30)
            harm.note(int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0, answer)
            writer.close()


ATTACKS: dict[str, Attack] = {
    "none": none,
    "slow": slow,
    "filters": filters,
    "turns": filters,
    "searches": searches,
    "jobs": jobs,
    "requests": requests,
}


async def attacked(
    port: int, seconds: float, attack: Attack, ask: Callable[[random.Random], bytes]
) -> tuple[serve.Seen, Harm]:
    """Let people search while an attack goes on."""
    warm, seen, harm, until = serve.Seen(), serve.Seen(), Harm(), time.monotonic() + serve.WARM_S
    links = [serve.Link(port, PEOPLE) for _ in range(CLIENTS)]
    await asyncio.gather(*(serve.search(links[n], warm, until, 0, -n) for n in (1, 2)))
    goes_on = True

    seeds = itertools.count()

    async def clients() -> None:
        while goes_on:
            until = time.monotonic() + 1
            await asyncio.gather(
                *(serve.search(link, seen, until, THINK_S, next(seeds), ask) for link in links)
            )

    searching = asyncio.create_task(clients())
    await attack(port, time.monotonic() + seconds, harm)
    goes_on = False
    await searching
    return seen, harm


async def unfinished(link: serve.Link, ids: dict[str, bool]) -> str:
    """The first job that has not ended."""
    for id in ids:
        _, answer = await link.ask("GET", f"/analyses/{id}")
        if json.loads(answer).get("state") in ("queued", "running"):
            return id
    raise SystemExit("there is too little to do")


async def restarts(start: Callable[[], tuple[subprocess.Popen[str], int]]) -> Harm:
    """Kill a server while it works, each time after it has finished at least one job.

    One that never finishes any gives a job up after three attempts, as it should.
    """
    harm, ids, rng = Harm(), {}, random.Random(serve.catalog.SEED)
    body = form()
    for number in range(RESTARTS + 1):
        process, port = start()
        link = serve.Link(port)
        for _ in range(RESTARTED_JOBS // (RESTARTS + 1)):
            ids[await send(link, body, harm)] = False
        if number < RESTARTS:
            await ended(link, {await unfinished(link, ids): False}, harm)
            await asyncio.sleep(rng.uniform(0, 1))
            process.send_signal(signal.SIGKILL)
        else:
            await ended(link, ids, harm)
            process.terminate()
        link.close()
        process.communicate()
    return harm


def row_of(name: str, seen: serve.Seen | None, harm: Harm) -> dict[str, object]:
    """A row of the table."""
    times = [] if seen is None else seen.searches
    p50, p95 = (round(1000 * np.quantile(times, q), 1) if times else "" for q in (0.5, 0.95))
    return {
        "attack": name,
        "requests": harm.requests,
        "statuses": " ".join(map(str, sorted(harm.statuses))),
        "answers_500": harm.faults,
        "traces": harm.shown,
        "jobs_lost": harm.lost,
        "searches": len(times),
        "refused": 0 if seen is None else seen.refused,
        "p50_ms": p50,
        "p95_ms": p95,
        "load": round(os.getloadavg()[0], 2),
    }


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    socket.setdefaulttimeout(60)
    folder = options.folder / f"hevner-attack-{options.pieces}"
    if not folder.exists():
        serve.made(folder, options.pieces)
    rows = []
    for name, attack in ATTACKS.items():
        with tempfile.TemporaryDirectory() as state:
            process, port = serve.started(folder, state, *ROOM)
            try:
                ask = filtered if name == "turns" else serve.question
                found = asyncio.run(attacked(port, options.seconds, attack, ask))
                rows.append(row_of(name, *found))
            finally:
                process.kill()
                process.communicate()
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    with tempfile.TemporaryDirectory() as state:
        harm = asyncio.run(restarts(lambda: serve.started(folder, state, *ROOM)))
    rows.append(row_of("restarts", None, harm))
    write(rows, options.out, line_end="\r\n")
    bad = [
        str(row["attack"])
        for row in rows
        if row["answers_500"]
        or row["traces"]
        or row["jobs_lost"]
        or row["refused"]
        or (row["p95_ms"] != "" and float(str(row["p95_ms"])) > LIMIT_MS)
    ]
    if bad:
        sys.exit(f"not held: {', '.join(bad)}")


if __name__ == "__main__":
    main()
