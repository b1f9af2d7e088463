"""Routes of live listening: begin a stream, send its sound as it comes, end it.

Conventions
-----------
Sound is samples of 16 bits, signed, little-endian, one channel. Each part is answered with the
values that it completes, so that a client whose parts are a quarter of a second long, and who sends
the next one after the answer, has each value as soon as it is there.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from hevner.live import Instant
from hevner.serve import API
from hevner.serve.clients import CLIENT
from hevner.serve.problems import ServiceError
from hevner.serve.state import Server, failures

router = APIRouter(prefix=f"{API}/live", tags=["live"])

SOUND: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Begun(BaseModel):
    """A stream that has begun."""

    id: str


class Instants(BaseModel):
    """Values that a part of a stream completes."""

    instants: list[Instant]


Rate = Annotated[int, Query(ge=1_000, le=192_000, description="Samples per second.")]


@router.post("", status_code=201, responses=failures(503))
async def begin(server: Server, rate: Rate) -> Begun:
    """Begin a stream of sound. It ends by itself if nothing comes for ten seconds."""
    return Begun(id=await server.live.begin(CLIENT.get(), rate))


@router.post(
    "/{id}",
    responses={200: {"model": Instants}, **failures(404, 409, 503)},
    openapi_extra=SOUND,
)
async def feed(id: str, request: Request, server: Server) -> JSONResponse:
    """Send the next part of a stream, of at most two seconds; return the values it completes."""
    try:
        sound = await request.body()
    except ClientDisconnect as error:
        raise ServiceError(400, "upload", "the sound broke off", "Send it again") from error
    return JSONResponse({"instants": await server.live.feed(id, sound)})


@router.delete("/{id}", status_code=204, responses=failures(404))
async def end(id: str, server: Server) -> Response:
    """End a stream."""
    await server.live.end(id)
    return Response(status_code=204)
