"""VGMIDI: piano arrangements of video game music, rated continuously (Ferreira and Whitehead).

Labels: per piece 28 to 32 raters, one valence and arousal value per measure in [-1, 1] (perceived).
No licence is stated; research use. The piece's value is the mean over raters and measures
(split-half reliability .92 and .94); the curve is the mean over raters, its measures spread evenly
over the duration. Pieces of one game share themes and raters, so ``group`` is the game.

Known defects
-------------
In three pieces one rater has a value more than there are measures; the surplus is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.datasets.base import Clip, Curve, existing
from hevner.errors import DataError


def load(folder: Path) -> list[Clip]:
    """Clips under ``folder/vgmidi``; their ``path`` is the MIDI file."""
    root = folder / "vgmidi"
    labels = root / "ratings.json"
    if not labels.is_file():
        raise DataError("no such file", subject=str(labels), remedy="Check the dataset folder")
    try:
        pieces = json.loads(labels.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"not JSON ({error})", subject=str(labels), remedy="Fetch the rating file again"
        ) from error
    return [_clip(piece, root / "midi", f"{labels}, piece {n}") for n, piece in enumerate(pieces)]


def _clip(piece: dict[str, Any], folder: Path, where: str) -> Clip:
    try:
        name, curve = piece["id"], _curve(piece, where)
        series, console, game = name.split("_")[:3]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"an entry is missing or no number ({error})",
            subject=where,
            remedy="Fetch the rating file again",
        ) from error
    return Clip(
        "vgmidi",
        name,
        existing(folder / f"{name}.mid", where),
        group=f"{series}-{console}-{game}",
        domain=series,
        valence=float(curve.valence.mean()),
        arousal=float(curve.arousal.mean()),
        curve=curve,
    )


def _curve(piece: dict[str, Any], where: str) -> Curve:
    measures = int(piece["measures"])
    means = [_mean(piece[name], measures, f"{where}, {name}") for name in ("valence", "arousal")]
    times = (np.arange(measures) + 0.5) * float(piece["duration_s"]) / measures
    return Curve(times, *means)


def _mean(raters: list[list[float]], measures: int, where: str) -> NDArray[np.float64]:
    """Mean over raters per measure; a value past the last measure is left out."""
    if not raters or any(len(rater) < measures for rater in raters):
        raise DataError(
            f"a rater has fewer than {measures} values",
            subject=where,
            remedy="Fetch the rating file again",
        )
    ratings = np.array([rater[:measures] for rater in raters], dtype=float)
    if not np.isfinite(ratings).all():
        raise DataError("a rating is not a number", subject=where, remedy="Remove that rater")
    return np.asarray(ratings.mean(axis=0))
