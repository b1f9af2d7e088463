"""``hevner serve``: the service and its page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hevner.cli.options import Jobs, ModelName
from hevner.cli.progress import say

if TYPE_CHECKING:
    from hevner.serve.catalog_snapshot import CatalogSnapshot
    from hevner.serve.rating_study import Study
    from hevner.serve.songs import Songs


def serve(
    catalog: Annotated[
        str | None,
        Argument(
            metavar="[CATALOG]",
            help="Folder of a catalogue to search, made by 'hevner index', or s3://BUCKET/FOLDER.",
        ),
    ] = None,
    host: Annotated[
        str, Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")
    ] = 8765,
    model: ModelName = "",
    gap: Annotated[
        Path | None,
        Option(metavar="FOLDER", help="A report of 'hevner gap', to be opened from the page."),
    ] = None,
    subsonic: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Songs of a Subsonic server, to answer its clients which of them are alike: its "
            "answer to search3 in JSON, or a CSV file with id and path.",
        ),
    ] = None,
    subsonic_root: Annotated[
        Path, Option(metavar="FOLDER", help="Folder that the paths of these songs lie in.")
    ] = Path(),
    study: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="What is rated on the page, and how, in TOML (docs/rate.md); else 60 pieces of "
            "the catalogue on the plane.",
        ),
    ] = None,
    opened: Annotated[bool, Option("--open", help="Open the page in a browser.")] = False,
    token: Annotated[
        str,
        Option(
            envvar="HEVNER_TOKEN",
            help="Serve only clients that send this token; the page asks for it once.",
        ),
    ] = "",
    open_to_everyone: Annotated[
        bool,
        Option(
            "--open-to-everyone",
            help="Serve other machines without a token: everyone who reaches this one may use it.",
        ),
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        Option(
            metavar="NAME",
            help="A name by which clients may call the server, besides this machine's own; "
            "may be repeated.",
        ),
    ] = None,
    jobs: Jobs = None,
    queue: Annotated[int, Option(min=1, help="Largest number of waiting analyses.")] = 32,
    max_upload: Annotated[
        int, Option(metavar="MIB", min=1, help="Largest file that is accepted, in MiB.")
    ] = 300,
    max_minutes: Annotated[
        float, Option(metavar="N", min=0.1, help="Longest audio that is analysed, in minutes.")
    ] = 120,
    live: Annotated[
        int, Option(metavar="N", min=0, help="Most microphones at once; 0 for none.")
    ] = 4,
    rate: Annotated[
        float,
        Option(metavar="N", min=1, help="Largest number of requests per second of one client."),
    ] = 100,
    state: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            help="Folder where analyses wait and are kept for a day.",
            show_default="'serve' in the cache folder",
        ),
    ] = None,
) -> None:
    """Serve a page and an HTTP interface on this machine.

    Nothing leaves the machine. Files that are sent are deleted once they are analysed. A server
    that was stopped goes on with what was left when it is started again. With a catalogue, uploads
    are analysed by the model that the catalogue was made with.

    Exit status: 0 stopped, 1 it could not be started, 2 wrong usage.
    """
    import logging
    import re
    import webbrowser

    from hevner.batch import usable_cores
    from hevner.cache import default_folder
    from hevner.catalog import header
    from hevner.errors import HevnerError
    from hevner.model import registry, space
    from hevner.object_path import location
    from hevner.serve import app, rating_study, run
    from hevner.serve.catalog_snapshot import CatalogSnapshot
    from hevner.serve.settings import LOOPBACK, Settings

    report = None if gap is None else gap / "report.html"
    if report is not None and not report.is_file():
        raise typer.BadParameter(f"there is no {report}", param_hint="--gap")

    graph = registry.path_of(model)
    snapshot = None if catalog is None else CatalogSnapshot(location(catalog), space.load())
    if snapshot is not None:
        if model:
            header.check_model(snapshot.folder, snapshot.header, graph)
        graph = snapshot.model
    if not (token or open_to_everyone or host in LOOPBACK):
        raise HevnerError(
            "other machines could use this server without a token",
            subject=host,
            remedy="Set HEVNER_TOKEN, or give --open-to-everyone if that is meant",
            stage="listen",
            code="needs_token",
        )
    if token and re.fullmatch(r"[!-~]+( +[!-~]+)*", token) is None:
        cause = "a header of HTTP takes ASCII characters alone, with no space before or after"
        raise typer.BadParameter(cause, param_hint="--token")
    listed = None if subsonic is None else _songs(subsonic, subsonic_root, snapshot)
    plan = rating_study.EVERYONE if study is None else _study(study, snapshot)
    run.check_address(host, port)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    settings = Settings(
        state=state or default_folder() / "serve",
        model=graph,
        gap=report,
        host=host,
        port=port,
        hosts=tuple(_host(name) for name in allow_host or ()),
        token=token,
        jobs=jobs or max(1, usable_cores() - 1),
        queue=queue,
        upload_bytes=max_upload * 2**20,
        duration_s=60 * max_minutes,
        rate=rate,
        live=live,
    )
    service, jobs_queue = app.create(settings, snapshot, listed, plan)

    def listening(address: str) -> None:
        say(f"Listening on {address} (Ctrl-C stops)")
        if opened:
            webbrowser.open(address)

    try:
        run.Server(service, jobs_queue, settings, listening).run()
    except SystemExit as stop:  # it could not listen, and has said why
        raise typer.Exit(1) from stop


def _host(name: str) -> str:
    """A name as a browser sends it, whether or not a port or brackets were typed with it."""
    from hevner.serve.guard import host_in

    try:
        found = host_in(name).encode("idna").decode()
    except UnicodeError:
        found = ""
    if not found or "/" in name:
        cause = f"{name!r} is no name of a machine, such as music.example"
        raise typer.BadParameter(cause, param_hint="--allow-host")
    return found


def _songs(file: Path, root: Path, snapshot: CatalogSnapshot | None) -> Songs:
    """Songs of a Subsonic server, some of which must be in the catalogue."""
    from hevner.serve import songs

    if snapshot is None:
        raise typer.BadParameter("it needs a catalogue", param_hint="--subsonic")
    found = songs.read(file, root)
    count = sum(path in snapshot.ids for path in found.ids)
    if not count:
        example = next(iter(found.ids), "no song")
        cause = f"the catalogue has none of the songs, such as {example}: name another root"
        raise typer.BadParameter(cause, param_hint="--subsonic-root")
    say(f"{count} of {len(found.entries)} songs of the Subsonic server are in the catalogue.")
    return found


def _study(file: Path, snapshot: CatalogSnapshot | None) -> Study:
    """A study whose pieces are all in the catalogue."""
    from hevner.errors import DataError
    from hevner.serve import rating_study

    if snapshot is None:
        raise typer.BadParameter("it needs a catalogue", param_hint="--study")
    found = rating_study.read(file)
    if lacking := rating_study.missing(found, snapshot.id_by_name):
        raise DataError(
            f"the catalogue has no {lacking[0]} (of {len(lacking)} pieces that it lacks)",
            subject=str(file),
            remedy="Name them by their paths below the folder that was indexed",
            code="unknown_piece",
        )
    return found
