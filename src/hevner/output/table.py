"""A table to read; on narrow terminals, a few lines for each file instead.

Failed files follow at the end, each with its cause and what to do about it.
"""

from __future__ import annotations

import io
import textwrap
from typing import IO, TYPE_CHECKING

from hevner.files import printable
from hevner.heads import ESTIMATES, HEADS, Head
from hevner.output import Destination, Options, Record, Writer
from hevner.output.summary import (
    chord_name,
    is_unfamiliar,
    main_chords,
    own_names,
    present_tags,
    sounds_like,
    strongest,
)
from hevner.result import Analysis, Estimate, Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOODS = 3
"""Moods in a row, the largest first."""

CHORDS = 4
"""Chords in a row, the longest first."""

NARROW = 150
"""Below this many characters per line a table has no room."""

NONE = "–"  # noqa: RUF001 - a dash, not a minus
"""Stands for a missing value."""


def _headings(head: Head) -> tuple[str, ...]:
    """Columns of a head."""
    if head.field:
        name = "feels" if head.name == "quadrants" else head.field.replace("_", " ")
        return (name.capitalize(),)
    return tuple(name.capitalize() for name in head.outputs)


_BY_HEADS = tuple(heading for head in HEADS for heading in _headings(head))

_HEADINGS = ("File", *_BY_HEADS[:-1], "Key", "Tempo", "Chords", "Familiar", _BY_HEADS[-1])

_OPTIONAL = ("Tension", "Emotions", "Moods", "Tags", "Classes", "Own tags", "Sounds like")
"""Columns that are left out where no file has a value."""

ROOMY = 180
"""From this many characters per line on, every column finds its width by itself."""

_TIGHT = dict.fromkeys([*map(str.capitalize, ESTIMATES), "Tags"], 13)
"""Widths in a table that is not roomy: an interval or a long word in one piece, and no more."""

_LINES = (
    (*map(str.capitalize, ESTIMATES), "Feels"),
    ("Emotions", "Moods"),
    ("Tags",),
    ("Classes", "Own tags"),
    ("Key", "Tempo", "Chords", "Familiar", "Sounds like"),
)


class TableWriter(Writer):
    """Analysed files first, failed ones below them."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._rows: list[dict[str, str]] = []
        self._failures: list[Failure] = []
        self._notes: list[str] = []
        self._scale = ""
        self._unfamiliar = False

    def write(self, record: Record) -> None:
        """Add a row."""
        if isinstance(record, Failure):
            self._failures.append(record)
            return
        self._rows.append(_cells(record, all_tags=self.options.all_tags))
        self._scale = record.scale
        self._unfamiliar |= is_unfamiliar(record)
        sentences = (*record.contradictions, *record.warnings)
        self._notes += [f"{record.path}: {sentence}" for sentence in sentences]

    def finish(self) -> None:
        """Write it all: column widths are known only now."""
        text = io.StringIO()
        width = self.options.width
        console = new_console(text, width, colour=self.options.colour)
        if self._rows and width is not None and width < NARROW:
            self._cards(console, width)
        elif self._rows:
            console.print(self._table())
        for note in self._legend():
            console.print(note, style="dim")
        for note in self._notes:
            console.print(f"Note: {printable(note)}", style="yellow")
        if self._failures:
            console.print(self._failed())
        # Lines of a table are padded to its width.
        lines = text.getvalue().strip("\n").splitlines()
        self.destination.write("".join(f"{line.rstrip()}\n" for line in lines))

    def _table(self) -> Table:
        from rich.text import Text

        table = new_table()
        tight = self.options.width is not None and self.options.width < ROOMY
        known = self._known()
        headings = [one for one in _HEADINGS if one in known or one not in _OPTIONAL]
        for heading in headings:
            table.add_column(
                heading,
                style="bold" if heading == "File" else "",
                justify="right" if heading in ("Tempo", "Familiar") else "left",
                overflow="fold",
                width=_TIGHT.get(heading) if tight else None,
                no_wrap=heading in ("Tempo", "Familiar"),
            )
        for row in self._rows:
            table.add_row(*(Text(row[heading]) for heading in headings))
        return table

    def _known(self) -> set[str]:
        """Columns in which a file has a value."""
        return {heading for row in self._rows for heading, cell in row.items() if cell != NONE}

    def _cards(self, console: Console, width: int) -> None:
        for row in self._rows:
            console.print(row["File"], style="bold", overflow="fold")
            for headings in _LINES:
                parts = [f"{name.lower()} {row[name]}" for name in headings if row[name] != NONE]
                for piece in textwrap.wrap(" · ".join(parts), max(width - 2, 20)):
                    console.print(f"  {piece}")
        console.print()

    def _legend(self) -> list[str]:
        notes = []
        known = self._known()
        if self._rows:
            axes = "Valence, arousal and tension" if "Tension" in known else "Valence and arousal"
            notes.append(
                f"{axes} on {self._scale}; in brackets the interval that holds "
                "the listeners' mean for 9 of 10 pieces."
            )
        if "Emotions" in known:
            notes.append("Emotions as listeners say, from 0 (not at all) to 1 (very).")
        if self._unfamiliar:
            notes.append("! Unlike the music the model has learned from: take it with care.")
        return notes

    def _failed(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("Failed", style="bold red", overflow="fold")
        table.add_column("Stage")
        table.add_column("Cause", overflow="fold")
        table.add_column("What to do", overflow="fold")
        for failure in self._failures:
            row = (failure.path, failure.stage, failure.cause, failure.remedy or NONE)
            table.add_row(*(Text(printable(cell)) for cell in row))
        return table


def _cells(analysis: Analysis, *, all_tags: bool) -> dict[str, str]:
    """The text of every cell of a row, by heading."""
    row = dict.fromkeys(_HEADINGS, NONE) | {"File": printable(analysis.path)}
    if analysis.status != "ok":
        return row | {"Feels": analysis.headline}
    estimates = {name.capitalize(): _estimate(one) for name, one in analysis.estimates().items()}
    mark = "! " if is_unfamiliar(analysis) else ""
    moods = list(analysis.moods.items())[:MOODS]
    chords = main_chords(analysis, CHORDS)
    texts = {
        "Feels": analysis.headline,
        "Moods": ", ".join(f"{mood} {share:.0%}" for mood, share in moods),
        "Tags": _tags(analysis, all_tags),
        "Classes": printable(own_names(analysis.classes)),
        "Own tags": printable(own_names(analysis.own_tags)),
        "Key": analysis.key_text,
        "Tempo": None if analysis.tempo is None else f"{analysis.tempo:.0f}",
        "Chords": " ".join(chord_name(label) for label, _ in chords),
        "Emotions": strongest(analysis),
        "Sounds like": sounds_like(analysis),
        "Familiar": (None if analysis.familiarity is None else f"{mark}{analysis.familiarity:.2f}"),
    }
    return row | estimates | {heading: text or NONE for heading, text in texts.items()}


def _tags(analysis: Analysis, everything: bool) -> str:
    """``calm, sad; slow; use: film``: names alone, as a tag given often has its few percent too."""
    present = present_tags(analysis, everything=everything)
    parts = {group: ", ".join(names) for group, names in present.items()}
    if "use" in parts:
        parts["use"] = f"use: {parts['use']}"
    return "; ".join(parts.values()) or NONE


def _estimate(estimate: Estimate) -> str:
    # No spaces inside the interval, so that a narrow column breaks before it.
    return f"{number(estimate.value)} ({number(estimate.low)}…{number(estimate.high)})"


def number(value: float) -> str:
    """A number with two decimals."""
    # Adding zero turns -0.00 into 0.00.
    return f"{round(value, 2) + 0.0:.2f}"


def new_table() -> Table:
    """A table without columns yet."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))


def new_console(file: IO[str], width: int | None, *, colour: bool = False) -> Console:
    """A console that writes text as it is; without a width, tables are as wide as they need."""
    from rich.console import Console

    return Console(
        file=file,
        width=width or 100_000,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
    )
