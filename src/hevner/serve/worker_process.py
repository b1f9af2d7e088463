"""A worker process as seen from the server: started when needed, stopped when it must be.

Conventions
-----------
Everything here blocks and is called from threads. One worker does one task at a time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hevner.result import clock
from hevner.serve.settings import Settings

logger = logging.getLogger("hevner.serve")

SECRETS = ("HEVNER_TOKEN",)
"""Environment variables that a worker does not get to see."""

CANCELLED, STOPPING = "cancelled", "stopping"
"""Why a task may have been stopped from outside."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    error
        ``kind``, ``message`` and ``remedy``; None if all went well.
    stopped
        `CANCELLED` or `STOPPING` if it was stopped from outside; else empty.
    """

    error: dict[str, str] | None = None
    stopped: str = ""


class Worker:
    """A worker process, replaced by a new one whenever it ends.

    Parameters
    ----------
    settings
        How to start it and what its limits are.
    died
        Called when a worker has ended in the middle of a task.
    """

    def __init__(self, settings: Settings, died: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._died = died
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._stopped = ""

    def start(self) -> None:
        """Start the process if there is none, so that the first task need not wait for it."""
        with self._lock:
            self._ready()

    def run(self, task: dict[str, Any], report: Progress = lambda _share: None) -> Outcome:
        """Do a task; call ``report`` with how much of it is done, in [0, 1]."""
        with self._lock:
            process = self._ready()
            self._stopped = ""
        late = threading.Event()

        def stop_it() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._settings.time_limit_s, stop_it)
        timer.daemon = True
        try:
            outcome = self._follow(process, task, report, timer)
        finally:
            timer.cancel()
        if outcome is not None:
            return outcome
        code = process.wait()
        if self._stopped:
            return Outcome(stopped=self._stopped)
        self._died()
        if late.is_set():
            limit = clock(self._settings.time_limit_s)
            return _failed("time", f"it took longer than {limit}", "Send a shorter piece")
        logger.error("a worker ended with status %s", code)
        return _failed(
            "worker",
            "the process that analysed it ended unexpectedly",
            "The file may be damaged, or need too much memory; convert it to WAV or FLAC",
        )

    def stop(self, why: str) -> None:
        """End the process, and with it its task."""
        with self._lock:
            self._stopped = why
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.stop(STOPPING)
        if self._process is not None:
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                _close(stream)

    def _ready(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        if self._process is not None:
            _close(self._process.stdin)
            _close(self._process.stdout)
        settings = self._settings
        self._process = subprocess.Popen(
            [*settings.worker, str(settings.memory_bytes), str(settings.duration_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={name: value for name, value in os.environ.items() if name not in SECRETS},
            # Ctrl-C is for the server, which then decides about its workers.
            start_new_session=True,
        )
        return self._process

    def _follow(
        self,
        process: subprocess.Popen[str],
        task: dict[str, Any],
        report: Progress,
        timer: threading.Timer,
    ) -> Outcome | None:
        """Send a task and read the answers; None if the process ended.

        Time runs from the first answer on: what a new process takes to start is not the task's.
        """
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        except OSError:
            return None
        for line in process.stdout:
            try:
                told = json.loads(line)
            except ValueError:  # it was killed in the middle of a line
                process.kill()
                return None
            if timer.ident is None:
                timer.start()
            if "progress" in told:
                report(told["progress"])
            elif "done" in told:
                return Outcome()
            else:
                if told["trace"]:
                    logger.error("an analysis failed:\n%s", told["trace"])
                return Outcome(told["error"])
        return None


def _failed(kind: str, message: str, remedy: str) -> Outcome:
    return Outcome({"kind": kind, "message": message, "remedy": remedy})


def _close(stream: Any) -> None:
    with contextlib.suppress(OSError):  # what was not yet sent goes nowhere
        stream.close()
