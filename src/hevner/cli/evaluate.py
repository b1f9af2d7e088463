"""``hevner evaluate``: run a study across datasets from stored features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.options import Jobs
from hevner.cli.report import INTERRUPTED, say, stopping_cleanly

if TYPE_CHECKING:
    from hevner.evaluation.protocols import Material, Study

FINE, INCOMPLETE, USAGE = 0, 1, 2

NOTICES = 20
"""How often progress is told."""


def evaluate(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="Study, a TOML file.", show_default=False)
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
    jobs: Jobs = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and what is missing.")
    ] = False,
) -> None:
    """Train on some datasets, test on others, and write a table of scores.

    A dataset of which anything is missing is left out and named. After a stop the same command goes
    on where it was.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """  # fmt: skip
    from hevner.errors import HevnerError
    from hevner.evaluation.protocols import read, survey
    from hevner.store import FeatureStore

    try:
        study = read(recipe)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    if out.suffix.lower() != ".csv":
        raise typer.BadParameter("ends in something else than .csv", param_hint="--out")
    try:
        material, missing = survey(study, data, FeatureStore(store))
        for line in missing:
            say(f"Missing: {line}")
        if material is None:
            say("Error: no dataset is complete; nothing was done.")
            raise typer.Exit(INCOMPLETE)
        if dry_run:
            _describe(study, material)
        else:
            _run(study, material, out, jobs)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop
    raise typer.Exit(INCOMPLETE if missing else FINE)


def _describe(study: Study, material: Material) -> None:
    """Tell what a run would do."""
    from hevner.evaluation.protocols import plan

    for name, kind in material.kinds.items():
        rows = material.rows(name)
        groups = len(set(material.samples.group[rows].tolist()))
        typer.echo(f"{name}: {len(rows)} tracks with {kind} in {groups} groups")
    tasks = plan(study, material)
    for protocol in dict.fromkeys(task.layout.protocol for task in tasks):
        own = [task for task in tasks if task.layout.protocol == protocol]
        cells = sum(len(task.layout.leaks) for task in own)
        fits = sum(len(run) for task in own for run in task.layout.parts)
        typer.echo(f"{protocol}: {cells} cells, {fits} fits")
    told = {
        f"{'+'.join(task.layout.train)} -> {test}: {label}"
        for task in tasks
        for test, label in task.layout.leaks.items()
        if "none" not in label
    }
    for line in sorted(told):
        typer.echo(line)


def _run(study: Study, material: Material, out: Path, jobs: int | None) -> None:
    """Fit, score and write."""
    from hevner.batch import usable_cores
    from hevner.evaluation.protocols import claims, judge, run, scores
    from hevner.evaluation.protocols.table import write

    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if done * NOTICES // total > told or done == total:
            told = done * NOTICES // total
            say(f"{done} of {total} done")

    with stopping_cleanly():
        outcomes = run(study, material, out.with_suffix(".cells"), jobs or usable_cores(), progress)
        cells = [cell for outcome in outcomes for cell in outcome.cells]
        write(out, scores.COLUMNS, cells)
        say(f"{out}: {len(cells)} rows")
        if study.claims:
            verdicts = judge(study, material, outcomes, jobs or usable_cores())
            path = out.with_name(f"{out.stem}_claims.csv")
            write(path, claims.COLUMNS, verdicts)
            say(f"{path}: {len(verdicts)} rows")
