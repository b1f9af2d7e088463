"""The rows of a damaged table that can be read and are as they were written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hevner.catalog.checksums import unsound
from hevner.catalog.columns import COUNT, ROW
from hevner.catalog.header import Header
from hevner.catalog.packages import pa
from hevner.catalog.tables import Table
from hevner.errors import CatalogError

AT_ONCE = 4096
"""Rows that are read at a time."""


class SoundRows:
    """The sound rows of a table, with the columns of its header's schema or any.

    What is damaged is added to ``faults``, each kind once.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        made_with: Header,
        faults: list[str],
        any_columns: bool = False,
    ) -> None:
        self._faults = faults
        self._numbers: list[int] = []
        self.fields: dict[str, pa.Field] = {}
        try:
            self._table = Table(folder, name, made_with, any_columns)
            self.fields = {one.name: one for one in self._table.schema}
            for batch in self._table.scan([ROW]):
                self._numbers += batch[ROW].to_pylist()
        except CatalogError as error:
            if error.code == "newer_version":
                raise
            self._note(f"{name}: {error.cause}")

    @property
    def count(self) -> int:
        """Number of all rows."""
        return len(self._numbers)

    def read(self) -> Iterator[pa.Table]:
        """The rows, some thousands at a time."""
        for first in range(0, len(self._numbers), AT_ONCE):
            for rows in self._readable(self._numbers[first : first + AT_ONCE]):
                bad = unsound(rows)
                if bad.any():
                    self._note(f"rows of {self._table.name} are not as they were written")
                yield rows.filter(pa.array(~bad))

    def whole(self, moments: SoundRows) -> set[str]:
        """Paths of the pieces all of whose moments are there too."""
        counts: Counter[str] = Counter()
        for rows in moments.read():
            counts.update(rows["piece"].to_pylist())
        paths: set[str] = set()
        twice: set[str] = set()
        names = [name for name in ("id", "path", "status", COUNT) if name in self.fields]
        for rows in self.read():
            for row in rows.select(names).to_pylist():
                count = row.get(COUNT)
                if row["status"] == "ok" and count not in (None, counts[row["id"]]):
                    self._note("moments of some pieces are missing")
                elif row["path"] in paths:
                    self._note("removed pieces are there again")
                    twice.add(row["path"])
                else:
                    paths.add(row["path"])
        return paths - twice

    def _readable(self, numbers: list[int]) -> list[pa.Table]:
        """Those of the rows that can be read; gives up where three samples cannot."""
        try:
            return [self._table.take(numbers, list(self.fields))]
        except CatalogError as error:
            self._note(error.cause)
        middle = len(numbers) // 2
        if len(numbers) > 3:
            samples = ([numbers[at]] for at in (0, middle, -1))
            if not any(map(self._readable, samples)):
                return []
        if not middle:
            return []
        return self._readable(numbers[:middle]) + self._readable(numbers[middle:])

    def _note(self, fault: str) -> None:
        if fault not in self._faults:
            self._faults.append(fault)
