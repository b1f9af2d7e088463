"""The course of a piece: the value of a moment is that of the piece and a part within the piece.

Listeners who rate while the music plays agree on the piece far more than on its course, and the
two follow different things. So they are predicted apart::

    score(moment) = standardised vector of the window that ends with the moment . weights
    value(moment) = value(piece) + score(moment) - mean score of the piece

The window *ends* with the moment: ratings follow what was heard in the seconds before. A score
needs nothing that comes later, so a stream is followed likewise, with the value and the mean score
of what has sounded so far in the place of those of the piece.

Conventions
-----------
Valence and arousal are on the unit scale and lie in columns 0 and 1. There is one moment for each
patch (`hevner.blocks.PATCHES`), and one row for each moment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hevner.arrays import Floats, Mask, Rows
from hevner.audio.decode import SAMPLE_RATE
from hevner.blocks import PATCHES
from hevner.model.prediction import Prediction

if TYPE_CHECKING:
    from hevner.model.predict import Model

STEP_S = PATCHES[1] / SAMPLE_RATE
"""Seconds from moment to moment."""

TENSION = np.array([[-0.86], [0.27]], np.float32)
"""What a difference in valence and in arousal adds to tension, which nobody rated over time: least
squares over the 238 excerpts of film music that were rated in all three (r .93)."""


def predict(
    model: Model,
    whole: Prediction,
    vectors: Floats,
    seconds: float,
    sounding: Mask,
    window: float,
) -> Prediction:
    """Predict the moments of a piece; a model without a part within takes each window on its own.

    Parameters
    ----------
    model
        The model.
    whole
        Its prediction for the piece, one row.
    vectors
        Pooled vectors of the windows *around* the moments (`hevner.features.around`), shape
        ``(n, dim)``.
    seconds
        How long the piece sounds.
    sounding
        Which moments are not silent, at least one, shape ``(n,)``.
    window
        Length of the windows in seconds.
    """
    found = model.predict(vectors, seconds, windows=True)
    scores = model.course(vectors)
    if scores is None:
        return found
    scores = scores[ending(len(scores), window)]
    emotion = np.asarray(scores - scores[sounding].mean(axis=0), np.float32)
    half_width = np.asarray(model.card["course_half_width"], np.float32)
    parts = {"emotion": (emotion, half_width)}
    if whole.outputs["tension"].size:
        parts["tension"] = emotion @ TENSION, half_width @ np.abs(TENSION)
    outputs, halves = dict(found.outputs), dict(found.half_widths)
    for name, (differences, half) in parts.items():
        outputs[name] = np.clip(whole.outputs[name] + differences, -1, 1)
        # The errors of a piece and of its course are independent, so their squares add up.
        both = np.sqrt(whole.half_widths[name] ** 2 + half**2)
        halves[name] = np.tile(both, (len(differences), 1))
    return replace(found, outputs=outputs, half_widths=halves)


def ending(count: int, window: float) -> Rows:
    """For each moment the row whose window, which lies around that row's moment, ends with it.

    The first moments share the first window: an opinion takes some seconds.
    """
    lag = max(round((window / STEP_S - 1) / 2), 0)
    return np.maximum(np.arange(count) - lag, 0)
