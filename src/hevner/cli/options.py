"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from hevner.cli.progress import say

if TYPE_CHECKING:
    from hevner.cluster import Cluster
    from hevner.emotion import Scale

Paths = Annotated[
    list[Path],
    Argument(
        metavar="PATH",
        help="Audio files, folders to search for them, and - for the standard input.",
    ),
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
ModelName = Annotated[
    str,
    Option(
        "--model",
        metavar="NAME|FILE",
        help="Model to use: a name that 'hevner models list' has, or an .onnx file.",
        show_default="the one that comes with hevner",
    ),
]
ScaleText = Annotated[
    str,
    Option(
        metavar="LOW..HIGH",
        help="Scale of valence, arousal and tension, such as -1..1, 0..1 or 1..9.",
    ),
]
Engine = Annotated[
    Literal["processes", "ray"],
    Option(
        help="What does the work: processes of this machine, or the machines of a Ray cluster, "
        "which have the same hevner and see the same files."
    ),
]
Address = Annotated[
    str,
    Option(
        metavar="HOST:PORT",
        help="The Ray cluster; else that of the variable RAY_ADDRESS, or one of this machine.",
    ),
]
NoCache = Annotated[bool, Option("--no-cache", help="Analyse anew, and keep nothing.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress and no summary, errors only.")]
AsJson = Annotated[bool, Option("--json", help="Write JSON.")]


def shard_of(text: str) -> tuple[int, int]:
    """The first item, counted from 0, and the step of a shard such as 2/4."""
    number, _, count = (text or "1/1").partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise typer.BadParameter("is no K/N with K from 1 to N, such as 2/4", param_hint="--shard")
    return int(number) - 1, int(count)


@contextmanager
def cluster_of(engine: str, address: str, most: int | None) -> Iterator[Cluster | None]:
    """The cluster that ``--engine`` and ``--address`` name, for so many tasks at a time."""
    if address and engine != "ray":
        raise typer.BadParameter("needs --engine ray", param_hint="--address")
    if engine != "ray":
        yield None
        return
    from hevner.cluster import Cluster

    with closing(Cluster(address, most)) as cluster:
        yield cluster


def names_of(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


PLAIN = ("", "txt", "text", "log")
"""Endings of files for a table."""

OTHER_ENDINGS = {"htm": "html", "ndjson": "jsonl"}


def form_of(form: str | None, output: Path | None, forms: Iterable[str]) -> str:
    """The form of results by its name, else by the ending of the output file, else a table.

    An ending that is of no form is refused; one of another form than was named gets a message.
    """
    known = [one for one in forms if one != "table"]
    # What is no regular file, such as a device, has no ending.
    named = output.suffix if output and (output.is_file() or not output.exists()) else ""
    ending = named.lower().lstrip(".")
    ending = OTHER_ENDINGS.get(ending, ending)
    found = ending if ending in known else "table" if ending in PLAIN else None
    if form is None and found is None:
        endings = ", ".join(f".{one}" for one in known)
        raise typer.BadParameter(
            f"{named} is the ending of no form of results: {endings} are, and .txt for a table. "
            "With --format any name will do",
            param_hint="--output",
        )
    if form is not None and named and form != found:
        say(f"Note: {output} will hold {form}, as --format says, whatever its name.")
    return form or found or "table"


def scale_of(text: str) -> Scale:
    """The scale that ``--scale`` gives."""
    from hevner.emotion import Scale
    from hevner.errors import HevnerError

    try:
        return Scale.parse(text)
    except HevnerError as error:
        raise typer.BadParameter(str(error), param_hint="--scale") from error
