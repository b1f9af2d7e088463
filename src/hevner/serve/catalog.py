"""Routes of the catalogue: its pieces, searches, playlists and audio files."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import JSONResponse

from hevner.catalog.columns import Row
from hevner.catalog.describe import emotions_of, position_of
from hevner.emotion import Scale
from hevner.hits import Hit
from hevner.serve import API, media, query_request, schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.problems import ServiceError
from hevner.serve.state import Server, ServerState, failures

MOST_PIECES = 500
MOST_POINTS = 5_000

MOST_RANGES = 20
"""Most parts of a file that are sent at once; Starlette before 0.49 takes seconds to sort many."""

WORDS = 12
"""Words that are returned for a piece."""

router = APIRouter(prefix=f"{API}/catalog", tags=["catalog"])


@router.get("", response_model=schemas.Facts, responses=failures(404))
async def facts(server: Server) -> dict[str, Any]:
    """Facts about the catalogue."""
    return await server.searches.do(_facts, server.snapshot)


@router.get("/pieces", response_model=schemas.Pieces, responses=failures(404, 503))
async def pieces(
    server: Server,
    limit: Annotated[int, Query(ge=1, le=MOST_PIECES)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    points: Annotated[
        bool, Query(description="Points in the place of rows: up to 5,000, spread over all.")
    ] = False,
) -> dict[str, Any]:
    """List pieces by name, or all of them as points."""
    snapshot = server.snapshot
    if points:
        columns = await server.searches.do(snapshot.points_on_plane, MOST_POINTS)
        return {"total": len(snapshot), "points": columns}
    rows = await server.searches.do(snapshot.page, offset, limit)
    return {"total": len(snapshot), "pieces": [_piece(server, row) for row in rows]}


@router.get("/pieces/{id}", response_model=schemas.PieceDetails, responses=failures(404, 503))
async def piece(id: str, server: Server) -> dict[str, Any]:
    """All columns of a piece."""
    return _piece(server, await server.searches.do(server.snapshot.details, id))


@router.get("/pieces/{id}/curve", response_model=schemas.Curve, responses=failures(404, 503))
async def curve(id: str, server: Server) -> dict[str, Any]:
    """How emotion moves through a piece."""
    rows = await server.searches.do(server.snapshot.curve, id)
    return {"moments": [{name: _rounded(row[name]) for name in row} for row in rows]}


@router.get(
    "/pieces/{id}/analysis", responses={200: {"model": dict[str, Any]}, **failures(404, 501, 503)}
)
async def analysis(id: str, server: Server) -> JSONResponse:
    """The whole analysis of a piece, read again from the features that the catalogue keeps."""
    return JSONResponse(await server.searches.do(server.snapshot.analysis, id))


@router.get("/pieces/{id}/emotions", response_model=schemas.ToldWords, responses=failures(404, 503))
async def emotions(id: str, server: Server) -> dict[str, Any]:
    """Words for the emotion of a piece."""
    return {"words": await server.searches.do(_emotions, server.snapshot, id)}


@router.get(
    "/pieces/{id}/audio",
    response_class=Response,
    responses={
        200: {"content": {"audio/*": {}}},
        206: {"content": {"audio/*": {}}},
        416: {"description": "No such range."},
        **failures(404),
    },
)
async def audio(
    id: str,
    server: Server,
    wanted: Annotated[str, Header(alias="range", include_in_schema=False)] = "",
) -> Response:
    """The audio file of a piece; understands ranges."""
    if wanted.count(",") >= MOST_RANGES:
        raise ServiceError(416, "range", "there are too many ranges", "Ask for fewer")
    path = await server.searches.do(server.snapshot.unchanged_file, id)
    return await server.queue.in_thread(partial(media.audio, path, wanted))


@router.get(
    "/pieces/{id}/cover",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, **failures(404)},
)
async def cover(id: str, server: Server) -> Response:
    """The picture that is embedded in the file of a piece, if it is a small JPEG or PNG."""
    path = await server.searches.do(server.snapshot.unchanged_file, id)
    return await server.queue.in_thread(partial(media.cover, path))


@router.post("/search", response_model=schemas.Hits, responses=failures(404, 409, 501, 503))
async def search(request: schemas.Search, server: Server) -> dict[str, Any]:
    """Find music: every query of ``hevner search``."""
    snapshot, scale = server.snapshot, Scale.parse(request.scale)
    threads = server.filters if request.where else server.searches
    hits, fit, nothing = await threads.do(query_request.find, snapshot, request)
    found = [_hit(server, snapshot, hit, scale) for hit in hits]
    return {"hits": found, "scale": scale.name, "fit": fit, "nothing": nothing}


@router.post("/playlist", response_model=schemas.PlaylistHits, responses=failures(404, 409, 503))
async def playlist(request: schemas.Playlist, server: Server) -> dict[str, Any]:
    """Make a playlist that leads from one emotion to another."""
    snapshot, scale = server.snapshot, Scale.parse(request.scale)
    threads = server.filters if request.where else server.searches
    hits = await threads.do(query_request.playlist, snapshot, request)
    return {
        "hits": [_hit(server, snapshot, hit, scale) for hit in hits],
        "scale": scale.name,
        "minutes": round(sum(hit.duration for hit in hits) / 60, 2),
    }


def _facts(snapshot: CatalogSnapshot) -> dict[str, Any]:
    made_with = ("space", "model", "encoder", "hevner")
    return {
        "pieces": len(snapshot),
        "moments": snapshot.moment_count,
        "version": snapshot.version,
        **{name: getattr(snapshot.header, name) for name in made_with},
        "quadrants": snapshot.quadrant_counts(),
    }


def _emotions(snapshot: CatalogSnapshot, id: str) -> list[dict[str, Any]]:
    position = position_of(snapshot.details(id))
    words = emotions_of(snapshot.space, snapshot.place(id), position, WORDS)
    return [word.to_dict() for word in words]


def _piece(server: ServerState, row: Row) -> dict[str, Any]:
    shown = {name: _rounded(value) for name, value in row.items() if name != "path"}
    lists = {name: row[name] or [] for name in ("tags", "key_candidates") if name in row}
    return shown | lists | _addresses(server, row["id"], row["cover"])


def _addresses(server: ServerState, id: str, cover: str | None) -> dict[str, str | None]:
    picture = server.addresses.of(id, "cover") if cover is not None else None
    return {"audio": server.addresses.of(id), "cover": picture}


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _hit(server: ServerState, snapshot: CatalogSnapshot, hit: Hit, scale: Scale) -> dict[str, Any]:
    id = snapshot.ids[hit.path]
    shown = hit.to_dict(scale)
    del shown["path"]
    course = snapshot.course(id, scale)
    return {"id": id, **shown, "course": course, **_addresses(server, id, hit.cover)}
