"""EMOPIA: piano covers of pop songs as MIDI, one of four quadrants per clip (Hung et al., 2021).

Labels: the quadrant of the valence-arousal plane, by four annotators (perceived). CC BY-NC-SA 4.0.
Several clips come from one song, so ``group`` is the song.
"""

from __future__ import annotations

from pathlib import Path

from hevner.datasets.base import Clip, existing, read_rows
from hevner.emotion import Quadrant
from hevner.errors import DataError


def load(folder: Path) -> list[Clip]:
    """Clips under ``folder/emopia``; their ``path`` is the MIDI file."""
    root = folder / "emopia"
    labels = root / "clips.csv"
    clips = []
    for line, row in read_rows(labels, ("clip", "song", "quadrant")):
        if row["quadrant"] not in Quadrant.__members__:
            raise DataError(
                f"'{row['quadrant']}' is not a quadrant",
                subject=f"{labels}, line {line}",
                remedy="Expected Q1, Q2, Q3 or Q4",
            )
        midi = existing(root / "midi" / f"{row['clip']}.mid", f"{labels}, line {line}")
        quadrant = Quadrant[row["quadrant"]]
        clips.append(Clip("emopia", row["clip"], midi, group=row["song"], quadrant=quadrant))
    return clips
