"""Recipes of the models that ship with hevner: their kinds, training, measuring, dry runs."""

from __future__ import annotations

from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hevner.cli.progress import FAILED, FINE, progress_bars, say, stopping, usage_errors
from hevner.errors import DataError

if TYPE_CHECKING:
    from hevner.cli.data_options import DataFolders


class ModelKind(Enum):
    """Models that ship with hevner."""

    DEFAULT = auto()
    """The model of valence, arousal, quadrants, GEMS and tags."""

    SPACE = auto()
    """Its space of music and emotion."""

    HARMONY = auto()
    """The network for chords and keys."""


def kind_of(recipe: Path) -> ModelKind | None:
    """The model that a recipe describes; None for studies and folders of 'hevner train'.

    Raises
    ------
    DataError
        If the recipe cannot be read, or is of no known kind.
    """
    if recipe.is_dir():
        return None
    from hevner.lab import recipes
    from hevner.lab.default.recipe import DefaultRecipe
    from hevner.lab.harmony.recipe import HarmonyRecipe
    from hevner.lab.space.recipe import SpaceRecipe

    return {
        DefaultRecipe: ModelKind.DEFAULT,
        SpaceRecipe: ModelKind.SPACE,
        HarmonyRecipe: ModelKind.HARMONY,
    }.get(recipes.kind_of(recipe))


def check_options(
    kind: ModelKind | None, encoder: str, seeds: int | None, card: Path | None, peer: Path | None
) -> None:
    """Refuse options of ``hevner evaluate`` that have no meaning for a kind of recipe."""
    default, space, harmony = ModelKind
    for option, given, kinds in (
        ("--encoder", bool(encoder), (None,)),
        ("--seeds", seeds is not None, (default, space)),
        ("--card", card is not None, (default,)),
        ("--peer", peer is not None, (harmony,)),
    ):
        if given and kind not in kinds:
            raise typer.BadParameter("has no meaning for this recipe", param_hint=option)


def train_model(
    kind: ModelKind,
    path: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    jobs: int,
    dry_run: bool,
) -> None:
    """Train a model that ships with hevner, and write it."""
    recipe = _read(path)
    if dry_run:
        raise typer.Exit(_describe(kind, recipe, folders, "train"))
    with stopping(), progress_bars() as progress:
        if kind is ModelKind.DEFAULT:
            from hevner.lab.default.train import train as train_default

            train_default(recipe, folders, store, jobs, progress).save(out)
        elif kind is ModelKind.SPACE:
            from hevner.lab.space.train import train as train_space

            train_space(recipe, folders, store, jobs, progress).save(out)
        else:
            from hevner.lab.harmony.train import train as train_harmony

            made = partial(progress, "examples")
            train_harmony(recipe, folders["pop909"], store / "harmony", out, made)
    say(f"{out}: {recipe.name}")


def evaluate_model(
    kind: ModelKind,
    path: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    *,
    seeds: int | None,
    card: Path | None,
    peer: Path | None,
    jobs: int,
    dry_run: bool,
) -> None:
    """Measure a model that ships with hevner, and write a table of scores."""
    with usage_errors():
        recipe = _read(path)
    if dry_run:
        raise typer.Exit(_describe(kind, recipe, folders, "test"))
    from hevner.lab.metrics.report import write

    with stopping(), progress_bars() as progress:
        if kind is ModelKind.DEFAULT:
            from hevner.lab.default import evaluate as default

            rows = default.evaluate(recipe, folders, store, seeds or default.SEEDS, jobs)
            if card is not None:
                default.write_into_card(rows, recipe, card)
        elif kind is ModelKind.SPACE:
            from hevner.lab.space import evaluate as space

            rows = space.measure(recipe, folders, store, seeds or space.SEEDS, jobs, progress)
        else:
            from hevner.lab.harmony import evaluate as harmony

            renders, done = store / "renders" / "pop909", partial(progress, "conditions")
            rows = harmony.evaluate_spread(folders["pop909"], recipe.songs, renders, peer, done)
        write(rows, out)
    say(f"{out}: {len(rows)} rows")


def _read(path: Path) -> Any:
    from hevner.lab import recipes

    return recipes.read(path, recipes.kind_of(path))


def _describe(kind: ModelKind, recipe: Any, folders: DataFolders, subset: str) -> int:
    """Write how many tracks there are, and which datasets are missing; return the exit status."""
    if kind is ModelKind.HARMONY:
        from hevner.lab.harmony.songs import song_ids

        count = len(song_ids(folders["pop909"], subset))
        typer.echo(f"pop909: {count} songs to {subset} on")
        return FINE
    from hevner.datasets import load

    status = FINE
    for name in recipe.sets if kind is ModelKind.DEFAULT else recipe.unified.sets:
        try:
            typer.echo(f"{name}: {len(load(name, folders[name]))} tracks")
        except DataError as error:
            say(f"Missing: {name}: {error}")
            status = FAILED
    return status
