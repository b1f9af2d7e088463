"""Turn results into text: a table or a page to read, or JSON, JSON lines and CSV for programs.

To add a form of output: a module with a `Writer`, and a line in `WRITERS`.

Conventions
-----------
A writer gets the results one after the other and hands the text on as early as its form allows.
Every result appears, failed files too. Text is valid Unicode.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from hevner.result import Analysis, Failure

Record = Analysis | Failure

WRITERS = {
    "table": "table.TableWriter",
    "json": "records.JsonWriter",
    "jsonl": "records.JsonLinesWriter",
    "csv": "records.CsvWriter",
    "html": "html_page.PageWriter",
    "explanation": "explanation.ExplanationWriter",
    "parquet": "parquet.ParquetWriter",
}
"""Module in this package and class of every form, by name; a name is also the ending of files."""

FORMATS = tuple(WRITERS)
"""Names of the forms; the first is what people read on a terminal. Parquet needs a file."""


class Destination(Protocol):
    """Something that takes text: a stream, or `hevner.files.OutputFile`."""

    def write(self, text: str, /) -> object:
        """Take text."""
        ...


@dataclass(frozen=True)
class Options:
    """What is written beside the usual; a page needs only ``all_tags``, CSV nothing.

    Attributes
    ----------
    width
        Characters per line; None for as many as the table needs.
    colour
        Whether to use terminal colours.
    all_tags
        Whether to show every tag that is present, those of use ("corporate", "film") too.
    beats
        Whether JSON holds the times of beats and downbeats.
    explain
        Whether JSON holds explanations.
    """

    width: int | None = None
    colour: bool = False
    all_tags: bool = False
    beats: bool = False
    explain: bool = False


class Writer:
    """Writes results to a destination, one after the other; this one writes nothing."""

    def __init__(self, destination: Destination, options: Options) -> None:
        self.destination = destination
        self.options = options

    def write(self, record: Record) -> None:
        """Add a result."""

    def finish(self) -> None:
        """Write what comes after the last result, if anything does."""


def create(name: str, destination: Destination, options: Options | None = None) -> Writer:
    """Make the writer of one of `FORMATS`; a KeyError for others."""
    module, _, kind = WRITERS[name].partition(".")
    writer = cast("type[Writer]", getattr(import_module(f"{__name__}.{module}"), kind))
    return writer(destination, options or Options())
