"""``hevner extract``: compute the features of a dataset and keep them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.options import Jobs
from hevner.cli.progress import INTERRUPTED, Reporter, say, stopping_cleanly

if TYPE_CHECKING:
    from hevner.datasets import Dataset
    from hevner.datasets.track import Track
    from hevner.lab.data.corpus import Variant

FINE, SOME_FAILED, USAGE = 0, 1, 2


def extract(
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="Dataset, as 'hevner datasets list' has it.")
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="The dataset's own folder.")],
    store: Annotated[Path, typer.Option(metavar="DIR", help="Folder to keep the features in.")],
    encoder: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="'default' for all that the default model hears; or harmony, fingerprint and "
            "any encoder of 'hevner models list', with states such as mert-v1-95m+8.",
        ),
    ] = "default",
    soundfont: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Soundfont to render MIDI with, such as FluidR3_GM.",
            show_default=False,
        ),
    ] = "",
    jobs: Jobs = None,
) -> None:
    """Compute the features of every track of a dataset, one vector per window.

    What is stored already is not computed again, so the same command goes on after a stop. Large
    encoders run in one process unless --jobs says otherwise: each process would hold one, and one
    uses all cores or the GPU.

    Exit status: 0 all fine, 1 some tracks failed, 2 wrong usage.
    """
    from hevner import datasets
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.lab.data.corpus import Variant
    from hevner.lab.data.extraction import kinds

    names = tuple(name.strip() for name in encoder.split(",") if name.strip())
    try:
        if not kinds(names):
            raise typer.BadParameter("names no encoder", param_hint="--encoder")
        tracks = datasets.load(dataset, data, partial=True)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    _check_soundfont(tracks, soundfont)
    work = [(track, Variant(soundfont)) for track in tracks]
    try:
        status = _run(work, store, jobs or (1 if _large(names) else usable_cores()), names)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(SOME_FAILED) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    if tracks.problems:
        say(
            f"{len(tracks.problems)} tracks left out; "
            f"'hevner datasets check {dataset} {data}' says why."
        )
        status = SOME_FAILED
    raise typer.Exit(status)


def _large(names: tuple[str, ...]) -> bool:
    from hevner.encoders import LARGE

    return any(name.partition("+")[0] in LARGE for name in names)


def _check_soundfont(tracks: Dataset, soundfont: str) -> None:
    midi = tracks.card.media == "MIDI"
    if midi and not soundfont:
        raise typer.BadParameter(
            f"{tracks.card.name} is MIDI and needs one, such as FluidR3_GM",
            param_hint="--soundfont",
        )
    if soundfont and not midi:
        raise typer.BadParameter(
            f"{tracks.card.name} is recorded and needs none", param_hint="--soundfont"
        )
    if not len(tracks):
        raise typer.BadParameter(
            f"no {tracks.card.media} of {tracks.card.name} in {tracks.folder}; "
            f"'hevner datasets info {tracks.card.name}' says where it belongs",
            param_hint="--data",
        )


def _run(
    work: list[tuple[Track, Variant]], store: Path, jobs: int, encoders: tuple[str, ...]
) -> int:
    """Work through the tracks; return the exit status."""
    from hevner.lab.data.corpus import compute_all

    computed, failures = 0, []
    results = compute_all(work, store, jobs, encoders)
    with stopping_cleanly(), closing(results), Reporter(len(work), True, "Extracting") as reporter:
        for done in results:
            computed += done.computed
            if done.error is not None:
                failures.append(f"{done.track.id}: {done.error}")
            reporter.advance()
    known = len(work) - computed - len(failures)
    say(f"{len(work)} tracks: {computed} computed, {known} stored before, {len(failures)} failed.")
    for failure in failures:
        say(f"Failed: {failure}")
    return SOME_FAILED if failures else FINE
