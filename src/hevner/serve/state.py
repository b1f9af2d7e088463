"""State that all routes of the server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request

from hevner.serve import schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.job_queue import JobQueue
from hevner.serve.media import Addresses
from hevner.serve.metrics import Metrics
from hevner.serve.problems import ServiceError
from hevner.serve.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class Searches:
    """A few threads in which catalogues are searched, with a bounded queue before them."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hevner-search")
        self._most = threads + waiting
        self._running = 0

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that blocks; raises a `ServiceError` if too many wait already."""
        if self._running >= self._most:
            raise ServiceError(503, "busy", "too many searches at once", "Try again", retry_after=1)
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
        finally:
            self._running -= 1

    def close(self) -> None:
        """Wait for the searches that run, and drop those that wait."""
        self._pool.shutdown(cancel_futures=True)


@dataclass
class ServerState:
    """A running server; ``newest`` is the newest version of its catalogue, None for none."""

    settings: Settings
    queue: JobQueue
    newest: CatalogSnapshot | None
    searches: Searches
    addresses: Addresses
    metrics: Metrics

    @property
    def snapshot(self) -> CatalogSnapshot:
        """The catalogue; raises a `ServiceError` if there is none."""
        if self.newest is None:
            remedy = "Make one with 'hevner index' and name it to 'hevner serve'"
            raise ServiceError(404, "no_catalog", "this server has no catalogue", remedy)
        return self.newest


def _state(request: Request) -> ServerState:
    state: ServerState = request.app.state.server
    return state


Server = Annotated[ServerState, Depends(_state)]


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documentation of how a route may fail, besides in the usual ways."""
    usual = (400, 401, 403, 411, 413, 421, 422, 429)
    return {status: {"model": schemas.Failure} for status in (*usual, *statuses)}
