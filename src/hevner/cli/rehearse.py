"""``hevner rehearse``: the way from archives to a paper's tables, tried on made-up ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from hevner import extras
from hevner.cli.progress import say, stopping

Paper = Literal["distribution_gap", "unified", "composite_loss"]
"""Papers that can be rehearsed."""

Size = Literal["usual", "tiny"]
"""How large a rehearsal is."""


def rehearse(
    paper: Annotated[Paper, Argument(help="Paper, by the name of its folder in papers/.")],
    out: Annotated[
        Path, Option("--out", "-o", metavar="FOLDER", help="Folder for all that is made; some GB.")
    ],
    size: Annotated[
        Size,
        Option(
            help="How much of the data is made up, and how far seeds, folds, steps and epochs of "
            "the recipes are reduced; what was reduced is reported."
        ),
    ] = "usual",
    papers: Annotated[
        Path | None,
        Option(metavar="DIR", help="Folder of the papers' recipes.", show_default="hevner's own"),
    ] = None,
) -> None:
    """Run every command of a paper, from archives to tables, on made-up music and random weights.

    Archives have the layouts of the published ones, weights those of the published encoders; scores
    mean nothing. The same commands, with your own folders, give the paper's tables. After a stop
    the same rehearsal goes on where it was; what each took goes to FOLDER/PAPER/out/rehearsal.csv.

    Exit status: 0 all fine, 1 a command failed.
    """
    for extra in ("lab", "encoders"):
        extras.require(extra, "'hevner rehearse'")
    from hevner.lab.recipe_files import ROOT
    from hevner.lab.rehearsal.steps import Rehearsal

    papers = papers or ROOT / "papers"
    if not (papers / paper).is_dir():
        raise typer.BadParameter(f"there is no {papers / paper}", param_hint="--papers")
    rehearsal = Rehearsal(paper, size, papers, out.resolve() / paper)
    with stopping():
        for line in rehearsal.prepare():
            say(f"Reduced in {line}")
        for line in rehearsal.run(rehearsal.process):
            say(line)
    say(f"{rehearsal.out}: tables, log.txt, rehearsal.csv")
