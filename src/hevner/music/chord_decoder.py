"""From chord probabilities per frame to a sequence of chords.

Conventions
-----------
A hidden Markov model with one state per chord class. Every change of chord costs the same
(`CHANGE_COST` natural-log units), whatever the two chords are, so one step of the Viterbi
recursion needs only the best previous state and not all pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hevner.music import chord_labels
from hevner.music.records import Chord

CHANGE_COST = 5.0
#: Log-probabilities below this count as this: one doubtful frame must not veto a chord.
FLOOR = -7.0


def scores(posterior: NDArray[np.float16]) -> NDArray[np.float32]:
    """Log-probabilities ``(n_frames, n_states)`` the decoder adds up."""
    values = np.asarray(posterior, np.float32)
    return np.log(np.maximum(values, np.float32(np.exp(FLOOR))))


def best_path(scores: NDArray[np.float32], change_cost: float = CHANGE_COST) -> NDArray[np.int16]:
    """Most probable state per frame, ``(n_frames,)``.

    Parameters
    ----------
    scores
        Log-probability of every state, ``(n_frames, n_states)``.
    change_cost
        Cost of a change of state, in natural-log units.
    """
    n_frames = len(scores)
    stays = np.zeros(scores.shape, np.bool_)
    origin = np.zeros(n_frames, np.int16)
    total = np.array(scores[0], np.float32)
    for row in range(1, n_frames):
        best = int(total.argmax())
        entered = total[best] - np.float32(change_cost)
        np.greater_equal(total, entered, out=stays[row])
        origin[row] = best
        # Subtracting the best keeps the sums small however long the file is.
        total = np.maximum(total, entered) - total[best] + scores[row]
    path = np.empty(n_frames, np.int16)
    state = int(total.argmax())
    for row in range(n_frames - 1, -1, -1):
        path[row] = state
        if row and not stays[row, state]:
            state = int(origin[row])
    return path


def segments(
    path: NDArray[np.int16],
    posterior: NDArray[np.float16],
    times: NDArray[np.float64],
    duration: float,
    *,
    flats: bool = False,
) -> tuple[Chord, ...]:
    """Join equal neighbours into chords that fill ``0..duration`` without gaps."""
    changes = np.flatnonzero(np.diff(path)) + 1
    firsts = np.concatenate([[0], changes])
    lasts = np.concatenate([changes, [len(path)]])
    edges = (times[changes - 1] + times[changes]) / 2
    bounds = np.concatenate([[0.0], edges, [duration]])
    chords = []
    for k, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        state = int(path[first])
        confidence = float(np.mean(posterior[first:last, state], dtype=np.float64))
        label = chord_labels.chord_label(state, flats=flats)
        if bounds[k + 1] > bounds[k]:
            chords.append(Chord(label, float(bounds[k]), float(bounds[k + 1]), confidence))
    return tuple(chords)
