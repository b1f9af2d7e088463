"""What is at hand for a ladder of the unified model, and what is missing.

Conventions
-----------
Everything has one row per track, in one order. Labels are kept by source (`hevner.lab.unified.
recipe`), shape ``(n, k)``, NaN for none: valence and arousal on the unit scale, quadrants as one of
four, the rest as probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner import datasets
from hevner.datasets.track import Track
from hevner.emotion import MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.lab.data.extraction import HARMONY
from hevner.lab.data.labels import labels_of
from hevner.lab.data.recipe_encoder import missing
from hevner.lab.data.representations import gather
from hevner.lab.data.samples import Samples, stack
from hevner.lab.unified.chord_sequence import ChordSequence
from hevner.lab.unified.chords import sequences
from hevner.lab.unified.recipe import LABELLED, Recipe, Source, Variant
from hevner.store import FeatureStore

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Material:
    """Tracks with all that rows of a ladder hear and learn.

    Attributes
    ----------
    tracks
        In the order of all rows.
    samples
        Their embeddings and names.
    labels
        By source.
    chords
        By variant, of those that a row of the ladder needs.
    """

    tracks: tuple[Track, ...]
    samples: Samples
    labels: Mapping[str, Array]
    chords: Mapping[str, tuple[ChordSequence, ...]]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets at hand."""
        return tuple(dict.fromkeys(self.samples.dataset.tolist()))


@dataclass(frozen=True, eq=False)
class _Part:
    """The same of one dataset."""

    tracks: list[Track]
    samples: Samples
    soft: dict[str, Array]
    chords: dict[str, tuple[ChordSequence, ...]]


def survey(
    recipe: Recipe, data: Path, store: FeatureStore, jobs: int = 1
) -> tuple[Material | None, list[str]]:
    """Gather what is at hand.

    Parameters
    ----------
    recipe
        What is needed.
    data
        Holds each dataset in a folder of its name.
    store
        Holds features and what teachers say.
    jobs
        Processes for what has not been made from stored features yet.

    Returns
    -------
    Material or None
        The datasets that are complete; None if there is none.
    list of str
        What is missing, a line each; a dataset of which anything is missing is left out.
    """
    lacking: list[str] = []
    parts: list[_Part] = []
    for name, source in recipe.datasets.items():
        tracks, problems = _tracks(name, source, data / name)
        part = None
        if tracks:
            part, more = _part(recipe, data / name, store, tracks, jobs)
            problems += more
        elif not problems:
            problems.append(f"{name}: no track with a label")
        lacking += problems
        if part is not None and not problems:
            parts.append(part)
    return (_join(recipe, parts) if parts else None), lacking


def _tracks(name: str, source: Source, folder: Path) -> tuple[list[Track], list[str]]:
    """Labelled tracks, and why there are none."""
    if not folder.is_dir():
        known = datasets.card(name)
        return [], [f"{name}, data: no folder {folder}; get {known.title} from {known.source}"]
    try:
        loaded = datasets.load(name, folder, labels=source.labels)
    except DataError as error:
        return [], [f"{name}, data: {error}"]
    first, last = source.ids or (None, None)
    return [
        track
        for track in loaded
        if any(label is not None for label in (track.valence, track.quadrant, track.gems))
        or track.tags
        if first is None or last is None or first <= int(track.id) <= last
    ], []


def _part(
    recipe: Recipe, folder: Path, store: FeatureStore, tracks: list[Track], jobs: int
) -> tuple[_Part | None, list[str]]:
    """What is stored of a dataset, and what is missing."""
    name, font = tracks[0].dataset, recipe.soundfont
    rows = [row for row in recipe.rows if name in row.datasets]
    problems: list[str] = []
    found: dict[str, Samples] = {}
    teachers = [
        head.source
        for head in recipe.heads.values()
        if head.source not in LABELLED and name in head.datasets
    ]
    heard = bool(store.paths(name, f"{HARMONY}-*"))
    for block in dict.fromkeys([*recipe.blocks, *teachers]):
        try:
            found[block] = gather(store, tracks, [block], soundfont=font, jobs=jobs)
        except DataError as error:
            problems.append(missing(error, block, name, folder, store.folder, font))
    chords: dict[str, tuple[ChordSequence, ...]] = {}
    for variant in _variants(recipe, name):
        if not heard:
            problems.append(
                f"{name}, chords and key: make the harmony spectrum with "
                f"'hevner extract --dataset {name} --encoder harmony'"
            )
            break
        try:
            chords[variant] = tuple(sequences(store, tracks, variant, font, jobs))
        except DataError as error:
            problems.append(f"{name}, chords and key: {error}")
    if problems or not rows:
        return None, problems or [f"{name}: no row is trained on it"]
    soft = {block: found[block].blocks[block].astype(float) for block in teachers}
    samples = next(iter(found.values()))
    blocks = {block: found[block].blocks[block] for block in recipe.blocks}
    return _Part(tracks, Samples(**{**vars(samples), "blocks": blocks}), soft, chords), []


def _variants(recipe: Recipe, name: str) -> list[Variant]:
    """Vocabularies of chords that rows with a dataset need."""
    return list(
        dict.fromkeys(
            row.variant for row in recipe.rows if name in row.datasets and (row.chords or row.key)
        )
    )


def _join(recipe: Recipe, parts: Sequence[_Part]) -> Material:
    tracks = tuple(track for part in parts for track in part.tracks)
    samples = stack([part.samples for part in parts])
    labels = {
        "emotion": samples.emotion,
        "axes": labels_of(samples, gems=True),
        "quadrants": _one_of(samples.quadrant, len(Quadrant)),
        "gems": samples.gems,
        "tags": _hard_tags(tracks),
    }
    for block in dict.fromkeys(block for part in parts for block in part.soft):
        width = next(part.soft[block].shape[1] for part in parts if block in part.soft)
        labels[block] = np.concatenate([
            part.soft.get(block, np.full((len(part.tracks), width), np.nan)) for part in parts
        ])  # fmt: skip
    chords = {
        variant: tuple(sequence for part in parts for sequence in part.chords[variant])
        for variant in dict.fromkeys(variant for part in parts for variant in part.chords)
        if all(variant in part.chords for part in parts)
    }
    return Material(tracks, samples, labels, chords)


def _one_of(number: NDArray[np.int64], count: int) -> Array:
    """Rows with a 1 at their number; NaN for -1."""
    return np.where(number[:, None] < 0, np.nan, np.eye(count)[number])


def _hard_tags(tracks: Sequence[Track]) -> Array:
    """1 for every mood tag a track has, NaN where tags are not known."""
    place = {tag: k for k, tag in enumerate(MOOD_TAGS)}
    table = np.full((len(tracks), len(MOOD_TAGS)), np.nan)
    for row, track in enumerate(tracks):
        if track.tags is None:
            continue
        table[row] = 0
        table[row, [place[tag] for tag in track.tags if tag in place]] = 1
    return table
