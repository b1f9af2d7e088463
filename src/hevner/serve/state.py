"""What routes share: the parts of a running server, and how they are handed to routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request

from hevner.serve import schemas
from hevner.serve.catalog_snapshot import Library, Shelf
from hevner.serve.job_queue import Board
from hevner.serve.media import Addresses
from hevner.serve.metrics import Metrics
from hevner.serve.problems import ServiceError
from hevner.serve.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class Searches:
    """A few threads in which catalogues are searched, with a bounded queue before them.

    Parameters
    ----------
    threads
        How many.
    waiting
        Most searches that wait.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="hevner-search")
        self._most = threads + waiting
        self._asked = 0

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do what blocks; raises a `ServiceError` if too many wait already."""
        if self._asked >= self._most:
            raise ServiceError(503, "busy", "too many searches at once", "Try again", retry_after=1)
        self._asked += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
        finally:
            self._asked -= 1

    def close(self) -> None:
        """Wait for what is being searched, and drop what waits."""
        self._pool.shutdown(cancel_futures=True)


@dataclass
class Parts:
    """A running server.

    Attributes
    ----------
    settings
        As it was started.
    board
        Its jobs.
    library
        Its catalogue; None for none.
    searches
        Its threads for searching.
    addresses
        Of audio.
    metrics
        What is counted.
    """

    settings: Settings
    board: Board
    library: Library | None
    searches: Searches
    addresses: Addresses
    metrics: Metrics = field(default_factory=Metrics)

    @property
    def shelf(self) -> Shelf:
        """The catalogue.

        Raises
        ------
        ServiceError
            If there is none.
        """
        if self.library is None:
            raise ServiceError(
                404,
                "no_catalog",
                "this server has no catalogue",
                "Make one with 'hevner index' and name it to 'hevner serve'",
            )
        return self.library.shelf


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Server = Annotated[Parts, Depends(_parts)]


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the documentation of a route: how it may fail, besides in the usual ways."""
    usual = (400, 401, 403, 411, 413, 421, 422, 429)
    return {status: {"model": schemas.Failure} for status in (*usual, *statuses)}
