"""``hevner analyze`` and ``hevner report``: the emotion of files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from hevner.cli.options import (
    AsJson,
    Jobs,
    ModelName,
    NoCache,
    Paths,
    Quiet,
    ScaleText,
    form_of,
    scale_of,
)
from hevner.output import FORMATS
from hevner.output.annotations import PER_PIECE

ALL_FORMS = (*FORMATS, *PER_PIECE)
ENDINGS = ", ".join(f".{form}" for form in FORMATS[1:])


def form_named(name: str) -> str:
    """A name of a form, checked."""
    if name not in ALL_FORMS:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(ALL_FORMS)}")
    return name


def check_place(form: str, output: Path | None, to: Path | None) -> None:
    """Refuse forms without the file or folder that they need, and places that they do not."""
    if form in PER_PIECE and (to is None or output is not None):
        cause = f"{form} makes files for each piece: name a folder for them"
        raise typer.BadParameter(cause, param_hint="--to")
    if form not in PER_PIECE and to is not None:
        forms = ", ".join(PER_PIECE)
        raise typer.BadParameter(f"it is for --format {forms}", param_hint="--to")
    if form == "parquet" and output is None:
        raise typer.BadParameter("a Parquet file needs a name", param_hint="--output")


def analyze(
    paths: Paths,
    form: Annotated[
        str | None,
        Option(
            "--format",
            "-f",
            metavar=f"[{'|'.join(ALL_FORMS)}]",
            parser=form_named,
            autocompletion=lambda: list(ALL_FORMS),
            help="Form of the results. Without it, the ending of the output file decides "
            f"({ENDINGS}), else it is a table. The last four make files for each piece (--to).",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the results there instead of to the standard output. The file appears "
            "when it is complete; a run that was stopped goes on from the cache.",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        Option(
            metavar="FOLDER",
            help="Write the files of each piece there: JAMS, chords as Harte's .lab, label tracks "
            "of Audacity, or layers of Sonic Visualiser, as --format says.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        Option(
            metavar="PLACE",
            help="Draw each analysis: into this folder, or for a single piece into this file "
            "(.png, .svg or .pdf).",
        ),
    ] = None,
    scale: ScaleText = "-1..1",
    all_tags: Annotated[
        bool,
        Option(
            "--all-tags",
            help="Show every tag that a piece has in the table, those of use ('corporate', 'film') "
            "too. The other forms always hold all; 'hevner moods' explains them.",
        ),
    ] = False,
    beats: Annotated[
        bool, Option("--beats", help="Write the times of beats and downbeats too, in JSON.")
    ] = False,
    explained: Annotated[
        bool,
        Option(
            "--explain",
            help="Write why each reading is what it is too, in JSON; 'hevner explain' shows it.",
        ),
    ] = False,
    window: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            help="Length of music behind each point of the curves over time.",
            show_default="that of the model",
        ),
    ] = None,
    model: ModelName = "",
    jobs: Jobs = None,
    no_cache: NoCache = False,
    quiet: Quiet = False,
) -> None:
    """Analyse valence, arousal, moods, tags, key and chords of files and folders.

    Results are kept in a cache by the content of the files, so that a second run is instant and
    one that was stopped goes on where it was. The environment variable HEVNER_CACHE moves it.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    from hevner.cli.analyze_run import Session

    named = form_of(form, output, FORMATS)
    check_place(named, output, to)
    session = Session(
        named,
        output,
        scale_of(scale),
        all_tags=all_tags,
        beats=beats,
        explain=explained,
        quiet=quiet,
    )
    status = session.run(
        paths,
        plot=plot,
        to=to,
        window=window,
        model=model,
        jobs=jobs,
        cached=not no_cache,
    )
    raise typer.Exit(status)


def explain(
    paths: Paths,
    as_json: AsJson = False,
    scale: ScaleText = "-1..1",
    model: ModelName = "",
    jobs: Jobs = None,
    no_cache: NoCache = False,
    quiet: Quiet = False,
) -> None:
    """Say in musical terms why the readings of files and folders are what they are.

    What mode, dissonance, tempo and density, loudness, brightness, articulation and register add to
    each reading, compared with music in general; what is left is timbre and everything else. A term
    is named only where music that was changed in it moved the reading as the term says.

    It is 'hevner analyze --format explanation', or '--format json --explain'.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    form = "json" if as_json else "explanation"
    how = {"model": model, "jobs": jobs, "no_cache": no_cache, "quiet": quiet}
    analyze(paths, form, scale=scale, explained=True, **how)  # type: ignore[arg-type]


def report(
    paths: Paths,
    output: Annotated[
        Path, Option("--output", "-o", metavar="FILE.HTML", help="The page to write.")
    ] = Path("report.html"),
    scale: ScaleText = "-1..1",
    model: ModelName = "",
    jobs: Jobs = None,
    no_cache: NoCache = False,
    quiet: Quiet = False,
) -> None:
    """Write one page on all pieces of a folder: values, words, curves, and the plane.

    The page is a single file without scripts, for any browser, with nothing loaded from elsewhere.
    It is 'hevner analyze --format html'.

    Exit status: 0 all fine, 1 some files failed, 2 wrong usage.
    """
    how = {"model": model, "jobs": jobs, "no_cache": no_cache, "quiet": quiet}
    analyze(paths, "html", output, scale=scale, **how)  # type: ignore[arg-type]
