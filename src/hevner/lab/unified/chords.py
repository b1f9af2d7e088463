"""Chord sequences of tracks, from stored harmony spectra.

They are kept in the store as encoder ``chords``, by the content of the sound, a row per chord:
root, quality, seconds, and the mode of the piece, as
`hevner.lab.unified.chord_sequence.ChordSequence` has them. Only the first call takes time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

import numpy as np

from hevner.blocks import vector_id
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.lab import workers
from hevner.lab.data.extraction import PASS
from hevner.lab.data.representations import variant_of
from hevner.lab.unified.chord_sequence import (
    PUBLISHED,
    REPAIRED,
    UNDECIDED,
    ChordSequence,
    Vocabulary,
    from_harmony,
)
from hevner.music import analyse
from hevner.store import Entry, FeatureFile, FeatureStore, Kind

VOCABULARIES: dict[Literal["as_published", "repaired"], Vocabulary] = {
    "as_published": PUBLISHED,
    "repaired": REPAIRED,
}


def sequences(
    store: FeatureStore,
    tracks: Sequence[Track],
    variant: Literal["as_published", "repaired"],
    soundfont: str,
    jobs: int = 1,
) -> list[ChordSequence]:
    """Chords of tracks of one dataset, in their order.

    Parameters
    ----------
    store
        Holds the harmony spectrum of every track.
    tracks
        Tracks of one dataset.
    variant
        Variant of the network, which decides the vocabulary; see
        `hevner.lab.unified.chord_sequence`. soundfont
        Name of the soundfont that MIDI files are rendered with.
    jobs
        Number of parallel processes.

    Raises
    ------
    DataError
        If a track has no spectrum; it is named.
    OutputError
        If the store cannot be written.
    """
    dataset = tracks[0].dataset
    kept = store.open(dataset, kind(variant))
    sound = store.open(dataset, PASS["harmony"])
    named = [(track.id, variant_of(track, soundfont).name) for track in tracks]
    missing = []
    for one in named:
        content = sound.content(*one)
        if content is None:
            sound.get(*one)  # raises the error, with its remedy
        elif kept.content(*one) != content and not kept.link(content, *one):
            missing.append(one)
    analyze = partial(_entry, _Source(store, dataset, VOCABULARIES[variant]))
    for one, entry in zip(missing, _map(analyze, missing, jobs), strict=True):
        kept.add(entry, *one)
    return [_sequence(kept, *one) for one in named]


@lru_cache(maxsize=2)
def kind(variant: Literal["as_published", "repaired"]) -> Kind:
    """Kind of the stored features; its name follows from the harmony network and the vocabulary."""
    parameters = {"features": vector_id(), "vocabulary": variant}
    return Kind("chords", "1", 4, parameters=parameters)


def _map(analyze: partial[Entry], named: list[tuple[str, str]], jobs: int) -> Iterator[Entry]:
    if jobs == 1 or len(named) < 2:
        yield from map(analyze, named)
        return
    with workers.pool(jobs) as pool:
        yield from pool.map(analyze, named, chunksize=8)


@dataclass(frozen=True)
class _Source:
    store: FeatureStore
    dataset: str
    vocabulary: Vocabulary


def _entry(source: _Source, named: tuple[str, str]) -> Entry:
    spectrum = source.store.open(source.dataset, PASS["harmony"]).get(*named)
    if spectrum.duration is None:
        raise DataError(
            "the harmony spectrum is stored without its duration",
            subject=f"{source.dataset}, track {named[0]}",
            remedy="Extract the features of this track again",
            code="no_duration",
        )
    harmony = analyse(spectrum.rows.astype(np.float32), spectrum.duration)
    found = from_harmony(harmony, source.vocabulary)
    mode = np.full(len(found), found.minor)
    rows = np.stack([found.roots, found.qualities, found.durations, mode], axis=1)
    return Entry(spectrum.content, rows.astype(np.float32), duration=spectrum.duration)


def _sequence(kept: FeatureFile, track: str, variant: str) -> ChordSequence:
    rows = kept.get(track, variant).rows
    numbers = rows[:, :2].astype(np.int64)
    minor = float(rows[0, 3]) if len(rows) else UNDECIDED
    return ChordSequence(numbers[:, 0], numbers[:, 1], rows[:, 2].astype(np.float32), minor)
