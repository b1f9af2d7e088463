"""``hevner train``: train a unified model, or fit a correction to a person's own ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.options import Jobs
from hevner.cli.progress import Reporter, say, stopping_cleanly, without_decoder_notes

if TYPE_CHECKING:
    from hevner.lab.personalise import Rated
    from hevner.lab.unified.loop import Epoch
    from hevner.result import Analysis

FAILED = 1


def train(
    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="RECIPE", help="Ladder of the unified model.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Where to write it: a folder for a recipe, FILE.JSON for a correction.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder with each dataset in a folder of its name.",
            show_default=False,
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the features.", show_default=False),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Row of the recipe.", show_default="its only one"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is at hand and what is missing.")
    ] = False,
    personalise: Annotated[
        Path | None,
        typer.Option(
            metavar="RATINGS.CSV",
            help="Your ratings: columns path, valence, arousal; a row per piece. Paths start at "
            "the folder of the table. 10 to 30 pieces of different emotion are best.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="LOW..HIGH", help="Scale of your ratings, such as 1..9.", show_default=False
        ),
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Train a unified model, or fit a correction of valence and arousal to your own ratings.

    With RECIPE, a row of a ladder is trained on all tracks at hand, once per seed; after a stop the
    same command goes on where it was. With --personalise, a correction is fitted that holds on to
    the default model as long as the ratings do not speak against it; use it with
    'hevner analyze --personal FILE.JSON'.

    Exit status: 0 all fine, 1 something is wrong with data or files, 2 wrong usage.
    """
    if (recipe is None) == (personalise is None):
        raise typer.BadParameter("give either a recipe or --personalise", param_hint="RECIPE")
    if out is None:
        raise typer.BadParameter("say where to write", param_hint="--out")
    if personalise is not None:
        if scale is None:
            raise typer.BadParameter("is needed with --personalise", param_hint="--scale")
        _personalise(personalise, out, scale, jobs)
    elif recipe is not None:
        if data is None or store is None:
            raise typer.BadParameter("is needed with a recipe", param_hint="--data and --store")
        _train_row(recipe, row, data, store, out, jobs, dry_run)


def _train_row(
    path: Path, name: str | None, data: Path, store: Path, out: Path, jobs: int | None, dry: bool
) -> None:
    """Train a row of a ladder."""
    from hevner.batch import usable_cores
    from hevner.cli.progress import INTERRUPTED
    from hevner.errors import HevnerError, MissingDependencyError
    from hevner.store import FeatureStore

    try:
        from hevner.lab import recipes
        from hevner.lab.unified.recipe import UnifiedRecipe
        from hevner.lab.unified.study import UnifiedStudy, only_row
    except ModuleNotFoundError as error:
        lacking = MissingDependencyError(
            f"training needs {error.name}", remedy="pip install 'hevner[train]'"
        )
        say(f"Error: {lacking}")
        raise typer.Exit(FAILED) from error
    try:
        recipe = recipes.read(path, UnifiedRecipe)
        if name is None and len(recipe.rows) > 1:
            choices = ", ".join(row.name for row in recipe.rows)
            raise typer.BadParameter(f"choose from {choices}", param_hint="--row")
        row = recipe.row(name or recipe.rows[0].name)
        needed = only_row(recipe, row.name)
        with stopping_cleanly():
            cores = jobs or usable_cores()
            study, missing = UnifiedStudy.load(needed, data, FeatureStore(store), cores)
            for line in missing:
                say(f"Missing: {line}")
            if study is None:
                say("Error: no dataset is complete; nothing was done.")
                raise typer.Exit(FAILED)
            if dry:
                for line in study.describe([]):
                    typer.echo(line)
            else:
                from hevner.lab.unified.runs import train_row

                train_row(recipe, row, study.data, out, _tell_best)
                say(f"{out}: {recipe.seeds} networks")
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(FAILED if missing else 0)


def _tell_best(seed: int, epoch: Epoch) -> None:
    """Say when an epoch is the best so far, a few times per run."""
    if epoch.best and epoch.number % 10 == 0:
        say(f"seed {seed}, step {epoch.step}: loss {epoch.validation:.4f}")


def _personalise(personalise: Path, out: Path, scale: str, jobs: int | None) -> None:
    """Fit a correction."""
    import numpy as np

    from hevner.emotion import Scale
    from hevner.errors import HevnerError
    from hevner.lab.personalise import fit, left_out_errors, read_ratings, samples

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
    from hevner.cli.analyze_run import LateAnalyzer
    from hevner.cli.progress import INTERRUPTED
    from hevner.defaults import identity
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
