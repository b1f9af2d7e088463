"""``hevner analyze``: the emotion of files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hevner.cli.options import Jobs
from hevner.output import FORMATS

ENDINGS = ", ".join(f".{form}" for form in FORMATS[1:])


def form_named(name: str) -> str:
    """A name of a form, checked."""
    if name not in FORMATS:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(FORMATS)}")
    return name


def analyze(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="Audio files, and folders to search for them.",
            show_default=False,
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar=f"[{'|'.join(FORMATS)}]",
            parser=form_named,
            autocompletion=lambda: list(FORMATS),
            help="Form of the results. Without it, the ending of the output file decides "
            f"({ENDINGS}), else it is a table.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the results there instead of to the standard output. The file appears "
            "when it is complete; a run that was stopped goes on from the cache.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="PLACE",
            help="Draw each analysis: into this folder, or for a single piece into this file "
            "(.png, .svg or .pdf).",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            "--scale",
            metavar="LOW..HIGH",
            help="Scale of valence and arousal, such as -1..1, 0..1 or 1..9.",
        ),
    ] = "-1..1",
    personal: Annotated[
        Path | None,
        typer.Option(
            "--personal",
            metavar="FILE.JSON",
            help="Correct valence and arousal by what 'hevner train --personalise' learned from "
            "your ratings.",
            show_default=False,
        ),
    ] = None,
    all_tags: Annotated[
        bool,
        typer.Option(
            "--all-tags",
            help="Show every tag that a piece has in the table, those of use ('corporate', 'film') "
            "too. The other forms always hold all; 'hevner moods' explains them.",
        ),
    ] = False,
    window: Annotated[
        float | None,
        typer.Option(
            "--window",
            metavar="SECONDS",
            help="Length of music behind each point of the curves over time.",
            show_default="that of the model",
        ),
    ] = None,
    jobs: Jobs = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Analyse anew, and keep nothing.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary, errors only.")
    ] = False,
) -> None:
    """Analyse valence, arousal, moods, tags, key and chords of files and folders.

    Results are kept in a cache by the content of the files, so that a second run is instant and
    one that was stopped goes on where it was. The environment variable HEVNER_CACHE moves it.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    from hevner.cli.analyze_run import Request, run
    from hevner.emotion import Scale
    from hevner.errors import HevnerError

    try:
        request = Request(
            paths=paths,
            form=form or _form_of(output),
            output=output,
            plot=plot,
            scale=Scale.parse(scale),
            personal=personal,
            all_tags=all_tags,
            window=window,
            jobs=jobs,
            cache=not no_cache,
            quiet=quiet,
        )
    except HevnerError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
    raise typer.Exit(run(request))


def _form_of(output: Path | None) -> str:
    ending = output.suffix.lower().lstrip(".") if output else ""
    return ending if ending in FORMATS else FORMATS[0]
