"""Let teachers hear tracks, and keep what they say.

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
from numpy.typing import NDArray

from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.windows import Windower
from hevner.datasets.track import Track
from hevner.encoders.base import Encoder
from hevner.lab.data import corpus
from hevner.lab.data.corpus import Done, Variant
from hevner.lab.teachers import kind, load
from hevner.store import Entry, FeatureStore

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Extraction:
    """Which teachers hear, and where it is kept.

    Attributes
    ----------
    teachers
        Names, see `hevner.lab.teachers`.
    weights
        The folder of their files.
    store
        The folder for renders and for what they say.
    """

    teachers: tuple[str, ...]
    weights: Path
    store: Path


def keep(extraction: Extraction, track: Track, variant: Variant) -> bool:
    """Let the teachers hear what they have not heard yet; tell whether that was anything.

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
    asked = [_teacher(name, extraction.weights) for name in extraction.teachers]
    missing = []
    for teacher in asked:
        file = store.open(track.dataset, kind(teacher))
        if not file.link(content, track.id, variant.name):
            missing.append((teacher, file))
    if not missing:
        return False
    samples = read_all(corpus.sound(track, variant, extraction.store))
    for teacher, file in missing:
        file.add(entry(teacher, samples, content), track.id, variant.name)
    return True


def read_all(audio: Audio) -> Array:
    """All samples of a stream, shape ``(n,)``, at `hevner.audio.decode.SAMPLE_RATE`."""
    return np.concatenate(list(audio.blocks))


def entry(teacher: Encoder, samples: Array, content: str) -> Entry:
    """What a teacher says about a sound, one row per window, as it is stored.

    Parameters
    ----------
    teacher
        One of `hevner.lab.teachers.NAMES`, read.
    samples
        Mono at `hevner.audio.decode.SAMPLE_RATE`, shape ``(n,)``.
    content
        Names what the sound is made from.
    """
    card = teacher.card
    heard = samples
    if card.sample_rate != SAMPLE_RATE:
        heard = soxr.resample(samples, SAMPLE_RATE, card.sample_rate)
    windower = Windower(card.window_samples, card.hop_samples)
    windows = np.concatenate([windower.push(heard), windower.finish()])
    rows = teacher.encode(windows).astype(kind(teacher).dtype)
    starts = np.array(windower.starts) / card.sample_rate
    return Entry(content, rows, starts, len(samples) / SAMPLE_RATE)


def compute_all(
    extraction: Extraction, work: Sequence[tuple[Track, Variant]], jobs: int
) -> Generator[Done]:
    """Hear many sounds; see `hevner.lab.data.corpus.each`."""
    return corpus.each(partial(keep, extraction), work, jobs)


@lru_cache(maxsize=8)
def _teacher(name: str, weights: Path) -> Encoder:
    """Read once per process."""
    return load(name, weights)
