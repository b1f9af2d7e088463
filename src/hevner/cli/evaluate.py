"""``hevner evaluate``: score a model, run a study or measure a recipe, and write the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hevner.cli.data_options import (
    Data,
    DryRun,
    Run,
    Soundfont,
    Table,
    check_table,
    complete,
    data_folders,
    shared_store,
)
from hevner.cli.evaluate_model import SeenChoice, Wanted, evaluate_model
from hevner.cli.options import Jobs
from hevner.cli.progress import FAILED, FINE, say, stopping, usage_errors
from hevner.cli.recipes import located
from hevner.errors import DataError

if TYPE_CHECKING:
    from hevner.lab.study.engine import Study

NOTICES = 20
"""Number of messages on progress in a run."""


RecipeFile = Annotated[
    Path | None,
    Argument(
        metavar="[RECIPE]",
        callback=located,
        help="Recipe of a study or a model: a TOML file, or a name of 'hevner recipes list' such "
        "as unified; or a folder that 'hevner train' wrote.",
    ),
]
ModelToScore = Annotated[
    str,
    Option(
        "--model",
        metavar="NAME|FILE",
        help="Score this model in place of a recipe: a name that 'hevner models list' has, such as "
        "unified, or an .onnx file.",
    ),
]
Features = Annotated[
    Path | None,
    Option(
        "--store",
        metavar="DIR",
        help="Folder of the stored features.",
        show_default="with --model a folder that all verbs share",
    ),
]
Encoder = Annotated[
    str,
    Option(
        metavar="NAME",
        help="Encoder in place of the one that the recipe names, such as mert-v1-95m.",
    ),
]
Seeds = Annotated[
    int | None,
    Option(
        metavar="N",
        min=1,
        help="Number of cross-validations of the default model or its space.",
        show_default="5",
    ),
]
CardFile = Annotated[
    Path | None,
    Option(metavar="FILE.JSON", help="Card of the default model to write the scores into."),
]
Seen = Annotated[
    SeenChoice,
    Option(
        help="With --model: music that it was trained on ends the command, is scored apart, or is "
        "left out."
    ),
]
Sound = Annotated[
    bool, Option(help="With --model: put excerpts of the worst errors into the page.")
]


def evaluate(
    out: Table,
    recipe: RecipeFile = None,
    model: ModelToScore = "",
    store: Features = None,
    data: Data = [],  # noqa: B006
    encoder: Encoder = "",
    jobs: Jobs = None,
    dry_run: DryRun = False,
    seeds: Seeds = None,
    card: CardFile = None,
    seen: Seen = "refuse",
    soundfont: Soundfont = "FluidR3_GM",
    sound: Sound = True,
) -> None:
    """Score a model on labelled music; or train and test by a recipe. Write a table of scores.

    With --model every dataset that --data names is scored: audio is analysed where its features
    are not stored, the music is compared with that of training, and a page with plots and the worst
    errors to listen to is written beside the table.

    With a recipe, a model is trained on some tracks and tested on others. For a trained run, the
    protocols of its recipe are repeated, since its own networks were trained on all tracks. A
    dataset of which anything is missing is left out and named. After a stop the same command goes
    on where it was. Claims go to FILE_claims.csv; finished parts are kept in FILE.cells, which may
    be removed afterwards.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """  # fmt: skip
    from hevner.batch import usable_cores
    from hevner.cli import model_recipes

    check_table(out)
    if bool(model) == (recipe is not None):
        raise typer.BadParameter("give one of the two", param_hint="RECIPE or --model")
    if store is None and recipe is not None:
        raise typer.BadParameter("is needed for a recipe", param_hint="--store")
    folder = store or shared_store()
    run = Run(data_folders(data), folder, out, jobs or usable_cores(), dry_run)
    if recipe is None:
        model_recipes.check_options(None, encoder, seeds, card)
        if encoder:
            raise typer.BadParameter("has no meaning for a model", param_hint="--encoder")
        evaluate_model(Wanted(model, soundfont, seen, sound), run)
        return
    with usage_errors():
        made = model_recipes.read(recipe)
    model_recipes.check_options(made, encoder, seeds, card)
    if made is None:
        _evaluate_study(recipe, encoder, run)
    else:
        model_recipes.evaluate(made, run, seeds, card)


def _evaluate_study(recipe: Path, encoder: str, run: Run) -> None:
    """Run a study on what is complete."""
    from hevner.lab.study.kinds import open_recipe
    from hevner.store import FeatureStore

    with usage_errors():
        kind, wanted = open_recipe(recipe, encoder)
    with stopping():
        loaded = kind.load(wanted, run.folders, FeatureStore(run.store), run.jobs)
        study = complete(loaded)
        cells = study.plan()
        if run.dry:
            for line in study.describe(cells):
                typer.echo(line)
        else:
            _run(study, cells, run.out, run.jobs, partial=bool(loaded[1]))
    raise typer.Exit(FAILED if loaded[1] else FINE)


def _run(
    study: Study[Any, Any, Any], cells: Sequence[Any], out: Path, jobs: int, *, partial: bool
) -> None:
    """Compute cells, and write the tables of scores and of claims.

    ``partial`` is whether datasets are missing: then claims may have nothing to compare.
    """
    from hevner.lab.study import claims, engine, kept

    results = engine.run(study, cells, out.with_suffix(".cells"), jobs, _progress())
    rows = study.table(results)
    kept.write_table(out, study.columns, rows)
    say(f"{out}: {len(rows)} rows")
    verdicts = study.compare(results, jobs)
    if verdicts:
        path = out.with_name(f"{out.stem}_claims.csv")
        kept.write_table(path, claims.COLUMNS, verdicts)
        say(f"{path}: {len(verdicts)} rows")
    tested = {row["claim"] for row in verdicts}
    untested = [one.claim for one in study.recipe.claims if one.claim not in tested]
    if untested and not partial:
        raise DataError(
            "has nothing to compare",
            subject=f"claim '{untested[0]}'",
            remedy="Check what it selects, or add the protocols that it needs",
            code="nothing_to_compare",
        )
    if untested:
        say(f"Claims that need what is missing: {len(untested)} of {len(study.recipe.claims)}")


def _progress() -> Callable[[int, int], None]:
    """A function that says now and then how many cells are done."""
    last = 0

    def progress(done: int, total: int) -> None:
        nonlocal last
        if done * NOTICES // total > last or done == total:
            last = done * NOTICES // total
            say(f"{done} of {total} done")

    return progress
