"""``hevner probe``: which states of an encoder know valence and arousal."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from hevner.cli.data_options import Data, DryRun, Soundfont, Store, dataset_folder
from hevner.cli.layout import table, write
from hevner.cli.options import Jobs
from hevner.cli.progress import INTERRUPTED, say, stopping_cleanly

if TYPE_CHECKING:
    from hevner.lab.probe import Layout, Material, Outcome, Probe, Row
    from hevner.store import FeatureStore

FINE, INCOMPLETE, USAGE = 0, 1, 2

PICTURES = (".png", ".svg", ".pdf")


def probe(
    encoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Encoder, such as mert-v1-95m; all its states are probed, or those behind the "
            "name, such as mert-v1-95m+6+7. With --states any vectors in the store.",
            show_default=False,
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Dataset, as 'hevner datasets list' has it.", show_default=False
        ),
    ],
    store: Store,
    data: Data = [],  # noqa: B006
    states: Annotated[
        str,
        typer.Option(
            metavar="N|W1,W2,...",
            help="States of vectors that no known encoder made: a number of equal parts, or the "
            "width of each.",
            show_default=False,
        ),
    ] = "",
    soundfont: Soundfont = "FluidR3_GM",
    folds: Annotated[int, typer.Option(min=2, help="Number of parts of a cross-validation.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Number of cross-validations.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.CSV",
            help="Table to write; finished parts are kept in FILE.cells, and the same command goes "
            "on from there.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Picture to draw: .png, .svg or .pdf.", show_default=False
        ),
    ] = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
) -> None:
    """Score every state of an encoder, their learned mix, and the honest choice of a state.

    Exit status: 0 all fine, 1 something is missing or failed, 2 wrong usage.
    """
    from hevner.batch import usable_cores
    from hevner.errors import HevnerError
    from hevner.store import FeatureStore

    _check_endings(out, plot)
    dataset, folder = dataset_folder(data, dataset)
    from hevner.lab.probe import Probe, plan, survey

    try:
        if states:
            wanted = Probe(dataset, encoder, (), _widths(states), folds, seeds, soundfont)
        else:
            wanted = Probe.of_encoder(
                encoder, dataset, folds=folds, seeds=seeds, soundfont=soundfont
            )
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error
    places = [("--data", one) for one in data]
    options = [
        ("--encoder", encoder),
        ("--dataset", dataset),
        *places,
        ("--store", store),
        ("--states", states),
        ("--folds", folds),
        ("--seeds", seeds),
        ("--out", out),
    ]
    told = [str(part) for pair in options if pair[1] for part in pair]
    try:
        with stopping_cleanly():
            material, missing = survey(wanted, {dataset: folder}, FeatureStore(store))
            for line in missing:
                say(f"Missing: {line}")
            if material is None:
                raise typer.Exit(INCOMPLETE)
            layout = plan(wanted, material)
            if dry_run:
                _describe(wanted, material, layout)
                raise typer.Exit(FINE)
            outcome = _run(wanted, material, layout, out, jobs or usable_cores())
            command = shlex.join(["hevner", "probe", *told])
            _report(wanted, material, layout, outcome, FeatureStore(store), command, out, plot)
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(INCOMPLETE) from error
    except KeyboardInterrupt as stop:
        say("Stopped." if out is None else "Stopped; the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from stop


def _check_endings(out: Path | None, plot: Path | None) -> None:
    if out is not None and out.suffix.lower() != ".csv":
        raise typer.BadParameter("ends in something else than .csv", param_hint="--out")
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise typer.BadParameter(f"ends in none of {', '.join(PICTURES)}", param_hint="--plot")


def _widths(states: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in states.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            "is no number, and no numbers parted by commas", param_hint="--states"
        ) from error


def _describe(probe: Probe, material: Material, layout: Layout) -> None:
    """Write what a run would do."""
    rows = material.rows(probe.dataset)
    groups = len(set(material.samples.group[rows].tolist()))
    vectors = material.samples.blocks[probe.block]
    parts = probe.parts(vectors.shape[1])
    typer.echo(
        f"{probe.dataset}: {len(rows)} tracks with {material.kinds[probe.dataset]} in {groups} "
        f"groups; {layout.leaks[probe.dataset]}"
    )
    widths = sorted({part.stop - part.start for part in parts.values()})
    numbers = " or ".join(map(str, widths))
    typer.echo(f"{probe.block}: {len(parts)} states of {numbers} numbers")
    typer.echo(f"{sum(map(len, layout.parts))} folds")


def _run(probe: Probe, material: Material, layout: Layout, out: Path | None, jobs: int) -> Outcome:
    from hevner.lab.probe import run

    def progress(done: int, total: int) -> None:
        say(f"{done} of {total} folds done")

    with TemporaryDirectory() as elsewhere:
        folder = Path(elsewhere) if out is None else out.with_suffix(".cells")
        return run(probe, material, layout, folder, jobs, progress)


def _report(
    probe: Probe,
    material: Material,
    layout: Layout,
    outcome: Outcome,
    store: FeatureStore,
    command: str,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Score; write the tables and the picture."""
    from hevner.lab.data.representations import find
    from hevner.lab.probe import COLUMNS, score
    from hevner.lab.study import table as tables

    features = find(store, probe.dataset, probe.block).kind.name
    rows = score(probe, material, layout, outcome, features=features, command=command)
    for axis in dict.fromkeys(row.axis for row in rows):
        _show([row for row in rows if row.axis == axis])
    if out is not None:
        tables.write(out, COLUMNS, rows)
        say(f"{out}: {len(rows)} rows")
    if plot is not None:
        from hevner.lab.probe.figure import save

        save(rows, plot)
        say(f"{plot}: drawn")


def _show(rows: Sequence[Row]) -> None:
    """Write the table of an axis, and what the best state of it is worth."""
    first, honest = rows[0], rows[-1]
    headings = ("", first.main_name, "r", "CCC", "R2 affine", "less best other", "less last",
                "taken", "weight")  # fmt: skip
    cells = [
        (
            row.system,
            _interval(row.main),
            _number(row.pearson),
            _number(row.ccc),
            _number(row.r2_affine),
            _interval((row.less_other, row.less_other_low, row.less_other_high), "+"),
            _interval((row.less_last, row.less_last_low, row.less_last_high), "+"),
            "" if math.isnan(row.taken) else f"{row.taken:.0%}",
            _number(row.weight),
        )
        for row in rows
    ]
    best = max((row for row in rows if row.state >= 0), key=lambda row: row.main.value)
    fall = _interval((honest.less_other, honest.less_other_low, honest.less_other_high), "+")
    write(f"{first.axis}: {first.n} tracks of {first.dataset}, {first.seeds} x {first.folds} folds")
    write(table(headings, cells))
    write(
        f"Best here: {best.system}, {_number(best.main.value)}; chosen inside the training parts: "
        f"{_number(honest.main.value)} ({fall}).\n"
    )


def _number(value: float, form: str = ".3f") -> str:
    """A score; nothing for NaN."""
    return "" if math.isnan(value) else re.sub(r"(?<!\d)0\.", ".", f"{value:{form}}")


def _interval(score: tuple[float, float, float], sign: str = "") -> str:
    """A score and its interval; nothing for NaN."""
    value, low, high = score
    told = f"{_number(value, sign + '.3f')} [{_number(low, sign + '.2f')}, "
    return "" if math.isnan(value) else f"{told}{_number(high, sign + '.2f')}]"
