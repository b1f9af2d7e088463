"""A table to read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hevner.files import printable
from hevner.result import Analysis, Estimate, Failure
from hevner.writers.base import Destination, Options, Record, Writer
from hevner.writers.summary import chord_name, is_unfamiliar, main_chords

if TYPE_CHECKING:
    from rich.table import Table

MOODS = 3
"""Moods told."""

CHORDS = 4
"""Chords told."""

NONE = "–"  # noqa: RUF001 - a dash, not a minus
"""Stands for what there is not."""


class TableWriter(Writer):
    """Analysed files in one table, failed ones with cause and remedy in another below it."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._rows: list[tuple[str, ...]] = []
        self._failures: list[Failure] = []
        self._notes: list[str] = []
        self._scale = ""
        self._unfamiliar = False

    def write(self, record: Record) -> None:
        """Add a row."""
        if isinstance(record, Failure):
            self._failures.append(record)
            return
        self._rows.append(cells(record))
        self._scale = record.scale
        self._unfamiliar |= is_unfamiliar(record)
        self._notes += [f"{record.path}: {warning}" for warning in record.warnings]

    def finish(self) -> None:
        """Write it all: column widths are known only now."""
        from rich.console import Console

        text = io.StringIO()
        console = Console(
            file=text,
            # A table is never wider than it needs to be.
            width=self.options.width or 100_000,
            force_terminal=self.options.colour,
            no_color=not self.options.colour,
            highlight=False,
            markup=False,
            emoji=False,
        )
        if self._rows:
            console.print(self._results())
            for note in self._legend():
                console.print(note, style="dim")
        for note in self._notes:
            console.print(f"Note: {printable(note)}", style="yellow")
        if self._failures:
            console.print(self._failed())
        # Lines of a table are padded to its width.
        lines = text.getvalue().splitlines()
        self.destination.write("".join(f"{line.rstrip()}\n" for line in lines))

    def _results(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
        table.add_column("File", style="bold", overflow="fold", min_width=8)
        for name in ("Valence", "Arousal"):
            table.add_column(name, min_width=7)
        table.add_column("Feels", min_width=7)
        table.add_column("Moods", min_width=12)
        table.add_column("Key", min_width=6)
        table.add_column("Tempo", justify="right")
        table.add_column("Chords", min_width=6)
        table.add_column("Familiar", justify="right")
        for row in self._rows:
            table.add_row(*map(Text, row))
        return table

    def _legend(self) -> list[str]:
        notes = [f"Valence and arousal on {self._scale}, with the interval for 9 of 10 pieces."]
        if self._unfamiliar:
            notes.append("! Unlike the music the model has learned from: take it with care.")
        return notes

    def _failed(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("Failed", style="bold red", overflow="fold", min_width=8)
        table.add_column("Stage")
        table.add_column("Cause", overflow="fold")
        table.add_column("What to do", overflow="fold")
        for failure in self._failures:
            row = (failure.path, failure.stage, failure.cause, failure.remedy or NONE)
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table


def cells(analysis: Analysis) -> tuple[str, ...]:
    """The texts of a row."""
    path = printable(analysis.path)
    if analysis.status == "silent":
        return (path, NONE, NONE, "silent", NONE, NONE, NONE, NONE, NONE)
    mark = "! " if is_unfamiliar(analysis) else ""
    return (
        path,
        _estimate(analysis.valence),
        _estimate(analysis.arousal),
        analysis.quadrant_words or NONE,
        ", ".join(f"{mood} {share:.0%}" for mood, share in list(analysis.moods.items())[:MOODS]),
        analysis.key or NONE,
        NONE if analysis.tempo is None else f"{analysis.tempo:.0f}",
        " ".join(chord_name(label) for label, _ in main_chords(analysis, CHORDS)) or NONE,
        NONE if analysis.familiarity is None else f"{mark}{analysis.familiarity:.2f}",
    )


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return NONE
    # No spaces inside the interval, so that a narrow column breaks before it.
    return f"{estimate.value:.2f} ({estimate.low:.2f}…{estimate.high:.2f})"
