"""``hevner train``: train the model that a recipe describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from hevner.cli.data_options import Data, DryRun, Run, complete, data_folders, shared_store
from hevner.cli.options import Jobs
from hevner.cli.progress import FAILED, FINE, say, stopping, usage_errors
from hevner.cli.recipes import located

if TYPE_CHECKING:
    from hevner.lab.unified.loop import Epoch


def train(
    recipe: Annotated[
        Path,
        Argument(
            metavar="RECIPE",
            callback=located,
            help="Recipe of a model: a TOML file, or a name of 'hevner recipes list' such as own "
            "or unified.",
        ),
    ],
    out: Annotated[
        Path,
        Option(
            "--out",
            "-o",
            metavar="PATH",
            help="File to write: .onnx for a model of your own and the default one, .npz for the "
            "others; a folder for a unified network.",
        ),
    ],
    data: Data = [],  # noqa: B006
    store: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Folder of the stored features; what is missing is computed for the default model "
            "and for one of your own, and examples of the harmony network are kept there.",
            show_default="for a model of your own a folder in the cache",
        ),
    ] = None,
    row: Annotated[
        str | None,
        Option(
            metavar="NAME", help="Row of a recipe of unified networks.", show_default="the only one"
        ),
    ] = None,
    dry_run: DryRun = False,
    jobs: Jobs = None,
) -> None:
    """Train the model that a recipe describes.

    The recipe own makes a model of your own: the default one, corrected by your labels of a few
    dozen to some thousand tracks (ratings, classes, tags); 'hevner datasets new' begins a table of
    them. Use it with --model. After a stop the same command goes on where it was.

    Exit status: 0 all fine, 1 something is wrong with data or files, 2 wrong usage.
    """
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
