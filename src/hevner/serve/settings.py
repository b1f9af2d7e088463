"""Settings of a server.

Conventions
-----------
The standard library only. Sizes are bytes, times seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hevner.child_process import python
from hevner.defaults import DEFAULT_MODEL

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine can reach."""

WORKER = python("hevner.serve.worker")


@dataclass(frozen=True)
class Settings:
    """Settings of a server.

    Attributes
    ----------
    state
        Folder of the jobs; created if it is missing.
    model
        Graph of the model that uploads are analysed by.
    gap
        Report of ``hevner gap`` to show; None for none.
    hosts
        Names by which clients may call the server, besides this machine's own and addresses in
        digits.
    token
        Token that requests must send; empty for none.
    jobs, queue
        Number of worker processes; most analyses that wait for one.
    duration_s, time_limit_s
        Longest audio that is analysed; longest time that one analysis may take.
    memory_bytes
        Address space of a worker.
    kept_s, kept_count
        Time for which results are kept; most jobs that are kept once they have ended.
    rate
        Requests per second of one client, in the long run; twice as many at once.
    uploads, uploads_of_one
        Most uploads at the same time, of all clients and of one.
    idle_s, least_rate
        Seconds that an upload may stand still; bytes per second that it must come with besides.
    searches, waiting, search_s
        Number of threads for searches; most searches that wait for one; seconds that a client waits
        for an answer.
    live, live_of_one
        Most streams of live listening at the same time, of all clients and of one; each has a
        process of its own.
    worker
        Command that starts a worker.
    """

    state: Path
    model: Path = DEFAULT_MODEL
    gap: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8765
    hosts: tuple[str, ...] = ()
    token: str = ""
    jobs: int = 1
    queue: int = 32
    upload_bytes: int = 300 * 2**20
    duration_s: float = 2 * 3600.0
    time_limit_s: float = 1800.0
    memory_bytes: int = 4 * 2**30
    kept_s: float = 24 * 3600.0
    kept_count: int = 500
    rate: float = 100.0
    uploads: int = 16
    uploads_of_one: int = 8
    idle_s: float = 30.0
    least_rate: float = 8192.0
    searches: int = 2
    waiting: int = 128
    search_s: float = 20.0
    live: int = 4
    live_of_one: int = 2
    worker: tuple[str, ...] = WORKER
