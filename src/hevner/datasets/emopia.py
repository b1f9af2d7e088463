"""EMOPIA: piano covers of pop songs as MIDI, one of four quadrants per clip (Hung et al., 2021)."""

from __future__ import annotations

import re
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows
from hevner.datasets.table import quadrant as read_quadrant
from hevner.datasets.track import Track

CARD = read_card("emopia")
PARTS = ("train", "val", "test")

SAME_SONG = {
    "bIx4DwkZxFY": "TNoaOTrTkTQ",
    "FoTXpYZXxJs": "Ie5koh4qvJc",
    "jO2zX6Ul8GM": "Ie5koh4qvJc",
}
"""YouTube ids whose video repeats music of another one."""

SAME_CLIP = {
    "Q1_bIx4DwkZxFY_1": "Q1_TNoaOTrTkTQ_1",
    "Q4_FoTXpYZXxJs_0": "Q4_Ie5koh4qvJc_16",
    "Q4_FoTXpYZXxJs_1": "Q4_Ie5koh4qvJc_17",
    "Q4_jO2zX6Ul8GM_2": "Q4_Ie5koh4qvJc_28",
}
"""Clips that repeat the performance of another one: nine notes of ten agree at one offset."""


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    media = Media(CARD, folder, ("midis", "midi"), findings)
    official = (folder / "label.csv").is_file()
    name, clip, quadrant = (
        ("label.csv", "ID", "4Q") if official else ("clips.csv", "clip", "quadrant")
    )
    columns = (clip, quadrant) if official else (clip, quadrant, "official_split")
    rows = read_rows(folder / name, columns)
    parts = _parts(folder / "split") if official else {}

    def track(row: Row) -> Track:
        part = parts.get(row.text(clip), "") if official else row.values["official_split"]
        return _track(row, clip, quadrant, part, media)

    tracks = each(rows, clip, findings, track)
    media.report_unlabelled()
    return tracks


def _track(row: Row, clip: str, quadrant: str, part: str, media: Media) -> Track:
    stem = row.text(clip)
    found = re.fullmatch(r"(Q[1-4])_(.+)_\d+", stem)
    if found is None:
        raise row.fault(
            "unknown_name",
            f"'{stem}' does not name a clip",
            "Expected names such as Q1_0vLPYiPN7qY_0",
        )
    label = read_quadrant(row, quadrant)
    if label.name != found[1]:
        raise row.fault(
            "contradiction",
            f"quadrant {label.name} contradicts the name {stem}",
            "Fetch the label file again",
        )
    return Track(
        "emopia",
        stem,
        media.find(stem, row.where),
        group=SAME_SONG.get(found[2], found[2]),
        recording=f"emopia/{SAME_CLIP.get(stem, stem)}",
        quadrant=label,
        official_split=part,
    )


def _parts(folder: Path) -> dict[str, str]:
    """Part of each clip in the authors' split, as far as its files are there."""
    return {
        row.text("fname"): part
        for part in PARTS
        if (folder / f"{part}.csv").is_file()
        for row in read_rows(folder / f"{part}.csv", ("fname",))
    }
