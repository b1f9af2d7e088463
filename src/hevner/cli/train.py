"""``hevner train``: train the model of a recipe, or fit a correction to a person's ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hevner.cli.data_options import Data, DryRun, Run, complete, data_folders, shared_store
from hevner.cli.options import Jobs, scale_of
from hevner.cli.progress import (
    FAILED,
    FINE,
    Reporter,
    say,
    stopping,
    usage_errors,
    without_decoder_notes,
)
from hevner.cli.recipes import located

if TYPE_CHECKING:
    from hevner.emotion import Scale
    from hevner.lab.personalise import Rated
    from hevner.lab.unified.loop import Epoch
    from hevner.result import Analysis


def train(
    recipe: Annotated[
        Path | None,
        Argument(
            metavar="RECIPE",
            callback=located,
            help="Recipe of a model: a TOML file, or a name of 'hevner recipes list' such as "
            "unified.",
        ),
    ] = None,
    data: Data = [],  # noqa: B006
    store: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Folder of the stored features; what is missing is computed for the default "
            "model, and examples of the harmony network are kept there.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            "-o",
            metavar="PATH",
            help="File to write: .onnx for the default model, .npz for the others, .json for a "
            "correction; a folder for a unified network.",
        ),
    ] = None,
    row: Annotated[
        str | None,
        Option(
            metavar="NAME", help="Row of a recipe of unified networks.", show_default="the only one"
        ),
    ] = None,
    dry_run: DryRun = False,
    personalise: Annotated[
        Path | None,
        Option(
            metavar="RATINGS.CSV",
            help="Your ratings: columns path, valence, arousal; a row per piece. Paths start at "
            "the folder of the table. 10 to 30 pieces of different emotion are best.",
        ),
    ] = None,
    scale: Annotated[
        str | None, Option(metavar="LOW..HIGH", help="Scale of your ratings, such as 1..9.")
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Train the model that a recipe describes, or fit a correction to your own ratings.

    With RECIPE, the default model, its space, the harmony network, or a row of unified networks is
    trained on all tracks; after a stop the same command goes on where it was. With --personalise,
    a correction of valence and arousal is fitted, which stays near the default model as far as the
    ratings allow; use it with 'hevner analyze --personal FILE.JSON'.

    Exit status: 0 all fine, 1 something is wrong with data or files, 2 wrong usage.
    """
    if (recipe is None) == (personalise is None):
        raise typer.BadParameter("give either a recipe or --personalise", param_hint="RECIPE")
    if out is None:
        raise typer.BadParameter("say where to write", param_hint="--out")
    if personalise is not None:
        if scale is None:
            raise typer.BadParameter("is needed with --personalise", param_hint="--scale")
        _personalise(personalise, out, scale_of(scale), jobs)
    elif recipe is not None:
        from hevner.batch import usable_cores
        from hevner.cli import model_recipes
        from hevner.lab.own.recipe import OwnRecipe

        with usage_errors():
            model = model_recipes.read(recipe)
        if isinstance(model, OwnRecipe):
            store = store or shared_store()
        if store is None:
            raise typer.BadParameter("is needed with this recipe", param_hint="--store")
        run = Run(data_folders(data), store, out, jobs or usable_cores(), dry_run)
        if model is None:
            _train_row(recipe, row, run)
        elif row is None:
            model_recipes.train(model, run)
        else:
            raise typer.BadParameter("this recipe has no rows", param_hint="--row")


def _train_row(path: Path, name: str | None, run: Run) -> None:
    """Train a row of unified networks."""
    from hevner.lab import recipes
    from hevner.lab.unified.recipe import UnifiedRecipe
    from hevner.lab.unified.study import UnifiedStudy, only_row
    from hevner.store import FeatureStore

    with usage_errors():
        if path.is_dir() or recipes.kind_of(path) is not UnifiedRecipe:
            raise typer.BadParameter(
                f"{path} describes no model; use 'hevner evaluate' for studies",
                param_hint="RECIPE",
            )
        recipe = recipes.read(path, UnifiedRecipe)
        row = recipe.row(name or recipe.rows[0].name)
    if name is None and len(recipe.rows) > 1:
        choices = ", ".join(row.name for row in recipe.rows)
        raise typer.BadParameter(f"choose from {choices}", param_hint="--row")
    with stopping():
        needed, store = only_row(recipe, row.name), FeatureStore(run.store)
        loaded = UnifiedStudy.load(needed, run.folders, store, run.jobs)
        study = complete(loaded)
        if run.dry:
            for line in study.describe([]):
                typer.echo(line)
        else:
            from hevner.lab.unified.runs import train_row

            train_row(recipe, row, study.data, run.out, _report_best)
            say(f"{run.out}: {recipe.seeds} networks")
    raise typer.Exit(FAILED if loaded[1] else FINE)


def _report_best(seed: int, epoch: Epoch) -> None:
    """Report an epoch that is the best so far, a few times per run."""
    if epoch.best and epoch.number % 10 == 0:
        say(f"seed {seed}, step {epoch.step}: loss {epoch.validation:.4f}")


def _personalise(personalise: Path, out: Path, scale: Scale, jobs: int | None) -> None:
    """Fit a correction."""
    import numpy as np

    from hevner.lab.personalise import fit, left_out_errors, read_ratings, samples

    rated, problems = read_ratings(personalise, scale)
    if problems:
        for problem in problems:
            say(f"Error: {problem}")
        raise typer.Exit(FAILED)
    analyses = _analyses(rated, jobs)
    ratings = np.array([[one.valence, one.arousal] for one in rated])
    personal = fit(analyses, ratings)
    personal.save(out)
    unit = (scale.high - scale.low) / 2
    for name, sample in zip(("valence", "arousal"), samples(analyses, ratings), strict=True):
        before, after = (error * unit for error in left_out_errors(sample))
        say(
            f"{name}: error on a piece left out {before:.2f} without the correction, {after:.2f} "
            f"with it (mean, on {scale.name})."
        )
    say(f"Fitted to {personal.ratings} ratings; use it with --personal {out}.")


def _analyses(rated: list[Rated], jobs: int | None) -> list[Analysis]:
    """Analyse the rated files by the default model; one message for each that fails, then stop."""
    from contextlib import closing

    from hevner.batch import analyze_many, usable_cores
    from hevner.cache import Cache
    from hevner.cli.analyze_run import LateAnalyzer
    from hevner.defaults import identity
    from hevner.result import Failure

    paths = [one.path for one in rated]
    results = analyze_many(paths, LateAnalyzer(None), jobs or usable_cores(), Cache(identity()))
    analyses: list[Analysis] = []
    bar = Reporter(len(rated), bar=True)
    with without_decoder_notes(), stopping(), closing(results), bar as reporter:
        for one, result in zip(rated, results, strict=True):
            reporter.advance()
            if isinstance(result, Failure):
                reporter.say(f"Error: {one.where}: {result.cause}. {result.remedy}")
            elif result.status != "ok":
                reporter.say(f"Error: {one.where}: {result.headline}. Remove the row")
            else:
                analyses.append(result)
    if len(analyses) < len(rated):
        raise typer.Exit(FAILED)
    return analyses
