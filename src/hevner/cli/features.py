"""``hevner features``: list, verify and import the features in a store."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hevner.cli.data_options import dataset_folder
from hevner.cli.group import Group
from hevner.cli.layout import write_json
from hevner.cli.options import AsJson, names_of
from hevner.cli.progress import FAILED, FINE, say

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="List, verify, import and migrate the features in a store.",
)

Store = Annotated[Path, Argument(metavar="STORE", help="Folder of the store.")]


@app.command("list")
def list_files(store: Store, as_json: AsJson = False) -> None:
    """List the features in a store, a line for each dataset and encoder."""
    from hevner.store import FeatureStore

    files = [
        {
            "dataset": file.dataset,
            **asdict(file.kind),
            "tracks": len(file.ids()),
            "entries": len(file),
            "bytes": file.size,
        }
        for file in FeatureStore(store).files()
    ]
    if as_json:
        write_json(files)
        return
    for one in files:
        name = f"{one['encoder']} {one['version']}"
        numbers = f"{one['dimension']} {one['dtype']}"
        more = " ".join(f"{key}={value}" for key, value in one["parameters"].items())
        typer.echo(
            f"{one['dataset']:<12} {name:<32} {numbers:<12} {one['tracks']:>7} tracks "
            f"{one['bytes'] / 1e6:>8.1f} MB {more}".rstrip()
        )


@app.command("verify")
def verify(store: Store) -> None:
    """Read everything in a store and remove damaged entries.

    The next extraction computes them again. Exit status: 0 all sound, 1 something was damaged.
    """
    from hevner.errors import HevnerError
    from hevner.store import FeatureFile, FeatureStore

    status = FINE
    FeatureStore(store).check_exists()
    for path in FeatureStore(store).paths():
        try:
            file = FeatureFile(path)
            checked, dropped = len(file), file.verify()
        except HevnerError as error:
            say(f"Error: {error}")
            status = FAILED
            continue
        for entry in dropped:
            names = ", ".join(" ".join(names).strip() for names in entry.tracks) or "no track"
            say(f"Dropped from {path}: {names}: its checksum does not fit.")
            status = FAILED
        say(f"{file.dataset} {file.kind.name}: {checked - len(dropped)} of {checked} sound.")
    raise typer.Exit(status)


@app.command("migrate")
def migrate_store(store: Store) -> None:
    """Convert a store that an earlier version of hevner wrote; nothing is computed again.

    Let no other process write to the store meanwhile. A file is checked before its old ones are
    deleted; after an interruption, start the command again. Exit status: 0 all converted, 1
    something was damaged.
    """
    from hevner.store import FeatureStore
    from hevner.store.migrate import migrate

    status, count = FINE, 0
    for file, dropped in migrate(FeatureStore(store)):
        count += 1
        lost = f", {len(dropped)} damaged ones left out" if dropped else ""
        status = FAILED if dropped else status
        say(f"{file.dataset} {file.kind.name}: {len(file)} entries converted{lost}.")
    if not count:
        say("Nothing to convert.")
    raise typer.Exit(status)


@app.command("import")
def import_file(
    store: Store,
    dataset: Annotated[str, Option(metavar="NAME", help="Dataset the tracks belong to.")],
    encoder: Annotated[str, Option(metavar="NAME", help="Encoder that computed the features.")],
    version: Annotated[str, Option(metavar="VERSION", help="Version of the encoder.")],
    file: Annotated[
        Path,
        Option(metavar="FILE", help="A .npy, .npz or .csv file, or a folder with <id>.npy files."),
    ],
    array: Annotated[str, Option(metavar="NAME", help="Matrix in the .npz file.")] = "",
    ids: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Ids of the rows: an array in the .npz file, or a text file beside a .npy file.",
        ),
    ] = "",
    id_column: Annotated[str, Option(metavar="NAME", help="Column of ids in a .csv.")] = "",
    columns: Annotated[
        str,
        Option(
            metavar="A,B,...",
            help="Columns of numbers in a .csv.",
            show_default="all but that of the ids",
        ),
    ] = "",
    data: Annotated[
        list[str],
        Option(
            metavar="[NAME=]DIR",
            help="Folder of the dataset, or one that holds it in a folder of its name; ids that "
            "are not in the dataset are refused.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Import features that were computed with other software, all of a file or none.

    Exit status: 0 all fine, 1 something is wrong with the file or the store.
    """
    from hevner import datasets
    from hevner.store import FeatureStore
    from hevner.store.imports import Source, import_features

    known = None
    if data:
        known = {track.id for track in datasets.load(*dataset_folder(data, dataset))}
    source = Source(file, array, ids, id_column, names_of(columns))
    stored = import_features(source, FeatureStore(store), dataset, encoder, version, known)
    say(f"{dataset} {stored.kind.name}: {len(stored.ids())} tracks.")
