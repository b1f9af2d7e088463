"""Filters on a catalogue, as SQL over its columns.

Conventions
-----------
A condition that a person writes is about pieces. Where a moment is wanted it is asked of the piece
the moment belongs to, while a radius is asked of the moment itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hevner.catalog.query import Place, Query
from hevner.catalog.tables import ENCODED

if TYPE_CHECKING:
    from hevner.catalog.catalog import Catalog

SOUNDS = "status = 'ok'"
"""Passes pieces that have an emotion."""

HEARD = f"{SOUNDS} AND {ENCODED} IS NOT NULL"
UNHEARD = f"{SOUNDS} AND {ENCODED} IS NULL"
"""Pass pieces that can be compared with a text, and those that cannot, where the column is."""


def first_stage(query: Query) -> str | None:
    """What can be left out before anything is scored; None for nothing."""
    parts = [] if query.moments or not query.where else [f"({query.where})"]
    if query.place is not None and query.place.radius is not None:
        parts.append(within(query.place, query.place.radius))
    return " AND ".join(parts) or None


def within(place: Place, radius: float) -> str:
    """Passes what lies within a radius of a place on the plane."""
    squares = " + ".join(
        f"({axis} - ({value!r})) * ({axis} - ({value!r}))"
        for axis, value in (("valence", place.valence), ("arousal", place.arousal))
    )
    return f"{squares} <= {radius**2!r}"


def also(condition: str, where: str) -> str:
    """Passes what meets a condition and a person's own, if there is one."""
    return f"{condition} AND ({where})" if where else condition


def why_nothing(catalog: Catalog, query: Query) -> str:
    """A sentence on why a search found nothing."""
    if not catalog.pieces.count(SOUNDS):
        return "The catalogue holds no music yet, or none that sounds."
    if not catalog.pieces.count(also(SOUNDS, query.where)):
        return f"No piece passes the filter {query.where!r}."
    table = catalog.moments if query.moments else catalog.pieces
    if query.place is not None and query.place.radius is not None:
        near = within(query.place, query.place.radius)
        if not table.count(near):
            what = "moment" if query.moments else "piece"
            return f"No {what} lies within the radius: take a larger one."
        if query.where and not query.moments and not table.count(also(near, query.where)):
            return f"No piece within the radius passes the filter {query.where!r}."
    if query.unwanted:
        words = " or ".join(f"'{feeling}'" for feeling in query.unwanted)
        return f"All that is left is typical of {words}, which is not wanted."
    if query.text and not catalog.pieces.count(HEARD):
        return (
            f"{catalog.header.encoder}, through which texts are compared, has heard no piece yet."
        )
    if query.like is not None:
        return "There is nothing but the piece itself."
    return "Nothing passes all of the filters at once."
