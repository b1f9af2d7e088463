"""The command line: a module per verb, or for a few verbs that belong together.

Conventions
-----------
The standard output carries results only; progress, summaries and messages go to the standard
error stream. Exit status: 0 if all went well, 1 if a file failed or a result could not be written,
2 for a call that makes no sense, 130 after Ctrl-C.

Everything heavy is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer
from typer import Option

from hevner import __version__
from hevner.cli import streams
from hevner.cli.analyze import analyze, explain, report
from hevner.cli.browse import browse
from hevner.cli.datasets import app as datasets
from hevner.cli.evaluate import evaluate
from hevner.cli.extract import extract
from hevner.cli.features import app as features
from hevner.cli.gap import gap
from hevner.cli.group import ANALYSE, FIND, RESEARCH, SERVE, Group
from hevner.cli.index import Index, index
from hevner.cli.listen import listen
from hevner.cli.mcp import mcp
from hevner.cli.models import app as models
from hevner.cli.moods import moods
from hevner.cli.playlist import playlist
from hevner.cli.probe import probe
from hevner.cli.progress import FAILED, say
from hevner.cli.recipes import app as recipes
from hevner.cli.rehearse import rehearse
from hevner.cli.search import search
from hevner.cli.serve import serve
from hevner.cli.tag import tag
from hevner.cli.train import train
from hevner.errors import OutputError
from hevner.files import expanded

BLAS_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables that limit the threads of numpy's matrix products, read when numpy is imported. Files
are analysed side by side already; for matrices this small, threads that wait for each other take
three times the CPU time on a busy machine. What the user has set stays."""

HOME = re.compile(r"^(--[\w-]+=|[\w-]+=)~(?=/|$)")
"""A home directory where no shell writes it out, as in ``--into=~/music``."""

app = typer.Typer(
    name="hevner",
    cls=Group,
    no_args_is_help=True,
    # Help drawn by rich takes twice as long to appear.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, verbs in (
    (ANALYSE, (analyze, explain, report, listen, tag, moods)),
    (FIND, (index, search, browse, playlist)),
    (SERVE, (serve, mcp)),
    (RESEARCH, (extract, train, evaluate, probe, gap, rehearse)),
):
    for verb in verbs:
        kind = Index if verb is index else None
        app.command(rich_help_panel=panel, cls=kind)(verb)
app.add_typer(models, name="models", rich_help_panel=ANALYSE)
app.add_typer(datasets, name="datasets", rich_help_panel=RESEARCH)
app.add_typer(features, name="features", rich_help_panel=RESEARCH)
app.add_typer(recipes, name="recipes", rich_help_panel=RESEARCH)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hevner {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Analyse the emotion of music: valence, arousal, moods, key and chords."""


def main() -> None:
    """Entry point of the command ``hevner``."""
    # Once numpy is loaded its threads are fixed. Only the processes started from here would read
    # these variables, and with other threads than this process they would round differently.
    if "numpy" not in sys.modules:
        for library in BLAS_THREADS:
            os.environ.setdefault(library, "1")
    streams.mend()
    sys.argv[1:] = [HOME.sub(lambda at: at[1] + str(expanded("~")), word) for word in sys.argv[1:]]
    try:
        app()
    except OutputError as error:  # while help is written, which no command does
        say(f"Error: {error}")
        sys.exit(FAILED)
