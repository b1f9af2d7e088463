"""Turn results into text: a table or a page to read, or JSON, JSON lines and CSV for programs.

To add a form of output: a module with a `Writer`, and a line in `WRITERS`.

Conventions
-----------
A writer gets the results one after the other and hands the text on as early as its form allows.
Every result appears, failed files too. Text is valid Unicode.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from hevner.output.base import Destination, Options, Record, Writer

__all__ = ["FORMATS", "Destination", "Options", "Record", "Writer", "create"]

WRITERS = {
    "table": "table.TableWriter",
    "json": "json_lines.JsonWriter",
    "jsonl": "json_lines.JsonLinesWriter",
    "csv": "csv_rows.CsvWriter",
    "html": "html_page.PageWriter",
}
"""Module in this package and class of every form, by name; a name is also the ending of files."""

FORMATS = tuple(WRITERS)
"""Names of the forms; the first is what people read on a terminal."""


def create(name: str, destination: Destination, options: Options | None = None) -> Writer:
    """Make a writer.

    Parameters
    ----------
    name
        One of `FORMATS`.
    destination
        Takes the text.
    options
        Layout of a table; the other forms need nothing.

    Raises
    ------
    KeyError
        If there is no such form.
    """
    module, _, kind = WRITERS[name].partition(".")
    writer = cast("type[Writer]", getattr(import_module(f"{__name__}.{module}"), kind))
    return writer(destination, options or Options())
