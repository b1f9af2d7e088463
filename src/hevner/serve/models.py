"""Routes of models, words, the gap report, health and counters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from hevner import __version__
from hevner.model import registry
from hevner.serve import API, jobs, schemas
from hevner.serve.problems import not_found
from hevner.serve.state import Server, failures
from hevner.words import DEGREES, WORDS

router = APIRouter(tags=["models"])

GAP = f"{API}/gap"

REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)
"""Reports contain their style and pictures, and load nothing."""


@router.get(f"{API}/models", response_model=schemas.ModelList, responses=failures())
async def models(server: Server) -> dict[str, Any]:
    """List the models that are installed."""
    gap = None if server.settings.gap is None else server.addresses.to(GAP)
    used = server.settings.model
    return {"models": [_facts(entry, used) for entry in _known(used)], "gap": gap}


@router.get(GAP, response_class=Response, responses=failures(404))
async def gap(server: Server) -> Response:
    """Show the report on how datasets differ that the server was given."""
    if server.settings.gap is None:
        raise not_found("report")
    headers = {"Content-Security-Policy": REPORT_POLICY}
    return FileResponse(server.settings.gap, headers=headers, media_type="text/html")


@router.get(f"{API}/models/{{name}}", response_model=schemas.ModelCard, responses=failures(404))
async def model(name: str, server: Server) -> dict[str, Any]:
    """A model's card: training data, scores and limits."""
    used = server.settings.model
    for entry in _known(used):
        if name in (entry.name, entry.card["name"]):
            return {"facts": _facts(entry, used), "card": entry.card, "text": _text(entry)}
    raise not_found("model")


@router.get(f"{API}/words", response_model=schemas.Lexicon, responses=failures())
async def words() -> dict[str, Any]:
    """List the words that searches understand."""
    listed = [
        {"word": word.name, "group": word.sources[0], "synonyms": list(word.synonyms)}
        | {axis: getattr(word, axis) for axis in ("valence", "arousal")}
        for word in WORDS
    ]
    return {"words": listed, "degrees": [degree.name for degree in DEGREES if degree.name]}


@router.get(f"{API}/health", tags=["health"])
async def health(server: Server) -> schemas.Health:
    """State and load of the server."""
    queue, settings = server.queue, server.settings
    states = [job.state for job in queue.jobs.values()]
    return schemas.Health(
        status="stopping" if queue.stopping.is_set() else "ok",
        version=__version__,
        catalog=server.newest is not None,
        token=bool(settings.token),
        queued=states.count(jobs.QUEUED),
        running=states.count(jobs.RUNNING),
        limits=schemas.Limits(
            upload_bytes=settings.upload_bytes,
            duration_s=settings.duration_s,
            queue=settings.queue,
        ),
    )


@router.get("/metrics", tags=["health"], response_class=Response, responses=failures())
async def metrics(server: Server) -> Response:
    """Counts in the format of Prometheus."""
    text = server.metrics.text(server.queue)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@cache
def _known(used: Path) -> list[registry.Entry]:
    """The models that come with hevner, and the one that analyses uploads."""
    known = registry.shipped()
    own = registry.read(used.with_suffix(".json"))
    return known if own in known else [*known, own]


def _facts(entry: registry.Entry, used: Path) -> dict[str, Any]:
    facts = {name: value for name, value in entry.facts().items() if name != "path"}
    return facts | {"default": entry.graph == used}


def _text(entry: registry.Entry) -> str:
    path = entry.path.with_suffix(".md")
    return path.read_text("utf-8") if path.is_file() else ""
