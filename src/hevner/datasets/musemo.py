"""MusEmo: 6-second cuts of GTZAN songs in ten genres (Grekow).

Labels: mean valence and arousal over annotators on about -10..10 (perceived emotion); only clips
with a clear quadrant seem to have been kept. No licence is stated; research use. GTZAN audio is
copyrighted.

Known defects
-------------
Three clips are byte-identical copies ("- Kopia") with ratings of their own, and six pairs of jazz
files are the same GTZAN recording. Of each pair only the first is kept. GTZAN has no artist
list; neighbouring numbers often share an artist, so ``group`` is genre and block of ten numbers.
"""

from __future__ import annotations

import re
from pathlib import Path

from hevner.datasets.base import Clip, existing, number, read_rows
from hevner.emotion import Quadrant, Scale
from hevner.errors import DataError

SCALE = Scale(-10, 10)
REPEATED_JAZZ = {51: 33, 55: 35, 58: 36, 60: 37, 68: 42, 71: 45}
"""GTZAN jazz numbers that repeat the recording of another number."""


def load(folder: Path) -> list[Clip]:
    """Clips under ``folder/musemo``, repeats left out."""
    root = folder / "musemo"
    labels = root / "annotations.csv"
    rows = list(read_rows(labels, ("Name", "Arousal", "Valence", "EmoCat")))
    names = {row["Name"] for _, row in rows}
    clips = []
    for line, row in rows:
        stem = row["Name"].removesuffix(".wav")
        genre, song = _song(stem, f"{labels}, line {line}")
        if _is_repeat(stem, genre, song, names):
            continue
        clips.append(
            Clip(
                "musemo",
                stem,
                existing(root / "audio" / f"{stem}.ogg", f"{labels}, line {line}"),
                group=f"{genre}-{song // 10}",
                domain=genre,
                valence=SCALE.to_unit(number(row, "Valence", labels, line)),
                arousal=SCALE.to_unit(number(row, "Arousal", labels, line)),
                quadrant=_quadrant(row["EmoCat"], f"{labels}, line {line}"),
            )
        )
    return clips


def _song(stem: str, where: str) -> tuple[str, int]:
    """Genre and number of the GTZAN song, from a name such as ``out_jazz.00051``."""
    found = re.fullmatch(r"out_([a-z]+)\.(\d+)( - Kopia)?", stem)
    if found is None:
        raise DataError(
            f"'{stem}' does not name a GTZAN song",
            subject=where,
            remedy="Expected names such as out_jazz.00051.wav",
        )
    return found[1], int(found[2])


def _quadrant(category: str, where: str) -> Quadrant:
    name = category.upper().replace("E", "Q")
    if name not in Quadrant.__members__:
        raise DataError(
            f"'{category}' in column EmoCat is not a quadrant",
            subject=where,
            remedy="Expected e1, e2, e3 or e4",
        )
    return Quadrant[name]


def _is_repeat(stem: str, genre: str, song: int, names: set[str]) -> bool:
    """Whether another file of the set, named in ``names``, holds the same recording."""
    original = stem.split(" ")[0]
    if original != stem:
        return f"{original}.wav" in names
    twin = REPEATED_JAZZ.get(song) if genre == "jazz" else None
    return twin is not None and f"out_jazz.{twin:05d}.wav" in names
