"""Tracks, features, labels and fingerprints of a study across datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words, matches
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.data.corpus import Variant
from hevner.lab.data.extraction import FINGERPRINT
from hevner.lab.data.labels import labels_of
from hevner.lab.data.samples import Samples, stack
from hevner.lab.study.sources import IncompleteError, gather_blocks, load_tracks, with_blocks
from hevner.lab.study.splits import Rows
from hevner.store import FeatureFile, FeatureStore

Kind = Literal["ratings", "quadrants", "proxies"]

Array = NDArray[np.float64]


class DatasetPart(NamedTuple):
    """One dataset of a study; fingerprints by full name of the track."""

    tracks: Sequence[Track]
    samples: Samples
    fingerprints: Mapping[str, Words]


@dataclass(frozen=True, eq=False)
class StudyData:
    """Tracks with features and labels; rows of everything are in one order.

    Attributes
    ----------
    truth
        Valence and arousal, shape ``(n, 2)``: ratings; the middles of quadrants; or proxies from
        GEMS ratings, in units of their own.
    kinds
        Kind of the truth of each dataset.
    alike
        For each track with a fingerprint, the other tracks that sound the same, by full name.
    """

    tracks: tuple[Track, ...]
    samples: Samples
    truth: Array
    kinds: Mapping[str, Kind]
    alike: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls,
        tracks: Sequence[Track],
        samples: Samples,
        fingerprints: Mapping[str, Words] | None = None,
    ) -> StudyData:
        """Data from tracks, their samples, and fingerprints by full name of the track."""
        kinds: dict[str, Kind] = {}
        for name in dict.fromkeys(samples.dataset.tolist()):
            mine = samples.of(name)
            rated = bool(np.isfinite(samples.emotion[mine]).any())
            quadrants = bool((samples.quadrant[mine] >= 0).any())
            kinds[name] = "ratings" if rated else "quadrants" if quadrants else "proxies"
        truth = labels_of(samples, gems=True)
        return cls(tuple(tracks), samples, truth, kinds, _alike(fingerprints or {}))

    def rows(self, *names: str) -> Rows:
        """Rows of some datasets that have a label."""
        return np.flatnonzero(self.samples.of(*names) & np.isfinite(self.truth).any(axis=1))

    def truth_of(self, test: str, axis: int) -> tuple[Rows, Array]:
        """Labelled rows of a dataset and their labels; high and low quadrants are 1 and -1."""
        rows = self.rows(test)
        labels = self.truth[rows, axis]
        known = np.isfinite(labels)
        truth = labels[known]
        return rows[known], np.sign(truth) if self.kinds[test] == "quadrants" else truth


def load_dataset(
    recipe: CrossDatasetRecipe, name: str, folder: Path, store: FeatureStore, jobs: int = 1
) -> DatasetPart:
    """Read one dataset of a study; raise `IncompleteError` if anything of it is missing."""
    tracks = load_tracks(name, folder, _labelled, ids=recipe.datasets[name].ids)
    if not tracks:
        raise IncompleteError([f"{name}: no track with a label"])
    found, problems = gather_blocks(store, tracks, recipe.blocks, folder, recipe.soundfont, jobs)
    if problems:
        raise IncompleteError(problems)
    fingerprints = _fingerprints(store, name, tracks, recipe.soundfont)
    return DatasetPart(tracks, with_blocks(found, recipe.blocks), fingerprints)


def join(parts: Sequence[DatasetPart]) -> StudyData:
    """Data of several datasets, one after the other."""
    tracks = [track for part in parts for track in part.tracks]
    fingerprints = {name: one for part in parts for name, one in part.fingerprints.items()}
    return StudyData.of(tracks, stack([part.samples for part in parts]), fingerprints)


def _labelled(track: Track) -> bool:
    return track.valence is not None or track.quadrant is not None or track.gems is not None


def _fingerprints(
    store: FeatureStore, name: str, tracks: Sequence[Track], soundfont: str
) -> dict[str, Words]:
    """Fingerprints of the tracks of a dataset, as far as they are stored."""
    found: dict[str, Words] = {}
    wanted = {track.id: full_name(track) for track in tracks}
    variants = (Variant().name, Variant(soundfont).name)
    for path in store.paths(name, f"{FINGERPRINT}-*"):
        file = FeatureFile(path)
        for track, variant in file.ids():
            if track in wanted and variant in variants:
                words = np.array(file.get(track, variant).rows, np.uint32)
                found[wanted[track]] = words.ravel()
    return found


def _alike(fingerprints: Mapping[str, Words]) -> dict[str, frozenset[str]]:
    """Recordings that sound the same, found once for all comparisons."""
    found: dict[str, set[str]] = {name: set() for name in fingerprints}
    for match in matches(fingerprints):
        found[match.first].add(match.second)
        found[match.second].add(match.first)
    return {name: frozenset(others) for name, others in found.items()}
