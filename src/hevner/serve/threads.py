"""A few threads for calls that block, with a bounded queue before them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from hevner.serve.problems import ServiceError

P = ParamSpec("P")
T = TypeVar("T")


class BoundedThreads:
    """Threads for calls, of which at most ``most`` run or wait; ``what`` is in the refusal."""

    def __init__(self, threads: int, waiting: int, what: str, retry_after: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"hevner-{what}")
        self.most = threads + waiting
        self._running = 0
        self._refusal = f"too many {what} at once"
        self._retry_after = retry_after

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that blocks; raises a `ServiceError` if too many wait already."""
        if self._running >= self.most:
            wait = self._retry_after
            raise ServiceError(503, "busy", self._refusal, "Try again", retry_after=wait)
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
        finally:
            self._running -= 1

    def close(self, wait: bool = True) -> None:
        """Drop the calls that wait, and wait for those that run."""
        self._pool.shutdown(wait=wait, cancel_futures=True)
