"""Frames of a whole file to its `Harmony`.

Conventions
-----------
The tuning is one number per file. The network goes over long files in pieces that overlap by
its context, so neither memory nor the result depends on the length of a piece.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hevner.errors import DataError
from hevner.music import chord_decoder, chord_labels, chroma, modes, network, tuning
from hevner.music.records import Harmony, Key
from hevner.music.spectrum import BINS, frame_times

Frames = NDArray[np.float32] | NDArray[np.float16]

_PIECE = 3_000
# Less than this share of frames with a chord, and there is no key.
_LEAST_PRESENCE = 0.02
# Less than this probability that there is a key, and none is reported.
_LEAST_KEY = 0.2
# Nor is it where chroma a second apart differ by less than this.
_LEAST_CHANGE = 0.02


def analyse(frames: Frames, duration: float) -> Harmony:
    """Tuning, key and chords of a file.

    Parameters
    ----------
    frames
        All frames of the file, ``(n_frames, 252)``, ten a second, as
        `hevner.music.spectrum.HarmonySpectrum` makes them.
    duration
        Length of the file in seconds; the last chord ends there.

    Returns
    -------
    Harmony
        The key is None, and the only chord ``"N"``, for silence.

    Raises
    ------
    DataError
        If there is no frame, or frames have another shape.
    """
    if frames.ndim != 2 or frames.shape[1] != BINS or not len(frames):
        raise DataError(
            f"harmony frames must have shape (n > 0, {BINS}), not {frames.shape}",
            remedy="Use the frames of HarmonySpectrum.encode",
            code="wrong_shape",
        )
    cents = tuning.estimate(frames)
    times = frame_times(len(frames), duration)
    pitch_classes, low, posterior, evidence = classify(frames, cents)
    path = chord_decoder.best_path(chord_decoder.scores(posterior))
    found = None
    if _moves(pitch_classes):
        features = modes.summarise(pitch_classes, low, posterior, evidence, path)
        found = _find_key(features, posterior)
    flats = found is not None and chord_labels.prefers_flats(found.number)
    chords = chord_decoder.segments(path, posterior, times, duration, flats=flats)
    return Harmony(duration, cents, found, chords, times, pitch_classes, posterior, evidence)


def classify(
    frames: Frames, cents: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float16], NDArray[np.float16]]:
    """Chroma, `modes.bass`, chord probabilities and key evidence of frames that sharp of A440."""
    model = network.load()
    pitch_classes, low, posteriors, evidence = [], [], [], []
    for first in range(0, len(frames), _PIECE):
        begin = max(first - network.CONTEXT, 0)
        last = min(first + _PIECE, len(frames))
        end = min(last + network.CONTEXT, len(frames))
        corrected = tuning.correct(frames[begin:end], cents)
        odds, features = model.frames(corrected)
        kept = slice(first - begin, last - begin)
        pitch_classes.append(chroma.from_frames(corrected[kept]))
        low.append(modes.bass(corrected[kept]))
        silent = np.max(corrected[kept], axis=1) <= 0
        posteriors.append(_probabilities(odds[kept], silent))
        evidence.append(features[kept].astype(np.float16))
    return (
        np.concatenate(pitch_classes),
        np.concatenate(low),
        np.concatenate(posteriors),
        np.concatenate(evidence),
    )


def _probabilities(odds: NDArray[np.float32], silent: NDArray[np.bool_]) -> NDArray[np.float16]:
    weights = np.exp(odds - odds.max(axis=1, keepdims=True))
    weights[silent] = 0
    weights[silent, chord_labels.NO_CHORD] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float16)


def _moves(pitch_classes: NDArray[np.float32]) -> bool:
    """Whether the notes change at all, as those of a hum or a test tone do not."""
    lag = min(10, len(pitch_classes) - 1)
    changes = np.abs(pitch_classes[lag:] - pitch_classes[: len(pitch_classes) - lag])
    return bool(lag and changes.sum(axis=1).mean() > _LEAST_CHANGE)


def _find_key(features: NDArray[np.float32], posterior: NDArray[np.float16]) -> Key | None:
    presence = 1 - np.mean(posterior[:, chord_labels.NO_CHORD], dtype=np.float64)
    if presence < _LEAST_PRESENCE:
        return None
    found = modes.estimate(features)
    return Key(found) if found.sum() > _LEAST_KEY else None
