"""Keys for descriptors: what the network makes of pooled evidence, and classical key profiles.

Conventions
-----------
Keys are numbered as in `hevner.music.chord_labels`: major keys C..B, then minor keys C..B. Chroma
vectors start with C, profiles with the tonic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats
from hevner.music import chord_labels, network

# Semitones of every pitch class above every tonic.
_FROM_TONIC = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12

#: Temperley's (1999) revision of the Krumhansl profiles, tonic first: major, minor.
TEMPERLEY = np.array(
    [
        [5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0],
        [5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0],
    ]
)
#: Probe-tone ratings of Krumhansl and Kessler (1982), tonic first: major, minor.
KRUMHANSL = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)


def profile_correlations(chroma: Doubles, profiles: Doubles = TEMPERLEY) -> Doubles:
    """Correlation of a chroma vector ``(12,)`` with the 24 key profiles, major keys first."""
    if np.ptp(chroma) == 0:
        return np.zeros(24)
    rotated = profiles[:, _FROM_TONIC].reshape(24, 12)
    rotated = rotated - rotated.mean(axis=1, keepdims=True)
    centred = chroma - chroma.mean()
    scale = np.linalg.norm(rotated, axis=1) * np.linalg.norm(centred)
    return np.asarray(rotated @ centred / scale)


def probabilities(
    evidence: NDArray[np.float16],
    posterior: NDArray[np.float16],
    chroma: Floats,
) -> Floats:
    """Probabilities of the 24 keys over a span of frames.

    Parameters
    ----------
    evidence
        Key features of the frames, ``(n, 12 * k)``, n > 0.
    posterior
        Chord probabilities of the same frames, ``(n, 121)``. Frames count by their probability of
        holding a chord.
    chroma
        Chroma of the same frames, ``(n, 12)``.
    """
    chords = np.asarray(posterior, np.float32)
    presence = 1 - chords[:, chord_labels.NO_CHORD] + np.float32(1e-6)
    presence /= presence.sum()
    by_root = (presence @ chords[:, : chord_labels.NO_CHORD]).reshape(12, -1).astype(np.float32)
    pooled = presence @ np.asarray(evidence, np.float32)
    odds = network.load().keys(
        pooled.reshape(12, -1), by_root, np.asarray(presence @ chroma, np.float32)
    )
    weights = np.exp(odds - odds.max())
    return np.asarray(weights / weights.sum(), np.float32)
