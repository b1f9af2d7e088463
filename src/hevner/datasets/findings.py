"""Problems, repairs and notes from reading a dataset.

`hevner.datasets.load` stops at the first problem, `hevner.datasets.check` notes it, leaves the row
out and goes on, so that one report has all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from hevner.errors import DataError


@dataclass(frozen=True)
class Finding:
    """A problem, repair or note.

    Attributes
    ----------
    kind
        A problem needs a person; a repair was made to the labels; a note is good to know.
    name
        Kind of finding, with hyphens, such as ``missing-file``; a repair has the name of the
        defect.
    cause
        Description, as a clause.
    subject
        File and row, or track.
    remedy
        Action for a person; empty for repairs and notes.
    tracks
        Number of tracks concerned.
    code
        Code of the error of a problem (`hevner.errors.HevnerError`); empty for repairs and notes.
    """

    kind: Literal["problem", "repair", "note"]
    name: str
    cause: str
    subject: str = ""
    remedy: str = ""
    tracks: int = 1
    code: str = ""


class Findings:
    """Collects findings.

    Parameters
    ----------
    tolerate
        Names of problems that are noted instead of raised; None tolerates all.
    """

    def __init__(self, tolerate: frozenset[str] | None = frozenset()) -> None:
        self.tolerate = tolerate
        self.found: list[Finding] = []

    def problem(self, name: str, error: DataError) -> None:
        """Note a problem, or raise it if it is not tolerated."""
        if self.tolerate is not None and name not in self.tolerate:
            raise error
        self.found.append(
            Finding("problem", name, error.cause, error.subject, error.remedy, code=error.code)
        )

    def repair(self, name: str, cause: str, tracks: int, subject: str = "") -> None:
        """Note that labels were changed or left out."""
        self.found.append(Finding("repair", name, cause, subject, tracks=tracks))

    def note(self, name: str, cause: str, subject: str = "", tracks: int = 1) -> None:
        """Note something good to know."""
        self.found.append(Finding("note", name, cause, subject, tracks=tracks))

    @contextmanager
    def skipping(self, name: str = "bad-row") -> Iterator[None]:
        """Note a `DataError` raised inside as a problem, if that is tolerated."""
        try:
            yield
        except DataError as error:
            self.problem(name, error)
