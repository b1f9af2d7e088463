"""Requests to the server as queries of a catalogue.

Conventions
-----------
A condition in SQL may only name the columns in `OPEN` and use the words in `GRAMMAR`: paths are
private, and functions could take long.
"""

from __future__ import annotations

import re
from itertools import pairwise

from hevner.catalog import course
from hevner.catalog.course import Course
from hevner.catalog.faults import quoting
from hevner.catalog.playlist import make_playlist
from hevner.catalog.query import Place, Query, check_time
from hevner.catalog.search import search, why_nothing
from hevner.emotion import MOOD_TAGS, Scale
from hevner.heads import ESTIMATE_COLUMNS
from hevner.hits import Hit
from hevner.metadata import FIELDS
from hevner.model.description import Description
from hevner.model.space import Points, Space
from hevner.serve import schemas
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.words import Lexicon
from hevner.words.describing import describe

OPEN = frozenset(
    [
        *ESTIMATE_COLUMNS,
        *("name", "duration", "quadrant", "key", "key_mode", "mode", "key_candidates"),
        *("tempo", "familiarity", "tags", "sounds_like", *FIELDS),
    ]
)
GRAMMAR = frozenset("and or not in is null like ilike between true false array_has".split())  # noqa: SIM905

MOST_OPERATORS = 60
"""Most operators in a condition: the time that it takes grows with the square of their number."""

_OPERATOR = re.compile(r"[<>=!+*/%-]+|,|\b(and|or|not|in|is|like|ilike|between)\b", re.I)

LEXICON = Lexicon()


def find(snapshot: CatalogSnapshot, request: schemas.Search) -> tuple[list[Hit], str, str | None]:
    """Search: the hits, the meaning of their fit, and why there are none.

    Raises `HevnerError` or `ServiceError` if the request makes no sense or a piece is not there.
    """
    query = Query.of(
        **({} if request.point is None else request.point.model_dump()),
        mood=", ".join(request.words),
        unwanted=", ".join(request.unwanted),
        like=None if request.like is None else snapshot.unchanged_file(request.like),
        path=_course(request.course, Scale.parse(request.scale)),
        text=request.text,
        scale=request.scale,
        where=condition(request.filters, request.where),
        diverse=request.diversity,
        moments=request.moments,
        count=request.limit,
        lexicon=LEXICON,
    )
    with quoting(request.where, snapshot.pieces.count):
        hits = search(snapshot, query)
    return hits, query.meaning_of_fit, None if hits else why_nothing(snapshot, query)


def playlist(snapshot: CatalogSnapshot, request: schemas.Playlist) -> list[Hit]:
    """Make a playlist; raises `HevnerError`."""
    seconds = 60 * request.minutes
    check_time(seconds)
    scale = Scale.parse(request.scale)
    ends = (request.start, *request.via, request.end)
    start, *via, end = (_end(snapshot.space, one, scale) for one in ends)
    where = condition(request.filters, request.where)
    with quoting(request.where, snapshot.pieces.count):
        return make_playlist(
            snapshot, start, end, seconds, where, request.shortest, via=via, count=request.count
        )


def _end(space: Space, end: str | schemas.Point, scale: Scale) -> Points:
    if isinstance(end, str):
        return space.merge(space.emotion(describe(LEXICON.parse(end))))
    place = Place(scale.to_unit(end.valence), scale.to_unit(end.arousal))
    return space.emotion(Description.of(point=[[place.valence, place.arousal]]))


def _course(given: list[tuple[float, float, float]] | str | None, scale: Scale) -> Course | None:
    if given is None:
        return None
    if isinstance(given, str):
        return course.parse(given, LEXICON)
    times = [time for time, _valence, _arousal in given]
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise course.refused("times_not_rising", "the times of the course do not rise")
    places = [Place(scale.to_unit(v), scale.to_unit(a)) for _time, v, a in given]
    return Course.through(times, [p.valence for p in places], [p.arousal for p in places])


def condition(filters: schemas.Filters | None, where: str) -> str:
    """Filters as SQL, empty for none; raises `HevnerError` for a column that is not open."""
    parts = [f"({checked(where)})"] if where.strip() else []
    if filters is not None:
        parts += _parts(filters)
    return " AND ".join(parts)


def _parts(filters: schemas.Filters) -> list[str]:
    parts: list[str] = []
    for column in ("duration", "tempo", "familiarity", "tension", "year"):
        span: schemas.Span | schemas.Years | None = getattr(filters, column)
        if span is not None:
            parts += [f"{column} >= {span.min!r}"] if span.min is not None else []
            parts += [f"{column} <= {span.max!r}"] if span.max is not None else []
    for column in ("key", "key_mode", "mode", "sounds_like"):
        if value := getattr(filters, column):
            parts.append(f"{column} = {_quoted(value)}")
    if filters.quadrants:
        parts.append(f"quadrant IN ({', '.join(map(_quoted, filters.quadrants))})")
    for column in ("name", "artist", "album", "genre"):
        if part := getattr(filters, column):
            parts.append(f"contains(lower({column}), {_quoted(part.lower())})")
    for tag in filters.tags:
        if tag not in MOOD_TAGS:
            cause, remedy = f"there is no tag '{tag}'", "See the tags of any piece"
            raise course.refused("unknown_tag", cause, remedy, stage="filter")
        parts.append(f"array_has(tags, {_quoted(tag)})")
    return parts


def checked(where: str) -> str:
    """The condition itself, if it names only what is open."""
    bare = re.sub(r"'(?:[^']|'')*'", " ", where)
    strange = set(re.findall(r"[A-Za-z_]\w*", bare.lower())) - OPEN - GRAMMAR
    if len(_OPERATOR.findall(bare)) > MOST_OPERATORS:
        cause = f"the filter has more than {MOST_OPERATORS} operators"
        raise course.refused("bad_filter", cause, "Ask for less at once", "filter")
    odd = set(re.findall(r"[^\w\s<>=!().,+*/%-]", bare))
    if strange or odd or not bare.isascii() or "--" in bare or "/*" in bare:
        what = min(strange | odd, default="what stands there")
        remedy = f"Compare {', '.join(sorted(OPEN))} with values"
        raise course.refused("bad_filter", f"the filter may not use '{what}'", remedy, "filter")
    return where


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
