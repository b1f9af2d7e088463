"""Basic emotions and moods of the moments of a piece, which the page draws over time.

An analysis has them for the piece alone, since listeners rated them for whole pieces only: here the
model reads the window around each moment as if it were a piece.
"""

from __future__ import annotations

from hevner.heads import BY_NAME
from hevner.model.prediction import Prediction
from hevner.result import Analysis

HEADS = ("emotions", "gems")

Course = dict[str, dict[str, list[float | None]]]
"""Values of each moment of the timeline by field of an analysis and by name, each in [0, 1]; None
where the music is silent."""


def course_of(analysis: Analysis, moments: Prediction | None) -> Course:
    """Basic emotions and moods of each moment; without those that the model does not predict.

    Parameters
    ----------
    analysis
        The analysis of the piece.
    moments
        Predictions for the window around each moment of its timeline; None without emotion.
    """
    found: Course = {}
    for head in (BY_NAME[name] for name in HEADS):
        if moments is None or not (values := moments.outputs[head.name]).size:
            continue
        found[head.field] = {
            name: [
                round(float(value), 3) if moment.valence else None
                for moment, value in zip(analysis.timeline, column, strict=True)
            ]
            for name, column in zip(head.outputs, values.T, strict=True)
        }
    return found
