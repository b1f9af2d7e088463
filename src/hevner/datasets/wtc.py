"""WTC: the first bars of Bach's Well-Tempered Clavier I by six pianists (Chowdhury and Widmer)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.layout import default_layout, read_layout
from hevner.datasets.table import read_tracks
from hevner.datasets.track import Track

CARD = read_card("wtc")


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    layout = read_layout(folder, default_layout("wtc"))
    tracks = [
        replace(track, recording=f"wtc/{track.group}/{track.artist}")
        for track in read_tracks(CARD, folder, layout, findings)
    ]
    _note_gaps(tracks, findings)
    return tracks


def _note_gaps(tracks: list[Track], findings: Findings) -> None:
    """Note differences from 48 pieces by the same six pianists."""
    if len(tracks) != CARD.tracks:
        findings.note(
            "incomplete",
            f"{len(tracks)} clips of {CARD.tracks}: {len({t.group for t in tracks})} pieces, "
            f"{len({t.artist for t in tracks})} pianists",
        )
    performances = Counter((track.group, track.artist) for track in tracks)
    pianists = sorted({track.artist for track in tracks})
    for piece in sorted({track.group for track in tracks}):
        missing = [name for name in pianists if not performances[piece, name]]
        repeated = [name for name in pianists if performances[piece, name] > 1]
        if missing:
            findings.note("incomplete", f"not by {', '.join(missing)}", f"piece {piece}")
        if repeated:
            findings.note("repeated", f"more than once by {', '.join(repeated)}", f"piece {piece}")
