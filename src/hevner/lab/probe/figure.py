"""The picture of a probe: main score by state, and of the other systems beside it.

Bands and whiskers are 95 % intervals. Valence is blue and arousal vermilion, as in
`hevner.output.plot`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hevner.files import write_file
from hevner.lab.probe.scores import interval_of, main_name, state_of
from hevner.lab.study.kept import Row
from hevner.output.plot import DPI
from hevner.output.summary import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"valence": BLUE, "arousal": VERMILION}


def save(rows: Sequence[Row], path: Path) -> None:
    """Draw a table with rows of both axes into a file, whose ending chooses png, svg or pdf.

    A file that cannot be written raises `OutputError`; nothing is left behind.
    """
    picture = io.BytesIO()
    with rc_context({"svg.hashsalt": "hevner"}):
        kind = path.suffix.lower().lstrip(".") or "png"
        _draw(rows).savefig(picture, format=kind, dpi=DPI)
    write_file(path, picture.getvalue())


def _draw(rows: Sequence[Row]) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    by_state, beside = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for number, (axis, colour) in enumerate(COLOURS.items()):
        own = [row for row in rows if row["axis"] == axis]
        _line(by_state, [row for row in own if state_of(row) >= 0], axis, colour)
        others = [row for row in own if state_of(row) < 0]
        values = [interval_of(row) for row in others]
        beside.errorbar(
            [place + 0.2 * number - 0.1 for place in range(len(others))],
            [main.value for main in values],
            yerr=[
                [main.value - main.low for main in values],
                [main.high - main.value for main in values],
            ],
            fmt="o", color=colour, capsize=3,
        )  # fmt: skip
        beside.set_xticks(
            range(len(others)), [row["system"].replace(" ", "\n", 1) for row in others], fontsize=8
        )
    by_state.xaxis.set_major_locator(MaxNLocator(integer=True))
    by_state.set_xlabel("state")
    by_state.set_ylabel(main_name(rows[0]))
    by_state.set_title("{features} on {dataset}, n = {n}".format(**rows[0]), fontsize=10)
    by_state.legend(frameon=False)
    return figure


def _line(plot: Axes, rows: Sequence[Row], axis: str, colour: str) -> None:
    states = [state_of(row) for row in rows]
    values = [interval_of(row) for row in rows]
    plot.plot(states, [main.value for main in values], "o-", color=colour, label=axis, ms=4)
    low, high = [main.low for main in values], [main.high for main in values]
    plot.fill_between(states, low, high, color=colour, alpha=0.15, lw=0)
