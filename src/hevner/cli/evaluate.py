"""``hevner evaluate``: run a study across datasets, a ladder of the unified model, or spaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.data_options import (
    Data,
    DataFolders,
    DryRun,
    Store,
    Table,
    check_table,
    data_folders,
)
from hevner.cli.model_recipes import (
    SHIPPED,
    RecipeKind,
    check_options,
    evaluate_model,
    kind_of,
)
from hevner.cli.options import Jobs
from hevner.cli.progress import INTERRUPTED, say, stopping_cleanly

if TYPE_CHECKING:
    from hevner.lab.joint import recipe as joint_recipe
    from hevner.lab.joint.material import World
    from hevner.lab.study import Material, Study
    from hevner.lab.unified import material as ladder_material
    from hevner.lab.unified.recipe import Recipe

FINE, INCOMPLETE, USAGE = 0, 1, 2

NOTICES = 20
"""How often progress is told."""


def evaluate(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE",
            help="Recipe of a study, or of a model such as recipes/unified.toml, a TOML file; or a "
            "folder that 'hevner train' wrote.",
            show_default=False,
        ),
    ],
    store: Store,
    out: Table,
    data: Data = [],  # noqa: B006
    encoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Encoder in place of the one that the recipe names, such as mert-v1-95m.",
            show_default=False,
        ),
    ] = "",
    jobs: Jobs = None,
    dry_run: DryRun = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of cross-validations of the default model or its space.",
            show_default="5",
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.JSON",
            help="Card of the default model to write the scores into.",
            show_default=False,
        ),
    ] = None,
    peer: Annotated[
        Path | None,
        typer.Option(
            metavar="PYTHON",
            help="A Python that has Essentia, to measure its chords and keys beside those of the "
            "harmony network.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train on some tracks, test on others, and write a table of scores.

    For a trained run, the protocols of its recipe are repeated, since its own networks were
    trained on all tracks. A dataset of which anything is missing is left out and named. After a
    stop the same command goes on where it was. Claims go to FILE_claims.csv; finished parts are
    kept in FILE.cells, which may be removed afterwards.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """  # fmt: skip
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore

    check_table(out)
    folders = data_folders(data)
    kind = kind_of(recipe)
    check_options(kind, encoder, seeds, card, peer)
    if kind is RecipeKind.UNIFIED:
        _evaluate_ladder(recipe, encoder, folders, store, out, jobs, dry_run)
        return
    if kind is RecipeKind.JOINT:
        _evaluate_spaces(recipe, encoder, folders, store, out, jobs, dry_run)
        return
    if kind in SHIPPED:
        evaluate_model(
            kind, recipe, folders, store, out,
            seeds=seeds, card=card, peer=peer, jobs=jobs or usable_cores(), dry_run=dry_run,
        )  # fmt: skip
        return
    from hevner.lab.study import read, survey

    try:
        study = read(recipe, encoder)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    try:
        material, missing = survey(study, folders, FeatureStore(store))
        for line in missing:
            say(f"Missing: {line}")
        if material is None:
            say("Error: no dataset is complete; nothing was done.")
            raise typer.Exit(INCOMPLETE)
        if dry_run:
            _describe(study, material)
        else:
            _run(study, material, out, jobs)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(INCOMPLETE if missing else FINE)


def _describe(study: Study, material: Material) -> None:
    """Tell what a run would do."""
    from hevner.lab.study import plan

    for name, kind in material.kinds.items():
        rows = material.rows(name)
        groups = len(set(material.samples.group[rows].tolist()))
        typer.echo(f"{name}: {len(rows)} tracks with {kind} in {groups} groups")
    tasks = plan(study, material)
    for protocol in dict.fromkeys(task.layout.protocol for task in tasks):
        own = [task for task in tasks if task.layout.protocol == protocol]
        cells = sum(len(task.layout.leaks) for task in own)
        fits = sum(len(run) for task in own for run in task.layout.parts)
        typer.echo(f"{protocol}: {cells} cells, {fits} fits")
    told = {
        f"{'+'.join(task.layout.train)} -> {test}: {label}"
        for task in tasks
        for test, label in task.layout.leaks.items()
        if "none" not in label
    }
    for line in sorted(told):
        typer.echo(line)


def _progress() -> Callable[[int, int], None]:
    """Tells now and then how many parts are done."""
    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if done * NOTICES // total > told or done == total:
            told = done * NOTICES // total
            say(f"{done} of {total} done")

    return progress


def _run(study: Study, material: Material, out: Path, jobs: int | None) -> None:
    """Fit, score and write."""
    from hevner.batch import usable_cores
    from hevner.lab.study import claims, judge, run, scores
    from hevner.lab.study.table import write

    with stopping_cleanly():
        outcomes = run(
            study, material, out.with_suffix(".cells"), jobs or usable_cores(), _progress()
        )
        cells = [cell for outcome in outcomes for cell in outcome.cells]
        write(out, scores.COLUMNS, cells)
        say(f"{out}: {len(cells)} rows")
        if study.claims:
            verdicts = judge(study, material, outcomes, jobs or usable_cores())
            path = out.with_name(f"{out.stem}_claims.csv")
            write(path, claims.COLUMNS, verdicts)
            say(f"{path}: {len(verdicts)} rows")


# --- ladders of the unified model ---


def _evaluate_ladder(
    path: Path,
    encoder: str,
    folders: DataFolders,
    store: Path,
    out: Path,
    jobs: int | None,
    dry_run: bool,
) -> None:
    """Run a ladder, or the row that a run was trained from."""
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore

    if path.is_dir() and encoder:
        raise typer.BadParameter("a run keeps its encoder", param_hint="--encoder")
    from hevner.lab.unified import material as materials
    from hevner.lab.unified import recipe as recipes
    from hevner.lab.unified import runs

    try:
        recipe = runs.recipe_of(path) if path.is_dir() else recipes.read(path, encoder)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    cores = jobs or usable_cores()
    try:
        with stopping_cleanly():
            material, missing = materials.survey(recipe, folders, FeatureStore(store), cores)
            for line in missing:
                say(f"Missing: {line}")
            if material is None:
                say("Error: no dataset is complete; nothing was done.")
                raise typer.Exit(INCOMPLETE)
            _climb(recipe, material, out, cores, dry_run)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(INCOMPLETE if missing else FINE)


def _climb(
    recipe: Recipe, material: ladder_material.Material, out: Path, jobs: int, dry_run: bool
) -> None:
    """Fit, score and write the rows of a ladder, or tell what that would be."""
    from hevner.lab.study import claims
    from hevner.lab.study.table import write
    from hevner.lab.unified import scores, study

    cells = study.plan(recipe, material, study.lay_out(recipe, material))
    if dry_run:
        for name in material.datasets:
            typer.echo(f"{name}: {int(material.samples.of(name).sum())} tracks")
        for row in recipe.rows:
            own = [cell.part.protocol for cell in cells if cell.row.name == row.name]
            told = ", ".join(f"{own.count(one)} cells of {one}" for one in dict.fromkeys(own))
            typer.echo(f"{row.name}: {told or 'nothing at hand'}")
        return
    outcomes = study.run(
        recipe, material, cells, out.with_suffix(".cells"), jobs, _progress()
    )  # fmt: skip
    trials = scores.trials(recipe, material, outcomes)
    table = scores.score(recipe, trials)
    write(out, scores.COLUMNS, table)
    say(f"{out}: {len(table)} rows")
    if recipe.claims:
        verdicts = scores.judge(recipe, trials)
        path = out.with_name(f"{out.stem}_claims.csv")
        write(path, claims.COLUMNS, verdicts)
        say(f"{path}: {len(verdicts)} rows")


# --- studies of the joint space ---


def _evaluate_spaces(
    path: Path,
    encoder: str,
    folders: DataFolders,
    store: Path,
    out: Path,
    jobs: int | None,
    dry_run: bool,
) -> None:
    """Run a study of the joint space."""
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.lab.joint import material as materials
    from hevner.lab.joint import recipe as recipes
    from hevner.store import FeatureStore

    try:
        recipe = recipes.read(path, encoder)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    try:
        with stopping_cleanly():
            worlds, missing = materials.survey(recipe, folders, FeatureStore(store))
            for line in missing:
                say(f"Missing: {line}")
            if not worlds:
                say("Error: no dataset is complete; nothing was done.")
                raise typer.Exit(INCOMPLETE)
            _match(recipe, worlds, out, jobs or usable_cores(), dry_run)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(INCOMPLETE if missing else FINE)


def _match(
    recipe: joint_recipe.Recipe, worlds: list[World], out: Path, jobs: int, dry_run: bool
) -> None:
    """Fit, match, score and write the spaces of a study, or tell what that would be."""
    from hevner.lab.joint import scores, study
    from hevner.lab.study import claims
    from hevner.lab.study.table import write

    cells = study.plan(recipe, worlds)
    if dry_run:
        for world in worlds:
            groups = len(set(world.groups.tolist()))
            typer.echo(f"{world.name}: {len(world.tracks)} tracks in {groups} groups")
        for space in recipe.spaces:
            own = [cell.part.division for cell in cells if cell.space.name == space.name]
            told = ", ".join(f"{own.count(one)} cells of {one}" for one in dict.fromkeys(own))
            typer.echo(f"{space.name}: {told}")
        return
    outcomes = study.run(
        recipe, worlds, cells, out.with_suffix(".cells"), jobs, _progress()
    )  # fmt: skip
    trials = scores.trials(recipe, worlds, outcomes)
    table = scores.score(recipe, trials)
    write(out, scores.COLUMNS, table)
    say(f"{out}: {len(table)} rows")
    if recipe.claims:
        verdicts = scores.judge(recipe, trials, jobs)
        path = out.with_name(f"{out.stem}_claims.csv")
        write(path, claims.COLUMNS, verdicts)
        say(f"{path}: {len(verdicts)} rows")
