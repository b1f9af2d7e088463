"""``hevner evaluate``: run a study from its recipe, and write its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hevner.cli.options import Jobs
from hevner.cli.progress import INTERRUPTED, say, stopping_cleanly

if TYPE_CHECKING:
    from hevner.lab.study.engine import Study

FINE, INCOMPLETE, USAGE = 0, 1, 2

NOTICES = 20
"""Number of messages on progress in a run."""


def evaluate(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE",
            help="Study across datasets, of the unified model or of the joint space, a TOML file; "
            "or a folder that 'hevner train' wrote.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder with each dataset in a folder of its name.",
            show_default=False,
        ),
    ],
    store: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the features.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.CSV",
            help="Table to write. Claims go to FILE_claims.csv; finished parts are kept in "
            "FILE.cells, which may be removed afterwards.",
            show_default=False,
        ),
    ],
    encoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Encoder in place of the one that the recipe names, such as mert-v1-95m.",
            show_default=False,
        ),
    ] = "",
    jobs: Jobs = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and what is missing.")
    ] = False,
) -> None:
    """Train on some tracks, test on others, and write a table of scores.

    For a trained run, the protocols of its recipe are run anew, as its own networks were trained on
    all tracks. A dataset of which anything is missing is left out and named. After a stop the same
    command goes on where it was.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """  # fmt: skip
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.lab.study.kinds import open_recipe
    from hevner.store import FeatureStore

    if out.suffix.lower() != ".csv":
        raise typer.BadParameter("ends in something else than .csv", param_hint="--out")
    try:
        kind, wanted = open_recipe(recipe, encoder)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    cores = jobs or usable_cores()
    try:
        with stopping_cleanly():
            study, missing = kind.load(wanted, data, FeatureStore(store), cores)
            for line in missing:
                say(f"Missing: {line}")
            if study is None:
                say("Error: no dataset is complete; nothing was done.")
                raise typer.Exit(INCOMPLETE)
            cells = study.plan()
            if dry_run:
                for line in study.describe(cells):
                    typer.echo(line)
            else:
                _run(study, cells, out, cores)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(INCOMPLETE if missing else FINE)


def _run(study: Study[Any, Any, Any], cells: Sequence[Any], out: Path, jobs: int) -> None:
    """Compute cells, and write the tables of scores and of claims."""
    from hevner.lab.study import claims, engine, table

    results = engine.run(study, cells, out.with_suffix(".cells"), jobs, _progress())
    rows = study.table(results)
    table.write(out, study.columns, rows)
    say(f"{out}: {len(rows)} rows")
    verdicts = study.compare(results, jobs)
    if verdicts:
        path = out.with_name(f"{out.stem}_claims.csv")
        table.write(path, claims.COLUMNS, verdicts)
        say(f"{path}: {len(verdicts)} rows")


def _progress() -> Callable[[int, int], None]:
    """A function that says now and then how many cells are done."""
    last = 0

    def progress(done: int, total: int) -> None:
        nonlocal last
        if done * NOTICES // total > last or done == total:
            last = done * NOTICES // total
            say(f"{done} of {total} done")

    return progress
