"""Networks of other authors as teachers: their predictions are stored as soft labels.

A teacher is an `hevner.encoders.base.Encoder` whose weights are read from a folder of the user's.
No weights are shipped, and none of these networks is needed to analyse music.

===============  =====  ============================================================  =======
moodtheme-cnn       56  probabilities of `hevner.emotion.MOOD_TAGS`, for 29 s          float32
yamnet            1545  521 scores of sound classes, then a 1024-d embedding, for 3 s  float16
===============  =====  ============================================================  =======

``hevner extract --teacher`` runs them on datasets. Their predictions lie in a feature store under
the name of the teacher, a row per window, so that `hevner.lab.data.representations.gather` finds
it as a block of that name. Sounds and the names they are stored under are those of
`hevner.lab.data.corpus`, so an entry belongs to the same sound as the features of the same track
and variant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path

import numpy as np
import soxr

from hevner import extras
from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.audio.windows import Windower
from hevner.datasets.track import Track
from hevner.encoders.base import Encoder
from hevner.errors import ModelError
from hevner.lab.data import corpus
from hevner.lab.data.corpus import Done, Variant
from hevner.store import Entry, FeatureStore, Kind

_CLASSES = {
    "moodtheme-cnn": ("moodtheme", "MoodTheme", "float32"),
    "yamnet": ("yamnet", "YamNet", "float16"),
}

NAMES = tuple(_CLASSES)
"""Every teacher."""


def load(name: str, weights: Path) -> Encoder:
    """Read a teacher, one of `NAMES`, from the folder that holds its file.

    Raises `ModelError` if there is no such teacher, or its file is missing or another one;
    `MissingDependencyError` if a package for training is not installed.
    """
    if name not in _CLASSES:
        raise ModelError(
            f"no teacher '{name}'", remedy=f"Choose one of {', '.join(NAMES)}", code="unknown_name"
        )
    module, cls, _ = _CLASSES[name]
    with extras.required(f"the teacher '{name}'", "lab"):
        teacher: Encoder = getattr(import_module(f"{__name__}.{module}"), cls)(weights)
    return teacher


def read_file(path: Path, origin: str) -> tuple[bytes, str]:
    """Bytes of a file of weights, and the version of a teacher with these weights.

    Raises `ModelError` if it cannot be read; the remedy names where it comes from.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})",
            subject=str(path),
            remedy=f"Put the weights of {origin} there",
            code="file_missing",
        ) from error
    return content, f"1-{hashlib.sha256(content).hexdigest()[:12]}"


def wrong_file(path: Path, origin: str, cause: object) -> ModelError:
    """Error for a file that holds something else."""
    return ModelError(
        f"these are not the weights of {origin} ({cause})",
        subject=str(path),
        remedy="Replace it by the file that belongs there",
        code="wrong_weights",
    )


def kind(teacher: Encoder) -> Kind:
    """Kind of the stored predictions; its version names the file of weights."""
    card = teacher.card
    return Kind(card.id, card.version, card.dimension, _CLASSES[card.id][2])


def compute_all(
    work: Sequence[tuple[Track, Variant]],
    store: Path,
    jobs: int,
    teachers: Sequence[str],
    weights: Path,
) -> Generator[Done]:
    """Run the teachers on many tracks; see `hevner.lab.data.corpus.each`."""
    return corpus.each(partial(keep, folder=store, teachers=teachers, weights=weights), work, jobs)


def keep(
    track: Track, variant: Variant, folder: Path, teachers: Sequence[str], weights: Path
) -> bool:
    """Compute the predictions that are not stored yet; return whether any were missing.

    Raises `AudioError`, `DataError` or `MissingDependencyError` if the sound cannot be read or
    made; `ModelError` if the weights of a teacher cannot be read; `OutputError` if the store cannot
    be written.
    """
    store = FeatureStore(folder)
    content = corpus.content_of(track, variant, store)
    missing = []
    for teacher in (_teacher(name, weights) for name in teachers):
        file = store.open(track.dataset, kind(teacher))
        if not file.link(content, track.id, variant.name):
            missing.append((teacher, file))
    if not missing:
        return False
    samples = np.concatenate(list(corpus.sound(track, variant, folder).blocks))
    for teacher, file in missing:
        file.add(entry(teacher, samples, content), track.id, variant.name)
    return True


def entry(teacher: Encoder, samples: Floats, content: str) -> Entry:
    """Predictions, one row per window, for samples ``(n,)`` at `SAMPLE_RATE` with a digest."""
    card = teacher.card
    resampled = samples
    if card.sample_rate != SAMPLE_RATE:
        resampled = soxr.resample(samples, SAMPLE_RATE, card.sample_rate)
    windower = Windower(card.window_samples, card.hop_samples)
    windows = np.concatenate([windower.push(resampled), windower.finish()])
    rows = teacher.encode(windows).astype(kind(teacher).dtype)
    starts = np.array(windower.starts) / card.sample_rate
    return Entry(content, rows, starts, len(samples) / SAMPLE_RATE)


@lru_cache(maxsize=8)
def _teacher(name: str, weights: Path) -> Encoder:
    """Read once per process."""
    return load(name, weights)
