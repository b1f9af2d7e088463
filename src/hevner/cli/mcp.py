"""``hevner mcp``: tools for assistants over a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from hevner.cli.search import Folder


def mcp(
    catalog: Folder,
    playlists: Annotated[
        Path | None,
        Option(metavar="FOLDER", help="Let the assistant write new playlists into this folder."),
    ] = None,
) -> None:
    """Serve a catalogue to an assistant over the Model Context Protocol.

    The assistant starts this command and talks to it over the standard streams. It may analyse
    files, search and browse the catalogue, and make playlists; nothing is written, unless a folder
    for playlists is named.

    Exit status: 0 the assistant has gone, 1 the catalogue cannot be read, 2 wrong usage.
    """
    from hevner import extras
    from hevner.catalog import open_catalog

    extras.require("mcp", "'hevner mcp'", "mcp")
    if playlists is not None and not playlists.is_dir():
        raise typer.BadParameter(f"there is no folder {playlists}", param_hint="--playlists")
    opened = open_catalog(catalog)
    with extras.required("'hevner mcp'", "mcp"):
        from hevner.assistant import create
    create(opened, playlists).run("stdio")
