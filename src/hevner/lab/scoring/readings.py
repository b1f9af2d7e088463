"""What a model predicts for labelled tracks: their audio is analysed where nothing is stored yet.

Conventions
-----------
Stored are the features of the default pass, the pooled vectors and the fingerprints of recordings
(`hevner.lab.data`), so another model is scored without analysing anything again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from hevner import features
from hevner.arrays import Doubles, Floats
from hevner.blocks import WIDTHS
from hevner.datasets.track import Track
from hevner.defaults import DEFAULT_WINDOW_S
from hevner.errors import AudioError
from hevner.lab import workers
from hevner.lab.data.corpus import Done, Variant, each, keep
from hevner.lab.data.extraction import FINGERPRINT, PASS, files, read_features
from hevner.lab.data.representations import gather, variant_of
from hevner.model import moments, predict
from hevner.model.prediction import Prediction
from hevner.music import analyse
from hevner.store import FeatureStore

BLOCKS = tuple(name.replace("_", "-") for name in WIDTHS)
"""Blocks of a pooled vector, as `gather` has them."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What a model predicts for tracks.

    Attributes
    ----------
    tracks
        The tracks, a row each.
    prediction
        Of the whole pieces.
    courses
        Valence and arousal at the moments of the track's curve by number of the row, shape
        ``(n, 2)``.
    """

    tracks: tuple[Track, ...]
    prediction: Prediction
    courses: dict[int, Doubles]


def prepare(tracks: Sequence[Track], store: Path, soundfont: str, jobs: int) -> Generator[Done]:
    """Analyse the tracks that are not stored yet, in parallel; a bad file does not stop the others.

    Yields an outcome per track, in order; what was done is kept if it is stopped.
    """
    work = [(track, variant_of(track, soundfont)) for track in tracks]
    yield from each(partial(_prepare, store=store, soundfont=soundfont), work, jobs)


def _prepare(track: Track, variant: Variant, store: Path, soundfont: str) -> bool:
    made = keep(track, variant, store)
    if not variant.soundfont:
        made |= keep(track, variant, store, (FINGERPRINT,))
    # Pools, which takes as long as a fifth of the analysis; raises if nothing sounds.
    gather(FeatureStore(store), [track], BLOCKS, soundfont=soundfont)
    return made


def read(model: Path, tracks: Sequence[Track], store: Path, soundfont: str, jobs: int) -> Readings:
    """Predict tracks that `prepare` has analysed.

    Raises
    ------
    DataError
        If a track is not stored.
    ModelError
        If the model cannot be loaded.
    """
    prediction = _model(model).predict(*inputs(tracks, store, soundfont))
    rated = [k for k, track in enumerate(tracks) if track.curve is not None]
    read_one = partial(_course, model=model, store=store, soundfont=soundfont)
    if jobs == 1 or len(rated) < 2:
        courses = [read_one(tracks[k]) for k in rated]
    else:
        with workers.pool(jobs) as pool:
            courses = list(pool.map(read_one, [tracks[k] for k in rated]))
    return Readings(tuple(tracks), prediction, dict(zip(rated, courses, strict=True)))


def inputs(tracks: Sequence[Track], store: Path, soundfont: str) -> tuple[Floats, Doubles]:
    """Pooled vectors and seconds of sound of tracks that `prepare` has analysed.

    Raises
    ------
    DataError
        If a track is not stored.
    """
    found = gather(FeatureStore(store), tracks, BLOCKS, soundfont=soundfont).blocks
    vectors = np.concatenate([found[name] for name in BLOCKS], axis=1)
    return vectors, np.array([_seconds(track, store, soundfont) for track in tracks])


def _seconds(track: Track, store: Path, soundfont: str) -> float:
    """How long a stored track sounds."""
    file = files(store, track.dataset)[PASS["onsets"].name]
    return file.get(track.id, variant_of(track, soundfont).name).duration or predict.UNKNOWN_LENGTH


def _course(track: Track, model: Path, store: Path, soundfont: str) -> Doubles:
    """Valence and arousal at the moments of a track's curve, shape ``(n, 2)``."""
    variant = variant_of(track, soundfont).name
    _, found = read_features(store, track.dataset, track.id, variant)
    if track.curve is None or not found.sounding.any():
        raise AudioError("nothing sounds, or no curve", subject=track.id, code="silent")
    harmony = analyse(found.spectrum.astype(np.float32), found.duration)
    vectors = features.around(found, harmony, DEFAULT_WINDOW_S)
    vector = features.pool(found, harmony, 0.0, found.duration)
    loaded = _model(model)
    whole = loaded.predict(vector[None, :], found.duration)
    course = moments.predict(
        loaded, whole, vectors, found.duration, found.sounding, DEFAULT_WINDOW_S
    ).values.astype(np.float64)
    middles = found.begin + found.centres
    columns = [np.interp(track.curve.times, middles, column) for column in course.T]
    return np.stack(columns, axis=1)


@lru_cache(maxsize=2)
def _model(path: Path) -> predict.Model:
    return predict.load(path)
