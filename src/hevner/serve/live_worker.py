"""A worker that listens: a child process (`hevner.child_process`) for one stream of sound.

Its arguments are the most memory it may use, in bytes, and the graph of the model.

Conventions
-----------
The first task is ``{"rate"}``, hertz; each other one is ``{"samples"}``, 16 bits each in base 64.
The answer is ``{"instants": [...]}``, as `hevner.live.Instant.to_dict` returns them; ``{"trace"}``
if that failed, and then the process is not used any more.
"""

from __future__ import annotations

import os
import sys
import traceback
from base64 import b64decode

import numpy as np

from hevner.analysis import Analyzer
from hevner.child_process import Send, Task, limit, work
from hevner.live import Instant, Stream


def main() -> None:
    """Listen until the server is gone."""
    if sys.platform != "win32":
        os.nice(5)  # after the server, before the workers that nobody waits for each second
    limit(int(sys.argv[1]))
    work(lambda: Listener(Analyzer(sys.argv[2])).run)


class Listener:
    """Does the tasks of one stream."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._stream: Stream | None = None

    def run(self, task: Task, send: Send) -> None:
        """Open the stream, or feed it, and answer."""
        try:
            instants = self._instants(task)
        # The edge of the loop: what goes wrong is for the server's log.
        except Exception:  # noqa: BLE001
            send(last=True, trace=traceback.format_exc())
        else:
            send(last=True, instants=[one.to_dict() for one in instants])

    def _instants(self, task: Task) -> list[Instant]:
        if self._stream is None:
            self._stream = self._analyzer.stream(task["rate"])
            return []
        return self._stream.feed(np.frombuffer(b64decode(task["samples"]), "<i2"))
