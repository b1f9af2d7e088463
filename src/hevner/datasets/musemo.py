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

from pathlib import Path

from hevner.datasets.base import Clip, existing, number, read_rows
from hevner.emotion import Quadrant, Scale

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
        if _is_repeat(stem, names):
            continue
        genre, digits = stem.removeprefix("out_").split(" ")[0].split(".")
        clips.append(
            Clip(
                "musemo",
                stem,
                existing(root / "audio" / f"{stem}.ogg", labels, line),
                group=f"{genre}-{int(digits) // 10}",
                domain=genre,
                valence=SCALE.to_unit(number(row, "Valence", labels, line)),
                arousal=SCALE.to_unit(number(row, "Arousal", labels, line)),
                quadrant=Quadrant[row["EmoCat"].upper().replace("E", "Q")],
            )
        )
    return clips


def _is_repeat(stem: str, names: set[str]) -> bool:
    original = stem.split(" ")[0]
    if original != stem:
        return f"{original}.wav" in names
    genre, digits = stem.split(".")
    twin = REPEATED_JAZZ.get(int(digits)) if genre == "out_jazz" else None
    return twin is not None and f"{genre}.{twin:05d}.wav" in names
