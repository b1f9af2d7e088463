"""What a dataset hands to training and evaluation: clips with named, possibly missing labels.

Conventions
-----------
Valence and arousal are on the unit scale [-1, 1]; each loader states the scale it converts from.
A label that a set does not have is ``None``. ``group`` names what must not be split between
training and test (song, game, artist proxy).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.emotion import Quadrant
from hevner.errors import DataError


@dataclass(frozen=True)
class Curve:
    """Ratings over time.

    Attributes
    ----------
    times
        Seconds at the middle of each rated span, rising, shape ``(n,)``.
    valence, arousal
        Mean over raters on the unit scale, shape ``(n,)``.
    """

    times: NDArray[np.float64]
    valence: NDArray[np.float64]
    arousal: NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """One labelled piece of music.

    Attributes
    ----------
    dataset, id
        Together they name the clip.
    path
        Its audio or MIDI file.
    group
        What must stay on one side of a split.
    domain
        Genre, series or the like, for leave-one-domain-out tests; empty if unknown.
    valence, arousal
        Unit scale, or None.
    quadrant
        Where only that was rated, or in addition.
    gems
        Shares of listeners who felt each of `hevner.emotion.GEMS`, in [0, 1].
    curve
        Ratings over time.
    """

    dataset: str
    id: str
    path: Path
    group: str
    domain: str = ""
    valence: float | None = None
    arousal: float | None = None
    quadrant: Quadrant | None = None
    gems: tuple[float, ...] | None = None
    curve: Curve | None = None


Loader = Callable[[Path], list[Clip]]


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder that holds the datasets: the argument, or the variable ``HEVNER_DATA``.

    Raises
    ------
    DataError
        If neither names an existing folder.
    """
    chosen = folder or os.environ.get("HEVNER_DATA")
    if not chosen or not Path(chosen).is_dir():
        raise DataError(
            f"no data folder at '{chosen}'" if chosen else "no data folder given",
            remedy="Name it with --data or in the environment variable HEVNER_DATA",
        )
    return Path(chosen)


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file with their line number.

    Raises
    ------
    DataError
        If the file or one of the columns is missing.
    """
    if not path.is_file():
        raise DataError("no such file", subject=str(path), remedy="Check the dataset folder")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(
                f"column {', '.join(missing)} is missing",
                subject=str(path),
                remedy=f"Expected the columns {', '.join(columns)}",
            )
        for row in reader:
            yield reader.line_num, row


def number(row: dict[str, str], column: str, path: Path, line: int) -> float:
    """The number in a cell.

    Raises
    ------
    DataError
        If the cell is empty or no finite number.
    """
    try:
        value = float(row[column])
    except (TypeError, ValueError):  # TypeError: the line ends before this column
        value = float("nan")
    if not np.isfinite(value):
        raise DataError(
            f"'{row[column]}' in column {column} is not a number",
            subject=f"{path}, line {line}",
            remedy="Correct or remove the row",
        )
    return value


def existing(path: Path, where: str) -> Path:
    """``path``, which the label at a place refers to.

    Raises
    ------
    DataError
        If there is no such file.
    """
    if not path.is_file():
        raise DataError(
            f"label for a missing file '{path.name}'",
            subject=where,
            remedy="Fetch the file or remove the row",
        )
    return path
