"""Endpoints of OpenSubsonic's extension ``sonicSimilarity``, version 1, for a Subsonic server.

Conventions
-----------
Version 1.16.1 of the protocol: an answer is a ``subsonic-response`` with HTTP status 200, in XML
or, with ``f=json``, in JSON; errors have the protocol's codes. Ids are those of that server.
Similarity is the share of music at large that is less like the song in emotion: 1 for the same,
0 for the least alike. A token of the service is sent as ``apiKey`` or as everywhere else.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any
from xml.etree import ElementTree

import numpy as np
from fastapi import APIRouter, Request, Response

from hevner import __version__
from hevner.catalog.playlist import between
from hevner.model.space import Points, Space
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.problems import ServiceError, without_paths
from hevner.serve.songs import Child, Songs
from hevner.serve.state import Server, ServerState

VERSION = "1.16.1"
PREFIX = "/rest"
EXTENSIONS = [
    {"name": "sonicSimilarity", "versions": [1]},
    {"name": "apiKeyAuthentication", "versions": [1]},
]
MOST = 500
"""Most songs in an answer."""

SPARE = 4
"""Pieces considered for each that is wanted, as some are no songs of the server."""

GENERIC, MISSING, UNSUPPORTED, CONFLICT, BAD_KEY, NOT_FOUND = 0, 10, 42, 43, 44, 70
"""Codes of errors."""

router = APIRouter(prefix=PREFIX, include_in_schema=False)

Content = dict[str, Any]


class SubsonicError(Exception):
    """An error of the protocol, with its code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.record = {"code": code, "message": message}


@router.get("/{name}")
async def endpoint(name: str, request: Request, server: Server) -> Response:
    """Answer a request of the protocol."""
    given = request.query_params
    name = name.removesuffix(".view")
    try:
        if name == "getOpenSubsonicExtensions":  # open to all, as the specification demands
            content: Content = {"openSubsonicExtensions": EXTENSIONS}
        else:
            _check_key(server.settings.token, request)
            content = await _answered(name, given, server)
    except SubsonicError as error:
        content = {"status": "failed", "error": error.record}
    except ServiceError as error:
        message = without_paths(str(error))
        content = {"status": "failed", "error": {"code": GENERIC, "message": message}}
    return _response(content, given.get("f", "xml"))


async def _answered(name: str, given: Mapping[str, str], server: ServerState) -> Content:
    if name == "ping":
        return {}
    songs = server.songs
    if name not in ("getSonicSimilarTracks", "findSonicPath") or songs is None:
        raise SubsonicError(GENERIC, f"hevner does not answer {name}")
    work: Callable[[], list[Child]]
    if name == "getSonicSimilarTracks":
        id, count = _needed(given, "id"), _count(given, 10)
        work = partial(similar, server.snapshot, songs, id, count)
    else:
        ends = _needed(given, "startSongId"), _needed(given, "endSongId")
        work = partial(way, server.snapshot, songs, *ends, _count(given, 25))
    return {"sonicMatch": await server.searches.do(work)}


def similar(snapshot: CatalogSnapshot, songs: Songs, id: str, count: int) -> list[Child]:
    """Songs most like another one, at most ``count``."""
    own, place = _place(snapshot, songs, id)
    space = snapshot.space
    depth = min(SPARE * (count + 8), len(snapshot))
    found = snapshot.candidates(space.like_vectors(place)[0], depth)
    unlike = space.alike(place, found.points)[0]
    order = np.argsort(unlike, kind="stable")
    shares = _similarities(space, place, found.points)
    near = _songs(snapshot, songs, found.rows[order].tolist(), {own})
    return [_match(songs, song, shares[order[number]]) for number, song in islice(near, count)]


def way(snapshot: CatalogSnapshot, songs: Songs, start: str, end: str, count: int) -> list[Child]:
    """Songs from one to another, both included, at most ``count`` but at least these two.

    The others lie near the straight line between the two in the common space, each nearest to its
    place on it and nearer than the two are to each other.
    """
    space = snapshot.space
    (first, place), (last, goal) = (_place(snapshot, songs, id) for id in (start, end))
    line = between(place, goal, max(count, 2))
    near = [snapshot.candidates(one, SPARE * 8).rows for one in space.like_vectors(line)]
    found = snapshot.at(np.unique(np.concatenate(near)))
    known = dict(_songs(snapshot, songs, found.rows.tolist(), {first, last}))
    unlike = space.alike(line, found.points)
    unlike[:, [number for number in range(len(found.rows)) if number not in known]] = np.inf
    limit = float(space.alike(place, goal)[0, 0])
    chosen: list[int] = []
    for row in unlike[1:-1]:
        row[chosen] = np.inf
        if len(row) and row.min() < limit:
            chosen.append(int(row.argmin()))
    shares = _similarities(space, place, found.points)
    return [
        _match(songs, start, 1.0),
        *(_match(songs, known[number], shares[number]) for number in chosen),
        _match(songs, end, _similarities(space, place, goal)[0]),
    ]


def _place(snapshot: CatalogSnapshot, songs: Songs, id: str) -> tuple[str, Points]:
    """Id in the catalogue and place of a song."""
    own = snapshot.ids.get(songs.paths.get(id, ""))
    if own is None:
        raise SubsonicError(NOT_FOUND, f"there is no song {id!r} in the catalogue")
    return own, snapshot.place(own)


def _songs(
    snapshot: CatalogSnapshot, songs: Songs, rows: list[int], left_out: set[str]
) -> Iterator[tuple[int, str]]:
    """Number among the rows and id of what is a song of the server, each content once."""
    seen = set(left_out)
    for number, row in enumerate(snapshot.fetch(rows, ("id", "path"))):
        if row["id"] not in seen and row["path"] in songs.ids:
            seen.add(row["id"])
            yield number, songs.ids[row["path"]]


def _similarities(space: Space, place: Points, others: Points) -> list[float]:
    """Share of music at large that is less like a music than each of others."""
    rising = np.sort(space.alike(place, space.at_large)[0])
    closer = np.searchsorted(rising, space.alike(place, others)[0], side="right")
    shares: list[float] = (1 - closer / max(len(rising), 1)).tolist()
    return shares


def _match(songs: Songs, id: str, similarity: float) -> Child:
    return {"entry": songs.entries[id], "similarity": round(similarity, 4)}


def _check_key(token: str, request: Request) -> None:
    """Refuse a request without the token, if the service has one."""
    given = request.query_params
    if "apiKey" in given and "u" in given:
        raise SubsonicError(CONFLICT, "apiKey and u exclude each other")
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    key = given.get("apiKey") or (sent.strip() if kind.lower() == "bearer" else "")
    if not token or hmac.compare_digest(key.encode(), token.encode()):
        return
    if key:
        raise SubsonicError(BAD_KEY, "the apiKey is not the token of this service")
    if "p" in given or "t" in given:
        raise SubsonicError(UNSUPPORTED, "send the token of this service as apiKey")
    raise SubsonicError(MISSING, "the parameter apiKey is missing")


def _needed(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise SubsonicError(MISSING, f"the parameter {name} is missing")
    return given[name]


def _count(given: Mapping[str, str], usual: int) -> int:
    try:
        count = int(given.get("count", usual))
    except ValueError:
        count = -1
    if count < 0:
        raise SubsonicError(GENERIC, "count is not a number from 0")
    return min(count, MOST)


def _response(content: Content, form: str) -> Response:
    about = {"version": VERSION, "type": "hevner", "serverVersion": __version__}
    whole = {"status": "ok", **about, "openSubsonic": True, **content}
    if form == "json":
        return Response(json.dumps({"subsonic-response": whole}), media_type="application/json")
    root = _element("subsonic-response", whole | {"xmlns": "http://subsonic.org/restapi"})
    text = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return Response(text, media_type="application/xml")


def _element(name: str, record: Content) -> ElementTree.Element:
    """A record as XML: values as attributes, records and lists as elements."""
    element = ElementTree.Element(name)
    for key, value in record.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                element.append(_element(key, one))
            elif isinstance(value, list):
                ElementTree.SubElement(element, key).text = str(one)
            else:
                element.set(key, str(one).lower() if isinstance(one, bool) else str(one))
    return element
