"""``hevner features``: what a feature store holds, whether it is sound, and taking features in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hevner.cli.progress import say

FINE, FAILED = 0, 1

features_app = typer.Typer(
    name="features",
    help="Look at, verify and fill a folder of stored features.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Store = Annotated[
    Path, typer.Argument(metavar="STORE", help="Folder of the store.", show_default=False)
]


@features_app.command("list")
def list_files(
    store: Store, as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False
) -> None:
    """List the features in a store, a line for each dataset and encoder."""
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore

    try:
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
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    if as_json:
        typer.echo(json.dumps(files, indent=2))
        return
    for one in files:
        name = f"{one['encoder']} {one['version']}"
        numbers = f"{one['dimension']} {one['dtype']}"
        more = " ".join(f"{key}={value}" for key, value in one["parameters"].items())
        typer.echo(
            f"{one['dataset']:<12} {name:<32} {numbers:<12} {one['tracks']:>7} tracks "
            f"{one['bytes'] / 1e6:>8.1f} MB {more}".rstrip()
        )


@features_app.command("verify")
def verify(store: Store) -> None:
    """Read everything in a store and take out what is damaged.

    The next extraction makes it again. Exit status: 0 all sound, 1 something was damaged.
    """
    from hevner.errors import HevnerError
    from hevner.store import FeatureFile, FeatureStore

    status = FINE
    try:
        FeatureStore(store).check_exists()
        paths = FeatureStore(store).paths()
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    for path in paths:
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


@features_app.command("migrate")
def migrate_store(store: Store) -> None:
    """Convert a store that an earlier version of hevner wrote; nothing is computed again.

    Let no other process write to the store meanwhile. A file is checked before its old ones are
    deleted; after an interruption, start the command again. Exit status: 0 all converted, 1
    something was damaged.
    """
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore
    from hevner.store.migrate import migrate

    status = FINE
    try:
        for file, dropped in migrate(FeatureStore(store)):
            lost = f", {len(dropped)} damaged ones left out" if dropped else ""
            status = FAILED if dropped else status
            say(f"{file.dataset} {file.kind.name}: {len(file)} entries converted{lost}.")
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    raise typer.Exit(status)


@features_app.command("import")
def import_file(
    store: Store,
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Dataset the tracks belong to.")],
    encoder: Annotated[str, typer.Option(metavar="NAME", help="What made the features.")],
    version: Annotated[str, typer.Option(metavar="VERSION", help="Which version of it.")],
    file: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A .npy, .npz or .csv file, or a folder with <id>.npy files."
        ),
    ],
    array: Annotated[str, typer.Option(metavar="NAME", help="Matrix in the .npz file.")] = "",
    ids: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Ids of the rows: an array in the .npz file, or a text file beside a .npy file.",
        ),
    ] = "",
    id_column: Annotated[str, typer.Option(metavar="NAME", help="Column of ids in a .csv.")] = "",
    columns: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Columns of numbers in a .csv.",
            show_default="all but that of the ids",
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the dataset; ids that are not in it are refused.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Take features that were computed elsewhere into a store, all of a file or none.

    Exit status: 0 all fine, 1 something is wrong with the file or the store.
    """
    from hevner import datasets
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore
    from hevner.store.imports import Source, import_features

    names = tuple(name.strip() for name in columns.split(",") if name.strip())
    source = Source(file, array, ids, id_column, names)
    try:
        known = None if data is None else {track.id for track in datasets.load(dataset, data)}
        stored = import_features(source, FeatureStore(store), dataset, encoder, version, known)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(FAILED) from error
    say(f"{dataset} {stored.kind.name}: {len(stored.ids())} tracks.")
