"""Results as a Parquet file, which pandas, polars and DuckDB read: columns as those of CSV."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

from hevner import extras
from hevner.output import Destination, Options, Record, Writer
from hevner.output.frames import to_arrow

ROWS = 500
"""Results that are turned into columns at a time."""


class ParquetWriter(Writer):
    """A row per file; the destination gets bytes, and must take them."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        extras.require("frames", "a Parquet file", "pyarrow")
        self._waiting: list[Record] = []
        self._tables: list[Any] = []

    def write(self, record: Record) -> None:
        """Add a row."""
        self._waiting.append(record)
        if len(self._waiting) >= ROWS:
            self._turn()

    def finish(self) -> None:
        """Write the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._turn()
        content = io.BytesIO()
        pq.write_table(pa.concat_tables(self._tables), content)
        cast("Callable[[bytes], object]", self.destination.write)(content.getvalue())

    def _turn(self) -> None:
        self._tables.append(to_arrow(self._waiting))
        self._waiting = []
