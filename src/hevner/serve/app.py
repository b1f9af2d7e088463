"""The application: parts, routes and what stands in front of them.

Conventions
-----------
`create` opens nothing; the jobs are taken up when the application starts and put down when it
stops. The page lives in ``static`` and needs nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.types import ASGIApp

from hevner import __version__
from hevner.files import printable
from hevner.serve import analyses, catalog, listing, live, models, problems, ratings, subsonic
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.guard import Guard
from hevner.serve.job_queue import JobQueue
from hevner.serve.live_streams import LiveStreams
from hevner.serve.media import Addresses
from hevner.serve.metrics import Counting, Metrics
from hevner.serve.rating_store import RatingStore
from hevner.serve.rating_study import EVERYONE, Study
from hevner.serve.settings import Settings
from hevner.serve.songs import Songs
from hevner.serve.state import ServerState
from hevner.serve.threads import BoundedThreads

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Of the files of the page, whatever the system says of their suffixes."""

LOOK_S = 10.0
"""Seconds between looks for a new version of the catalogue."""

DESCRIPTION = """The emotion of music over HTTP: send a file, watch it being analysed, take the
result; search a catalogue by emotion, both ways. Errors are
`{"error": {"kind", "message", "remedy"}}`."""


def create(
    settings: Settings,
    snapshot: CatalogSnapshot | None = None,
    songs: Songs | None = None,
    study: Study = EVERYONE,
) -> tuple[ASGIApp, JobQueue]:
    """Make the application, with its catalogue if it has one, and its job queue.

    With songs of a Subsonic server it answers for it too (`hevner.serve.subsonic`). The study is
    what may be rated, if there is a catalogue. Whoever serves it calls ``stop_soon`` of the queue
    when it is about to end.

    Raises
    ------
    OutputError
        If the state folder cannot be used.
    DataError
        If there are ratings of the name of the study with other labels or another scale.
    """
    metrics = Metrics()
    queue = JobQueue(settings, metrics.died)
    limits = settings.searches, settings.waiting
    searches = BoundedThreads(*limits, "searches", 1, settings.search_s)
    # Conditions in SQL may be slow; a thread of their own keeps them from holding up all others.
    filters = BoundedThreads(1, settings.waiting, "filters", 1, settings.search_s)
    # So does a file of ratings that another process has locked.
    rating = BoundedThreads(2, settings.waiting, "ratings", 1, settings.search_s)
    addresses = Addresses(bool(settings.token))
    streams = LiveStreams(settings, metrics.died)
    rated = None if snapshot is None else RatingStore(settings.state / "ratings", study)
    shared = addresses, metrics, streams, songs, rated
    state = ServerState(settings, queue, snapshot, searches, filters, rating, *shared)

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        await queue.open()
        looking = None if snapshot is None else asyncio.create_task(_look(state, snapshot))
        try:
            yield
        finally:
            if looking is not None:
                looking.cancel()
            await streams.close()
            await queue.close()
            for threads in (searches, filters, rating):
                threads.close()

    app = FastAPI(
        title="hevner",
        description=DESCRIPTION,
        version=__version__,
        lifespan=running,
        # Its page would fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.server = state
    problems.install(app)
    routers = [analyses.router, catalog.router, listing.router, models.router, live.router]
    routers.append(ratings.router)
    for router in routers + [subsonic.router] * (songs is not None):
        app.include_router(router)

    kinds = {path.name: TYPES[path.suffix] for path in STATIC.iterdir() if path.suffix in TYPES}

    @app.get("/", include_in_schema=False)
    @app.get("/static/{name}", include_in_schema=False)
    async def page(name: str = "index.html") -> Response:
        if name not in kinds:
            raise problems.not_found("file")
        # Some sixty small files are asked for at once; handing each to a thread takes longer.
        content, headers = (STATIC / name).read_bytes(), {"Cache-Control": "no-cache"}
        return Response(content, headers=headers, media_type=kinds[name])

    return Guard(Counting(app, metrics), settings, addresses), queue


async def _look(state: ServerState, snapshot: CatalogSnapshot) -> None:
    """Open the catalogue anew whenever it has changed."""
    told = ""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            snapshot = state.newest = await state.searches.do(snapshot.newest)
            told = ""
        # The edge of a loop: whatever it is, the next look may be better.
        except Exception as error:  # noqa: BLE001
            cause = printable(str(error))
            if cause != told:  # a disk that is away for a night is one line of the log
                problems.logger.warning("the catalogue is not read anew: %s", cause)
            told = cause
