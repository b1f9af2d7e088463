"""Tracks of a table, row by row, after its layout (`hevner.datasets.layout`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from hevner.datasets.card import Card
from hevner.datasets.findings import Findings
from hevner.datasets.layout import FELT, FIELDS, FILE, LABELS, RATED, Layout
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows
from hevner.datasets.track import Track
from hevner.emotion import BASIC, UNIT, Quadrant
from hevner.errors import DataError
from hevner.files import SUFFIXES

Made = TypeVar("Made")


def read_tracks(card: Card, folder: Path, layout: Layout, findings: Findings) -> list[Track]:
    """Tracks of a table.

    The group is the column ``group``, else the artist, else the track itself.

    Raises
    ------
    DataError
        If there is no label column, or one without a scale; or for a bad row, unless tolerated.
    """
    rows, columns = read_table(folder, layout)
    media = Media(card, folder, (layout.audio,), findings)

    def track(row: Row) -> Track | None:
        if layout.gaps and not labelled(row, columns, layout):
            media.find(stem(row.text(columns["id"])), row.where)
            return None
        return track_of(card.name, row, columns, layout, media.find)

    tracks = each(rows, columns["id"], findings, track)
    media.report_unlabelled()
    return [one for one in tracks if one is not None]


def read_table(folder: Path, layout: Layout) -> tuple[list[Row], dict[str, str]]:
    """Rows of the annotations, and the column of each field that they have.

    Raises
    ------
    DataError
        If the file cannot be read, a column is missing, or the scale of one is not stated.
    """
    path = folder / layout.annotations
    must = layout.required | layout.named
    expected = [layout.columns[name] for name in FIELDS if name in must]
    rows = read_rows(path, expected, delimiter=layout.delimiter)
    columns = {name: column for name, column in layout.columns.items() if column in rows[0].values}
    check_labels(columns, layout, path)
    return rows, columns


def labelled(row: Row, columns: Mapping[str, str], layout: Layout) -> bool:
    """Whether a row has any label; where tags are the only label, having none is one too."""
    given = [name for name in LABELS if name in columns]
    no_tag_counts = given == ["tags"] and layout.empty_cells == "refuse"
    return no_tag_counts or any(row.values[columns[name]] for name in given)


def check_labels(columns: Mapping[str, str], layout: Layout, path: Path) -> None:
    """Refuse columns without a label, and ratings whose scale is not stated.

    Raises
    ------
    DataError
        If the annotations cannot be used.
    """
    if not set(LABELS) & columns.keys():
        raise DataError(
            f"no column of {', '.join(LABELS)}",
            subject=str(path),
            remedy=f"Name the columns in {FILE}, below [columns]",
            code="column_missing",
        )
    for name in RATED:
        scale = scale_name(name)
        if name in columns and scale not in layout.scales:
            raise DataError(
                f"the scale of column {columns[name]} is not stated",
                subject=str(path),
                remedy=f"State it in {path.parent / FILE}, for example: "
                f'[scales] on a line of its own, then {scale} = "1..9"',
                code="scale_missing",
            )


def scale_name(name: str) -> str:
    """Name of the scale of a rating: the basic emotions share one, and those of GEMS."""
    return "emotions" if name in BASIC else "moods" if name in FELT else name


@dataclass
class _Cells:
    """The cells of a row by field; faults are collected, so that all of a row are named."""

    row: Row
    columns: Mapping[str, str]
    layout: Layout
    faults: list[DataError] = field(default_factory=list)

    def there(self, name: str) -> bool:
        """Whether a field has a column, and in this row a value where it may lack one."""
        may_be_empty = self.layout.empty_cells == "missing"
        return name in self.columns and bool(
            not may_be_empty or self.row.values[self.columns[name]]
        )

    def text(self, name: str) -> str:
        """The text of a field; empty if there is none."""
        if name in self.layout.required:
            return self.row.text(self.columns[name])
        return self.row.values[self.columns[name]] if name in self.columns else ""

    def value(self, name: str, read: Callable[[str], Made]) -> Made | None:
        """What ``read`` makes of the column of a field; None if that is missing or at fault."""
        if not self.there(name):
            return None
        try:
            return read(self.columns[name])
        except DataError as fault:
            self.faults.append(fault)
            return None

    def rating(self, name: str) -> float | None:
        """The rating of a field on the unit scale."""
        scale = self.layout.scales.get(scale_name(name), UNIT)
        return self.value(name, lambda column: self.row.rating(column, scale))

    def spread(self, axis: str) -> float | None:
        """The standard deviation of an axis on the unit scale; None without the axis itself."""
        if not self.there(axis):
            return None
        scale = self.layout.scales[axis]
        return self.value(f"{axis}_std", lambda column: self.row.spread(column, scale))

    def emotions(self) -> tuple[float, ...] | None:
        """The basic emotions, NaN for those that were not rated; None if none was."""
        return self._several(BASIC)

    def felt(self) -> tuple[float, ...] | None:
        """The emotions of GEMS in [0, 1], NaN for those that were not rated; None if none was."""
        found = self._several(FELT)
        return None if found is None else tuple((value + 1) / 2 for value in found)

    def _several(self, names: tuple[str, ...]) -> tuple[float, ...] | None:
        found = [self.rating(name) for name in names]
        if all(value is None for value in found):
            return None
        return tuple(math.nan if value is None else value for value in found)

    def tags(self) -> tuple[str, ...] | None:
        """The tags of a row."""
        parts = self.text("tags").split(self.layout.tag_separator)
        return tuple(filter(None, map(str.strip, parts))) if self.there("tags") else None

    def raise_faults(self) -> None:
        """Raise one error for all faults of the row, if there are any."""
        if self.faults:
            causes = "; ".join(fault.cause for fault in self.faults)
            raise self.row.fault(self.faults[0].code, causes, self.faults[0].remedy)


def track_of(
    dataset: str,
    row: Row,
    columns: Mapping[str, str],
    layout: Layout,
    find: Callable[[str, str], Path | None],
) -> Track:
    """The track of a row.

    Parameters
    ----------
    dataset
        Name of the dataset.
    row, columns, layout
        The row, the column of each field that the table has, and their meaning.
    find
        Returns the media file by its name without ending and the place of the row.

    Raises
    ------
    DataError
        If a cell is missing or unfit, or the media file is missing.
    """
    cells = _Cells(row, columns, layout)
    name = stem(row.text(columns["id"]))
    file = stem(row.text(columns["file"])) if "file" in columns else name
    track = Track(
        dataset,
        name,
        find(file, row.where),
        group=cells.text("group") or cells.text("artist") or name,
        recording=f"{dataset}/{name}",
        title=cells.text("title"),
        artist=cells.text("artist"),
        album=cells.text("album"),
        genre=cells.text("genre"),
        valence=cells.rating("valence"),
        arousal=cells.rating("arousal"),
        valence_std=cells.spread("valence"),
        arousal_std=cells.spread("arousal"),
        raters=cells.value("raters", row.integer),
        quadrant=cells.value("quadrant", partial(quadrant, row)),
        tension=cells.rating("tension"),
        emotions=cells.emotions(),
        gems=cells.felt(),
        cluster=cells.value("cluster", partial(_cluster, row)),
        category=cells.value("category", row.text),
        tags=cells.tags(),
        official_split=cells.text("split"),
    )
    cells.raise_faults()
    return track


def quadrant(row: Row, column: str) -> Quadrant:
    """The quadrant in a column, as ``Q1`` or ``1``.

    Raises
    ------
    DataError
        If it is not one of the four.
    """
    name = "Q" + row.text(column).upper().removeprefix("Q")
    if name not in Quadrant.__members__:
        cause = f"'{row.text(column)}' in column {column} is not a quadrant"
        raise row.fault("not_a_quadrant", cause, "Expected Q1, Q2, Q3 or Q4")
    return Quadrant[name]


def _cluster(row: Row, column: str) -> int:
    number = row.integer(column)
    if not 1 <= number <= 5:
        raise row.fault("off_scale", f"{number} in column {column} is no mood cluster from 1 to 5")
    return number


def stem(name: str) -> str:
    """A name without the ending of an audio file."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name
