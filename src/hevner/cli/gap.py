"""``hevner gap``: what stands between datasets, as a page to read and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from hevner import extras
from hevner.cli.data_options import Data, Soundfont, check_folders, data_folders
from hevner.cli.options import names_of
from hevner.cli.progress import interruptible, say


def gap(
    out: Annotated[Path, Option("--out", "-o", metavar="DIR", help="New folder for the report.")],
    store: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Folder of the stored features. Of datasets that are not in it, or if no store is "
            "given, only the ratings are compared.",
        ),
    ] = None,
    representation: Annotated[
        str,
        Option(
            metavar="A,B,...",
            help="Features that describe the music, by the names of their encoders in the store.",
        ),
    ] = "musicnn,handcrafted,harmony",
    soundfont: Soundfont = "FluidR3_GM",
    seed: Annotated[int, Option(metavar="N", help="Seed of all random numbers.")] = 0,
    data: Data = [],  # noqa: B006
) -> None:
    """Measure how far datasets lie apart, and what genre does to models of emotion.

    Writes report.html, which needs no network to be read, and CSV files beside it.

    Exit status: 0 all fine, 1 nothing was written, 2 wrong usage.
    """
    check_folders(data)
    folders = data_folders(data)
    extras.require("lab", "'hevner gap'", "sklearn", "umap", "matplotlib")
    from hevner import datasets
    from hevner.lab.data.representations import gather
    from hevner.lab.data.samples import label
    from hevner.lab.gap.report import check_folder, write
    from hevner.lab.gap.study import analyse
    from hevner.store import FeatureStore

    check_folder(out)
    with interruptible("Stopped; nothing was written."):
        tracks = {name: datasets.load(name, folders[name]).tracks for name in folders.available()}
        rated = label([track for own in tracks.values() for track in own], {})
        stored = [name for name in tracks if store is not None and (store / name).is_dir()]
        for name in tracks:
            if name not in stored:
                say(f"{name}: no features, ratings alone")
        samples = None
        if store is not None and stored:
            say("Gathering features")
            wanted = [one for name in stored for one in tracks[name]]
            names = names_of(representation)
            samples = gather(FeatureStore(store), wanted, names, soundfont=soundfont)
        found = analyse(rated, samples, seed=seed, report=lambda step: say(f"Measuring {step}"))
        write(found, out)
    say(f"{out / 'report.html'} is ready.")
