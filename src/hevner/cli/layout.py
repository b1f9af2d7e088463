"""Results for people and for machines on the standard output: entries, tables, JSON."""

from __future__ import annotations

import io
import json
import shutil
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from hevner.files import printable
from hevner.output.table import new_table

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 120
"""Characters per line where there is no terminal to ask."""

INDENT = 18
"""Where the text beside a heading begins."""

UNSTATED = "not stated"


def width() -> int:
    """Characters per line."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def yes_no(value: bool | None) -> str:
    """A truth value in words."""
    return {True: "yes", False: "no", None: UNSTATED}[value]


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Rows of cells under headings."""
    from rich.text import Text

    drawing = new_table()
    for number, heading in enumerate(headings):
        drawing.add_column(Text(heading), overflow="fold", no_wrap=number == 0)
    for row in rows:
        drawing.add_row(*(Text(cell) for cell in row))
    return drawn(drawing)


def drawn(thing: RenderableType) -> str:
    """What rich makes of it, without colours and blanks at the ends of lines."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=width(), color_system=None).print(thing)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip("\n")


def write_entry(heading: str, text: str, indent: int = INDENT, columns: int = 0) -> None:
    """Write a heading and beside it a text, in as many columns as the terminal has if 0."""
    lines = textwrap.wrap(text, max((columns or width()) - indent, 20)) or [""]
    for number, line in enumerate(lines):
        write(f"{'' if number else heading:<{indent}}{line}".rstrip())


def write(text: str) -> None:
    """Write lines that cannot steer the terminal."""
    typer.echo("\n".join(printable(line) for line in text.split("\n")))


def write_json(value: object) -> None:
    """Write JSON."""
    typer.echo(json.dumps(value, indent=2))
