"""What is at hand for a study of the joint space, and what is missing.

Conventions
-----------
Each dataset is a world of its own: row i of its music and of its emotions are the same piece.
Valence and arousal are on the unit scale; shares of listeners in [0, 1]; NaN is not told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hevner import datasets
from hevner.datasets.folds import linked_groups
from hevner.datasets.leaks import LINKS
from hevner.datasets.track import Curve, Track
from hevner.errors import DataError
from hevner.lab.data.recipe_encoder import missing
from hevner.lab.data.representations import find, gather, variant_of
from hevner.lab.joint.networks import summary
from hevner.lab.joint.recipe import LENGTH, Kind, Recipe, Source
from hevner.store import FeatureStore

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Emotions:
    """Emotions of n pieces.

    Attributes
    ----------
    kind
        What they are; see `hevner.lab.joint.recipe.Source`.
    place
        What nearness of emotions is measured by: mean valence and arousal over the curve or of the
        rating, ``(n, 2)``, or the shares of the profile times root 2/9, ``(n, 9)``, so that a
        distance is as large as one in a plane whose axes differ as the shares do on average.
    moments
        Of curves, ``(n, steps, 2)``, NaN after the last.
    spread
        Of curves, the standard deviation between raters, mean over time, ``(n, 2)``.
    """

    kind: Kind
    place: Array
    moments: Array | None = None
    spread: Array | None = None

    def __len__(self) -> int:
        return len(self.place)

    def where(self, rows: Index) -> Emotions:
        """Some of the rows."""
        return replace(
            self,
            place=self.place[rows],
            moments=None if self.moments is None else self.moments[rows],
            spread=None if self.spread is None else self.spread[rows],
        )

    def flat(self) -> Emotions:
        """The same with nothing told but the place: a curve stays there all the time."""
        if self.moments is None or self.spread is None:
            return self
        still = np.where(np.isnan(self.moments), np.nan, self.place[:, None])
        return replace(self, moments=still, spread=np.full_like(self.spread, np.nan))

    @cached_property
    def told(self) -> Array:
        """All labels as one vector; for curves, their summary and the spread between raters."""
        if self.moments is None or self.spread is None:
            return self.place
        present = ~np.isnan(self.moments).any(axis=2)
        numbers = summary(torch.from_numpy(self.moments), torch.from_numpy(present))
        return np.concatenate([numbers.numpy(), self.spread], axis=1)


@dataclass(frozen=True, eq=False)
class World:
    """A dataset with all that is matched.

    Attributes
    ----------
    tracks
        In the order of all rows.
    vectors
        Music, a table ``(n, width)`` for each block; for windows, of their means.
    windows
        The windows themselves, ``(steps, width)`` for each piece; empty where vectors are heard.
    emotions
        Of the pieces.
    groups
        Number of the linked group of each piece, shape ``(n,)``.
    """

    tracks: tuple[Track, ...]
    vectors: tuple[Array, ...]
    windows: tuple[NDArray[np.float32], ...]
    emotions: Emotions
    groups: Index

    @property
    def name(self) -> str:
        """Of the dataset."""
        return self.tracks[0].dataset

    @cached_property
    def digest(self) -> str:
        """Of all numbers and groups."""
        found = hashlib.blake2b(digest_size=16)
        parts: list[ArrayLike | None] = [*self.vectors, *self.windows, self.groups]
        parts += [self.emotions.place, self.emotions.moments, self.emotions.spread]
        for part in parts:
            array = np.zeros(0) if part is None else np.ascontiguousarray(part)
            found.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
        return found.hexdigest()


def survey(
    recipe: Recipe, folders: Mapping[str, Path], store: FeatureStore
) -> tuple[list[World], list[str]]:
    """Gather what is at hand.

    Parameters
    ----------
    recipe
        What is needed.
    folders
        Folder of each dataset, by name.
    store
        Holds features.

    Returns
    -------
    list of World
        The datasets that are complete.
    list of str
        What is missing, a line each; a dataset of which anything is missing is left out.
    """
    worlds, lacking = [], []
    for name, source in recipe.datasets.items():
        tracks, problems = _tracks(name, source, folders[name])
        heard = None
        if tracks:
            heard, more = _music(store, source, tracks, folders[name], recipe.soundfont)
            problems += more
        lacking += problems
        if heard is not None and not problems:
            emotions = emotions_of(source, tracks)
            worlds.append(World(tuple(tracks), *heard, emotions, _groups(source, tracks)))
    return worlds, lacking


def _tracks(name: str, source: Source, folder: Path) -> tuple[list[Track], list[str]]:
    """Tracks with the emotions that are asked for, and why there are none."""
    if not folder.is_dir():
        known = datasets.card(name)
        return [], [f"{name}, data: no folder {folder}; get {known.title} from {known.source}"]
    try:
        loaded = datasets.load(name, folder, labels=source.labels)
    except DataError as error:
        return [], [f"{name}, data: {error}"]
    tracks = [track for track in loaded if _labelled(source, track)]
    return tracks, [] if tracks else [f"{name}, emotions: no track has a {source.emotion}"]


def _labelled(source: Source, track: Track) -> bool:
    if source.emotion == "profile":
        return track.gems is not None
    if source.emotion == "point":
        return track.valence is not None and track.arousal is not None
    return track.curve is not None and track.curve.times[-1] >= source.least_end


def _music(
    store: FeatureStore, source: Source, tracks: list[Track], folder: Path, soundfont: str
) -> tuple[tuple[tuple[Array, ...], tuple[NDArray[np.float32], ...]] | None, list[str]]:
    """Vectors and windows, and what is missing."""
    name = tracks[0].dataset
    windows: tuple[NDArray[np.float32], ...] = ()
    vectors, problems = [], []
    for block in source.blocks or (source.windows,):
        try:
            found = gather(store, tracks, [block], soundfont=soundfont).blocks[block]
            vectors.append(found.astype(np.float64))
        except DataError as error:
            problems.append(missing(error, block, name, folder, store.folder, soundfont))
    if source.windows and not problems:
        file = find(store, name, source.windows)
        windows = tuple(
            np.array(file.get(track.id, _variant(file.ids(), track, soundfont)).rows, np.float32)
            for track in tracks
        )
    return (tuple(vectors), windows), problems


def _variant(ids: Sequence[tuple[str, str]], track: Track, soundfont: str) -> str:
    """Imported vectors lie under no variant."""
    return "" if (track.id, "") in ids else variant_of(track, soundfont).name


def _groups(source: Source, tracks: Sequence[Track]) -> Index:
    groups = np.zeros(len(tracks), np.intp)
    for number, rows in enumerate(linked_groups(tracks, joined(source))):
        groups[rows] = number
    return groups


def joined(source: Source) -> tuple[str, ...]:
    """Kinds of link that hold tracks together."""
    return tuple(kind for kind in LINKS if kind not in source.shared)


# --- emotions ---


def emotions_of(source: Source, tracks: Sequence[Track]) -> Emotions:
    """Emotions of tracks that have what the source asks for."""
    if source.emotion == "profile":
        shares = np.array([track.gems for track in tracks], np.float64)
        return Emotions("profile", shares * np.sqrt(2 / shares.shape[1]))
    if source.emotion == "point":
        rated = [(track.valence, track.arousal) for track in tracks]
        return Emotions("point", np.array(rated, np.float64))
    curves = [_moments(source, track.curve) for track in tracks if track.curve is not None]
    moments = np.full((len(curves), max(map(len, curves)), 2), np.nan)
    for row, curve in enumerate(curves):
        moments[row, : len(curve)] = curve
    spread = np.array([_spread(track.curve) for track in tracks if track.curve is not None])
    return Emotions("curve", np.nanmean(moments, axis=1), moments, spread)


def _moments(source: Source, curve: Curve) -> Array:
    """Valence and arousal at the moments that are heard, shape ``(steps, 2)``."""
    rated = np.stack([curve.valence, curve.arousal], axis=1)
    faulty = source.repeat_fault and len(rated) != LENGTH
    if source.moments == "resampled":
        times = np.linspace(curve.times[0], curve.times[-1], LENGTH)
        rated = np.stack([np.interp(times, curve.times, axis) for axis in rated.T], axis=1)
    elif source.moments == "first":
        rated = rated[:LENGTH]
    return rated[:, [1, 1]] if faulty else rated


def _spread(curve: Curve) -> Array:
    """Mean over time of the standard deviation between raters; NaN where it is not known."""
    found = []
    for std, raters in (
        (curve.valence_std, curve.valence_by_rater),
        (curve.arousal_std, curve.arousal_by_rater),
    ):
        if std is None and raters is not None:
            std = np.nanstd(raters, axis=0)
        found.append(np.nan if std is None else float(np.nanmean(std)))
    return np.array(found)
