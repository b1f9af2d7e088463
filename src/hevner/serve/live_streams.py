"""Streams of sound of clients, each in a worker process of its own.

Conventions
-----------
Methods are called on the event loop. A stream that is begun stays until it is ended, its worker
fails, the server stops, or nothing has come for `IDLE_S`.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from hevner.child_process import ChildProcess, ProcessEndedError, Task, python
from hevner.serve import jobs
from hevner.serve.problems import ServiceError, not_found
from hevner.serve.settings import Settings

WORKER = python("hevner.serve.live_worker")

IDLE_S = 10.0
"""Seconds without sound after which a stream ends."""

MOST_S = 2.0
"""Most seconds of sound that a client may send at a time."""

TASK_S = 30.0
"""Longest time that a worker may take for that."""

logger = logging.getLogger("hevner.serve")


@dataclass(eq=False)
class LiveStream:
    """A stream of a client; ``ending`` ends it when nothing comes, and is None while it is fed."""

    client: str
    rate: int
    child: ChildProcess
    ending: asyncio.TimerHandle | None = None


class LiveStreams:
    """All streams of a server; ``died`` is called when a worker has died."""

    def __init__(self, settings: Settings, died: Callable[[], None]) -> None:
        self._settings = settings
        self._died = died
        self._streams: dict[str, LiveStream] = {}
        # For each stream a thread that waits for its worker, and one that ends it meanwhile.
        self._threads = ThreadPoolExecutor(2 * settings.live + 1, thread_name_prefix="hevner-live")

    async def begin(self, client: str, rate: int) -> str:
        """Begin a stream of a client, with so many samples a second; return its id.

        Raises a `ServiceError` if there are too many, or it cannot be begun.
        """
        of_one = sum(one.client == client for one in self._streams.values())
        if len(self._streams) >= self._settings.live or of_one >= self._settings.live_of_one:
            cause = "too many are listening at once"
            raise ServiceError(429, "busy", cause, "End another stream", retry_after=5)
        settings, id = self._settings, jobs.new_id()
        child = ChildProcess([*WORKER, str(settings.memory_bytes), str(settings.model)])
        self._streams[id] = LiveStream(client, rate, child)
        await self._run(id, {"rate": rate})
        return id

    async def feed(self, id: str, sound: bytes) -> list[dict[str, Any]]:
        """Feed a stream with samples of 16 bits; return its new `hevner.live.Instant` as dicts.

        Raises a `ServiceError` if there is no such stream, the samples make no sense, those before
        are still being analysed, or the worker fails.
        """
        stream = self._find(id)
        if stream.ending is None:
            raise ServiceError(409, "busy", "the sound before is still being analysed", "Wait")
        if len(sound) > 2 * MOST_S * stream.rate:
            cause = f"it is more than {MOST_S:g} seconds of sound"
            raise ServiceError(413, "too_large", cause, "Send it in parts")
        if len(sound) % 2:
            raise ServiceError(422, "samples", "a sample has 16 bits", "Send whole samples")
        answer = await self._run(id, {"samples": b64encode(sound).decode()})
        instants: list[dict[str, Any]] = answer["instants"]
        return instants

    async def end(self, id: str) -> None:
        """End a stream; raises a `ServiceError` if there is none."""
        self._find(id)
        await self._drop(id)

    async def close(self) -> None:
        """End all streams."""
        await asyncio.gather(*map(self._drop, tuple(self._streams)))
        self._threads.shutdown()

    def _find(self, id: str) -> LiveStream:
        try:
            return self._streams[id]
        except KeyError:
            raise not_found("stream") from None

    async def _run(self, id: str, task: Task) -> dict[str, Any]:
        """Give the worker of a stream a task; its answer."""
        stream, loop = self._streams[id], asyncio.get_running_loop()
        if stream.ending is not None:
            stream.ending.cancel()
            stream.ending = None
        try:
            (answer,) = await loop.run_in_executor(
                self._threads, partial(_answers, stream.child, task)
            )
            fault = answer.get("trace", "")
        except ProcessEndedError as end:
            fault = f"its process ended with status {end.status}"
        except OSError as error:
            fault = f"no process can be started: {error}"
        gone = id not in self._streams
        if gone or fault:
            self._streams.pop(id, None)
            # Whoever ended the stream meanwhile may have come before its process was there.
            await loop.run_in_executor(self._threads, stream.child.close)
            if gone:
                raise not_found("stream")
            self._died()
            logger.error("listening failed: %s", fault)
            raise ServiceError(503, "worker", "listening failed", "Begin again", retry_after=1)
        stream.ending = loop.call_later(IDLE_S, lambda: loop.create_task(self._drop(id)))
        return answer

    async def _drop(self, id: str) -> None:
        """Forget a stream, if it is still there, and end its process."""
        stream = self._streams.pop(id, None)
        if stream is None:
            return
        end = stream.child.stop  # the thread that waits for the process cleans up
        if stream.ending is not None:
            stream.ending.cancel()
            end = stream.child.close
        await asyncio.get_running_loop().run_in_executor(self._threads, end)


def _answers(child: ChildProcess, task: Task) -> list[dict[str, Any]]:
    return [answer for answer, _ in child.run(task, TASK_S)]
