"""``hevner gap``: what stands between datasets, as a page to read and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.progress import INTERRUPTED, say

if TYPE_CHECKING:
    from hevner.lab.gap.study import Gap

FAILED = 1


def gap(
    dataset: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=DIR",
            help="A dataset, as 'hevner datasets list' has it, and its own folder; repeatable.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="New folder for the report.")
    ],
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of features. A dataset without a folder there, and every one if no store "
            "is given, is known by its ratings alone.",
            show_default=False,
        ),
    ] = None,
    representation: Annotated[
        str,
        typer.Option(metavar="A,B,...", help="What hears the music; any vectors in the store."),
    ] = "musicnn,handcrafted,harmony",
    soundfont: Annotated[
        str, typer.Option(metavar="NAME", help="The rendering to take of MIDI files.")
    ] = "FluidR3_GM",
    seed: Annotated[int, typer.Option(metavar="N", help="Of everything random.")] = 0,
) -> None:
    """Measure how far datasets lie apart, and what genre does to models of emotion.

    Writes report.html, which needs no network to be read, and CSV files beside it.

    Exit status: 0 all fine, 1 nothing was written, 2 wrong usage.
    """
    from hevner.errors import HevnerError
    from hevner.lab.gap.report import check_folder, write

    places = _places(dataset)
    representations = [name.strip() for name in representation.split(",") if name.strip()]
    try:
        check_folder(out)
        write(_analyse(places, store, representations, soundfont, seed), out)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as stop:
        say("Stopped; nothing was written.")
        raise typer.Exit(INTERRUPTED) from stop
    say(f"{out / 'report.html'} is ready.")


def _places(named: list[str]) -> dict[str, Path]:
    places = {}
    for text in named:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise typer.BadParameter(f"'{text}' is not NAME=DIR", param_hint="--dataset")
        if name in places:
            raise typer.BadParameter(f"{name} is named twice", param_hint="--dataset")
        places[name] = Path(folder)
    return places


def _analyse(
    places: dict[str, Path],
    store: Path | None,
    representations: list[str],
    soundfont: str,
    seed: int,
) -> Gap:
    from hevner import datasets
    from hevner.lab.data.representations import gather
    from hevner.lab.data.samples import label
    from hevner.lab.gap import maps
    from hevner.lab.gap.study import analyse
    from hevner.store import FeatureStore

    maps.require()
    tracks = {name: datasets.load(name, folder).tracks for name, folder in places.items()}
    rated = label([track for own in tracks.values() for track in own], {})
    stored = [name for name in tracks if store is not None and (store / name).is_dir()]
    for name in tracks:
        if name not in stored:
            say(f"{name}: no features, ratings alone")
    heard = None
    if store is not None and stored:
        say("Gathering features")
        wanted = [track for name in stored for track in tracks[name]]
        heard = gather(FeatureStore(store), wanted, representations, soundfont=soundfont)
    return analyse(rated, heard, seed=seed, report=lambda step: say(f"Measuring {step}"))
