"""A few threads for calls that block, with a bounded queue before them.

Conventions
-----------
Clients (`hevner.serve.clients`) take turns: each that waits has one call done before any has a
second one done.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import Any, ParamSpec, TypeVar

from hevner.serve.clients import CLIENT
from hevner.serve.problems import ServiceError

P = ParamSpec("P")
T = TypeVar("T")


class BoundedThreads:
    """Threads for calls, of which so many run and others wait; ``what`` is in the refusal.

    One client has half of the places to wait at most. Nobody waits for a call longer than
    ``limit_s`` seconds; the call itself cannot be stopped.
    """

    def __init__(
        self, threads: int, waiting: int, what: str, retry_after: int, limit_s: float | None = None
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"hevner-{what}")
        self._free = BoundedSemaphore(threads + waiting)
        self._most_of_one = threads + waiting // 2
        self._lines: OrderedDict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._lock = Lock()
        self._refusal = f"too many {what} at once"
        self._retry_after = retry_after
        self._limit_s = limit_s

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that blocks.

        Raises a `ServiceError` if too many wait already or it takes too long.
        """
        client, call = CLIENT.get(), Future[T]()
        with self._lock:
            line = self._lines.get(client, deque())
            if len(line) >= self._most_of_one or not self._free.acquire(blocking=False):
                wait = self._retry_after
                raise ServiceError(503, "busy", self._refusal, "Try again", retry_after=wait)
            line.append((call, partial(work, *args, **kwargs)))
            self._lines[client] = line
        call.add_done_callback(lambda _: self._free.release())
        self._pool.submit(self._next)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(call), self._limit_s)
        except TimeoutError as error:
            raise ServiceError(503, "slow", "it takes too long", "Ask for less") from error

    def close(self, wait: bool = True) -> None:
        """Drop the calls that wait, and wait for those that run."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for line in self._lines.values():
                for call, _ in line:
                    call.cancel()
        self._pool.shutdown(wait=wait)

    def _next(self) -> None:
        """Do the first call of the client whose turn it is."""
        with self._lock:
            client, line = self._lines.popitem(last=False)
            call, work = line.popleft()
            if line:
                self._lines[client] = line
        if not call.set_running_or_notify_cancel():  # nobody waits for it any more
            return
        try:
            call.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
            call.set_exception(error)
