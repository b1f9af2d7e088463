"""Emotify: 400 one-minute clips in four genres, nine GEMS emotions (Aljanaki et al., 2016).

Labels: each listener marks the emotions that the music *induced*; here the share of listeners per
emotion (split-half reliability .28 for amazement to .81 for joyful activation). Research use;
cite the paper. Only the middle 30 s are at hand. Artists are not known, so a random split may let
them leak; leave-one-genre-out does not.

Known defects
-------------
The track list of the original repository numbers genres in another order than the ratings; only
the number in the rating file is right, and only that is used.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from hevner.datasets.base import Clip, existing, number, read_rows

COLUMNS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)


def load(folder: Path) -> list[Clip]:
    """Clips under ``folder/emotify``."""
    root = folder / "emotify"
    labels = root / "ratings.csv"
    votes: dict[int, list[list[float]]] = defaultdict(list)
    genres: dict[int, str] = {}
    first_line: dict[int, int] = {}
    for line, row in read_rows(labels, ("track id", "genre", *COLUMNS)):
        track = int(number(row, "track id", labels, line))
        votes[track].append([number(row, column, labels, line) for column in COLUMNS])
        genres[track] = row["genre"]
        first_line.setdefault(track, line)
    return [
        Clip(
            "emotify",
            f"{track:03d}",
            existing(root / "audio" / f"{track:03d}.ogg", f"{labels}, line {first_line[track]}"),
            group=f"{track:03d}",
            domain=genres[track],
            gems=tuple(float(share) for share in np.mean(votes[track], axis=0)),
        )
        for track in sorted(votes)
    ]
