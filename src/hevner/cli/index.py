"""``hevner index``: folders of music into a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.options import Jobs
from hevner.cli.report import (
    INTERRUPTED,
    Reporter,
    errors_told,
    say,
    stopping_cleanly,
    without_decoder_notes,
)

if TYPE_CHECKING:
    from hevner.files import Found
    from hevner.result import Failure
    from hevner.retrieval.indexing import Summary

FINE, SOME_FAILED, USAGE = 0, 1, 2


def index(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER", help="Folders of music, and single files.", show_default=False
        ),
    ],
    into: Annotated[
        Path,
        typer.Option(metavar="CATALOG", help="Folder of the catalogue; made if it is not there."),
    ],
    jobs: Jobs = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove files that are gone from these folders.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again files that failed before.")
    ] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget what the catalogue holds and begin anew.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary, errors only.")
    ] = False,
) -> None:
    """Analyse folders of music and keep the result in a catalogue, to be searched by emotion.

    Only what is new or changed is analysed; files that were moved or copied are recognised by
    their content. A run that was stopped goes on where it was.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from time import perf_counter

    from hevner.batch import usable_cores
    from hevner.files import find_audio

    found, problems = find_audio(paths)
    if not found and not problems:
        say("Error: no audio files found; names must end in one of the usual ways, such as .mp3.")
        raise typer.Exit(USAGE)
    start, stop = perf_counter(), threading.Event()
    with errors_told():
        from hevner.analysis import Analyzer
        from hevner.models import space
        from hevner.retrieval import header
        from hevner.retrieval.catalog import Catalog
        from hevner.retrieval.indexing import Options
        from hevner.retrieval.indexing import index as bring_up_to_date
        from hevner.retrieval.listening import Listener

        common = space.load()
        wanted = header.current(common)
        opening = Catalog.create if rebuild else Catalog.open_or_create
        catalog = opening(into, wanted)
        listener = Listener(Analyzer(), common)
        with (
            without_decoder_notes(),
            stopping_cleanly(),
            Reporter(len(found), not quiet, "Indexing") as reporter,
            ThreadPoolExecutor(1) as pool,
        ):

            def tell(_file: Found, failure: Failure | None) -> None:
                reporter.advance()
                if failure is not None:
                    reporter.say(f"Failed: {failure.path}: {failure.cause}. {failure.remedy}")

            options = Options(jobs or usable_cores(), retry, prune, tell, stop)
            # In a thread of its own, where no Ctrl-C tears it away from a change half made.
            work = pool.submit(bring_up_to_date, found, paths, catalog, listener, options)
            try:
                summary = work.result()
            except KeyboardInterrupt:
                stop.set()
                summary = work.result()
    for problem in problems:
        say(f"Failed: {problem.path}: {problem.cause}. {problem.remedy}")
    if not quiet:
        say(_told(summary, len(found), perf_counter() - start))
    if stop.is_set():
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(SOME_FAILED if summary.failed or problems else FINE)


def _told(summary: Summary, total: int, seconds: float) -> str:
    counts = {
        "unchanged": summary.unchanged,
        "added": summary.added,
        "changed": summary.changed,
        "moved": summary.moved,
        "copies": summary.copied - summary.moved,
        "failed": summary.failed,
        "removed": summary.removed,
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count > 0]
    text = f"{total} file{'s' if total != 1 else ''} in {seconds:.1f} s: {', '.join(parts)}."
    if summary.silent:
        text += f" {summary.silent} of them silent: without emotion, and never found."
    if summary.failed_before:
        text += f" {summary.failed_before} failed before; --retry tries them again."
    if summary.vanished:
        text += f" {summary.vanished} no longer there; --prune removes them."
    return text
