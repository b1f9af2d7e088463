"""Tonic and mode of a span of frames: a small network that looks at a piece from every tonic.

Conventions
-----------
All features are numbers per pitch class, ``(12, k)``. Counted from a tonic they are flattened and
scored for seven modes by a network whose weights all tonics share, so transposed music gives the
same answer transposed. One more score stands for "no key". `hevner.lab.music.composer` composes the
music that it is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.music import key
from hevner.music.chord_labels import MINOR_MODES, MODES, NO_CHORD, QUALITIES
from hevner.music.chroma import semitones
from hevner.music.network import FROM_TONIC, stored

WEIGHTS = "modes.npz"

EDGE_FRAMES = 15
_SHORTEST_CHORD = 3
_CLEAR = 0.65
# How soon what sounds above a note no longer counts as bass: share of the energy below.
_SOFTNESS = 8.0
#: Numbers per pitch class: chroma, bass, roots; how often each is strong; qualities; evidence;
#: log-odds of major and minor; the first three at the beginning and at the end; silence at the
#: end; first and last root, roots by length; moves of the root; how short the span is; whether
#: root and bass are the same at both ends of a long one.
WIDTH = 3 + 3 + 10 + 10 + 2 + 6 + 1 + 3 + 12 + 3

_THIRDS = slice(26, 28)
_BREVITY = WIDTH - 3
_CLOSED, _LEAST_CLOSED = WIDTH - 2, 0.3
# Weight of the log-odds of the key head, and what makes the probabilities of both honest: found on
# pieces and songs that were composed or cut for training and not trained on.
_KEY_HEAD, _SHARPNESS = 0.25, 0.7
#: What `estimate` adds for short cuts, found on recordings by `benchmarks/key_cuts.py`.
CUTS = np.array(
    [
        [0.3, -4.7, -2.7, 4.0, 0.3, 1.1, 4.2, 2.9, -4.0, 2.4, -10.4, 0.0],
        [5.7, 4.7, -3.5, -2.8, 7.9, -4.5, 7.4, 0.3, -4.8, -1.3, -0.8, -1.8],
    ],
    np.float32,
)


@dataclass(frozen=True)
class Estimator:
    """Weights of the network; features are standardised with ``mean`` and ``scale``.

    Attributes
    ----------
    mean, scale
        Of every feature, ``(WIDTH,)``.
    hidden, hidden_bias
        ``(12 * WIDTH, h)`` and ``(h,)``.
    mode, mode_bias
        Score of every mode on a tonic, ``(h, 7)`` and ``(7,)``.
    none, none_bias
        Score of "no key" from the mean and the largest of the hidden values, ``(2 * h,)`` and
        ``(1,)``.
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    mode: Floats
    mode_bias: Floats
    none: Floats
    none_bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """Probability of every tonic and mode, ``(12, 7)``; what lacks to 1 is that of no key."""
        seen = ((features - self.mean) / self.scale)[FROM_TONIC].reshape(12, -1)
        hidden = np.maximum(seen @ self.hidden + self.hidden_bias, 0)
        odds = (hidden @ self.mode + self.mode_bias).ravel()
        both = np.concatenate([hidden.mean(axis=0), hidden.max(axis=0)])
        odds = np.append(odds, both @ self.none + self.none_bias[0])
        weights = np.exp(odds - odds.max())
        return np.asarray((weights / weights.sum())[:-1].reshape(12, len(MODES)), np.float32)


@lru_cache(maxsize=1)
def load() -> Estimator:
    """Return the estimator this package ships; raises `ModelError` if it is missing or damaged."""
    return stored(WEIGHTS, "key", lambda weights: Estimator(**weights))


def estimate(features: Floats, profile: Floats = CUTS) -> Floats:
    """Probability of every tonic and mode, ``(12, 7)``, of the features of a span.

    A piece that begins and ends on the root that the network takes for the tonic is at home there.
    Anything else may be a cut of a piece, and the key head of the harmony network, which knows more
    songs but no modes, has a say. In a short one chroma counted from the tonic, times ``profile``
    of major and minor, ``(2, 12)``, adds to the log-odds.
    """
    found = load().probabilities(features)
    minor = np.array(MINOR_MODES)
    sums = np.stack([found[:, ~minor].sum(axis=1), found[:, minor].sum(axis=1)])
    if features[int(sums.argmax()) % 12, _CLOSED] > _LEAST_CLOSED:
        return found
    shared = (sums * np.exp(_KEY_HEAD * features[:, _THIRDS].T)) ** _SHARPNESS
    shared *= np.exp(features[0, _BREVITY] * (profile @ features[FROM_TONIC, 0]))
    shared *= found.sum() / shared.sum()
    return np.asarray(found * (shared / np.maximum(sums, 1e-9))[minor.astype(int)].T, np.float32)


def bass(frames: Floats) -> Floats:
    """Share of every pitch class among the lowest notes of corrected frames, ``(n, 12)``."""
    energy = semitones(frames)
    total = energy.sum(axis=1, keepdims=True)
    share = energy / np.where(total > 0, total, 1)
    below = np.cumsum(share, axis=1) - share
    low = (share * np.exp(-_SOFTNESS * below)).reshape(len(frames), -1, 12).sum(axis=1)
    total = low.sum(axis=1, keepdims=True)
    return np.asarray(low / np.where(total > 0, total, 1), np.float32)


def summarise(
    chroma: Floats,
    low: Floats,
    posterior: NDArray[np.float16],
    evidence: NDArray[np.float16],
    path: NDArray[np.int16],
) -> Floats:
    """Features ``(12, WIDTH)`` of a span, n > 0 frames.

    Parameters
    ----------
    chroma, low
        Chroma and `bass`, ``(n, 12)``.
    posterior, evidence
        Chord probabilities ``(n, 121)`` and key features ``(n, 12 * 10)`` of the harmony network.
    path
        Most probable chord of every frame, ``(n,)``.
    """
    chords = np.asarray(posterior, np.float32)
    presence = 1 - chords[:, NO_CHORD]
    sounds = chroma.sum(axis=1) > 0
    weight = presence + np.float32(0.05) * sounds + np.float32(1e-6)
    share = weight / weight.sum()
    roots = chords[:, :NO_CHORD].reshape(len(chords), 12, -1).sum(axis=2)
    notes = np.concatenate([chroma, low, roots], axis=1)
    mean = (share @ notes).reshape(3, 12).T
    strong = (share @ (notes > _threshold())).reshape(3, 12).T
    by_quality = (share @ chords[:, :NO_CHORD]).reshape(12, -1)
    pooled = (share @ np.asarray(evidence, np.float32)).reshape(12, -1)
    thirds = np.log(key.probabilities(evidence, posterior, chroma) + np.float32(1e-4))
    played = np.flatnonzero(presence > 0.3)
    if len(played) < EDGE_FRAMES // 3:
        played = np.flatnonzero(sounds)
    edges = [_edge(notes[rows]) for rows in (played[:EDGE_FRAMES], played[-EDGE_FRAMES:])]
    rest = (len(chords) - 1 - played[-1]) / 10 if len(played) else 1.0
    silence = np.full((12, 1), min(rest, 1.0))
    held, moves = _path_features(path, chords)
    # A short cut begins and ends anywhere; pieces begin and end, more often than not, at home.
    brevity = float(np.clip((110 - len(chords)) / 40, 0, 1))
    both = np.stack([held[:, 0] * held[:, 1], np.sqrt(edges[0][:, 1] * edges[1][:, 1])], axis=1) * (
        1 - brevity
    )
    parts = [mean, strong, by_quality, pooled, thirds.reshape(2, 12).T, *edges, silence, held]
    return np.concatenate([*parts, moves, np.full((12, 1), brevity), both], axis=1).astype(
        np.float32
    )


@lru_cache(maxsize=1)
def _threshold() -> Floats:
    return np.repeat(np.array([0.12, 0.4, 0.5], np.float32), 12)


def _edge(notes: Floats) -> Floats:
    if not len(notes):
        return np.zeros((12, 3), np.float32)
    return np.asarray(notes.mean(axis=0).reshape(3, 12).T)


def _path_features(path: NDArray[np.int16], posterior: Floats) -> tuple[Floats, Floats]:
    """First and last root, share of every root by the squared length of its chords; moves."""
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1])
    spans = np.diff(np.append(firsts, len(path)))
    kept = (path[firsts] != NO_CHORD) & (spans >= _SHORTEST_CHORD)
    roots, spans = path[firsts][kept] // len(QUALITIES), spans[kept].astype(np.float64)
    held = np.zeros((12, 3), np.float32)
    moves = np.zeros((12, 12), np.float32)
    if len(roots):
        # A chord that dies away is taken for another; the last one must be clear.
        clear = [
            path[a] // len(QUALITIES)
            for a, b in pairwise(np.append(firsts, len(path)))
            if path[a] != NO_CHORD
            and b - a >= _SHORTEST_CHORD
            and posterior[a:b, path[a]].mean() >= _CLEAR
        ] or [roots[0], roots[-1]]
        held[clear[0], 0] = held[clear[-1], 1] = 1
        held[:, 2] = np.bincount(roots, np.square(spans), 12) / np.square(spans).sum()
        np.add.at(moves, (roots[:-1], (roots[1:] - roots[:-1]) % 12), 1)
        moves[:, 0] = 0
    return held, moves / np.float32(max(moves.sum(), 1))
