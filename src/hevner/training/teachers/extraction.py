"""Let teachers hear tracks, and keep what they say.

Sounds and the names they are stored under are those of `hevner.training.corpus`, so an entry
belongs to the same sound as the features of the same track and variant.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.audio import SAMPLE_RATE, Audio
from hevner.datasets.track import Track
from hevner.encoders.base import Encoder
from hevner.errors import HevnerError
from hevner.store import Entry, FeatureStore
from hevner.training import corpus
from hevner.training.corpus import Done, Variant
from hevner.training.teachers import kind, load
from hevner.windows import Windower

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Extraction:
    """Which teachers hear, and where it is kept.

    Attributes
    ----------
    teachers
        Names, see `hevner.training.teachers`.
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
    samples = read_all(corpus._sound(track, variant, extraction.store))
    for teacher, file in missing:
        file.add(entry(teacher, samples, content), track.id, variant.name)
    return True


def read_all(audio: Audio) -> Array:
    """All samples of a stream, shape ``(n,)``, at `hevner.audio.SAMPLE_RATE`."""
    return np.concatenate(list(audio.blocks))


def entry(teacher: Encoder, samples: Array, content: str) -> Entry:
    """What a teacher says about a sound, one row per window, as it is stored.

    Parameters
    ----------
    teacher
        One of `hevner.training.teachers.NAMES`, read.
    samples
        Mono at `hevner.audio.SAMPLE_RATE`, shape ``(n,)``.
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
    """Hear many sounds; a bad file does not stop the others.

    Closing the generator lets the tracks in work finish.

    Parameters
    ----------
    extraction
        Which teachers hear, and where it is kept.
    work
        Tracks and their variants.
    jobs
        Processes.

    Yields
    ------
    Done
        One per pair, in order.

    Raises
    ------
    HevnerError
        If a worker process died.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy locks of other threads
    pool = ProcessPoolExecutor(jobs, context, initializer=corpus._prepare_worker)
    try:
        futures = [pool.submit(_compute, extraction, *pair) for pair in work]
        for future in futures:
            yield future.result()
    except BrokenProcessPool as error:
        raise HevnerError(
            "a worker process died",
            remedy="Free memory or use fewer --jobs, and start again: what is done is kept",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _compute(extraction: Extraction, track: Track, variant: Variant) -> Done:
    try:
        return Done(track, variant, keep(extraction, track, variant))
    except HevnerError as error:
        return Done(track, variant, error=error)
    # Everything is caught here: whatever a file provokes, the others go on.
    except Exception as error:  # noqa: BLE001
        cause = f"{type(error).__name__}: {error}"
        subject = f"{track.dataset}, track {track.id}"
        return Done(
            track, variant, error=HevnerError(cause, subject=subject, remedy="Check its file")
        )


@lru_cache(maxsize=8)
def _teacher(name: str, weights: Path) -> Encoder:
    """Read once per process."""
    return load(name, weights)
