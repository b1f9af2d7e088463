"""CSV: one row per file, the same columns always."""

from __future__ import annotations

import csv

from hevner.heads import HEADS, Head
from hevner.output.base import Destination, Options, Record, Writer
from hevner.output.summary import main_chords
from hevner.result import Analysis

CHORDS = 6
"""Chords in the column ``chords``, as ``C:maj=0.41 A:min=0.22``."""


def _columns(head: Head) -> tuple[str, ...]:
    match head.kind:
        case "probabilities":
            return ("quadrant", "quadrant_words", *head.columns)
        case "tags":
            return (head.field, *head.columns, "contradictions")
        case _:
            return head.columns


COLUMNS = (
    *("path", "status", "duration", "scale"),
    *(name for head in HEADS for name in _columns(head)),
    *("key", "key_confidence", "tempo", "chords", "familiarity", "model", "warnings"),
    *("stage", "cause", "remedy", "code"),
)


class CsvWriter(Writer):
    """Rows of `COLUMNS` under a header; what does not apply stays empty."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._rows = csv.DictWriter(destination, COLUMNS, restval="", lineterminator="\n")
        self._rows.writeheader()

    def write(self, record: Record) -> None:
        """Add a row."""
        self._rows.writerow(row(record) if isinstance(record, Analysis) else record.to_dict())

    def finish(self) -> None:
        """Nothing follows."""


def row(analysis: Analysis) -> dict[str, object]:
    """An analysis as flat columns."""
    columns: dict[str, object] = {
        name: getattr(analysis, name) for name in COLUMNS if hasattr(analysis, name)
    }
    columns |= analysis.estimate_columns()
    for head in HEADS:
        if head.kind == "tags":
            columns[head.field] = " ".join(tag.name for tag in analysis.tags if tag.present)
            columns |= {head.column(tag.name): tag.probability for tag in analysis.tags}
        elif head.field:
            shares = getattr(analysis, head.field)
            columns |= {head.column(name): share for name, share in shares.items()}
    columns["contradictions"] = "; ".join(analysis.contradictions)
    chords = main_chords(analysis, CHORDS)
    columns["chords"] = " ".join(f"{label}={share:.2f}" for label, share in chords)
    columns["warnings"] = "; ".join(analysis.warnings)
    return columns
