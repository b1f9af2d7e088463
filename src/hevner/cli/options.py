"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        help="Pieces of work at the same time.",
        show_default="one per processor core",
    ),
]
