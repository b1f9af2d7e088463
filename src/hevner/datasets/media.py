"""The audio or MIDI files of a dataset, found by the name before the ending."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hevner.datasets.card import Card
from hevner.datasets.findings import Findings
from hevner.errors import DataError
from hevner.files import SUFFIXES

MIDI_SUFFIXES = frozenset({".mid", ".midi"})


class Media:
    """Media files under the folders where a dataset may keep them.

    Parameters
    ----------
    card
        Facts about the dataset.
    folder
        Folder of the dataset.
    places
        Folders below it that may hold the files, also in folders of their own; those that do not
        exist are passed over. If none exists, the tracks have labels only.
    findings
        Takes missing files.
    """

    def __init__(self, card: Card, folder: Path, places: Sequence[str], findings: Findings) -> None:
        self._card, self._findings = card, findings
        self._folders = [folder / place for place in places if (folder / place).is_dir()]
        suffixes = MIDI_SUFFIXES if card.media == "MIDI" else SUFFIXES
        self._files: dict[str, Path] = {}
        for place in self._folders:
            for file in sorted(place.rglob("*")):
                if file.suffix.lower() in suffixes and not file.name.startswith("."):
                    stem = file.relative_to(place).with_suffix("").as_posix()
                    # A copy at a lower bit rate ends with .low.
                    self._files.setdefault(stem.removesuffix(".low"), file)
        self._asked: set[str] = set()
        if not self._folders:
            findings.note(
                "labels-only",
                f"no {card.media} found: looked for {' and '.join(places)}",
                str(folder),
            )

    @property
    def stems(self) -> tuple[str, ...]:
        """Paths of all files below their folder, without the ending."""
        return tuple(self._files)

    def find(self, stem: str, where: str) -> Path | None:
        """The file of a track; None if there are no media files, or a missing one is tolerated.

        Parameters
        ----------
        stem
            Path below the folder, without the ending.
        where
            Place of the row with the label.

        Raises
        ------
        DataError
            If it is missing.
        """
        self._asked.add(stem)
        file = self._files.get(stem)
        if file is None and self._folders:
            self._findings.problem(
                "missing-file",
                DataError(
                    f"label for a missing file '{stem}' in {self._folders[0]}",
                    subject=where,
                    remedy="Fetch the file or remove the row",
                    code="file_missing",
                ),
            )
        return file

    def report_unlabelled(self) -> None:
        """Note files that no row asked for, beyond those known to have no label."""
        extra = [file for stem, file in self._files.items() if stem not in self._asked]
        if len(extra) <= self._card.unlabelled:
            if extra:
                self._findings.note(
                    "unlabelled-file", "files without a label, as published", tracks=len(extra)
                )
            return
        for file in extra:
            self._findings.problem(
                "unlabelled-file",
                DataError(
                    "file without a label",
                    subject=str(file),
                    remedy="Add its row to the annotations or move the file away",
                    code="unlabelled_file",
                ),
            )
