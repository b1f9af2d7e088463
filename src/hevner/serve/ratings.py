"""Routes of ratings: what is rated, how far a rater has come, the next rating, results, export."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse

from hevner.datasets.reliability import Figures
from hevner.errors import HevnerError
from hevner.object_path import Location
from hevner.serve import API, rating_export, rating_schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.problems import ServiceError, not_found
from hevner.serve.rating_store import Rating, RatingStore, nickname
from hevner.serve.rating_study import HOP_S, Study, order, select
from hevner.serve.state import Server, ServerState, failures

SLACK_S = 2.0
"""Seconds by which a browser may take a file for longer than the catalogue does."""

EXPORT = f"{API}/ratings/export"

router = APIRouter(tags=["ratings"])


def _nickname(rater: Annotated[str, Path(max_length=200)]) -> str:
    return nickname(rater)


Rater = Annotated[str, Depends(_nickname)]


@router.get(f"{API}/study", response_model=rating_schemas.StudyFacts, responses=failures(404, 503))
async def study(server: Server) -> dict[str, Any]:
    """What is rated and how."""
    return await server.rating.do(_study, server)


_SAME = (
    *("name", "title", "instructions", "input", "when"),
    *("break_after", "least_s", "show_prediction"),
)


@router.get(
    f"{API}/raters/{{rater}}", response_model=rating_schemas.Progress, responses=failures(404, 503)
)
async def progress(rater: Rater, server: Server) -> dict[str, Any]:
    """How far a rater has come, and the next piece."""
    return await server.rating.do(_progress, server, rater)


@router.post(
    f"{API}/raters/{{rater}}",
    status_code=201,
    response_model=rating_schemas.Progress,
    responses=failures(404, 409, 503, 507),
)
async def rate(rater: Rater, body: rating_schemas.RatingBody, server: Server) -> dict[str, Any]:
    """Keep the rating of a piece; the same may be sent again, another one not."""
    return await server.rating.do(_rate, server, rater, body)


@router.get(f"{API}/ratings", response_model=rating_schemas.Results, responses=failures(404, 503))
async def results(server: Server) -> dict[str, Any]:
    """All ratings in figures: who rated how much, and how far raters agree."""
    return await server.filters.do(_results, server)


@router.get(
    EXPORT,
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}}, **failures(404, 503)},
)
async def export(
    server: Server,
    audio: Annotated[bool, Query(description="With the audio files of what was rated.")] = True,
) -> StreamingResponse:
    """All ratings as a dataset of your own, in a ZIP file."""
    name, parts = await server.filters.do(_export, server, audio)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(parts, media_type="application/zip", headers=headers)


def _opened(server: ServerState) -> tuple[RatingStore, Study, CatalogSnapshot]:
    """The ratings, their study and the catalogue; raises a `ServiceError` if there is none."""
    snapshot, store = server.snapshot, server.ratings
    if store is None:
        raise not_found("study")
    return store, store.study, snapshot


def _study(server: ServerState) -> dict[str, Any]:
    _, plan, snapshot = _opened(server)
    found = select(plan, snapshot.id_by_name)
    return {name: getattr(plan, name) for name in _SAME} | {
        "pieces": len(found.pieces),
        "practice": found.practice is not None,
        "labels": list(plan.asked),
        "low": plan.numbers.low,
        "high": plan.numbers.high,
        "hop": HOP_S,
    }


def _progress(server: ServerState, rater: str) -> dict[str, Any]:
    store, plan, snapshot = _opened(server)
    found, done = select(plan, snapshot.id_by_name), store.done(rater)
    pieces = order(plan, found, rater)
    left = [id for id in pieces if id not in done]
    practice = found.practice if not done else None
    return {
        "rater": rater,
        "done": len(pieces) - len(left),
        "total": len(pieces),
        "practice": None if practice is None else _trial(server, practice),
        "next": _trial(server, left[0]) if left else None,
    }


def _trial(server: ServerState, id: str) -> dict[str, Any]:
    duration = server.snapshot.piece(id)["duration"]
    return {"piece": id, "duration": duration, "audio": server.addresses.of(id)}


def _rate(server: ServerState, rater: str, body: rating_schemas.RatingBody) -> dict[str, Any]:
    store, plan, snapshot = _opened(server)
    if body.piece not in select(plan, snapshot.id_by_name).pieces:
        raise not_found("piece in this study")
    _check(plan, body, snapshot.piece(body.piece)["duration"])
    given = body.model_dump(mode="json", exclude={"piece"})
    store.add(Rating(rater, body.piece, time.time(), given))
    return _progress(server, rater)


def _check(study: Study, body: rating_schemas.RatingBody, duration: float | None) -> None:
    """Refuse a rating that is not one of this study."""
    low, high = study.numbers.low, study.numbers.high
    if body.skipped:
        if body.values or body.moments:
            raise _unfit("what is skipped has no values")
        return
    if study.when == "end":
        if body.moments or body.values.keys() != set(study.asked):
            raise _unfit(f"a rating has values of {', '.join(study.asked)}")
        numbers = list(body.values.values())
    else:
        times = [moment[0] for moment in body.moments]
        if body.values or not times or any(b <= a for a, b in pairwise(times)):
            raise _unfit("a rating has moments at rising times")
        if duration is not None and times[-1] > duration + SLACK_S:
            raise _unfit("a moment is after the end of the piece")
        numbers = [value for moment in body.moments for value in moment[1:]]
    if not all(low <= value <= high for value in numbers):
        raise _unfit(f"a value is not on {study.numbers.name}")


def _unfit(cause: str) -> ServiceError:
    return ServiceError(422, "rating", cause, "Compare with /study")


def _results(server: ServerState) -> dict[str, Any]:
    store, plan, snapshot = _opened(server)
    everything = store.everything()
    counts: dict[str, list[int]] = {}
    for one in everything:
        counts.setdefault(one.rater, [0, 0])[bool(one.given["skipped"])] += 1
    rated = {one.piece for one in everything if not one.given["skipped"]}
    name = plan.name
    return {
        "study": name,
        "raters": [
            {"rater": rater, "rated": some, "skipped": none}
            for rater, (some, none) in sorted(counts.items())
        ],
        "pieces": len(rated),
        "agreement": _agreement(store, everything, _facts(snapshot, rated)),
        "export": server.addresses.to(EXPORT),
        "commands": [
            f"hevner datasets check own {name}",
            f"hevner train own --data own={name} --out {name}.onnx",
        ],
    }


def _agreement(
    store: RatingStore, ratings: list[Rating], facts: rating_export.Facts
) -> list[Figures]:
    """How far raters agree; of many it takes seconds, so it is kept until there are more."""
    kept = len(ratings), len(facts)
    if store.agreement is None or store.agreement[0] != kept:
        store.agreement = kept, rating_export.agreement(store.study, ratings, facts)
    return store.agreement[1]


def _facts(snapshot: CatalogSnapshot, ids: set[str]) -> rating_export.Facts:
    """What the catalogue holds of pieces; those that have left it are not there."""
    return {id: snapshot.piece(id) for id in ids & set(snapshot.id_by_name.values())}


def _export(server: ServerState, audio: bool) -> tuple[str, Iterator[bytes]]:
    store, plan, snapshot = _opened(server)
    everything = store.everything()
    facts = _facts(snapshot, {one.piece for one in everything})
    files = rating_export.tables(plan, everything, facts)
    found = rating_export.audio_of(everything, partial(_file, snapshot)) if audio else []
    return plan.name, rating_export.archive(files, found)


def _file(snapshot: CatalogSnapshot, id: str) -> Location | None:
    """The file of a piece; None if it is gone or has changed since it was rated."""
    try:
        path = snapshot.unchanged_file(id)
        return path if path.is_file() else None
    except (ServiceError, HevnerError, OSError):
        return None
