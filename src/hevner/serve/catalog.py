"""Routes of the catalogue: its pieces, searching it, and hearing it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hevner.catalog import describe
from hevner.catalog.hits import Hit
from hevner.emotion import Scale
from hevner.serve import API, media, query_request, schemas
from hevner.serve.catalog_snapshot import Row, Shelf
from hevner.serve.state import Parts, Server, failures

MOST_PIECES = 500
MOST_POINTS = 5_000

WORDS = 12
"""Words that are told of a piece."""

router = APIRouter(prefix=f"{API}/catalog", tags=["catalog"])


@router.get("", response_model=schemas.Facts, responses=failures(404))
async def facts(server: Server) -> dict[str, Any]:
    """What the catalogue is."""
    return await server.searches.do(_facts, server.shelf)


@router.get(
    "/pieces",
    response_model=schemas.Pieces,
    response_model_exclude_none=False,
    responses=failures(404, 503),
)
async def pieces(
    server: Server,
    limit: Annotated[int, Query(ge=1, le=MOST_PIECES)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    points: Annotated[
        bool, Query(description="Points in the place of rows: up to 5,000, spread over all.")
    ] = False,
) -> dict[str, Any]:
    """List pieces by name, or all of them as points."""
    shelf = server.shelf
    if points:
        columns = await server.searches.do(shelf.points, MOST_POINTS)
        told = {"ids": columns.pop("id"), "names": columns.pop("name"), **columns}
        return {"total": len(shelf), "points": told}
    rows = await server.searches.do(shelf.page, offset, limit)
    return {"total": len(shelf), "pieces": [_piece(server, row) for row in rows]}


@router.get("/pieces/{id}", response_model=schemas.PieceDetails, responses=failures(404, 503))
async def piece(id: str, server: Server) -> dict[str, Any]:
    """All that the catalogue tells of a piece."""
    return _piece(server, await server.searches.do(server.shelf.details, id))


@router.get("/pieces/{id}/curve", response_model=schemas.Curve, responses=failures(404, 503))
async def curve(id: str, server: Server) -> dict[str, Any]:
    """How emotion moves through a piece."""
    rows = await server.searches.do(server.shelf.curve, id)
    return {"moments": [{name: _rounded(row[name]) for name in row} for row in rows]}


@router.get("/pieces/{id}/emotions", response_model=schemas.ToldWords, responses=failures(404, 503))
async def emotions(id: str, server: Server) -> dict[str, Any]:
    """Say what a piece expresses, in words."""
    return {"words": await server.searches.do(_emotions, server.shelf, id)}


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
async def audio(id: str, server: Server) -> Response:
    """Hear a piece; understands ranges."""
    path = server.shelf.path(id)
    return await server.board.in_thread(partial(media.audio, path))


@router.post("/search", response_model=schemas.Hits, responses=failures(404, 409, 501, 503))
async def search(asked: schemas.Search, server: Server) -> dict[str, Any]:
    """Find music: every query of ``hevner search``."""
    shelf, scale = server.shelf, Scale.parse(asked.scale)
    hits, fit, nothing = await server.searches.do(query_request.find, shelf, asked)
    told = [_hit(server, shelf, hit, scale) for hit in hits]
    return {"hits": told, "scale": scale.name, "fit": fit, "nothing": nothing}


@router.post("/playlist", response_model=schemas.PlaylistHits, responses=failures(404, 409, 503))
async def playlist(asked: schemas.Playlist, server: Server) -> dict[str, Any]:
    """Make a playlist that travels from one emotion to another."""
    shelf, scale = server.shelf, Scale.parse(asked.scale)
    hits = await server.searches.do(query_request.playlist, shelf, asked)
    return {
        "hits": [_hit(server, shelf, hit, scale) for hit in hits],
        "scale": scale.name,
        "minutes": round(sum(hit.duration for hit in hits) / 60, 2),
    }


def _facts(shelf: Shelf) -> dict[str, Any]:
    header = shelf.catalog.header
    return {
        "pieces": len(shelf),
        "moments": shelf.moments,
        "space": header.space,
        "model": header.model,
        "encoder": header.encoder,
        "hevner": header.hevner,
        "quadrants": shelf.counts(),
    }


def _emotions(shelf: Shelf, id: str) -> list[dict[str, Any]]:
    told = describe.emotions_of(shelf.space, shelf.place(id), WORDS)
    return [one.to_dict() for one in told]


def _piece(server: Parts, row: Row) -> dict[str, Any]:
    shown = {name: _rounded(value) for name, value in row.items() if name != "path"}
    return shown | {"tags": row["tags"] or [], "audio": server.addresses.of(row["id"])}


def _rounded(value: Any) -> Any:
    """A number with the digits that it can tell."""
    return round(value, 4) if isinstance(value, float) else value


def _hit(server: Parts, shelf: Shelf, hit: Hit, scale: Scale) -> dict[str, Any]:
    id = shelf.id_of(hit)
    shown = hit.to_dict(scale)
    del shown["path"]
    return {"id": id, **shown, "audio": server.addresses.of(id)}
