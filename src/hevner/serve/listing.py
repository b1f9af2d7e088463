"""Route of the listing: all pieces of the catalogue in columns, for whoever sorts and filters them.

Conventions
-----------
A page of the listing is one compact answer, packed once for each version of the catalogue. A reader
who sees ``version`` change between two pages begins again.
"""

from __future__ import annotations

import gzip
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from hevner.serve import API
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.state import Server, failures

ROWS = 10_000
"""Pieces in a page."""

QUICK = 1
"""Level of compression: higher ones take much longer for little."""

DECIMALS = {"valence": 4, "arousal": 4, "tension": 4, "duration": 1, "tempo": 1}
"""Decimals of numbers that are no integers, as in other answers where they are shown so."""

TEXTS = (*("id", "name", "title", "artist", "album", "album_artist", "genre"), "key", "mode")
INTEGERS = ("track", "year")
COLUMNS = (*TEXTS, *INTEGERS, *DECIMALS, "tags", "cover")
"""Columns of the listing; ``cover`` says whether there is a picture."""

router = APIRouter(prefix=f"{API}/catalog", tags=["catalog"])


class Columns(BaseModel):
    """Values of pieces, in the order of their names; all lists are equally long."""

    id: list[str]
    name: list[str]
    title: list[str | None]
    artist: list[str | None]
    album: list[str | None]
    album_artist: list[str | None]
    genre: list[str | None]
    key: list[str | None]
    mode: list[str | None]
    track: list[int | None]
    year: list[int | None]
    valence: list[float | None] = Field(description="On -1..1, as arousal and tension.")
    arousal: list[float | None]
    tension: list[float | None]
    duration: list[float | None] = Field(description="Seconds.")
    tempo: list[float | None] = Field(description="Beats per minute.")
    tags: list[list[str]]
    cover: list[bool] = Field(description="Whether the piece has a picture.")


class Listing(BaseModel):
    """A page of the listing."""

    version: str = Field(description="Changes with the catalogue.")
    total: int = Field(description="Pieces on all pages.")
    rows: int = Field(description="Pieces on a full page.")
    columns: Columns


@router.get(
    "/listing",
    response_class=Response,
    responses={200: {"model": Listing}, **failures(404, 503)},
)
async def listing(
    server: Server,
    page: Annotated[int, Query(ge=0, le=10_000, description="The first is 0.")] = 0,
    accepted: Annotated[str, Header(alias="accept-encoding", include_in_schema=False)] = "",
) -> Response:
    """All pieces in columns, 10,000 to a page; an empty page is after the last."""
    packed = await server.searches.do(server.snapshot.packed, page, _packed)
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in accepted:
        headers["Content-Encoding"] = "gzip"
    else:
        packed = await server.searches.do(gzip.decompress, packed)
    return Response(packed, media_type="application/json", headers=headers)


def _packed(snapshot: CatalogSnapshot, page: int) -> bytes:
    """A page of the listing as JSON, compressed by gzip."""
    table = snapshot.slice(page * ROWS, ROWS)
    columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in COLUMNS}
    for name, decimals in DECIMALS.items():
        columns[name] = [v if v is None else round(v, decimals) for v in columns[name]]
    columns["tags"] = [tags or [] for tags in columns["tags"]]
    columns["cover"] = [kind is not None for kind in columns["cover"]]
    listed = {"version": snapshot.version, "total": len(snapshot), "rows": ROWS, "columns": columns}
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), QUICK, mtime=0)
