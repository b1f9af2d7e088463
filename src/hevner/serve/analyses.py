"""Routes of analyses: send a file, watch, take the result.

Conventions
-----------
Events are those of `Server-Sent Events <https://html.spec.whatwg.org/#server-sent-events>`_, named
``progress``; each carries the job as JSON, the last one in its final state. Comments between
them show whether the connection is still open.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from hevner.emotion import Scale
from hevner.result import Analysis
from hevner.serve import API, jobs, schemas, uploads
from hevner.serve.job_queue import JobQueue
from hevner.serve.jobs import Job
from hevner.serve.problems import ServiceError
from hevner.serve.state import Server, failures

ALIVE_S = 15.0
"""Seconds without an event after which a comment is sent."""

router = APIRouter(prefix=f"{API}/analyses", tags=["analyses"])

ScaleName = Annotated[
    str, Query(pattern=schemas.SCALE, description="Scale of valence, arousal and tension.")
]

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    response_model=schemas.Job,
    responses=failures(408, 415, 503, 507),
    openapi_extra=FORM,
)
async def send(request: Request, server: Server, response: Response) -> dict[str, Any]:
    """Send an audio file to be analysed."""
    job = await uploads.receive(request, server.queue)
    response.headers["Location"] = f"{API}/analyses/{job.id}"
    return job_record(server.queue, job)


@router.get("", responses=failures())
async def everything(server: Server) -> schemas.JobList:
    """List the analyses that are kept, the newest first."""
    listed = [job_record(server.queue, job) for job in reversed(server.queue.jobs.values())]
    return schemas.JobList.model_validate({"analyses": listed})


@router.get("/{id}", response_model=schemas.Job, responses=failures(404))
async def one(id: str, server: Server) -> dict[str, Any]:
    """State of an analysis."""
    return job_record(server.queue, server.queue.find(id))


@router.delete("/{id}", status_code=204, responses=failures(404))
async def drop(id: str, server: Server) -> Response:
    """Cancel an analysis; delete one that has ended, with its result."""
    await server.queue.cancel(server.queue.find(id))
    return Response(status_code=204)


@router.get(
    "/{id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}, **failures(404)},
)
async def events(id: str, server: Server) -> StreamingResponse:
    """Watch an analysis as server-sent events until it has ended."""
    stream = _events(server.queue, server.queue.find(id))
    return StreamingResponse(stream, media_type="text/event-stream")


@router.get("/{id}/result", responses={200: {"model": dict[str, Any]}, **failures(404, 409)})
async def result(id: str, server: Server, scale: ScaleName = "-1..1") -> JSONResponse:
    """Return an analysis, as ``hevner analyze --format json`` writes it."""
    wanted = Scale.parse(scale)
    job = _done(server.queue, id)
    analysis = Analysis.from_dict(json.loads(await server.queue.in_thread(job.result.read_bytes)))
    record = dataclasses.replace(analysis, path=job.name).on(wanted).to_dict()
    return JSONResponse(record)


@router.get("/{id}/emotions", response_model=schemas.ToldWords, responses=failures(404, 409))
async def emotions(id: str, server: Server) -> dict[str, Any]:
    """Describe what a piece expresses, in words."""
    job = _done(server.queue, id)
    return {"words": json.loads(await server.queue.in_thread(job.words.read_bytes))}


@router.get("/{id}/moments", response_model=schemas.MomentReadings, responses=failures(404, 409))
async def moments(id: str, server: Server) -> dict[str, Any]:
    """Basic emotions and moods of each moment of the timeline."""
    job = _done(server.queue, id)
    # An analysis from before a server wrote them has none.
    if not await server.queue.in_thread(job.course.is_file):
        return {}
    return dict(json.loads(await server.queue.in_thread(job.course.read_bytes)))


@router.get(
    "/{id}/plot.{kind}",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}, "image/png": {}}}, **failures(404, 409, 503)},
)
async def plot(
    id: str, kind: Literal["svg", "png"], server: Server, scale: ScaleName = "-1..1"
) -> Response:
    """Draw an analysis on one page."""
    Scale.parse(scale)
    picture = await server.queue.draw(_done(server.queue, id), kind, scale)
    media = "image/svg+xml" if kind == "svg" else "image/png"
    # A picture opened by itself may load nothing and run nothing.
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(picture, media_type=media, headers=policy if kind == "svg" else None)


def job_record(queue: JobQueue, job: Job) -> dict[str, Any]:
    """A job as JSON."""
    shown = {name: getattr(job, name) for name in schemas.Job.model_fields if name != "position"}
    return shown | {"position": queue.position(job)}


def _done(queue: JobQueue, id: str) -> Job:
    job = queue.find(id)
    if job.state != jobs.DONE:
        raise ServiceError(409, "not_done", f"the analysis is {job.state}", "Look at its state")
    return job


async def _events(queue: JobQueue, job: Job) -> AsyncIterator[str]:
    """Events until a job has ended or the server stops."""
    stopping = asyncio.create_task(queue.stopping.wait())
    try:
        while True:
            changed = asyncio.create_task(job.changed.wait())
            yield f"event: progress\ndata: {json.dumps(job_record(queue, job))}\n\n"
            if job.is_final or queue.stopping.is_set():
                changed.cancel()
                return
            ended, _ = await asyncio.wait(
                {changed, stopping}, timeout=ALIVE_S, return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()
            if not ended:
                yield ": still here\n\n"
    finally:
        stopping.cancel()
