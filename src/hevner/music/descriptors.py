"""Numbers about the harmony of a span of time, for models of emotion.

Conventions
-----------
No number depends on level or on the key the music is in: moved by any number of semitones, music
gives the same numbers. ``share_...`` is a mean probability over the frames in which there is
harmony, 0..1. Frames count by their probability of holding a chord at all, so noise, drums and
pauses do not dilute the rest.

A span without harmony (probability of a chord below `PRESENCE_FLOOR` in the mean) gives zeros
throughout; ``harmony_present`` is 0 only then, so such a span is not taken for neutral music.

=========================  ======================================================================
harmony_present            mean probability of a chord, 0..1
mode_probability           P(major) - P(minor) of the span's key, -1..1
key_clarity                1 - entropy of the 24 key probabilities / log 24, 0..1
major_minor_temperley      best correlation with a major less with a minor profile, -2..2
major_minor_krumhansl      the same with the Krumhansl-Kessler profiles
profile_clarity            best correlation with a key profile less the second best, 0..2
third_balance              chroma of the major third above the tonic less the minor third, -1..1
share_major                major triads; likewise ``minor``, ``dominant_seventh``,
                           ``major_seventh``, ``minor_seventh``, ``diminished`` (with half
                           diminished), ``augmented``, ``suspended``
share_tonic                chords on the tonic; likewise ``dominant`` and ``subdominant``
share_diatonic             chords made of notes of the key alone (natural or harmonic minor)
chord_change_rate          chord changes per second
chord_entropy              mean entropy of the chord probabilities / log 121, 0..1
tonnetz_...                length of the mean tonal centroid (Harte et al. 2006) on the circles of
                           fifths, minor thirds and major thirds, 0..1
tonnetz_spread             root mean square distance of the frames from their mean centroid
tonnetz_flux               mean distance between centroids one second apart
chroma_entropy             mean entropy of chroma / log 12, 0..1
chroma_flux                mean total variation between chroma one second apart, 0..1
interval_class_1 .. _6     share of pitch-class pairs that many semitones apart: 1, 2 and 6 are
                           the dissonant ones
degree_0 .. degree_11      mean chroma by semitones above the tonic; adds up to 1
=========================  ======================================================================

Where a number refers to the tonic, it is the mean over all keys by their probability.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hevner.music import chord_labels, key, network
from hevner.music.records import Harmony

Vector = NDArray[np.float64]

#: Mean probability of a chord below which a span counts as silent.
PRESENCE_FLOOR = 0.02
_LAG = 10  # frames in a second

_GROUPS: dict[str, tuple[str, ...]] = {
    "share_major": ("maj",),
    "share_minor": ("min",),
    "share_dominant_seventh": ("7",),
    "share_major_seventh": ("maj7",),
    "share_minor_seventh": ("min7",),
    "share_diminished": ("dim", "hdim7"),
    "share_augmented": ("aug",),
    "share_suspended": ("sus2", "sus4"),
}

NAMES: tuple[str, ...] = (
    "harmony_present",
    "mode_probability",
    "key_clarity",
    "major_minor_temperley",
    "major_minor_krumhansl",
    "profile_clarity",
    "third_balance",
    *_GROUPS,
    "share_tonic",
    "share_dominant",
    "share_subdominant",
    "share_diatonic",
    "chord_change_rate",
    "chord_entropy",
    "tonnetz_fifths",
    "tonnetz_minor_thirds",
    "tonnetz_major_thirds",
    "tonnetz_spread",
    "tonnetz_flux",
    "chroma_entropy",
    "chroma_flux",
    *(f"interval_class_{k}" for k in range(1, 7)),
    *(f"degree_{k}" for k in range(12)),
)


def descriptors(harmony: Harmony, start: float, end: float) -> NDArray[np.float32]:
    """Describe the harmony between two times.

    Parameters
    ----------
    harmony
        The analysis of a whole file.
    start, end
        The span in seconds. A span between two frames uses the nearest frame.

    Returns
    -------
    One number for each of `NAMES`, ``(46,)``, all finite.
    """
    rows = harmony.rows(start, end)
    posterior = np.asarray(harmony.chord_posterior[rows], np.float64)
    presence = 1 - posterior[:, chord_labels.NO_CHORD]
    values = dict.fromkeys(NAMES, 0.0)
    if presence.mean() >= PRESENCE_FLOOR:
        chroma = np.asarray(harmony.chroma[rows], np.float64)
        evidence = harmony.key_evidence[rows]
        found = key.probabilities(evidence, harmony.chord_posterior[rows], harmony.chroma[rows])
        keys = found.astype(np.float64)
        mean = presence @ chroma
        values |= {"harmony_present": float(presence.mean())}
        values |= _of_keys(keys, mean / mean.sum() if mean.sum() > 0 else mean)
        values |= _of_chords(posterior, presence, keys)
        values |= _of_motion(chroma, presence)
        values |= {"chord_change_rate": _change_rate(harmony, start, end)}
    return np.array([values[name] for name in NAMES], np.float32)


def _of_keys(keys: Vector, chroma: Vector) -> dict[str, float]:
    temperley = key.profile_correlations(chroma, key.TEMPERLEY)
    krumhansl = key.profile_correlations(chroma, key.KRUMHANSL)
    ordered = np.sort(temperley)
    degrees = _by_degree(chroma, keys)
    return {
        "mode_probability": float(keys[:12].sum() - keys[12:].sum()),
        "key_clarity": 1 + float(np.sum(keys * np.log(keys + 1e-12))) / np.log(24),
        "major_minor_temperley": float(temperley[:12].max() - temperley[12:].max()),
        "major_minor_krumhansl": float(krumhansl[:12].max() - krumhansl[12:].max()),
        "profile_clarity": float(ordered[-1] - ordered[-2]),
        "third_balance": float(degrees[4] - degrees[3]),
        **{f"degree_{k}": float(degrees[k]) for k in range(12)},
    }


def _of_chords(posterior: Vector, presence: Vector, keys: Vector) -> dict[str, float]:
    chords = posterior[:, : chord_labels.NO_CHORD]
    share = chords.sum(axis=0) / presence.sum()
    by_root = share.reshape(12, len(chord_labels.QUALITIES))
    by_quality = dict(zip(chord_labels.QUALITIES, by_root.sum(axis=0), strict=True))
    degrees = _by_degree(by_root.sum(axis=1), keys)
    logs = posterior + 1e-9
    np.log(logs, out=logs)  # in its place: hours of music have millions of these
    entropy = -np.einsum("ij,ij->i", posterior, logs)
    values = {name: float(sum(by_quality[q] for q in group)) for name, group in _GROUPS.items()}
    return values | {
        "share_tonic": float(degrees[0]),
        "share_dominant": float(degrees[7]),
        "share_subdominant": float(degrees[5]),
        "share_diatonic": float(keys @ _diatonic() @ share),
        "chord_entropy": float(entropy.mean() / np.log(chord_labels.CHORD_CLASSES)),
    }


def _of_motion(chroma: Vector, presence: Vector) -> dict[str, float]:
    sounding = chroma[(presence > 0.5) & (chroma.sum(axis=1) > 0)]
    if not len(sounding):
        return {}
    centroids = sounding @ _tonnetz()
    mean = centroids.mean(axis=0)
    circles = np.hypot(mean[0::2], mean[1::2])
    spread = np.sqrt(np.square(centroids - mean).sum(axis=1).mean())
    lag = min(_LAG, len(sounding) - 1)
    steps = np.linalg.norm(centroids[lag:] - centroids[: len(centroids) - lag], axis=1)
    moves = 0.5 * np.abs(sounding[lag:] - sounding[: len(sounding) - lag]).sum(axis=1)
    entropy = -np.sum(sounding * np.log(sounding + 1e-9), axis=1)
    return {
        "tonnetz_fifths": float(circles[0]),
        "tonnetz_minor_thirds": float(circles[1]),
        "tonnetz_major_thirds": float(circles[2]),
        "tonnetz_spread": float(spread),
        "tonnetz_flux": float(steps.mean()),
        "chroma_entropy": float(entropy.mean() / np.log(12)),
        "chroma_flux": float(moves.mean()),
        **_interval_classes(sounding),
    }


def _interval_classes(chroma: Vector) -> dict[str, float]:
    together = chroma.T @ chroma
    pitch = np.arange(12)
    pairs = np.array([together[pitch, (pitch + k) % 12].sum() for k in range(7)])
    pairs[6] /= 2  # six semitones up and down are the same pair
    total = pairs[1:].sum()
    pairs = pairs / total if total > 0 else pairs
    return {f"interval_class_{k}": float(pairs[k]) for k in range(1, 7)}


def _change_rate(harmony: Harmony, start: float, end: float) -> float:
    length = min(end, harmony.duration) - start
    changes = sum(start < chord.start < end for chord in harmony.chords[1:])
    return changes / length if length > 0 else 0.0


def _by_degree(values: Vector, keys: Vector) -> Vector:
    """Values per pitch class, counted from the tonic, averaged over keys by probability."""
    tonics = keys[:12] + keys[12:]
    return np.asarray(tonics @ values[network.FROM_TONIC])


@lru_cache(maxsize=1)
def _diatonic() -> Vector:
    """1 where a chord has only notes of a key, ``(24, 120)``."""
    # The seventh degree of minor may be raised, hence both 10 and 11.
    scales = ({0, 2, 4, 5, 7, 9, 11}, {0, 2, 3, 5, 7, 8, 10, 11})
    fits = np.zeros((chord_labels.KEY_CLASSES, chord_labels.NO_CHORD))
    for number in range(chord_labels.KEY_CLASSES):
        for chord in range(chord_labels.NO_CHORD):
            root, quality = divmod(chord, len(chord_labels.QUALITIES))
            tones = chord_labels.TEMPLATES[chord_labels.QUALITIES[quality]]
            degrees = {(root + tone - number) % 12 for tone in tones}
            fits[number, chord] = degrees <= scales[number // 12]
    return fits


@lru_cache(maxsize=1)
def _tonnetz() -> Vector:
    """Cosine and sine on the circles of fifths, minor and major thirds, ``(12, 6)``."""
    pitch = np.arange(12)
    angles = [2 * np.pi * step * pitch / 12 for step in (7, 3, 4)]
    return np.stack([part(angle) for angle in angles for part in (np.cos, np.sin)], axis=1)
