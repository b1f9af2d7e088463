"""A worker process, controlled by the server: started when needed, stopped when it must be.

Conventions
-----------
Everything here blocks and is called from threads. One worker does one task at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hevner.child_process import ChildProcess, ProcessEndedError, Task
from hevner.result import clock
from hevner.serve.problems import record as error_record
from hevner.serve.settings import Settings

logger = logging.getLogger("hevner.serve")

Progress = Callable[[float], None]
Outcome = dict[str, str] | None
"""The error of a task with ``kind``, ``message`` and ``remedy``; None after success."""


class WorkerProcess:
    """A worker process, replaced by a new one whenever it ends.

    ``died`` is called when one has ended in the middle of a task.
    """

    def __init__(self, settings: Settings, died: Callable[[], None]) -> None:
        arguments = settings.memory_bytes, settings.duration_s, settings.model
        self._child = ChildProcess([*settings.worker, *map(str, arguments)])
        self._time_limit_s = settings.time_limit_s
        self._died = died
        self._stopped = False
        self.start = self._child.start
        self.close = self._child.close

    def run(self, task: Task, report: Progress = lambda _share: None) -> Outcome:
        """Run a task; call ``report`` with its progress, in [0, 1]."""
        self._stopped = False
        outcome: Outcome = None
        try:
            for answer, _ in self._child.run(task, self._time_limit_s):
                if "progress" in answer:
                    report(answer["progress"])
                if answer.get("trace"):
                    logger.error("an analysis failed:\n%s", answer["trace"])
                outcome = answer.get("error")
        except ProcessEndedError as end:
            return self._error(end)
        return outcome

    def stop(self) -> None:
        """End the process and its task."""
        self._stopped = True
        self._child.stop()

    def _error(self, end: ProcessEndedError) -> Outcome:
        if self._stopped:
            return error_record("stopped", "the server stopped it")
        self._died()
        if end.late:
            limit = clock(self._time_limit_s)
            return error_record("time", f"it took longer than {limit}", "Send a shorter piece")
        logger.error("a worker ended with status %s", end.status)
        return error_record(
            "worker",
            "the process that analysed it ended unexpectedly",
            "The file may be damaged, or need too much memory; convert it to WAV or FLAC",
        )
