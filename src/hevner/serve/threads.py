"""A few threads for calls that block, with a bounded queue before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from hevner.serve.problems import ServiceError

P = ParamSpec("P")
T = TypeVar("T")


class BoundedThreads:
    """Threads for calls, of which so many run and others wait; ``what`` is in the refusal.

    Nobody waits for a call longer than ``limit_s`` seconds; the call itself cannot be stopped.
    """

    def __init__(
        self, threads: int, waiting: int, what: str, retry_after: int, limit_s: float | None = None
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"hevner-{what}")
        self._free = BoundedSemaphore(threads + waiting)
        self._refusal = f"too many {what} at once"
        self._retry_after = retry_after
        self._limit_s = limit_s

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that blocks.

        Raises a `ServiceError` if too many wait already or it takes too long.
        """
        if not self._free.acquire(blocking=False):
            wait = self._retry_after
            raise ServiceError(503, "busy", self._refusal, "Try again", retry_after=wait)
        call = self._pool.submit(partial(work, *args, **kwargs))
        call.add_done_callback(lambda _: self._free.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(call), self._limit_s)
        except TimeoutError as error:
            raise ServiceError(503, "slow", "it takes too long", "Ask for less") from error

    def close(self, wait: bool = True) -> None:
        """Drop the calls that wait, and wait for those that run."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
