"""The work behind ``hevner evaluate`` for the models that ship with hevner."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hevner.batch import usable_cores
from hevner.cli.data_options import DataFolders, describe_datasets
from hevner.cli.progress import progress_bars, resumable, say
from hevner.cli.recipe_kind import RecipeKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def check_options(
    kind: RecipeKind, encoder: str, seeds: int | None, card: Path | None, peer: Path | None
) -> None:
    """Refuse options of the verb that have no meaning for a kind of recipe."""
    default, space, harmony = RecipeKind.DEFAULT, RecipeKind.SPACE, RecipeKind.HARMONY
    for option, given, kinds in (
        ("--encoder", bool(encoder), set(RecipeKind) - {default, space, harmony}),
        ("--seeds", seeds is not None, {default, space}),
        ("--card", card is not None, {default}),
        ("--peer", peer is not None, {harmony}),
    ):
        if given and kind not in kinds:
            raise typer.BadParameter("has no meaning for this recipe", param_hint=option)


def evaluate_model(
    kind: RecipeKind,
    recipe: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    *,
    seeds: int | None,
    card: Path | None,
    peer: Path | None,
    jobs: int | None,
    dry_run: bool,
) -> None:
    """Measure the default model, its space, or the harmony network, and write a table.

    The parameters are the options of the verb.
    """
    if kind is RecipeKind.HARMONY:
        _evaluate_harmony(recipe, folders, store, out, peer, dry_run)
        return
    cores = jobs or usable_cores()
    evaluate = _evaluate_default if kind is RecipeKind.DEFAULT else _evaluate_space
    evaluate(recipe, folders, store, out, seeds, card, cores, dry_run)


def _evaluate_default(
    path: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    seeds: int | None,
    card: Path | None,
    jobs: int,
    dry_run: bool,
) -> None:
    """Measure the default model."""
    from hevner.lab.default import recipe as recipes

    recipe = recipes.read(path)
    if dry_run:
        raise typer.Exit(describe_datasets(recipe.sets, folders))
    from hevner.lab.default import evaluate as measure

    with resumable():
        rows = measure.evaluate(recipe, folders, store, seeds or measure.SEEDS, jobs)
        _write(rows, out)
        if card is not None:
            measure.write_into_card(rows, recipe, card)


def _evaluate_space(
    path: Path,
    folders: DataFolders,
    store: Path,
    out: Path,
    seeds: int | None,
    _card: Path | None,
    jobs: int,
    dry_run: bool,
) -> None:
    """Measure the space of the default model."""
    from hevner.lab.space import recipe as recipes

    recipe = recipes.read(path)
    if dry_run:
        raise typer.Exit(describe_datasets(recipe.unified.sets, folders))
    from hevner.lab.space import evaluate as measure

    with resumable(), progress_bars() as progress:
        _write(measure.measure(recipe, folders, store, seeds or measure.SEEDS, jobs, progress), out)


def _evaluate_harmony(
    path: Path, folders: DataFolders, store: Path, out: Path, peer: Path | None, dry_run: bool
) -> None:
    """Measure chords and keys of the harmony network."""
    from hevner.lab.harmony import recipe as recipes
    from hevner.lab.harmony import songs

    recipe = recipes.read(path)
    folder = folders["pop909"]
    typer.echo(f"pop909: {len(songs.song_ids(folder, 'test'))} songs to test on")
    if dry_run:
        return
    from hevner.lab.harmony import evaluate as measure

    with resumable(), progress_bars() as progress:
        renders = store / "renders" / "pop909"
        rows = measure.evaluate_spread(
            folder, recipe.songs, renders, peer, partial(progress, "conditions")
        )
        _write(rows, out)


def _write(rows: Sequence[Mapping[str, object]], out: Path) -> None:
    from hevner.lab.metrics.report import write

    write(rows, out)
    say(f"{out}: {len(rows)} rows")
