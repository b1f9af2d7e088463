"""Options of the verbs that search a catalogue, and how they write their results."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hevner.words import Lexicon


class Format(StrEnum):
    """Forms of results."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    M3U8 = "m3u8"


Folder = Annotated[
    Path,
    typer.Argument(metavar="CATALOG", help="Folder of a catalogue, made by 'hevner index'."),
]
Where = Annotated[
    str,
    typer.Option(
        metavar="SQL",
        help="Only pieces that meet this, such as \"duration < 300 and key_mode = 'minor'\".",
    ),
]
Form = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        help="Form of the results. Without it, the ending of the output file decides (.json, "
        ".csv, .m3u8), else it is a table.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the results there instead of to the standard output.",
    ),
]
Words = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.TOML",
        help='Words of your own: [synonyms] NAME = "very happy", or [words.NAME] with valence '
        "and arousal.",
    ),
]
PlaneScale = Annotated[
    str,
    typer.Option(
        metavar="LOW..HIGH", help="Scale of valence and arousal, such as -1..1, 0..1 or 1..9."
    ),
]


def lexicon_of(words: Path | None) -> Lexicon:
    """The lexicon, with a person's own words if there are any."""
    from hevner.words import Lexicon, load

    return Lexicon() if words is None else load(words)


def write_results(text: Callable[[int | None], str], output: Path | None) -> None:
    """Write text to a file or to the standard output.

    Parameters
    ----------
    text
        Called with the characters per line of a table, None where there is no terminal.
    output
        The file; None for the standard output.
    """
    from hevner.cli.analyze_run import StandardOutput
    from hevner.files import OutputFile

    terminal = output is None and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    with closing(StandardOutput() if output is None else OutputFile(output)) as destination:
        try:
            destination.write(text(width))
        except BrokenPipeError as error:
            raise typer.Exit(1) from error
        destination.commit()
