"""Tables of labels whose columns and folders a person describes in ``layout.toml``.

Conventions
-----------
The file lies in the dataset's folder and states differences from the defaults of the dataset::

    annotations = "labels.csv"
    audio = "wav"
    delimiter = ";"

    [columns]
    id = "excerpt"
    valence = "V"
    tags = "moods"

    [scales]
    valence = "1..9"
    arousal = "1..9"

The column ``id`` names the track and its file below the audio folder, with or without ending,
unless ``file`` does. A column named in ``layout.toml`` must be there; a default one is used if it
is there, and ``id`` always. The keys ``moments``, ``empty_cells`` and ``rater_weights``, and the
columns ``rater`` and ``time``, are those of `hevner.datasets.own`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from hevner.datasets.card import FOLDER
from hevner.emotion import AXES, BASIC, Scale
from hevner.errors import DataError, HevnerError
from hevner.heads import BY_NAME
from hevner.text_file import read_toml

FILE = "layout.toml"

FELT = BY_NAME["gems"].columns
"""Columns of the nine emotions of GEMS, as tables of analyses name them: ``mood_amazement``, ..."""

FIELDS = (
    "id",
    "file",
    "valence",
    "arousal",
    "tension",
    *BASIC,
    *FELT,
    "valence_std",
    "arousal_std",
    "raters",
    "quadrant",
    "cluster",
    "category",
    "rater",
    "time",
    "artist",
    "title",
    "album",
    "genre",
    "group",
    "split",
    "tags",
)
"""Fields that a column can hold."""

OPTIONS = ("annotations", "audio", "moments", "delimiter", "tag_separator")

CHOICES = {"empty_cells": ("refuse", "missing"), "rater_weights": ("equal", "agreement")}
"""Further keys, and their values; the first is the default."""

RATED = (*AXES, "tension", *BASIC, *FELT)
"""Fields that are ratings on a scale; the basic emotions share one, named ``emotions``, those of
GEMS another, ``moods``."""

LABELS = (*RATED, "quadrant", "cluster", "category", "tags")


@dataclass(frozen=True)
class Layout:
    """Files, columns and scales of a dataset.

    Attributes
    ----------
    annotations, audio
        File of labels and folder of audio, below the dataset's folder.
    delimiter, tag_separator
        Characters between columns, and between tags within a column.
    columns
        Name of the column by field, any of `FIELDS`.
    required
        Fields that every track must have.
    named
        Further fields whose column must be there; its cells may be empty.
    scales
        Nominal scale by field: ``valence``, ``arousal``, ``tension``, ``emotions`` for all of the
        basic emotions, and ``moods`` for all of GEMS.
    gaps
        Whether rows without any label are left out, and not faults.
    moments
        File of ratings over time, below the dataset's folder.
    empty_cells
        ``missing`` if an empty cell is a label that is missing, ``refuse`` if it is a fault.
    rater_weights
        ``agreement`` if raters who agree with the others count more, ``equal`` if all count alike.
    """

    annotations: str = "annotations.csv"
    audio: str = "audio"
    delimiter: str = ","
    tag_separator: str = ","
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in FIELDS})
    required: frozenset[str] = frozenset({"id"})
    named: frozenset[str] = frozenset()
    scales: dict[str, Scale] = field(default_factory=dict)
    gaps: bool = False
    moments: str = "moments.csv"
    empty_cells: str = "refuse"
    rater_weights: str = "equal"


@cache
def default_layout(name: str) -> Layout:
    """The layout of a dataset that is a table: ``[table]`` of its card, whose scales hold in it."""
    facts = read_toml(FOLDER / f"{name}.toml")
    table = facts["table"]
    scales = {axis: facts[axis] for axis in AXES if axis in facts} | table.pop("scales", {})
    known = {name: Scale(*ends) for name, ends in scales.items()}
    return Layout(**table | {"required": frozenset(table["required"]), "scales": known})


def read_layout(folder: Path, default: Layout) -> Layout:
    """The layout of a folder: its ``layout.toml`` over the default.

    Raises
    ------
    DataError
        If the file is not TOML, or holds something unknown or of the wrong type.
    """
    path = folder / FILE
    if not path.is_file():
        return default
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"not TOML ({error})", subject=str(path), remedy="Correct the file", code="not_toml"
        ) from error
    columns = _texts(content.pop("columns", {}), FIELDS, f"{path}, [columns]")
    scales = _texts(
        content.pop("scales", {}), (*AXES, "tension", "emotions", "moods"), f"{path}, [scales]"
    )
    options = _texts(content, (*OPTIONS, *CHOICES), str(path), "the tables [columns], [scales]")
    for key, known in CHOICES.items():
        if options.get(key, known[0]) not in known:
            raise DataError(
                f"{key} = {options[key]!r} is not one of {', '.join(known)}",
                subject=str(path),
                remedy="Correct the file",
                code="wrong_value",
            )
    delimiter = options.get("delimiter", default.delimiter)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise DataError(
            f"delimiter {delimiter!r} is not one character between columns",
            subject=str(path),
            remedy=r'Write one, such as "," or ";" or "\t"',
            code="wrong_value",
        )
    given: dict[str, Any] = {**options, "delimiter": delimiter}
    return replace(
        default,
        **given,
        columns={**default.columns, **columns},
        named=frozenset(columns),
        scales={**default.scales, **{axis: _scale(scales[axis], path) for axis in scales}},
    )


def _texts(table: Any, known: tuple[str, ...], where: str, extra: str = "") -> dict[str, str]:
    if not isinstance(table, dict):
        raise DataError(
            "is not a table",
            subject=where,
            remedy="Write keys below the heading",
            code="wrong_type",
        )
    for key, value in table.items():
        if key not in known:
            raise DataError(
                f"unknown key '{key}'",
                subject=where,
                remedy=f"Known are {', '.join(known)}{' and ' if extra else ''}{extra}",
                code="unknown_key",
            )
        if not isinstance(value, str) or not value:
            raise DataError(
                f"{key} = {value!r} is not a text",
                subject=where,
                remedy='Write it in "quotes"',
                code="wrong_type",
            )
    return table


def _scale(text: str, path: Path) -> Scale:
    try:
        return Scale.parse(text)
    except HevnerError as error:
        raise DataError(
            error.cause, subject=f"{path}, [scales]", remedy=error.remedy, code="wrong_value"
        ) from error
