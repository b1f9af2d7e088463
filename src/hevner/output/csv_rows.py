"""CSV: one row per file, the same columns always."""

from __future__ import annotations

import csv

from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.output.base import Destination, Options, Record, Writer
from hevner.output.summary import main_chords
from hevner.result import Analysis, Estimate

CHORDS = 6
"""Chords told in the column ``chords``, as ``C:maj=0.41 A:min=0.22``."""

COLUMNS = (
    "path",
    "status",
    "duration",
    "scale",
    "valence",
    "valence_low",
    "valence_high",
    "arousal",
    "arousal_low",
    "arousal_high",
    "quadrant",
    "quadrant_words",
    *(f"probability_{quadrant.name}" for quadrant in Quadrant),
    *(f"mood_{mood.replace(' ', '_')}" for mood in GEMS),
    "tags",
    *(f"tag_{tag}" for tag in MOOD_TAGS),
    "contradictions",
    "key",
    "key_confidence",
    "tempo",
    "chords",
    "familiarity",
    "model",
    "warnings",
    "stage",
    "cause",
    "remedy",
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
    plain = (
        "path status duration scale quadrant quadrant_words key key_confidence tempo "
        "familiarity model"
    )
    columns: dict[str, object] = {name: getattr(analysis, name) for name in plain.split()}
    columns |= _estimate("valence", analysis.valence) | _estimate("arousal", analysis.arousal)
    columns |= {f"probability_{q}": p for q, p in analysis.quadrant_probabilities.items()}
    columns |= {f"mood_{m.replace(' ', '_')}": share for m, share in analysis.moods.items()}
    columns["tags"] = " ".join(tag.name for tag in analysis.tags if tag.present)
    columns |= {f"tag_{tag.name}": tag.probability for tag in analysis.tags}
    columns["contradictions"] = "; ".join(analysis.contradictions)
    chords = main_chords(analysis, CHORDS)
    columns["chords"] = " ".join(f"{label}={share:.2f}" for label, share in chords)
    columns["warnings"] = "; ".join(analysis.warnings)
    return columns


def _estimate(name: str, estimate: Estimate | None) -> dict[str, object]:
    if estimate is None:
        return {}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
