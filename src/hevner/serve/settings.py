"""What a server is told when it starts.

Conventions
-----------
The standard library only. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine reaches."""

WORKER = (sys.executable, "-m", "hevner.serve.worker")


@dataclass(frozen=True)
class Settings:
    """How a server behaves.

    Attributes
    ----------
    state
        Folder of the jobs; made if it is not there.
    catalog
        Folder of a catalogue; None for none.
    gap
        A report of ``hevner gap`` to be shown; None for none.
    host, port
        Where it listens.
    token
        What a request must bear; empty for nothing.
    jobs
        Worker processes.
    queue
        Most analyses that wait.
    upload_bytes
        Largest upload.
    duration_s
        Longest audio that is analysed.
    time_limit_s
        Longest time that one analysis may take.
    memory_bytes
        Address space of a worker.
    kept_s
        How long results are kept.
    kept_count
        Most jobs that are kept, whatever their state.
    rate
        Requests per second of one client, in the long run; twice as many at once.
    uploads
        Most uploads that are received at the same time.
    idle_s
        Longest silence of a client in the middle of an upload.
    searches
        Threads that search.
    waiting
        Most searches that wait for a thread.
    worker
        Command that starts a worker.
    """

    state: Path
    catalog: Path | None = None
    gap: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8765
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
    idle_s: float = 30.0
    searches: int = 2
    waiting: int = 128
    worker: tuple[str, ...] = WORKER

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK
