"""Run teachers on tracks, and store their predictions.

Sounds and the names they are stored under are those of `hevner.lab.data.corpus`, so an entry
belongs to the same sound as the features of the same track and variant.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soxr

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.windows import Windower
from hevner.datasets.track import Track
from hevner.encoders.base import Encoder
from hevner.lab.data import corpus
from hevner.lab.data.corpus import Done, Variant
from hevner.lab.teachers import kind, load
from hevner.store import Entry, FeatureStore


@dataclass(frozen=True)
class Extraction:
    """Teachers, their weights and the store.

    Attributes
    ----------
    teachers
        Names of teachers, see `hevner.lab.teachers`.
    weights
        Folder of their files.
    store
        Folder for renders and predictions.
    """

    teachers: tuple[str, ...]
    weights: Path
    store: Path


def keep(extraction: Extraction, track: Track, variant: Variant) -> bool:
    """Compute the predictions that are not stored yet; return whether any were missing.

    Raises
    ------
    AudioError, DataError, MissingDependencyError
        If the sound cannot be read or made.
    ModelError
        If the weights of a teacher cannot be read.
    OutputError
        If the store cannot be written.
    """
    store = FeatureStore(extraction.store)
    content = corpus.content_of(track, variant, store)
    missing = []
    for name in extraction.teachers:
        teacher = _teacher(name, extraction.weights)
        file = store.open(track.dataset, kind(teacher))
        if not file.link(content, track.id, variant.name):
            missing.append((teacher, file))
    if not missing:
        return False
    samples = read_all(corpus.sound(track, variant, extraction.store))
    for teacher, file in missing:
        file.add(entry(teacher, samples, content), track.id, variant.name)
    return True


def read_all(audio: Audio) -> Floats:
    """All samples of a stream, shape ``(n,)``, at `hevner.audio.decode.SAMPLE_RATE`."""
    return np.concatenate(list(audio.blocks))


def entry(teacher: Encoder, samples: Floats, content: str) -> Entry:
    """Predictions of a teacher for a sound, one row per window, as they are stored.

    Parameters
    ----------
    teacher
        Teacher from `hevner.lab.teachers.load`.
    samples
        Mono samples at `hevner.audio.decode.SAMPLE_RATE`, shape ``(n,)``.
    content
        Digest of what the sound is made from.
    """
    card = teacher.card
    resampled = samples
    if card.sample_rate != SAMPLE_RATE:
        resampled = soxr.resample(samples, SAMPLE_RATE, card.sample_rate)
    windower = Windower(card.window_samples, card.hop_samples)
    windows = np.concatenate([windower.push(resampled), windower.finish()])
    rows = teacher.encode(windows).astype(kind(teacher).dtype)
    starts = np.array(windower.starts) / card.sample_rate
    return Entry(content, rows, starts, len(samples) / SAMPLE_RATE)


def compute_all(
    extraction: Extraction, work: Sequence[tuple[Track, Variant]], jobs: int
) -> Generator[Done]:
    """Run the teachers on many tracks; see `hevner.lab.data.corpus.each`."""
    return corpus.each(partial(keep, extraction), work, jobs)


@lru_cache(maxsize=8)
def _teacher(name: str, weights: Path) -> Encoder:
    """Read once per process."""
    return load(name, weights)
