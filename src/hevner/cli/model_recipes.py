"""Recipes of the models that ship with hevner, and of one's own: training, measuring, dry runs."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import cast, get_args

import typer

from hevner.cli.data_options import Run
from hevner.cli.progress import FAILED, FINE, progress_bars, say, stopping
from hevner.errors import DataError
from hevner.lab import recipes
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.explanation.recipe import ExplanationRecipe
from hevner.lab.music.recipe import HarmonyRecipe, ModesRecipe, MusicRecipe, RhythmRecipe
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.space.recipe import SpaceRecipe
from hevner.lab.teachers.recipe import TagTeacherRecipe

ModelRecipe = (
    DefaultRecipe
    | SpaceRecipe
    | ExplanationRecipe
    | HarmonyRecipe
    | ModesRecipe
    | RhythmRecipe
    | TagTeacherRecipe
    | OwnRecipe
)


def read(path: Path) -> ModelRecipe | None:
    """The recipe of a model; None for studies and folders of 'hevner train'.

    Raises
    ------
    DataError
        If the recipe cannot be read, is of no known kind or has a mistake.
    """
    kind = None if path.is_dir() else recipes.kind_of(path)
    if kind is None or kind not in get_args(ModelRecipe):
        return None
    return cast(ModelRecipe, recipes.read(path, kind))


def check_options(
    recipe: ModelRecipe | None, encoder: str, seeds: int | None, card: Path | None
) -> None:
    """Refuse options of ``hevner evaluate`` that have no meaning for a kind of recipe."""
    for option, given, kinds in (
        ("--encoder", encoder, type(None)),
        ("--seeds", seeds, DefaultRecipe | SpaceRecipe),
        ("--card", card, DefaultRecipe),
    ):
        if given and not isinstance(recipe, kinds):
            raise typer.BadParameter("has no meaning for this recipe", param_hint=option)


def train(recipe: ModelRecipe, run: Run) -> None:
    """Train a model, and write it."""
    if run.dry:
        raise typer.Exit(_describe(recipe, run))
    if isinstance(recipe, OwnRecipe):
        _train_own(recipe, run)
        return
    with stopping(), progress_bars() as progress:
        if isinstance(recipe, DefaultRecipe):
            from hevner.lab.default.fit import train as train_default

            train_default(recipe, run.folders, run.store, run.jobs, progress).save(run.out)
        elif isinstance(recipe, SpaceRecipe):
            from hevner.lab.space.fit import train as train_space

            train_space(recipe, run.folders, run.store, run.jobs, progress).save(run.out)
        elif isinstance(recipe, ExplanationRecipe):
            from hevner.lab.explanation.fit import train as train_explanation

            train_explanation(recipe, run.folders, run.store, run.jobs).save(run.out)
        elif isinstance(recipe, ModesRecipe):
            from hevner.lab.music.modes import train as train_modes

            train_modes(recipe, run.folders["pop909"], run.out, partial(progress, "pieces"))
        elif isinstance(recipe, RhythmRecipe):
            from hevner.lab.music.rhythm import train as train_rhythm

            made = partial(progress, "examples")
            train_rhythm(recipe, run.folders, run.store / "rhythm", run.out, made)
        elif isinstance(recipe, TagTeacherRecipe):
            from hevner.lab.teachers.train_tags import train as train_tags

            folder, made = run.folders["mtg_jamendo"], partial(progress, "networks")
            train_tags(recipe, folder, run.store, run.out, made)
        else:
            from hevner.lab.music.harmony import train as train_harmony

            made = partial(progress, "examples")
            train_harmony(recipe, run.folders["pop909"], run.store / "harmony", run.out, made)
    say(f"{run.out}: {recipe.name}")


def _train_own(recipe: OwnRecipe, run: Run) -> None:
    """Train a model of one's own, write it, and say how good it is."""
    from hevner.lab.own.train import summary, train

    if run.out.suffix != ".onnx":
        raise typer.BadParameter("must end in .onnx", param_hint="--out")
    with stopping(), progress_bars() as progress:
        model = train(recipe, run.folders["own"], run.store, run.out, run.jobs, progress)
    for line in summary(model.card):
        say(line)
    say(f"{run.out}: {model.name}; use it with --model {run.out}.")


def evaluate(recipe: ModelRecipe, run: Run, seeds: int | None, card: Path | None) -> None:
    """Measure a model that ships with hevner, and write a table of scores."""
    if isinstance(recipe, MusicRecipe | TagTeacherRecipe | ExplanationRecipe | OwnRecipe):
        scripts = {"modes": "key", "rhythm": "tempo", "yamnet-tags": "tags", "own": "own"}
        scripts |= {"explanation": "explain"}
        script = scripts.get(recipe.name, "harmony")
        raise typer.BadParameter(f"is measured by benchmarks/{script}.py", param_hint="RECIPE")
    if run.dry:
        raise typer.Exit(_describe(recipe, run))
    from hevner.lab.metrics.report import write

    folders, store = run.folders, run.store
    with stopping(), progress_bars() as progress:
        if isinstance(recipe, DefaultRecipe):
            from hevner.lab.default import evaluate as default

            rows = default.evaluate(recipe, folders, store, seeds or default.SEEDS, run.jobs)
            if card is not None:
                default.write_into_card(rows, recipe, card)
        else:
            from hevner.lab.space import evaluate as space

            rows = space.measure(recipe, folders, store, seeds or space.SEEDS, run.jobs, progress)
        write(rows, run.out)
    say(f"{run.out}: {len(rows)} rows")


def _describe(recipe: ModelRecipe, run: Run) -> int:
    """Write how many tracks there are, and which datasets are missing; return the exit status."""
    if isinstance(recipe, MusicRecipe):
        from hevner.lab.music.pieces import song_ids

        typer.echo(f"pop909: {len(song_ids(run.folders['pop909'], 'train'))} songs to train on")
        return FINE
    from hevner.datasets import load

    status = FINE
    for name in _sets(recipe):
        try:
            typer.echo(f"{name}: {len(load(name, run.folders[name]))} tracks")
        except DataError as error:
            say(f"Missing: {name}: {error}")
            status = FAILED
    return status


def _sets(
    recipe: DefaultRecipe | SpaceRecipe | TagTeacherRecipe | ExplanationRecipe | OwnRecipe,
) -> Collection[str]:
    """Datasets that a recipe trains on."""
    if isinstance(recipe, OwnRecipe):
        return ("own",)
    if isinstance(recipe, TagTeacherRecipe):
        return ("mtg_jamendo",)
    if isinstance(recipe, ExplanationRecipe):
        return recipe.music
    return recipe.sets if isinstance(recipe, DefaultRecipe) else recipe.unified.sets
