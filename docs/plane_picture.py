"""Draw the example pieces on the plane of valence and arousal, for ``docs/concepts.md``.

python docs/plane_picture.py docs/images/plane.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

import hevner

AUDIO = Path(__file__).resolve().parents[1] / "examples" / "audio"
CORNERS = {
    (1, 1): "Q1 happy, excited",
    (-1, 1): "Q2 tense, angry",
    (-1, -1): "Q3 sad, gloomy",
    (1, -1): "Q4 calm, content",
}
COLOURS = {"Q1": "#c77700", "Q2": "#b3261e", "Q3": "#1f5fa8", "Q4": "#1b7f6b"}


def draw(target: Path) -> None:
    """Write the picture: a point with both intervals for each piece."""
    figure, axes = pyplot.subplots(figsize=(6.4, 5.6), layout="constrained")
    for (side, half), name in CORNERS.items():
        at_edge = "right" if side > 0 else "left"
        axes.text(side * 0.97, half * 0.93, name, ha=at_edge, color="#666666")
    for piece in hevner.analyze_many(AUDIO, cache=False):
        assert isinstance(piece, hevner.Analysis), piece
        assert piece.valence is not None
        assert piece.arousal is not None
        x, y = piece.valence.value, piece.arousal.value
        axes.errorbar(
            x,
            y,
            xerr=[[x - piece.valence.low], [piece.valence.high - x]],
            yerr=[[y - piece.arousal.low], [piece.arousal.high - y]],
            fmt="o",
            color=COLOURS[str(piece.quadrant)],
            capsize=3,
        )
        name = Path(piece.path).stem.replace("_", " ")
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axes.annotate(name, (x, y), (6, 6), textcoords="offset points", bbox=box)
    axes.axhline(0, color="#bbbbbb", zorder=0)
    axes.axvline(0, color="#bbbbbb", zorder=0)
    axes.set(xlim=(-1, 1), ylim=(-1, 1), xlabel="valence", ylabel="arousal", aspect="equal")
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
