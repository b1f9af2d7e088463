"""Results for programs: JSON as one array or one object per line, and CSV with a row per file."""

from __future__ import annotations

import csv
import json

from hevner.heads import HEADS, Head
from hevner.output import Destination, Options, Record, Writer
from hevner.output.spreadsheet import cell
from hevner.output.summary import main_chords
from hevner.result import Analysis

CHORDS = 6
"""Chords in the column ``chords``, as ``C:maj=0.41 A:min=0.22``."""


def _columns(head: Head) -> tuple[str, ...]:
    match head.name:
        case "quadrants":
            return ("quadrant", "quadrant_words", *head.columns)
        case "tags":
            return (head.field, *head.columns, "contradictions")
        case "sounds_like" | "classes" | "own_tags":
            return (head.field, *head.columns)
        case _:
            return head.columns


COLUMNS = (
    *("path", "status", "duration", "headline", "music_probability", "scale"),
    *(name for head in HEADS for name in _columns(head)),
    *("key", "mode", "key_confidence", "key_candidates"),
    *("tempo", "tempo_candidates", "meter", "chords"),
    *("familiarity", "model", "warnings"),
    *("stage", "cause", "remedy", "code"),
)
"""Columns of CSV, the same always; what does not apply stays empty."""


NUMBERS = frozenset(
    ("duration", "music_probability", "key_confidence", "tempo", "familiarity")
).union(*(head.columns for head in HEADS))
"""Columns that hold numbers; the others hold text."""


class JsonLinesWriter(Writer):
    """One object per line, each written as soon as it is known."""

    def write(self, record: Record) -> None:
        """Add a line."""
        self.destination.write(_encode(record, self.options) + "\n")


class JsonWriter(Writer):
    """One array of all results."""

    _before = "[\n"

    def write(self, record: Record) -> None:
        """Add an element."""
        self.destination.write(self._before + _encode(record, self.options))
        self._before = ",\n"

    def finish(self) -> None:
        """Close the array."""
        self.destination.write("[]\n" if self._before == "[\n" else "\n]\n")


class CsvWriter(Writer):
    """Rows of `COLUMNS` under a header."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._rows = csv.DictWriter(destination, COLUMNS, lineterminator="\n")
        self._rows.writeheader()

    def write(self, record: Record) -> None:
        """Add a row."""
        self._rows.writerow({name: cell(value) for name, value in row(record).items()})


def _encode(record: Record, options: Options) -> str:
    """A result as one line of JSON, as described by `hevner/analysis.schema.json`."""
    fields = record.to_dict()
    kept = {"beats": options.beats, "downbeats": options.beats, "explanation": options.explain}
    fields = {name: value for name, value in fields.items() if kept.get(name, True)}
    return json.dumps(fields, ensure_ascii=False, allow_nan=False)


def row(record: Record) -> dict[str, object]:
    """A result as flat columns, those of `COLUMNS` in their order; None for what does not apply."""
    columns: dict[str, object] = {name: getattr(record, name, None) for name in COLUMNS}
    if isinstance(record, Analysis):
        columns |= _flat(record)
    return {name: None if value == "" else value for name, value in columns.items()}


def _flat(analysis: Analysis) -> dict[str, object]:
    """Columns that are no fields of an analysis, or not flat."""
    columns: dict[str, object] = dict(analysis.estimate_columns())
    for head in HEADS:
        if head.kind == "tags":
            columns[head.field] = " ".join(tag.name for tag in analysis.tags if tag.present)
            columns |= {head.column(tag.name): tag.probability for tag in analysis.tags}
        elif head.outputs and head.field and not head.has_intervals:
            shares = getattr(analysis, head.field) or {}
            columns |= {head.column(name): share for name, share in shares.items()}
    columns["sounds_like"] = next(iter(analysis.sounds_like or ()), None)
    for field in ("classes", "own_tags"):
        shares = (f"{name}={share:.2f}" for name, share in getattr(analysis, field).items())
        columns[field] = "; ".join(shares)
    keys = (f"{one.key}={one.probability:.2f}" for one in analysis.key_candidates)
    columns["key_candidates"] = "; ".join(keys)
    tempi = (f"{one.tempo:g}={one.probability:.2f}" for one in analysis.tempo_candidates)
    columns["tempo_candidates"] = "; ".join(tempi)
    chords = main_chords(analysis, CHORDS)
    columns["chords"] = " ".join(f"{label}={share:.2f}" for label, share in chords)
    for sentences in ("contradictions", "warnings"):
        columns[sentences] = "; ".join(getattr(analysis, sentences))
    return columns
