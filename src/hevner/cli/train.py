"""``hevner train``: fit a correction to a person's own ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.options import Jobs
from hevner.cli.report import Reporter, say, stopping_cleanly, without_decoder_notes

if TYPE_CHECKING:
    from hevner.result import Analysis
    from hevner.training.personalise import Rated

FAILED = 1


def train(
    personalise: Annotated[
        Path,
        typer.Option(
            metavar="RATINGS.CSV",
            help="Your ratings: columns path, valence, arousal; a row per piece. Paths start at "
            "the folder of the table. 10 to 30 pieces of different emotion are best.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE.JSON", help="Where to write it.", show_default=False
        ),
    ],
    scale: Annotated[
        str,
        typer.Option(
            metavar="LOW..HIGH", help="Scale of your ratings, such as 1..9.", show_default=False
        ),
    ],
    jobs: Jobs = None,
) -> None:
    """Fit a correction of valence and arousal to your own ratings.

    It holds on to the default model as long as the ratings do not speak against it. Use it with
    'hevner analyze --personal FILE.JSON'.

    Exit status: 0 all fine, 1 something is wrong with the ratings or files, 2 wrong usage.
    """
    import numpy as np

    from hevner.emotion import Scale
    from hevner.errors import HevnerError
    from hevner.training.personalise import fit, left_out_errors, read_ratings, samples

    try:
        ratings_scale = Scale.parse(scale)
    except HevnerError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
    try:
        rated, problems = read_ratings(personalise, ratings_scale)
        if problems:
            for problem in problems:
                say(f"Error: {problem}")
            raise typer.Exit(FAILED)
        analyses = _analyses(rated, jobs)
        ratings = np.array([[one.valence, one.arousal] for one in rated])
        personal = fit(analyses, ratings)
        personal.save(out)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    unit = (ratings_scale.high - ratings_scale.low) / 2
    for name, sample in zip(("valence", "arousal"), samples(analyses, ratings), strict=True):
        before, after = (error * unit for error in left_out_errors(sample))
        say(
            f"{name}: error on a piece left out {before:.2f} without the correction, {after:.2f} "
            f"with it (mean, on {ratings_scale.name})."
        )
    say(f"Fitted to {personal.ratings} ratings; use it with --personal {out}.")


def _analyses(rated: list[Rated], jobs: int | None) -> list[Analysis]:
    """Analyse the rated files by the default model; one message for each that fails, then stop."""
    from contextlib import closing

    from hevner.batch import analyze_many, usable_cores
    from hevner.cache import Cache
    from hevner.cli.report import INTERRUPTED
    from hevner.cli.run import LateAnalyzer
    from hevner.identity import identity
    from hevner.result import Failure

    paths = [one.path for one in rated]
    results = analyze_many(paths, LateAnalyzer(None), jobs or usable_cores(), Cache(identity()))
    analyses: list[Analysis] = []
    with without_decoder_notes(), stopping_cleanly(), closing(results):
        try:
            with Reporter(len(rated), bar=True) as reporter:
                for one, result in zip(rated, results, strict=True):
                    reporter.advance()
                    if isinstance(result, Failure):
                        reporter.say(f"Error: {one.where}: {result.cause}. {result.remedy}")
                    elif result.status == "silent":
                        reporter.say(f"Error: {one.where}: nothing sounds. Remove the row")
                    else:
                        analyses.append(result)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
    if len(analyses) < len(rated):
        raise typer.Exit(FAILED)
    return analyses
