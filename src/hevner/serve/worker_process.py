"""A worker process, controlled by the server: started when needed, stopped when it must be.

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
from typing import IO, Any, cast

from hevner.result import clock
from hevner.serve.problems import record as error_record
from hevner.serve.settings import Settings

logger = logging.getLogger("hevner.serve")

SECRETS = ("HEVNER_TOKEN",)
"""Environment variables that a worker does not get."""

Progress = Callable[[float], None]
Outcome = dict[str, str] | None
"""The error of a task with ``kind``, ``message`` and ``remedy``; None after success."""


class WorkerProcess:
    """A worker process, replaced by a new one whenever it ends.

    ``died`` is called when one has ended in the middle of a task.
    """

    def __init__(self, settings: Settings, died: Callable[[], None]) -> None:
        self._settings = settings
        self._died = died
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Start the process if there is none, so that the first task need not wait for it."""
        with self._lock:
            self._ready()

    def run(self, task: dict[str, Any], report: Progress = lambda _share: None) -> Outcome:
        """Run a task; call ``report`` with its progress, in [0, 1]."""
        with self._lock:
            process = self._ready()
            self._stopped = False
        late = threading.Event()

        def stop_it() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._settings.time_limit_s, stop_it)
        timer.daemon = True
        try:
            answer = self._follow(process, task, report, timer)
        finally:
            timer.cancel()
        if answer is not None:
            return answer.get("error")
        code = process.wait()
        if self._stopped:
            return error_record("stopped", "the server stopped it")
        self._died()
        if late.is_set():
            limit = clock(self._settings.time_limit_s)
            return error_record("time", f"it took longer than {limit}", "Send a shorter piece")
        logger.error("a worker ended with status %s", code)
        return error_record(
            "worker",
            "the process that analysed it ended unexpectedly",
            "The file may be damaged, or need too much memory; convert it to WAV or FLAC",
        )

    def stop(self) -> None:
        """End the process and its task."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.stop()
        if self._process is not None:
            self._process.wait()
            _close_pipes(self._process)

    def _ready(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        if self._process is not None:
            _close_pipes(self._process)
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
    ) -> dict[str, Any] | None:
        """Send a task and return the last answer; None if the process ended.

        The time limit starts with the first answer, so that it excludes the start of a process.
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
                answer = json.loads(line)
            except ValueError:  # it was killed in the middle of a line
                process.kill()
                return None
            if timer.ident is None:
                timer.start()
            if "progress" in answer:
                report(answer["progress"])
            else:
                if answer.get("trace"):
                    logger.error("an analysis failed:\n%s", answer["trace"])
                return dict(answer)
        return None


def _close_pipes(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not yet sent is lost
            cast(IO[str], stream).close()
