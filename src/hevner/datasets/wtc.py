"""WTC: the first bars of Bach's Well-Tempered Clavier I by six pianists (Chowdhury and Widmer)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hevner.datasets.card import Card, Defect
from hevner.datasets.findings import Findings
from hevner.datasets.layout import FILE, Layout, read_layout, read_tracks
from hevner.datasets.track import Track
from hevner.emotion import Scale

VALENCE, AROUSAL = Scale(-5, 5), Scale(0, 100)
PIECES, PIANISTS = 48, 6

LAYOUT = Layout(
    columns={
        "id": "id",
        "group": "piece",
        "artist": "pianist",
        "valence": "valence",
        "arousal": "arousal",
        "raters": "raters",
        "valence_std": "valence_std",
        "arousal_std": "arousal_std",
    },
    required=frozenset({"id", "group", "artist", "valence", "arousal"}),
    scales={"valence": VALENCE, "arousal": AROUSAL},
)

CARD = Card(
    name="wtc",
    title="WTC (Bach, Well-Tempered Clavier I)",
    what="The first eight bars of 24 preludes and 24 fugues, each played by Gould, Gulda, Hewitt, "
    "Richter, Schiff and Tureck: 48 x 6 = 288 clips of solo piano.",
    tracks=PIECES * PIANISTS,
    labels=("valence-arousal",),
    valence=VALENCE,
    arousal=AROUSAL,
    raters="29 students per clip; the mean is used",
    group="the piece: its six performances are near-duplicates, so every split must keep them "
    "together",
    licence="the audio is on commercial discs and cannot be passed on; the ratings are unpublished",
    source="your own discs, and the ratings from the authors",
    layout=(
        "annotations.csv (id, piece, pianist, valence, arousal; valence_std, arousal_std, raters "
        "if known)",
        "audio/<id>.*",
        f"{FILE}, if columns or folders have other names",
    ),
    citation="""@inproceedings{chowdhury2021perceived,
  author = {Chowdhury, Shreyan and Widmer, Gerhard},
  title = {On Perceived Emotion in Expressive Piano Performance: Further Experimental Evidence for
           the Relevance of Mid-level Perceptual Features},
  booktitle = {Proceedings of the 22nd International Society for Music Information Retrieval
               Conference},
  year = {2021}, eprint = {2107.13231}, archiveprefix = {arXiv}
}""",
    defects=(
        Defect(
            "near-duplicates",
            "Six performances of a piece differ little in valence and arousal; split at random, a "
            "model has heard every test piece.",
            "None of the labels; the group is the piece.",
        ),
    ),
)


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair in the labels."""
    layout = read_layout(folder, LAYOUT)
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
