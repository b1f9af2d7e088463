"""Searching a catalogue: the best rows for a query, and what is shown of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hevner import extras
from hevner.arrays import Integers
from hevner.catalog.browse import listed
from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import ROW, SOUNDS, WITH_VECTOR
from hevner.catalog.course import Course
from hevner.catalog.faults import enclosed, quoting
from hevner.catalog.packages import pa
from hevner.catalog.query import COUNT, Query
from hevner.catalog.scoring import Ranked, rankings
from hevner.catalog.tables import in_lists
from hevner.hits import Hit
from hevner.metadata import SHOWN
from hevner.words import Lexicon

PIECE = ("id", "path", "name", "duration", "key", "mode", *SHOWN)
EMOTION = ("valence", "arousal")
MOMENT = ("piece", "start", "end")
"""Columns that are shown."""


class Hits(list[Hit]):
    """Hits in their order, which a notebook shows."""

    def _repr_html_(self) -> str:
        from hevner.output.html_page import notebook_hits

        return notebook_hits(self)


class SearchableCatalog(Catalog):
    """A catalogue with a method to search it; see `hevner.catalog.open_catalog`."""

    def __repr__(self) -> str:
        """The folder and its size in a line."""
        pieces = self.count("pieces")
        return f"SearchableCatalog({str(self.folder)!r}, {pieces} piece{'s' * (pieces != 1)})"

    def search(
        self,
        *,
        mood: str = "",
        valence: float | None = None,
        arousal: float | None = None,
        radius: float | None = None,
        unwanted: str = "",
        like: str | Path | None = None,
        path: str | Path | Course | None = None,
        text: str = "",
        where: str = "",
        scale: str = "-1..1",
        diverse: bool = False,
        moments: bool = False,
        count: int = COUNT,
        lexicon: Lexicon | None = None,
    ) -> Hits:
        """Find music, the best first; by a filter alone, in the order of its names.

        The parameters are those of `hevner.catalog.query.Query.of`.

        Raises
        ------
        HevnerError
            As `search` does, or if the query makes no sense.
        """
        return search(
            self,
            Query.of(
                mood=mood, valence=valence, arousal=arousal, radius=radius, unwanted=unwanted,
                like=like, path=path, text=text, where=where, scale=scale, diverse=diverse,
                moments=moments, count=count, lexicon=lexicon,
            ),
        )  # fmt: skip

    def to_arrow(self, where: str = "", columns: Sequence[str] = ()) -> pa.Table:
        """All pieces as a table of pyarrow; see `hevner.catalog.browse.listed`."""
        return listed(self, where, columns)

    def to_frame(self, where: str = "", columns: Sequence[str] = ()) -> Any:
        """All pieces as a data frame of pandas; see `hevner.catalog.browse.listed`.

        Raises `MissingDependencyError` if pandas is not installed.
        """
        extras.require("frames", "a data frame", "pandas")
        return self.to_arrow(where, columns).to_pandas()


def search(catalog: Catalog, query: Query) -> Hits:
    """Find music in a catalogue.

    Returns
    -------
    Hits
        The best first, at most ``query.count``, and one of files with the same content;
        `why_nothing` returns the reason if there are none.

    Raises
    ------
    HevnerError
        If a file cannot be analysed, a filter is not understood, or the catalogue is damaged.
    """
    hits = Hits()
    with quoting(query.where, lambda where: catalog.pieces.count(where)):
        for ranked in [_by_name(catalog, query)] if query.is_listing else rankings(catalog, query):
            hits = Hits(islice(_hits(catalog, query, ranked), query.count))
            if len(hits) == query.count:
                break
    return hits


def _by_name(catalog: Catalog, query: Query) -> Ranked:
    """All rows that pass the filter of a query in the order of their names, of no divergence."""
    found = listed(catalog, _both(SOUNDS, query.where), (ROW, "name"))
    order = found.sort_by("name")[ROW].to_numpy().astype(np.int64)
    return Ranked(order, np.full(len(order), np.nan, np.float32), None, "")


def why_nothing(catalog: Catalog, query: Query) -> str:
    """A sentence on why a search found nothing."""
    if not catalog.pieces.count(SOUNDS):
        return "The catalogue holds no music yet, or only silence."
    if not catalog.pieces.count(_both(SOUNDS, query.where)):
        return f"No piece passes the filter {query.where!r}."
    if query.place is not None and (near := query.place.condition):
        table = catalog.moments if query.moments else catalog.pieces
        if not table.count(near):
            what = "moment" if query.moments else "piece"
            return f"No {what} lies within the radius: take a larger one."
        if query.where and not query.moments and not table.count(_both(near, query.where)):
            return f"No piece within the radius passes the filter {query.where!r}."
    if query.unwanted:
        words = " or ".join(f"'{feeling}'" for feeling in query.unwanted)
        return f"All that is left is typical of {words}, which is not wanted."
    if query.text and not catalog.pieces.count(WITH_VECTOR):
        return f"No piece has been encoded by {catalog.header.encoder} to compare texts with."
    if query.course is not None:
        return "No piece moves nearly as far as that."
    if query.like is not None:
        return "There is nothing but the piece itself."
    return "Nothing passes all of the filters at once."


def _hits(catalog: Catalog, query: Query, ranked: Ranked) -> Iterator[Hit]:
    """Hits in the order of their rows, each content once; rows are fetched as they are needed."""
    seen = {ranked.left_out}
    step = query.count + 8
    for begin in range(0, len(ranked.rows), step):
        some = slice(begin, begin + step)
        for number, row in enumerate(_shown(catalog, query, ranked.rows[some]), begin):
            if row is None or row["id"] in seen:
                continue
            seen.add(row["id"])
            yield Hit(
                **{column: row[column] for column in (*PIECE[1:], *EMOTION)},
                divergence=None if query.is_listing else float(ranked.divergences[number]),
                fit=None if ranked.fits is None else float(ranked.fits[number]),
                start=row.get("start"),
                end=row.get("end"),
            )


def _shown(
    catalog: Catalog, query: Query, rows: Integers
) -> list[dict[str, Any]] | list[dict[str, Any] | None]:
    """What is shown of rows; None for moments of pieces that do not pass the filter."""
    if not query.moments:
        return catalog.fetch(rows.tolist(), (*PIECE, *EMOTION))
    moments = catalog.fetch(rows.tolist(), (*MOMENT, *EMOTION), "moments")
    pieces: dict[str, dict[str, Any]] = {}
    for condition in in_lists("id", sorted({moment["piece"] for moment in moments})):
        for piece in catalog.pieces.records(_both(condition, query.where)):
            if piece["path"] < pieces.get(piece["id"], piece)["path"] or piece["id"] not in pieces:
                pieces[piece["id"]] = piece
    return [
        {**moment, **{name: pieces[moment["piece"]][name] for name in PIECE}}
        if moment["piece"] in pieces
        else None
        for moment in moments
    ]


def _both(condition: str, where: str) -> str:
    """A filter for what meets a condition and the condition of a query, if it has one."""
    return f"{condition} AND {enclosed(where)}" if where else condition
