"""``hevner probe``: how well each state of an encoder predicts valence and arousal."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from hevner.cli.data_options import (
    Data,
    DryRun,
    Soundfont,
    Store,
    check_table,
    dataset_folder,
)
from hevner.cli.layout import table, write
from hevner.cli.options import Jobs
from hevner.cli.piece_files import PLOT_ENDINGS
from hevner.cli.progress import FAILED, FINE, say, stopping, usage_errors

if TYPE_CHECKING:
    from hevner.lab.probe.states import Probe
    from hevner.lab.probe.study import CellResult, ProbeStudy
    from hevner.lab.study.kept import Row
    from hevner.store import FeatureStore


def probe(
    encoder: Annotated[
        str,
        Option(
            metavar="NAME",
            help="Encoder, such as mert-v1-95m; all its states are probed, or those behind the "
            "name, such as mert-v1-95m+6+7. With --states any vectors in the store.",
        ),
    ],
    dataset: Annotated[
        str, Option(metavar="NAME", help="Dataset, as 'hevner datasets list' has it.")
    ],
    store: Store,
    data: Data = [],  # noqa: B006
    states: Annotated[
        str,
        Option(
            metavar="N|W1,W2,...",
            help="States in other vectors: a number of equal parts, or the width of each.",
        ),
    ] = "",
    soundfont: Soundfont = "FluidR3_GM",
    folds: Annotated[int, Option(min=2, help="Number of parts of a cross-validation.")] = 5,
    seeds: Annotated[int, Option(min=1, help="Number of cross-validations.")] = 5,
    out: Annotated[
        Path | None,
        Option(
            "--out",
            "-o",
            metavar="FILE.CSV",
            help="Table to write; finished parts are kept in FILE.cells, and the same command goes "
            "on from there.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, Option(metavar="FILE", help="Picture to draw: .png, .svg or .pdf.")
    ] = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
) -> None:
    """Score every state of an encoder, their learned mix, and the honest choice of a state.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """
    from hevner.batch import usable_cores
    from hevner.lab.probe.study import ProbeStudy
    from hevner.store import FeatureStore

    if out is not None:
        check_table(out)
    if plot is not None and plot.suffix.lower() not in PLOT_ENDINGS:
        raise typer.BadParameter(f"ends in none of {', '.join(PLOT_ENDINGS)}", param_hint="--plot")
    with usage_errors():
        dataset, folder = dataset_folder(data, dataset)
        wanted = _wanted(encoder, dataset, states, folds, seeds, soundfont)
    places = [("--data", one) for one in data]
    options = [("--encoder", encoder), ("--dataset", dataset), *places, ("--store", store)]
    options += [("--states", states), ("--folds", folds), ("--seeds", seeds), ("--out", out)]
    given = [str(part) for pair in options if pair[1] for part in pair]
    with stopping() if out else stopping("Stopped."):
        study, missing = ProbeStudy.load(wanted, {dataset: folder}, FeatureStore(store))
        for line in missing:
            say(f"Missing: {line}")
        if study is None:
            raise typer.Exit(FAILED)
        if dry_run:
            for line in study.describe(study.plan()):
                typer.echo(line)
            raise typer.Exit(FINE)
        results = _run(study, out, jobs or usable_cores())
        command = shlex.join(["hevner", "probe", *given])
        _report(study, results, FeatureStore(store), command, out, plot)


def _wanted(
    encoder: str, dataset: str, states: str, folds: int, seeds: int, soundfont: str
) -> Probe:
    """The probe of the options."""
    from hevner.lab.probe.states import Probe

    if not states:
        return Probe.of_encoder(encoder, dataset, folds=folds, seeds=seeds, soundfont=soundfont)
    try:
        widths = tuple(int(width) for width in states.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            "is no number, and no numbers parted by commas", param_hint="--states"
        ) from error
    return Probe(dataset, encoder, (), widths, folds, seeds, soundfont)


def _run(study: ProbeStudy, out: Path | None, jobs: int) -> list[CellResult]:
    """Results of all folds."""
    from hevner.lab.study import engine

    with TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere) if out is None else out.with_suffix(".cells")
        return engine.run(
            study,
            study.plan(),
            folder,
            jobs,
            lambda done, all_: say(f"{done} of {all_} folds done"),
        )


def _report(
    study: ProbeStudy,
    results: Sequence[CellResult],
    store: FeatureStore,
    command: str,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Score; write the tables and the picture."""
    from hevner.lab.data.representations import find
    from hevner.lab.study import kept

    features = find(store, study.recipe.dataset, study.recipe.block).kind.name
    rows = study.table(results, features=features, command=command)
    for axis in dict.fromkeys(row["axis"] for row in rows):
        _show([row for row in rows if row["axis"] == axis])
    if out is not None:
        kept.write_table(out, study.columns, rows)
        say(f"{out}: {len(rows)} rows")
    if plot is not None:
        from hevner.lab.probe.figure import save

        save(rows, plot)
        say(f"{plot}: drawn")


def _show(rows: Sequence[Row]) -> None:
    """Write the table of an axis, its best state, and the score of choosing a state inside."""
    from hevner.lab.probe.scores import interval_of, main_name, state_of

    first, honest = rows[0], rows[-1]
    headings = ("", main_name(first), "r", "CCC", "R2 affine", "less best other", "less last",
                "taken", "weight")  # fmt: skip
    cells = [
        (
            row["system"],
            _interval(interval_of(row)),
            *(_number(row.get(name, math.nan)) for name in ("pearson", "ccc", "r2_affine")),
            _interval(interval_of(row, "less_other"), "+"),
            _interval(interval_of(row, "less_last"), "+"),
            f"{row['taken']:.0%}" if "taken" in row else "",
            _number(row.get("weight", math.nan)),
        )
        for row in rows
    ]
    best = max((row for row in rows if state_of(row) >= 0), key=lambda row: interval_of(row).value)
    fall = _interval(interval_of(honest, "less_other"), "+")
    about = "{axis}: {n} tracks of {dataset}, {seeds} x {folds} folds"
    write(about.format(**first))
    write(table(headings, cells))
    write(
        f"Best here: {best['system']}, {_number(interval_of(best).value)}; chosen inside the "
        f"training parts: {_number(interval_of(honest).value)} ({fall}).\n"
    )


def _number(value: float, form: str = ".3f") -> str:
    """A score; nothing for NaN."""
    return "" if math.isnan(value) else re.sub(r"(?<!\d)0\.", ".", f"{value:{form}}")


def _interval(score: tuple[float, float, float], sign: str = "") -> str:
    """A score and its interval; nothing for NaN."""
    value, low, high = score
    start = f"{_number(value, sign + '.3f')} [{_number(low, sign + '.2f')}, "
    return "" if math.isnan(value) else f"{start}{_number(high, sign + '.2f')}]"
