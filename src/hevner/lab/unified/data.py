"""Tracks, embeddings, labels and chords for experiments with the unified model.

Conventions
-----------
Everything has one row per track, in one order. Labels are kept by source (`hevner.lab.unified.
recipe`), shape ``(n, k)``, NaN where there is none: valence and arousal on the unit scale,
quadrants as one of four, the rest as probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from hevner.arrays import Doubles
from hevner.blocks import vector_id
from hevner.datasets.track import Track
from hevner.emotion import MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.lab.data.extraction import HARMONY, PASS
from hevner.lab.data.labels import labels_of
from hevner.lab.data.representations import add_missing, find, variant_of
from hevner.lab.data.samples import Samples, stack
from hevner.lab.study.sources import IncompleteError, gather_blocks, load_tracks, with_blocks
from hevner.lab.unified.chord_sequence import (
    UNDECIDED,
    VOCABULARIES,
    ChordSequence,
    Vocabulary,
    from_harmony,
)
from hevner.lab.unified.recipe import LABELLED, UnifiedRecipe, Variant
from hevner.music import analyse
from hevner.store import Entry, FeatureFile, FeatureStore, Kind


@dataclass(frozen=True, eq=False)
class StudyData:
    """Tracks, in the order of all rows, with all inputs and labels that rows of a recipe use.

    Labels are by source, chord sequences by variant, of those that a row of the recipe needs.
    """

    tracks: tuple[Track, ...]
    samples: Samples
    labels: Mapping[str, Doubles]
    chords: Mapping[str, tuple[ChordSequence, ...]]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets."""
        return tuple(dict.fromkeys(self.samples.dataset.tolist()))


@dataclass(frozen=True, eq=False)
class DatasetPart:
    """One dataset: as `StudyData`, with the labels that networks predicted, by their block."""

    tracks: Sequence[Track]
    samples: Samples
    predicted: Mapping[str, Doubles]
    chords: Mapping[str, tuple[ChordSequence, ...]]


def load_dataset(
    recipe: UnifiedRecipe, name: str, folder: Path, store: FeatureStore, jobs: int = 1
) -> DatasetPart:
    """Read one dataset of a recipe; raise `IncompleteError` if anything of it is missing."""
    source = recipe.datasets[name]
    tracks = load_tracks(name, folder, _labelled, labels=source.labels, ids=source.ids)
    if source.partial:
        stored = [find(store, name, block).ids() for block in recipe.blocks]
        known = set.intersection(*({track for track, _ in own} for own in stored))
        tracks = [track for track in tracks if track.id in known]
    if not tracks:
        raise IncompleteError([f"{name}: no track with a label"])
    teachers = [
        head.source
        for head in recipe.heads.values()
        if head.source not in LABELLED and name in head.datasets
    ]
    wanted = [*recipe.blocks, *teachers]
    found, problems = gather_blocks(store, tracks, wanted, folder, recipe.soundfont, jobs)
    chords: dict[str, tuple[ChordSequence, ...]] = {}
    try:
        for variant in _variants(recipe, name):
            if not store.paths(name, f"{HARMONY}-*"):
                raise DataError(
                    "make the harmony spectrum with "
                    f"'hevner extract --dataset {name} --encoder harmony'"
                )
            chords[variant] = tuple(sequences(store, tracks, variant, recipe.soundfont, jobs))
    except DataError as error:
        problems.append(f"{name}, chords and key: {error}")
    if not problems and not any(name in row.datasets for row in recipe.rows):
        problems.append(f"{name}: no row is trained on it")
    if problems:
        raise IncompleteError(problems)
    predicted = {block: found[block].blocks[block].astype(float) for block in teachers}
    return DatasetPart(tracks, with_blocks(found, recipe.blocks), predicted, chords)


def join(parts: Sequence[DatasetPart]) -> StudyData:
    """Data of several datasets, one after the other."""
    tracks = tuple(track for part in parts for track in part.tracks)
    samples = stack([part.samples for part in parts])
    labels = {
        "emotion": samples.emotion,
        "axes": labels_of(samples, gems=True),
        "quadrants": np.where(
            samples.quadrant[:, None] < 0, np.nan, np.eye(len(Quadrant))[samples.quadrant]
        ),
        "gems": samples.gems,
        "tags": _tag_labels(tracks),
    }
    for block in dict.fromkeys(block for part in parts for block in part.predicted):
        width = next(one.predicted[block].shape[1] for one in parts if block in one.predicted)
        labels[block] = np.concatenate([
            part.predicted.get(block, np.full((len(part.tracks), width), np.nan)) for part in parts
        ])  # fmt: skip
    chords = {
        variant: tuple(sequence for part in parts for sequence in part.chords[variant])
        for variant in dict.fromkeys(variant for part in parts for variant in part.chords)
        if all(variant in part.chords for part in parts)
    }
    return StudyData(tracks, samples, labels, chords)


def _labelled(track: Track) -> bool:
    labels = (track.valence, track.quadrant, track.gems)
    return any(label is not None for label in labels) or bool(track.tags)


def _variants(recipe: UnifiedRecipe, name: str) -> list[Variant]:
    """Vocabularies of chords that rows with a dataset need."""
    rows = [row for row in recipe.rows if name in row.datasets and (row.chords or row.key)]
    return list(dict.fromkeys(row.variant for row in rows))


def _tag_labels(tracks: Sequence[Track]) -> Doubles:
    """1 for every mood tag a track has, NaN where tags are not known."""
    place = {tag: k for k, tag in enumerate(MOOD_TAGS)}
    table = np.full((len(tracks), len(MOOD_TAGS)), np.nan)
    for row, track in enumerate(tracks):
        if track.tags is None:
            continue
        table[row] = 0
        table[row, [place[tag] for tag in track.tags if tag in place]] = 1
    return table


# --- chords ---


def sequences(
    store: FeatureStore,
    tracks: Sequence[Track],
    variant: Variant,
    soundfont: str,
    jobs: int = 1,
) -> list[ChordSequence]:
    """Chords of tracks of one dataset, in their order.

    They are kept in the store as encoder ``chords``, by the content of the sound, a row per chord:
    root, quality, seconds, and the mode of the piece, as `ChordSequence` has them; only the first
    call takes time. The variant of the network decides the vocabulary; the soundfont, the rendering
    of MIDI files. A track without a stored harmony spectrum raises `DataError`, which names it, and
    a store that cannot be written `OutputError`.
    """
    dataset = tracks[0].dataset
    kept = store.open(dataset, kind(variant))
    sound = store.open(dataset, PASS["harmony"])
    named = [(track.id, variant_of(track, soundfont).name) for track in tracks]
    add_missing(kept, sound, named, partial(_entry, store, dataset, VOCABULARIES[variant]), jobs)
    return [_sequence(kept, *one) for one in named]


@lru_cache(maxsize=2)
def kind(variant: Variant) -> Kind:
    """Kind of the stored features; its name follows from the harmony network and the vocabulary."""
    parameters = {"features": vector_id(), "vocabulary": variant}
    return Kind("chords", "1", 4, parameters=parameters)


def _entry(
    store: FeatureStore, dataset: str, vocabulary: Vocabulary, named: tuple[str, str]
) -> Entry:
    spectrum = store.open(dataset, PASS["harmony"]).get(*named)
    if spectrum.duration is None:
        raise DataError(
            "the harmony spectrum is stored without its duration",
            subject=f"{dataset}, track {named[0]}",
            remedy="Extract the features of this track again",
            code="no_duration",
        )
    harmony = analyse(spectrum.rows.astype(np.float32), spectrum.duration)
    found = from_harmony(harmony, vocabulary)
    mode = np.full(len(found), found.minor)
    rows = np.stack([found.roots, found.qualities, found.durations, mode], axis=1)
    return Entry(spectrum.content, rows.astype(np.float32), duration=spectrum.duration)


def _sequence(kept: FeatureFile, track: str, variant: str) -> ChordSequence:
    rows = kept.get(track, variant).rows
    numbers = rows[:, :2].astype(np.int64)
    minor = float(rows[0, 3]) if len(rows) else UNDECIDED
    return ChordSequence(numbers[:, 0], numbers[:, 1], rows[:, 2].astype(np.float32), minor)
