"""A catalogue as a table: its pieces with their columns, sorted, and in groups.

Conventions
-----------
Tables are those of pyarrow. Values are as in the catalogue: valence, arousal and tension on -1..1,
duration in seconds, null for what is not known; nulls come last in every order.
"""

from __future__ import annotations

from collections.abc import Sequence

from hevner.catalog.catalog import Catalog
from hevner.catalog.columns import ROW, noted
from hevner.catalog.faults import HIDDEN
from hevner.catalog.packages import pa
from hevner.errors import CatalogError
from hevner.files import display_name

GROUPS = ("artist", "album", "folder", "genre", "year", "quadrant", "key", "mode", "mood")
"""What pieces are grouped by. An album is of its album artist, or else of its artist; a folder is
the path without the file; a piece is in the group of each mood tag that it has."""

MEANS = ("valence", "arousal", "tension")


def listed(catalog: Catalog, where: str = "", columns: Sequence[str] = ()) -> pa.Table:
    """Pieces of a catalogue, in no order.

    Parameters
    ----------
    where
        A condition on the columns, in SQL; empty for none. Without one, there are also rows of
        files that are silent, no music, or failed (``status``).
    columns
        Names of the columns; all but `hevner.catalog.faults.HIDDEN` if empty.

    Raises
    ------
    CatalogError
        If a column is unknown, the filter is not understood, or the catalogue is damaged.
    """
    schema = pa.unify_schemas(
        [catalog.pieces.schema, noted("pieces"), pa.schema([(ROW, pa.uint64())])]
    )
    names = list(columns) or [name for name in schema.names if name not in (*HIDDEN, ROW)]
    if unknown := [name for name in names if name not in schema.names]:
        shown = ", ".join(name for name in schema.names if name not in (*HIDDEN, ROW))
        raise CatalogError(
            f"there is no column {unknown[0]!r}",
            subject=display_name(catalog.folder),
            remedy=f"Name some of {shown}",
            code="unknown_column",
        )
    batches = catalog.pieces.scan(names, where or None)
    return pa.Table.from_batches(batches, pa.schema([schema.field(name) for name in names]))


def sorted_by(table: pa.Table, columns: Sequence[str], reverse: bool = False) -> pa.Table:
    """A table in the order of some of its columns, the first of which counts most.

    Raises `CatalogError` if there is no such column.
    """
    for name in columns:
        if name not in table.column_names or pa.types.is_list(table.schema.field(name).type):
            raise CatalogError(
                f"nothing is sorted by {name!r}",
                remedy=f"Name some of {', '.join(table.column_names)}",
                code="unknown_column",
            )
    keys = [(name, "descending" if reverse else "ascending") for name in columns]
    return table.sort_by(keys) if keys else table


def grouped(catalog: Catalog, by: Sequence[str], where: str = "") -> pa.Table:
    """Groups of pieces: their number, minutes in all, and mean emotion; the largest first.

    Parameters
    ----------
    by
        Some of `GROUPS`; pieces of one group are alike in all of them.
    where
        As in `listed`.

    Returns
    -------
    pyarrow.Table
        A column for each of ``by``, with ``album_artist`` after an album; ``pieces`` and
        ``minutes``; and the mean of each of `MEANS`.

    Raises
    ------
    CatalogError
        As `listed` does, or if pieces are not grouped by that.
    """
    if unknown := [name for name in by if name not in GROUPS]:
        cause = f"pieces are not grouped by {unknown[0]!r}"
        raise CatalogError(cause, remedy=f"Name some of {', '.join(GROUPS)}", code="unknown_group")
    columns = {"folder": ("name",), "mood": ("tags",), "album": ("album", "album_artist", "artist")}
    names = [column for name in by for column in columns.get(name, (name,))]
    table = listed(catalog, where, tuple(dict.fromkeys((*names, "duration", *MEANS))))
    compute = pa.compute
    if "mood" in by:
        owners = compute.list_parent_indices(table["tags"])
        moods = compute.list_flatten(table["tags"])
        table = table.take(owners).append_column("mood", moods)
    if "folder" in by:
        folders = compute.replace_substring_regex(table["name"], r"[\\/]?[^\\/]*$", "")
        table = table.append_column("folder", folders)
    keys = list(by)
    if "album" in by:
        owner = compute.coalesce(table["album_artist"], table["artist"])
        table = table.drop_columns(["album_artist"]).append_column("album_artist", owner)
        keys.insert(keys.index("album") + 1, "album_artist")
    found = table.group_by(keys).aggregate(
        [("duration", "count"), ("duration", "sum"), *((name, "mean") for name in MEANS)]
    )
    shown = {key: found[key] for key in keys}
    shown["pieces"] = found["duration_count"]
    shown["minutes"] = compute.divide(found["duration_sum"], 60.0)
    shown |= {name: found[f"{name}_mean"] for name in MEANS}
    order = [("pieces", "descending"), *((key, "ascending") for key in keys)]
    return pa.table(shown).sort_by(order)
