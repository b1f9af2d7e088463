"""Music and emotions of a study of the joint space.

Conventions
-----------
Music and emotions of each dataset are matched apart from other datasets: row i of both is the same
piece. Valence and arousal are on the unit scale; shares of listeners in [0, 1]; NaN is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from hevner.arrays import Doubles, Floats, Rows
from hevner.datasets.track import Curve, Track
from hevner.emotion import AXES
from hevner.lab.data.representations import find, variant_of
from hevner.lab.joint.recipe import LENGTH, JointRecipe, Kind, Source
from hevner.lab.study import kept
from hevner.lab.study.sources import IncompleteError, gather_blocks, load_tracks
from hevner.lab.study.splits import group_numbers, joined_links
from hevner.store import FeatureStore

Index = Rows

AXES_OF = {"point": AXES, "tense point": (*AXES, "tension")}
"""Ratings of a track that are the axes of a kind of emotion."""


@dataclass(frozen=True, eq=False)
class Emotions:
    """Emotions of n pieces, of a kind of `hevner.lab.joint.recipe.Source`.

    Distances of emotions are measured between their ``place``: mean valence and arousal over the
    curve or of the rating, ``(n, 2)``; or the shares of the profile times root 2/9, ``(n, 9)``, or
    valence, arousal and tension times root 2/3, ``(n, 3)``, so that a distance is as large as one
    in a plane whose axes differ as these do on average.
    For curves, ``moments`` are the points, ``(n, steps, 2)``, NaN after the last, and ``spread`` is
    the standard deviation between raters, mean over time, ``(n, 2)``.
    """

    kind: Kind
    place: Doubles
    moments: Doubles | None = None
    spread: Doubles | None = None

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
        """The same with nothing known but the place: a curve stays there all the time."""
        if self.moments is None or self.spread is None:
            return self
        still = np.where(np.isnan(self.moments), np.nan, self.place[:, None])
        return replace(self, moments=still, spread=np.full_like(self.spread, np.nan))

    @cached_property
    def labels(self) -> Doubles:
        """All labels as one vector; for curves, their summary and the spread between raters."""
        if self.moments is None or self.spread is None:
            return self.place
        import torch  # here, as reading and planning a study need no torch

        from hevner.lab.joint.networks import summary

        present = ~np.isnan(self.moments).any(axis=2)
        numbers = summary(torch.from_numpy(self.moments), torch.from_numpy(present))
        return np.concatenate([numbers.numpy(), self.spread], axis=1)


@dataclass(frozen=True, eq=False)
class MatchingData:
    """Music and emotions of one dataset, and the number of the linked group of each piece ``(n,)``.

    ``vectors`` has a table of music, ``(n, width)``, for each block; for windows, of their means.
    ``windows`` are these themselves, ``(steps, width)`` for each piece; empty for blocks.
    """

    tracks: tuple[Track, ...]
    vectors: tuple[Doubles, ...]
    windows: tuple[Floats, ...]
    emotions: Emotions
    groups: Index

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.tracks[0].dataset

    @cached_property
    def digest(self) -> str:
        """Digest of all numbers and groups."""
        own = self.emotions
        parts = [*self.vectors, *self.windows, self.groups, own.place, own.moments, own.spread]
        return kept.digest(*(np.zeros(0) if part is None else part for part in parts))


def load_dataset(
    recipe: JointRecipe, name: str, folder: Path, store: FeatureStore, jobs: int = 1
) -> MatchingData:
    """Read one dataset of a study; raise `IncompleteError` if anything of it is missing."""
    source = recipe.datasets[name]
    tracks = load_tracks(name, folder, partial(_labelled, source), labels=source.labels)
    if not tracks:
        raise IncompleteError([f"{name}, emotions: no track has a {source.emotion}"])
    blocks = source.blocks or (source.windows,)
    found, problems = gather_blocks(store, tracks, blocks, folder, recipe.soundfont, jobs)
    if problems:
        raise IncompleteError(problems)
    vectors = tuple(found[block].blocks[block].astype(np.float64) for block in blocks)
    windows = _windows(store, source.windows, tracks, recipe.soundfont) if source.windows else ()
    groups = group_numbers(tracks, joined_links(source.shared))
    return MatchingData(tuple(tracks), vectors, windows, emotions_of(source, tracks), groups)


def _labelled(source: Source, track: Track) -> bool:
    if source.emotion == "profile":
        return track.gems is not None
    if source.emotion in AXES_OF:
        return None not in _rated(source.emotion, track)
    return track.curve is not None and track.curve.times[-1] >= source.least_end


def _windows(
    store: FeatureStore, block: str, tracks: Sequence[Track], soundfont: str
) -> tuple[Floats, ...]:
    """Vectors of each track, window by window; imported ones are stored without a variant."""
    file = find(store, tracks[0].dataset, block)
    ids = file.ids()
    variants = {
        track.id: "" if (track.id, "") in ids else variant_of(track, soundfont).name
        for track in tracks
    }
    return tuple(
        np.array(file.get(track, variant).rows, np.float32) for track, variant in variants.items()
    )


# --- emotions ---


def emotions_of(source: Source, tracks: Sequence[Track]) -> Emotions:
    """Emotions of tracks that have labels of the kind of the source."""
    if source.emotion == "profile":
        shares = np.array([track.gems for track in tracks], np.float64)
        return Emotions("profile", shares * np.sqrt(2 / shares.shape[1]))
    if source.emotion in AXES_OF:
        rated = np.array([_rated(source.emotion, track) for track in tracks], np.float64)
        return Emotions(source.emotion, rated * np.sqrt(2 / rated.shape[1]))
    curves = [_moments(source, track.curve) for track in tracks if track.curve is not None]
    moments = np.full((len(curves), max(map(len, curves)), 2), np.nan)
    for row, curve in enumerate(curves):
        moments[row, : len(curve)] = curve
    spread = np.array([_spread(track.curve) for track in tracks if track.curve is not None])
    return Emotions("curve", np.nanmean(moments, axis=1), moments, spread)


def _rated(kind: Kind, track: Track) -> list[float | None]:
    return [getattr(track, axis) for axis in AXES_OF[kind]]


def _moments(source: Source, curve: Curve) -> Doubles:
    """Valence and arousal at the moments that are used, shape ``(steps, 2)``."""
    rated = np.stack([curve.valence, curve.arousal], axis=1)
    faulty = source.repeat_fault and len(rated) != LENGTH
    if source.moments == "resampled":
        times = np.linspace(curve.times[0], curve.times[-1], LENGTH)
        rated = np.stack([np.interp(times, curve.times, axis) for axis in rated.T], axis=1)
    elif source.moments == "first":
        rated = rated[:LENGTH]
    return rated[:, [1, 1]] if faulty else rated


def _spread(curve: Curve) -> Doubles:
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
