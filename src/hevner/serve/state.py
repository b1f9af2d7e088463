"""State that all routes of the server share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from hevner.serve import schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.job_queue import JobQueue
from hevner.serve.live_streams import LiveStreams
from hevner.serve.media import Addresses
from hevner.serve.metrics import Metrics
from hevner.serve.problems import ServiceError
from hevner.serve.rating_store import RatingStore
from hevner.serve.settings import Settings
from hevner.serve.songs import Songs
from hevner.serve.threads import BoundedThreads


@dataclass
class ServerState:
    """A running server.

    ``newest`` is the newest version of its catalogue, ``ratings`` those of its pieces, and
    ``songs`` those of a Subsonic server that are in it; None for none.
    """

    settings: Settings
    queue: JobQueue
    newest: CatalogSnapshot | None
    searches: BoundedThreads
    filters: BoundedThreads
    rating: BoundedThreads
    addresses: Addresses
    metrics: Metrics
    live: LiveStreams
    songs: Songs | None = None
    ratings: RatingStore | None = None

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
