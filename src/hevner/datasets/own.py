"""Your own music: any table of labels beside a folder of audio."""

from __future__ import annotations

from pathlib import Path

from hevner.datasets.card import Card
from hevner.datasets.findings import Findings
from hevner.datasets.layout import FIELDS, FILE, Layout, read_layout, read_tracks
from hevner.datasets.track import Track

CARD = Card(
    name="own",
    title="your own dataset",
    what="Whatever you bring: a table with one row per track, and a folder of audio.",
    tracks=0,
    labels=("valence-arousal", "tags"),
    raters="as you know them; columns valence_std, arousal_std and raters say more",
    group="the column group, else the artist, else the track",
    licence="yours to know",
    source="you",
    layout=(
        f"annotations.csv with a column id and any of {', '.join(FIELDS[1:])}",
        "audio/<id>.*",
        f"{FILE}: scales of valence and arousal, which are never guessed, and other names of "
        "columns and folders",
    ),
    citation="",
)


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    return read_tracks(CARD, folder, read_layout(folder, Layout()), findings)
