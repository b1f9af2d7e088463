"""MusEmo: 6-second cuts of GTZAN songs in ten genres (Grekow)."""

from __future__ import annotations

import re
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.errors import DataError

CARD = read_card("musemo")
SCALE = CARD.scale("valence")
REPEATED_JAZZ = {51: 33, 55: 35, 58: 36, 60: 37, 68: 42, 71: 45}
"""GTZAN jazz numbers that repeat the recording of another number."""

ALIKE_METAL = {13: 4}
"""GTZAN metal numbers that sound like another number."""


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`."""
    rows = read_rows(folder / "annotations.csv", ("Name", "Arousal", "Valence", "EmoCat"))
    media = Media(CARD, folder, ("audio",), findings)
    tracks = each(rows, "Name", findings, lambda row: _track(row, media))
    media.report_unlabelled()
    return _without_repeats(tracks, findings) if labels == "repaired" else tracks


def _track(row: Row, media: Media) -> Track:
    stem = row.text("Name").removesuffix(".wav")
    genre, song = _song(stem, row.where)
    twin = {"jazz": REPEATED_JAZZ, "metal": ALIKE_METAL}.get(genre, {}).get(song, song)
    block = twin // 10 if genre == "metal" else song // 10
    return Track(
        "musemo",
        stem,
        media.find(stem, row.where),
        group=f"{genre}-{block}",
        recording=f"gtzan/{genre}.{twin:05d}",
        genre=genre,
        valence=row.rating("Valence", SCALE),
        arousal=row.rating("Arousal", SCALE),
        quadrant=_quadrant(row),
    )


def _song(stem: str, where: str) -> tuple[str, int]:
    """Genre and number of the GTZAN song, from a name such as ``out_jazz.00051``."""
    found = re.fullmatch(r"out_([a-z]+)\.(\d+)( - Kopia)?", stem)
    if found is None:
        raise DataError(
            f"'{stem}' does not name a GTZAN song",
            subject=where,
            remedy="Expected names such as out_jazz.00051.wav",
            code="unknown_name",
        )
    return found[1], int(found[2])


def _quadrant(row: Row) -> Quadrant:
    category = row.text("EmoCat")
    name = category.upper().replace("E", "Q")
    if name not in Quadrant.__members__:
        raise row.fault(
            "not_a_quadrant",
            f"'{category}' in column EmoCat is not a quadrant",
            "Expected e1, e2, e3 or e4",
        )
    return Quadrant[name]


def _without_repeats(tracks: list[Track], findings: Findings) -> list[Track]:
    """Drop each track whose recording another one holds under its proper name."""
    names = {track.id for track in tracks}
    dropped: dict[str, list[str]] = {"copied-file": [], "repeated-recording": []}
    for track in tracks:
        original = track.recording.replace("gtzan/", "out_")
        if track.id != original and original in names and track.genre != "metal":
            kind = "copied-file" if track.id.endswith(" - Kopia") else "repeated-recording"
            dropped[kind].append(track.id)
    for kind, ids in dropped.items():
        if ids:
            findings.repair(kind, f"left out: {', '.join(ids)}", len(ids))
    out = {name for ids in dropped.values() for name in ids}
    return [track for track in tracks if track.id not in out]
