"""Recipes of the models that ship with hevner: their kinds, training, measuring, dry runs."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hevner.cli.progress import FAILED, FINE, progress_bars, resumable, say
from hevner.errors import DataError

if TYPE_CHECKING:
    from hevner.cli.data_options import DataFolders


class RecipeKind(Enum):
    """What a recipe is for; the value is a key that no other kind has."""

    UNIFIED = "rows"
    """Networks of the unified model."""

    JOINT = "spaces"
    """Spaces of music and emotion."""

    DEFAULT = "sets"
    """The default model."""

    SPACE = "unified"
    """The space of the default model."""

    HARMONY = "plain_examples"
    """The network for chords and keys."""

    STUDY = ""
    """Regression across datasets; also a recipe that cannot be read."""


SHIPPED = (RecipeKind.DEFAULT, RecipeKind.SPACE, RecipeKind.HARMONY)
"""Kinds of the models that ship with hevner."""


def kind_of(recipe: Path) -> RecipeKind:
    """The kind of a recipe, a TOML file, or of a folder that 'hevner train' wrote."""
    if recipe.is_dir():
        return RecipeKind.UNIFIED
    keys: Collection[str]
    try:
        keys = tomllib.loads(recipe.read_text("utf-8"))
    except (OSError, ValueError):
        keys = ()
    return next((kind for kind in RecipeKind if kind.value in keys), RecipeKind.STUDY)


def check_options(
    kind: RecipeKind, encoder: str, seeds: int | None, card: Path | None, peer: Path | None
) -> None:
    """Refuse options of ``hevner evaluate`` that have no meaning for a kind of recipe."""
    default, space, harmony = SHIPPED
    for option, given, kinds in (
        ("--encoder", bool(encoder), set(RecipeKind) - set(SHIPPED)),
        ("--seeds", seeds is not None, {default, space}),
        ("--card", card is not None, {default}),
        ("--peer", peer is not None, {harmony}),
    ):
        if given and kind not in kinds:
            raise typer.BadParameter("has no meaning for this recipe", param_hint=option)


def train_model(
    kind: RecipeKind,
    path: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    jobs: int,
    dry_run: bool,
) -> None:
    """Train a model of one of the kinds `SHIPPED`, and write it."""
    recipe = _read(kind, path)
    if dry_run:
        raise typer.Exit(_describe(kind, recipe, folders, "train"))
    with resumable(), progress_bars() as progress:
        if kind is RecipeKind.DEFAULT:
            from hevner.lab.default.train import train as train_default

            train_default(recipe, folders, store, jobs, progress).save(out)
        elif kind is RecipeKind.SPACE:
            from hevner.lab.space.train import train as train_space

            train_space(recipe, folders, store, jobs, progress).save(out)
        else:
            from hevner.lab.harmony.train import train as train_harmony

            made = partial(progress, "examples")
            train_harmony(recipe, folders["pop909"], store / "harmony", out, made)
    say(f"{out}: {recipe.name}")


def evaluate_model(
    kind: RecipeKind,
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
    """Measure a model of one of the kinds `SHIPPED`, and write a table of scores."""
    recipe = _read(kind, path)
    if dry_run:
        raise typer.Exit(_describe(kind, recipe, folders, "test"))
    from hevner.lab.metrics.report import write

    with resumable(), progress_bars() as progress:
        if kind is RecipeKind.DEFAULT:
            from hevner.lab.default import evaluate as default

            rows = default.evaluate(recipe, folders, store, seeds or default.SEEDS, jobs)
            if card is not None:
                default.write_into_card(rows, recipe, card)
        elif kind is RecipeKind.SPACE:
            from hevner.lab.space import evaluate as space

            rows = space.measure(recipe, folders, store, seeds or space.SEEDS, jobs, progress)
        else:
            from hevner.lab.harmony import evaluate as harmony

            renders, done = store / "renders" / "pop909", partial(progress, "conditions")
            rows = harmony.evaluate_spread(folders["pop909"], recipe.songs, renders, peer, done)
        write(rows, out)
    say(f"{out}: {len(rows)} rows")


def _read(kind: RecipeKind, path: Path) -> Any:
    """A recipe of one of the kinds `SHIPPED`."""
    from importlib import import_module

    return import_module(f"hevner.lab.{kind.name.lower()}.recipe").read(path)


def _describe(kind: RecipeKind, recipe: Any, folders: DataFolders, subset: str) -> int:
    """Write how many tracks there are, and which datasets are missing; return the exit status."""
    if kind is RecipeKind.HARMONY:
        from hevner.lab.harmony.songs import song_ids

        count = len(song_ids(folders["pop909"], subset))
        typer.echo(f"pop909: {count} songs to {subset} on")
        return FINE
    from hevner.datasets import load

    status = FINE
    for name in recipe.sets if kind is RecipeKind.DEFAULT else recipe.unified.sets:
        try:
            typer.echo(f"{name}: {len(load(name, folders[name]))} tracks")
        except DataError as error:
            say(f"Missing: {name}: {error}")
            status = FAILED
    return status
