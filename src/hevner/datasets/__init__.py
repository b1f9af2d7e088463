"""All datasets, read in the same way.

`load` gives tracks with repaired labels, `check` a report of all faults, `card` the facts about a
dataset. Each dataset is a card (`hevner.datasets.card`) and a module with a function ``read``, or
the layout of a table (`hevner.datasets.layout.default_layout`) in its card.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hevner.datasets.card import Card, Defect, read_card
from hevner.datasets.findings import Finding, Findings
from hevner.datasets.layout import default_layout, read_layout
from hevner.datasets.table import read_tracks
from hevner.datasets.track import Curve, Track
from hevner.errors import DataError
from hevner.files import expanded

NAMES = (
    "emomusic",
    "deam",
    "pmemo",
    "wtc",
    "wcmed",
    "ccmed",
    "mtg_jamendo",
    "musemo",
    "vgmidi",
    "emopia",
    "emotify",
    "memomusic",
    "film",
    "film_listeners",
    "musifeast",
    "quadrants4q",
    "mirex",
    "own",
)
"""All datasets; ``own`` is any table of labels beside a folder of audio."""

NAMED = 20
"""Problems that the error of `load` names after the first; `check` has all."""

Labels = Literal["repaired", "as_published"]

__all__ = [
    "NAMES",
    "Card",
    "Curve",
    "Dataset",
    "Defect",
    "Finding",
    "Labels",
    "Track",
    "card",
    "check",
    "data_folder",
    "load",
]


@dataclass(frozen=True)
class Dataset:
    """The tracks of a dataset and the findings of reading it.

    Attributes
    ----------
    card
        Facts about it.
    folder
        Folder that was read.
    labels
        Whether its defects were repaired.
    tracks
        In the order of the annotations.
    findings
        Problems, repairs, notes.
    """

    card: Card
    folder: Path
    labels: Labels
    tracks: tuple[Track, ...]
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.tracks)

    def __iter__(self) -> Iterator[Track]:
        return iter(self.tracks)

    def __getitem__(self, track: str) -> Track:
        """The track with an id."""
        for one in self.tracks:
            if one.id == track:
                return one
        raise DataError(
            f"no track '{track}'",
            subject=self.card.name,
            remedy="Check the id in the annotations",
            code="unknown_id",
        )

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that need a person."""
        return tuple(finding for finding in self.findings if finding.kind == "problem")


def card(name: str) -> Card:
    """The facts about a dataset.

    Raises
    ------
    DataError
        If there is no such dataset.
    """
    if name not in NAMES:
        raise DataError(
            f"no dataset '{name}'",
            remedy=f"Choose one of {', '.join(NAMES)}",
            code="unknown_dataset",
        )
    return read_card(name)


def load(
    name: str, folder: str | Path, *, labels: Labels = "repaired", partial: bool = False
) -> Dataset:
    """Read a dataset.

    Parameters
    ----------
    name
        One of `NAMES`.
    folder
        The dataset's own folder, as its archive unpacks, or laid out as the card's ``layout``.
    labels
        Labels with their defects repaired, or as they were published.
    partial
        Leave out tracks whose audio or MIDI file is missing, instead of stopping.

    Raises
    ------
    DataError
        If there is no such dataset, or there is a problem in its files; the error names the others
        too. Media files without a label are no problem here; `check` names them.
    """
    tolerated = {"unlabelled-file"} | ({"missing-file"} if partial else set())
    findings = Findings(frozenset(tolerated))
    try:
        dataset = _read(name, Path(folder), labels, findings)
    except DataError as error:
        raise _with_others(error, check(name, folder, labels=labels), tolerated) from error
    if partial:
        tracks = tuple(track for track in dataset if track.media is not None)
        return replace(dataset, tracks=tracks)
    return dataset


def check(name: str, folder: str | Path, *, labels: Labels = "repaired") -> Dataset:
    """Read a dataset to the end and note every problem.

    A row that cannot be read is left out; a track whose file is missing stays, without media.

    Raises
    ------
    DataError
        If there is no such dataset.
    """
    findings = Findings(tolerate=None)
    try:
        return _read(name, Path(folder), labels, findings)
    except DataError as error:
        findings.problem("unreadable", error)
        return Dataset(card(name), Path(folder), labels, (), tuple(findings.found))


def _with_others(error: DataError, found: Dataset, tolerated: set[str]) -> DataError:
    """An error whose remedy names the other problems of a dataset."""
    others = [one for one in found.problems if one.name not in tolerated][1:]
    if not others:
        return error
    lines = [f"{one.subject}: {one.cause}" for one in others[:NAMED]]
    more = [f"and {len(others) - NAMED} more"] if len(others) > NAMED else []
    count = f"{len(others)} more problem{'s' * (len(others) > 1)}"
    remedy = "\n  ".join([f"{error.remedy}. There are {count}:", *lines, *more])
    return DataError(
        error.cause,
        subject=error.subject,
        remedy=f"{remedy}\n'hevner datasets check {found.card.name} {found.folder}' lists all",
        code=error.code,
    )


def _read(name: str, folder: Path, labels: Labels, findings: Findings) -> Dataset:
    known = card(name)
    if labels not in ("repaired", "as_published"):
        raise DataError(
            f"no labels '{labels}'", remedy="Choose repaired or as_published", code="unknown_choice"
        )
    if not folder.is_dir():
        raise DataError(
            "no such folder",
            subject=str(folder),
            remedy="Check the path; the option for it is --data own=DIR"
            if name == "own"
            else f"Get {known.title} from {known.source}",
            code="folder_missing",
        )
    module = f"hevner.datasets.{name}"
    if find_spec(module):
        tracks = import_module(module).read(folder, findings, labels)
    else:
        tracks = read_tracks(known, folder, read_layout(folder, default_layout(name)), findings)
    return Dataset(known, folder, labels, tuple(tracks), tuple(findings.found))


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder that holds the datasets: the argument, or the variable ``HEVNER_DATA``.

    Raises
    ------
    DataError
        If neither names an existing folder.
    """
    chosen = folder or os.environ.get("HEVNER_DATA")
    place = expanded(chosen or "")
    if not chosen or not place.is_dir():
        raise DataError(
            f"no data folder at '{chosen}'" if chosen else "no data folder given",
            remedy="Name it with --data or in the environment variable HEVNER_DATA",
            code="folder_missing",
        )
    return place
