"""JSON: one object per line, or one array."""

from __future__ import annotations

import json

from hevner.output.base import Destination, Options, Record, Writer


def encode(record: Record) -> str:
    """A result as one line of JSON, as described by `hevner/analysis.schema.json`."""
    return json.dumps(record.to_dict(), ensure_ascii=False, allow_nan=False)


class JsonLinesWriter(Writer):
    """One object per line, each written as soon as it is known."""

    def write(self, record: Record) -> None:
        """Add a line."""
        self.destination.write(encode(record) + "\n")

    def finish(self) -> None:
        """Nothing follows."""


class JsonWriter(Writer):
    """One array of all results."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._before = "[\n"

    def write(self, record: Record) -> None:
        """Add an element."""
        self.destination.write(self._before + encode(record))
        self._before = ",\n"

    def finish(self) -> None:
        """Close the array."""
        self.destination.write("[]\n" if self._before == "[\n" else "\n]\n")
