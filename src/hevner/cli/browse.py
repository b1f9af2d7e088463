"""``hevner browse``: what a catalogue holds, sorted and in groups."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import typer
from typer import Option

from hevner.cli.options import form_of, names_of
from hevner.cli.progress import interruptible, say
from hevner.cli.search import Folder, Output, Where, write_results

Format = Literal["table", "json", "csv", "parquet"]
"""Forms of a listing."""


def browse(
    catalog: Folder,
    where: Where = "",
    by: Annotated[
        str,
        Option(
            metavar="GROUPS",
            help="Show groups with their size and mean emotion instead of pieces: artist, album, "
            "folder, genre, year, quadrant, key, mode or mood, or some of them with commas.",
        ),
    ] = "",
    sort: Annotated[
        str,
        Option(
            metavar="COLUMNS",
            help="Columns to sort by, such as artist,year; pieces are sorted by name and groups by "
            "size without it.",
        ),
    ] = "",
    reverse: Annotated[bool, Option("--reverse", help="Sort downwards.")] = False,
    columns: Annotated[
        str, Option(metavar="NAMES", help="Columns to show, with commas; all for each of them.")
    ] = "",
    every: Annotated[
        bool, Option("--all", help="Also files that are silent, no music, or that failed.")
    ] = False,
    count: Annotated[
        int | None, Option("--count", "-n", metavar="N", min=1, help="Largest number of rows.")
    ] = None,
    form: Annotated[
        Format | None,
        Option(
            "--format",
            "-f",
            help="Form of the results. Without it, the ending of the output file decides (.json, "
            ".csv, .parquet), else it is a table.",
        ),
    ] = None,
    output: Output = None,
) -> None:
    """List the pieces of a catalogue, or groups of them, such as the artists or the moods.

    Exit status: 0 all fine, 1 the catalogue could not be read or the result not be written, 2 wrong
    usage.
    """
    named = form_of(form, output, get_args(Format))
    if named == "parquet" and output is None:
        raise typer.BadParameter("is needed for Parquet, which is no text", param_hint="--output")
    with interruptible("Stopped."):
        from hevner.catalog import open_catalog
        from hevner.catalog.browse import grouped, listed, sorted_by
        from hevner.catalog.columns import SOUNDS
        from hevner.catalog.faults import enclosed, quoting
        from hevner.output.listing import PIECE, listing_as, write_parquet

        music = open_catalog(catalog)
        condition = " AND ".join(enclosed(one) for one in (where, "" if every else SOUNDS) if one)
        wanted = () if columns == "all" else names_of(columns) or PIECE
        keys = names_of(sort)
        with quoting(where, music.pieces.count):
            if by:
                table = grouped(music, names_of(by), condition)
            else:
                extra = [key for key in keys or ["name"] if wanted and key not in wanted]
                table = listed(music, condition, (*wanted, *extra))
        table = sorted_by(table, keys or (() if by else ("name",)), reverse)
        table = table if by or not wanted else table.select(wanted)
        shown = table if count is None else table.slice(0, count)
        if named == "parquet" and output is not None:
            write_parquet(shown, output)
        else:
            rows, names = shown.to_pylist(), shown.column_names
            write_results(lambda width: listing_as(named, rows, names, width), output)
    if not table.num_rows:
        say("Nothing was found.")
    elif shown.num_rows < table.num_rows:
        say(f"{shown.num_rows} of {table.num_rows} are shown.")
