"""Turn results into text: a table or a page to read, or JSON, JSON lines and CSV for programs.

Conventions
-----------
A writer gets the results one after the other and hands the text on as early as its form allows.
Every result appears, failed files too. Text is valid Unicode.
"""

from __future__ import annotations

from hevner.output.base import Destination, Options, Record, Writer
from hevner.output.csv_rows import CsvWriter
from hevner.output.html_page import PageWriter
from hevner.output.json_lines import JsonLinesWriter, JsonWriter
from hevner.output.table import TableWriter

__all__ = ["FORMATS", "Destination", "Options", "Record", "Writer", "create"]

_WRITERS: dict[str, type[Writer]] = {
    "table": TableWriter,
    "json": JsonWriter,
    "jsonl": JsonLinesWriter,
    "csv": CsvWriter,
    "html": PageWriter,
}

FORMATS = tuple(_WRITERS)
"""Names of the forms."""


def create(name: str, destination: Destination, options: Options | None = None) -> Writer:
    """Make a writer.

    Parameters
    ----------
    name
        One of `FORMATS`.
    destination
        Where the text goes.
    options
        How a table looks; the other forms need nothing.

    Raises
    ------
    KeyError
        If there is no such form.
    """
    return _WRITERS[name](destination, options or Options())
