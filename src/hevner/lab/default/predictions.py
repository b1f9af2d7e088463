"""Predictions of fits for the rows that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence

from hevner.arrays import Floats, Mask
from hevner.model.predict import Model
from hevner.model.prediction import Prediction

Predictions = dict[str, Prediction]
"""Predictions of rows as ``whole`` pieces and as ``window`` of pieces; perhaps more by name."""


def predictions(model: Model, vectors: Floats) -> Predictions:
    """Predictions of a model, both ways."""
    return {way: model.predict(vectors, windows=way == "window") for way in ("whole", "window")}


def merged(count: int, parts: Sequence[tuple[Mask, Predictions]], blank: float = 0) -> Predictions:
    """Predictions for different rows as one; see `Prediction.merged`."""
    return {
        name: Prediction.merged(count, [(mask, part[name]) for mask, part in parts], blank)
        for name in parts[0][1]
    }
