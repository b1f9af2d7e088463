"""``hevner report``: one page on the music in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hevner.cli.options import Jobs


def report(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Audio files, and folders to search for them.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.HTML", help="The page to write.")
    ] = Path("report.html"),
    scale: Annotated[
        str, typer.Option("--scale", metavar="LOW..HIGH", help="Scale of valence and arousal.")
    ] = "-1..1",
    jobs: Jobs = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Analyse anew, and keep nothing.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary, errors only.")
    ] = False,
) -> None:
    """Write one page on all pieces of a folder: values, words, curves, and the plane.

    The page is a single file without scripts, for any browser, with nothing loaded from elsewhere.
    It is 'hevner analyze --format html'.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    from hevner.cli.analyze import analyze

    analyze(paths, "html", output, scale=scale, jobs=jobs, no_cache=no_cache, quiet=quiet)
