"""CCMED: excerpts of Chinese classical music, ranked in pairs, the twin of WCMED."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hevner.datasets import wcmed
from hevner.datasets.findings import Findings
from hevner.datasets.layout import read_layout, read_tracks
from hevner.datasets.track import Track

CARD = replace(
    wcmed.CARD,
    name="ccmed",
    title="CCMED",
    what="400 excerpts of Chinese classical music, 8 to 20 s each.",
)


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    return read_tracks(CARD, folder, read_layout(folder, wcmed.LAYOUT), findings)
