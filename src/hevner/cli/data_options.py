"""Options of the research verbs: folders of datasets, the store, tables and dry runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

import typer
from typer import Option

from hevner.cli.progress import FAILED, say
from hevner.errors import DataError
from hevner.files import expanded

Loaded = TypeVar("Loaded")

VARIABLE = "HEVNER_DATA"
"""Environment variable with the folder of the datasets, used if ``--data`` is not given."""

NAME_IT = "Name its folder, such as --data own=DIR for labels of your own"
"""Remedy where ``--data`` gives no dataset."""

OTHERS = ("pop909",)
"""Collections without ratings that recipes can use, beside `hevner.datasets.NAMES`."""

Data = Annotated[
    list[str],
    Option(
        metavar="[NAME=]DIR",
        help="Folder that holds each dataset in a folder of its name, or NAME=DIR for the folder "
        "of one dataset; repeatable.",
        show_default=f"${VARIABLE}",
    ),
]
Store = Annotated[Path, Option("--store", metavar="DIR", help="Folder of the stored features.")]
Table = Annotated[Path, Option("--out", "-o", metavar="FILE.CSV", help="Table to write.")]
Soundfont = Annotated[
    str, Option(metavar="NAME", help="Soundfont that MIDI files are rendered with.")
]
DryRun = Annotated[
    bool, Option("--dry-run", help="Report what would be done and what is missing; do nothing.")
]


class DataFolders(dict[str, Path]):
    """The folder of each dataset, by name, whether it exists or not.

    Attributes
    ----------
    named
        Datasets that were given as ``NAME=DIR``.
    """

    named: tuple[str, ...] = ()

    def __missing__(self, name: str) -> Path:
        from hevner.datasets import card

        card(name)  # an unknown name has an error of its own
        raise DataError(
            "its folder is not given",
            subject=name,
            remedy=f"Add --data {name}=DIR",
            code="folder_missing",
        )

    def available(self) -> list[str]:
        """Datasets that were named, and others of labelled music whose folder exists."""
        others = (n for n, folder in self.items() if n not in OTHERS and folder.is_dir())
        return list(dict.fromkeys([*self.named, *others]))


class Run(NamedTuple):
    """Where training or a study reads and writes, its number of processes, and whether it is dry.

    ``dry`` is the option ``--dry-run``.
    """

    folders: DataFolders
    store: Path
    out: Path
    jobs: int
    dry: bool


def complete(loaded: tuple[Loaded | None, Sequence[str]]) -> Loaded:
    """Name the datasets that a study misses, and return the study on the others.

    Raises
    ------
    typer.Exit
        If no dataset is complete.
    """
    study, missing = loaded
    for line in missing:
        say(f"Missing: {line}")
    if study is None:
        say("Error: no dataset is complete; nothing was done.")
        raise typer.Exit(FAILED)
    return study


def data_folders(data: Sequence[str]) -> DataFolders:
    """The folders that ``--data`` gives.

    Parameters
    ----------
    data
        Values of the option: folders that hold datasets, and ``NAME=DIR``. Of several folders,
        the first that holds a dataset is taken; ``NAME=DIR`` has precedence.
    """
    from hevner.datasets import NAMES

    roots, named = _parse(data)
    found = DataFolders()
    for name in (*NAMES, *OTHERS):
        places = [root / name for root in roots]
        for folder in [place for place in places if place.is_dir()] or places[:1]:
            found.setdefault(name, folder)
    found.update(named)
    found.named = tuple(named)
    return found


def check_folders(data: Sequence[str]) -> None:
    """Refuse folders of ``--data`` that are not there."""
    roots, named = _parse(data)
    for folder in (*roots, *named.values()):
        if not folder.is_dir():
            raise typer.BadParameter(f"there is no folder {folder}", param_hint="--data")


def dataset_folder(data: Sequence[str], dataset: str = "") -> tuple[str, Path]:
    """Name and folder of the one dataset that a verb works on.

    ``--data DIR`` may be the dataset's own folder here, if it holds no folder of a dataset's name.

    Parameters
    ----------
    data
        Values of the option ``--data``.
    dataset
        Name of the dataset; empty for the only one that ``--data`` names.
    """
    from hevner.datasets import NAMES, card

    roots, named = _parse(data)
    if not dataset:
        if len(named) != 1:
            raise typer.BadParameter("name the dataset", param_hint="--dataset")
        (dataset,) = named
    card(dataset)
    if dataset in named:
        return dataset, named[dataset]
    for root in roots:
        if (root / dataset).is_dir():
            return dataset, root / dataset
    if roots and not any((root / name).is_dir() for root in roots for name in NAMES):
        return dataset, roots[0]
    return dataset, data_folders(data)[dataset]


def shared_store() -> Path:
    """Folder of the features of music of one's own where ``--store`` names none.

    All verbs share it, so that one file is analysed once.
    """
    from hevner.cache import default_folder

    return default_folder() / "features"


def check_table(out: Path) -> None:
    """Refuse a table whose name does not end in .csv."""
    if out.suffix.lower() != ".csv":
        raise typer.BadParameter("must end in .csv", param_hint="--out")


def _parse(data: Sequence[str]) -> tuple[list[Path], dict[str, Path]]:
    """Folders that hold datasets, and folders of datasets by name."""
    from hevner.datasets import NAMES

    roots: list[Path] = []
    named: dict[str, Path] = {}
    for text in data or filter(None, [os.environ.get(VARIABLE)]):
        name, equals, folder = text.partition("=")
        if not equals or Path(text).is_dir():
            roots.append(expanded(text))
        elif not folder or name not in (*NAMES, *OTHERS):
            known = ", ".join((*NAMES, *OTHERS))
            raise typer.BadParameter(
                f"'{text}' is not NAME=DIR with one of the names {known}", param_hint="--data"
            )
        elif name in named:
            raise typer.BadParameter(f"{name} is named twice", param_hint="--data")
        else:
            named[name] = expanded(folder)
    if not roots and not named:
        raise typer.BadParameter(
            f"is needed, as no folder is set in {VARIABLE}", param_hint="--data"
        )
    return roots, named
