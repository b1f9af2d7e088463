"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from hevner.emotion import Scale

Paths = Annotated[
    list[Path], Argument(metavar="PATH", help="Audio files, and folders to search for them.")
]
Jobs = Annotated[
    int | None,
    Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        help="Number of parallel processes.",
        show_default="one per processor core",
    ),
]
NoCache = Annotated[bool, Option("--no-cache", help="Analyse anew, and keep nothing.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress and no summary, errors only.")]
AsJson = Annotated[bool, Option("--json", help="Write JSON.")]


def names_of(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def form_of(form: str | None, output: Path | None, forms: Iterable[str]) -> str:
    """The form of results by its name, else by the ending of the output file, else a table."""
    ending = output.suffix.lower().lstrip(".") if output else ""
    return form or (ending if ending in forms else "table")


def scale_of(text: str) -> Scale:
    """The scale that ``--scale`` gives."""
    from hevner.emotion import Scale
    from hevner.errors import HevnerError

    try:
        return Scale.parse(text)
    except HevnerError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
