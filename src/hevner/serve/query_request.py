"""From what a request asks to what a catalogue is searched for.

Conventions
-----------
A condition in SQL may only speak of the columns in `OPEN` and use the words in `GRAMMAR`: paths are
nobody's business, and functions could take long.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hevner.catalog import course, filters
from hevner.catalog.course import Course
from hevner.catalog.playlist import check_time, travel
from hevner.catalog.query import Place, Query
from hevner.catalog.search import search
from hevner.emotion import MOOD_TAGS, Scale
from hevner.errors import HevnerError
from hevner.heads import ESTIMATE_COLUMNS
from hevner.model.description import Description
from hevner.output import search_results
from hevner.serve import schemas
from hevner.serve.catalog_snapshot import Shelf
from hevner.words import Lexicon
from hevner.words.describing import describe

if TYPE_CHECKING:
    from hevner.catalog.hits import Hit
    from hevner.model.space import Points, Space

OPEN = frozenset(
    [*ESTIMATE_COLUMNS, *"name duration quadrant key key_mode tempo familiarity tags".split()]  # noqa: SIM905
)
GRAMMAR = frozenset("and or not in is null like ilike between true false array_has".split())  # noqa: SIM905

LEXICON = Lexicon()


def find(shelf: Shelf, asked: schemas.Search) -> tuple[list[Hit], str, str | None]:
    """Search.

    Returns
    -------
    list of Hit
        The best first.
    str
        What their fit is the share of.
    str or None
        Why there are none.

    Raises
    ------
    HevnerError, ServiceError
        If it makes no sense or a piece is not there.
    """
    query = query_of(shelf, asked)
    hits = search(shelf.catalog, shelf.space, query)
    fit = search_results.FIT
    if query.text:
        emotion = query.place or query.feelings or query.like
        fit = search_results.FIT_OF_BOTH if emotion else search_results.FIT_OF_TEXT
    return hits, fit, None if hits else filters.why_nothing(shelf.catalog, query)


def query_of(shelf: Shelf, asked: schemas.Search) -> Query:
    """What a request asks, as a query of the catalogue."""
    scale = Scale.parse(asked.scale)
    place = None
    if asked.point is not None:
        # The same way as the options of the command line go, so that the same is refused.
        place = Query.of(**asked.point.model_dump(), scale=asked.scale).place
    return Query(
        place=place,
        feelings=_feelings(asked.words),
        like=None if asked.like is None else shelf.unchanged(asked.like),
        course=_course(asked.course, scale),
        text=asked.text.strip(),
        unwanted=_feelings(asked.unwanted),
        where=condition(asked.filters, asked.where),
        diverse=asked.diversity,
        moments=asked.moments,
        count=asked.limit,
    )


def playlist(shelf: Shelf, asked: schemas.Playlist) -> list[Hit]:
    """Make a playlist; raises `HevnerError`."""
    seconds = 60 * asked.minutes
    check_time(seconds)
    scale = Scale.parse(asked.scale)
    start = _end(shelf.space, asked.start, scale)
    end = _end(shelf.space, asked.end, scale)
    where = condition(asked.filters, asked.where)
    return travel(shelf.catalog, shelf.space, start, end, seconds, where)


def _end(space: Space, end: str | schemas.Point, scale: Scale) -> Points:
    if isinstance(end, str):
        return space.merge(space.emotion(describe(LEXICON.parse(end))))
    place = Place(scale.to_unit(end.valence), scale.to_unit(end.arousal))
    return space.emotion(Description.of(point=[[place.valence, place.arousal]]))


def _feelings(words: Sequence[str]) -> tuple[Any, ...]:
    return LEXICON.parse(", ".join(words)) if words else ()


def _course(asked: list[tuple[float, float, float]] | str | None, scale: Scale) -> Course | None:
    if asked is None:
        return None
    if isinstance(asked, str):
        return course.parse(asked, LEXICON)
    times = [time for time, _valence, _arousal in asked]
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise HevnerError("the times of the course do not rise", stage="query")
    places = [Place(scale.to_unit(v), scale.to_unit(a)) for _time, v, a in asked]
    return Course.through(times, [p.valence for p in places], [p.arousal for p in places])


def condition(asked: schemas.Filters | None, where: str) -> str:
    """Filters as SQL, empty for none.

    Raises
    ------
    HevnerError
        If a condition speaks of what is not open.
    """
    parts = [f"({checked(where)})"] if where.strip() else []
    if asked is not None:
        parts += _parts(asked)
    return " AND ".join(parts)


def _parts(asked: schemas.Filters) -> list[str]:
    parts: list[str] = []
    for column in ("duration", "tempo", "familiarity"):
        span: schemas.Span | None = getattr(asked, column)
        if span is not None:
            parts += [f"{column} >= {span.min!r}"] if span.min is not None else []
            parts += [f"{column} <= {span.max!r}"] if span.max is not None else []
    for column in ("key", "key_mode"):
        if value := getattr(asked, column):
            parts.append(f"{column} = {_quoted(value)}")
    if asked.quadrants:
        parts.append(f"quadrant IN ({', '.join(map(_quoted, asked.quadrants))})")
    if asked.name:
        parts.append(f"contains(lower(name), {_quoted(asked.name.lower())})")
    for tag in asked.tags:
        if tag not in MOOD_TAGS:
            raise HevnerError(
                f"there is no tag '{tag}'", remedy="See the tags of any piece", stage="filter"
            )
        parts.append(f"array_has(tags, {_quoted(tag)})")
    return parts


def checked(where: str) -> str:
    """A condition, if it speaks of nothing but what is open."""
    bare = re.sub(r"'(?:[^']|'')*'", " ", where)
    strange = set(re.findall(r"[A-Za-z_]\w*", bare.lower())) - OPEN - GRAMMAR
    odd = set(re.findall(r"[^\w\s<>=!().,+*/%-]", bare))
    if strange or odd or not bare.isascii() or "--" in bare or "/*" in bare:
        what = min(strange | odd, default="what stands there")
        raise HevnerError(
            f"the filter may not use '{what}'",
            remedy=f"Compare {', '.join(sorted(OPEN))} with values",
            stage="filter",
        )
    return where


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
