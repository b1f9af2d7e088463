"""The ratings of a study on disk: a table of SQLite in the state folder, only ever added to.

Conventions
-----------
A rating that was acknowledged is on disk: SQLite syncs it before `RatingStore.add` returns, and
after a crash the file holds whole ratings only. Times are seconds since 1970.
"""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.datasets.reliability import Figures
from hevner.errors import DataError, OutputError
from hevner.files import cannot_write, display_name
from hevner.serve.problems import ServiceError
from hevner.serve.rating_study import Study
from hevner.store.database import session, transaction

Opening = Callable[[Path, str, float], AbstractContextManager[sqlite3.Connection]]

MOST_RATERS = 500

WAIT_S = 5.0
"""Seconds to wait for another process that writes to the file."""

FORMAT = 1
"""Version of the tables."""

NAME_LENGTH = 40
"""Characters of a nickname."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS study (measure TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS ratings (number INTEGER PRIMARY KEY, rater TEXT NOT NULL, "
    "piece TEXT NOT NULL, at REAL NOT NULL, given TEXT NOT NULL, UNIQUE (rater, piece))",
)


@dataclass(frozen=True)
class Rating:
    """What a rater gave to a piece, or why he skipped it.

    Attributes
    ----------
    at
        Time at which it arrived.
    given
        As `hevner.serve.rating_schemas.RatingBody` without the piece.
    """

    rater: str
    piece: str
    at: float
    given: dict[str, Any]


class RatingStore:
    """The ratings of a study.

    Attributes
    ----------
    study
        The study.
    agreement
        How far raters agree, after the numbers of ratings and known pieces that it is of.

    Raises
    ------
    DataError
        If there are ratings of the name of this study with other labels or another scale, or of a
        newer hevner.
    OutputError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, study: Study) -> None:
        self.study = study
        self.agreement: tuple[tuple[int, int], list[Figures]] | None = None
        self._path = folder / f"{study.name}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise cannot_write(folder, error) from error
        measure = json.dumps(study.measure, sort_keys=True)
        with self._open(transaction, "rwc") as table:
            (version,) = table.execute("PRAGMA user_version").fetchone()
            if version > FORMAT:
                raise DataError(
                    f"the ratings were kept by a newer hevner, in form {version}",
                    subject=display_name(self._path),
                    remedy="Update hevner, or give the study another name",
                    code="newer_version",
                )
            table.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in TABLES:
                table.execute(statement)
            before = table.execute("SELECT measure FROM study").fetchone()
            if before is None:
                table.execute("INSERT INTO study VALUES (?)", (measure,))
            elif before[0] != measure:
                raise DataError(
                    f"the study '{study.name}' has ratings with {before[0]}",
                    subject=display_name(self._path),
                    remedy="Give the study another name, or these labels and scale again",
                    code="other_study",
                )

    def add(self, rating: Rating) -> bool:
        """Keep a rating; return whether it is new, and not the same sent again.

        Raises a `ServiceError` if the rater gave the piece something else before, or there are too
        many raters.
        """
        given = json.dumps(rating.given, sort_keys=True)
        with self._open(transaction) as table:
            find = "SELECT given FROM ratings WHERE rater = ? AND piece = ?"
            before = table.execute(find, (rating.rater, rating.piece)).fetchone()
            if before is not None:
                if before[0] == given:
                    return False
                raise ServiceError(409, "rated", "this piece is rated already", "Go on")
            raters = {row[0] for row in table.execute("SELECT DISTINCT rater FROM ratings")}
            if rating.rater not in raters and len(raters) >= MOST_RATERS:
                raise ServiceError(409, "raters", "there are too many raters", "Begin a new study")
            add = "INSERT INTO ratings (rater, piece, at, given) VALUES (?, ?, ?, ?)"
            table.execute(add, (rating.rater, rating.piece, rating.at, given))
        return True

    def done(self, rater: str) -> set[str]:
        """Ids of the pieces that a rater has rated or skipped."""
        with self._open(session) as table:
            ask = "SELECT piece FROM ratings WHERE rater = ?"
            return {row[0] for row in table.execute(ask, (rater,))}

    def everything(self) -> list[Rating]:
        """All ratings in the order in which they came."""
        ask = "SELECT rater, piece, at, given FROM ratings ORDER BY number"
        with self._open(session) as table:
            rows = table.execute(ask).fetchall()
        return [Rating(rater, piece, at, json.loads(given)) for rater, piece, at, given in rows]

    @contextmanager
    def _open(self, opening: Opening, mode: str = "rw") -> Iterator[sqlite3.Connection]:
        """The database, for a `session` to read or a `transaction`."""
        try:
            with opening(self._path, mode, WAIT_S) as table:
                yield table
        except DataError as error:
            if error.code != "damaged_store":
                raise
            remedy = "Move it away, and begin anew or from a copy"
            raise OutputError(
                "the ratings are damaged", subject=error.subject, remedy=remedy, code="damaged"
            ) from error


def nickname(text: str) -> str:
    """A nickname in one spelling; raises a `ServiceError` if it is none.

    It has letters, digits, spaces, ``.``, ``_`` and ``-``, and begins with a letter or digit.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    fit = all(one.isalnum() or unicodedata.category(one)[0] == "M" or one in " ._-" for one in name)
    if not name[:1].isalnum() or not fit or len(name) > NAME_LENGTH:
        remedy = f"Take up to {NAME_LENGTH} letters, digits, spaces, dots or hyphens"
        raise ServiceError(422, "nickname", "this cannot be a nickname", remedy)
    return name
