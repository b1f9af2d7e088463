"""Data of a study across datasets, and experiments: datasets to train on, splits, leak check.

=========================  =======================================================================
``in-domain``              grouped folds of each dataset
``matrix``                 each dataset trained on and every one tested, itself by grouped folds
``leave-one-dataset-out``  each dataset tested after training on all others
``combinations``           every set of datasets trained on; those in it are tested by grouped folds
                           of all of them, the others as they are
``leave-one-genre-out``    each genre of a dataset tested after training on its others; collections
                           where there are no genres
``split``                  the ``test`` part of a stored split after training on all others
``inside-split``           grouped folds of the other parts, for choosing a model
=========================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from hevner.arrays import Doubles, Rows
from hevner.datasets import splits as stored_splits
from hevner.datasets.folds import Fold, k_folds, leave_one_out
from hevner.datasets.leaks import LINKS, Leaks, find, refuse
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words, matches
from hevner.errors import DataError
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe, Protocol
from hevner.lab.data.labels import labels_of
from hevner.lab.data.representations import fingerprints
from hevner.lab.data.samples import Samples, stack
from hevner.lab.default.targets import CLUSTER_PLACES
from hevner.lab.study import engine
from hevner.lab.study.sources import IncompleteError, gather_blocks, load_tracks, with_blocks
from hevner.lab.study.splits import Split, joined_links, row_numbers
from hevner.store import FeatureStore

Kind = Literal["ratings", "quadrants", "proxies", "clusters"]


class DatasetPart(NamedTuple):
    """One dataset of a study; fingerprints by full name of the track."""

    tracks: Sequence[Track]
    samples: Samples
    fingerprints: Mapping[str, Words]


@dataclass(frozen=True, eq=False)
class StudyData:
    """Tracks with features and labels; rows of everything are in one order.

    ``truth`` is valence and arousal, shape ``(n, 2)``, by ``kinds`` of dataset: ratings; the
    middles of quadrants; proxies from GEMS ratings, in units of their own; or, for tests alone, the
    places of mood clusters. ``alike`` has, for each track with a fingerprint, the other tracks that
    sound the same, by full name.
    """

    tracks: tuple[Track, ...]
    samples: Samples
    truth: Doubles
    kinds: Mapping[str, Kind]
    alike: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls,
        tracks: Sequence[Track],
        samples: Samples,
        words: Mapping[str, Words] | None = None,
    ) -> StudyData:
        """Data from tracks, their samples, and fingerprints by full name of the track."""
        kinds: dict[str, Kind] = {}
        truth = labels_of(samples, gems=True)
        for name in dict.fromkeys(samples.dataset.tolist()):
            mine = samples.of(name)
            rated = bool(np.isfinite(samples.emotion[mine]).any())
            quadrants = bool((samples.quadrant[mine] >= 0).any())
            kinds[name] = "ratings" if rated else "quadrants" if quadrants else "proxies"
            if not np.isfinite(truth[mine]).any():
                kinds[name] = "clusters"
        for row, track in enumerate(tracks):
            if kinds[track.dataset] == "clusters" and track.cluster is not None:
                truth[row] = CLUSTER_PLACES[track.cluster - 1]
        return cls(tuple(tracks), samples, truth, kinds, _alike(words or {}))

    def rows(self, *names: str) -> Rows:
        """Rows of some datasets that have a label."""
        return np.flatnonzero(self.samples.of(*names) & np.isfinite(self.truth).any(axis=1))

    def truth_of(self, test: str, axis: int) -> tuple[Rows, Doubles]:
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
    words = fingerprints(store, tracks, recipe.soundfont)
    return DatasetPart(tracks, with_blocks(found, recipe.blocks), words)


def join(parts: Sequence[DatasetPart]) -> StudyData:
    """Data of several datasets, one after the other."""
    tracks = [track for part in parts for track in part.tracks]
    words = {name: one for part in parts for name, one in part.fingerprints.items()}
    return StudyData.of(tracks, stack([part.samples for part in parts]), words)


def _labelled(track: Track) -> bool:
    labels = (track.valence, track.quadrant, track.gems, track.cluster)
    return any(label is not None for label in labels)


def _alike(words: Mapping[str, Words]) -> dict[str, frozenset[str]]:
    """Recordings that sound the same, found once for all comparisons."""
    found: dict[str, set[str]] = {name: set() for name in words}
    for match in matches(words):
        found[match.first].add(match.second)
        found[match.second].add(match.first)
    return {name: frozenset(others) for name, others in found.items()}


TEST = "test"


@dataclass(frozen=True, eq=False)
class Experiment:
    """Training and test sets, before a representation and a model are chosen.

    ``runs`` are, for every seed, the splits that together test every row once; ``leaks``, for every
    tested dataset, a label of what its rows share with those trained on; ``refused``, the tested
    datasets that get no scores, because of a leak.
    """

    protocol: str
    train: tuple[str, ...]
    runs: tuple[tuple[Split, ...], ...]
    leaks: dict[str, str]
    refused: frozenset[str]

    @property
    def tests(self) -> tuple[str, ...]:
        """Tested datasets that get scores."""
        return tuple(name for name in self.leaks if name not in self.refused)

    @property
    def splits(self) -> list[Split]:
        """All splits, seed by seed."""
        return [split for run in self.runs for split in run]


@dataclass(frozen=True, eq=False)
class Cell:
    """An experiment with a representation and a model; ``train`` names what the model can use."""

    experiment: Experiment
    train: tuple[str, ...]
    representation: str
    model: str


CellResult = engine.CellResult[Cell]


def plan(protocol: Protocol, recipe: CrossDatasetRecipe, data: StudyData) -> list[Experiment]:
    """Experiments of a protocol on the datasets of the data."""
    names = tuple(name for name in protocol.datasets if name in data.kinds)
    unseen = [name for name in protocol.unseen if name in data.kinds]
    make = _Maker(protocol, recipe, data)
    singles = [(name,) for name in names]
    if protocol.name == "in-domain":
        return [make.folded(train) for train in singles]
    if protocol.name == "leave-one-genre-out":
        return [one for name in names for one in make.genres(name)]
    if protocol.name == "leave-one-dataset-out":
        rest = [(tuple(n for n in names if n != name), name) for name in names]
        return [make.transfer(train, [test]) for train, test in rest if train]
    if protocol.name in ("split", "inside-split"):
        return [make.stored_split(name) for name in names]
    subsets: Iterable[tuple[str, ...]] = singles
    if protocol.name == "combinations":
        subsets = [one for k in range(len(names)) for one in combinations(names, k + 1)]
    experiments = []
    for train in subsets:
        experiments.append(make.folded(train))
        others = [name for name in (*names, *unseen) if name not in train]
        experiments += [make.transfer(train, others)] if others else []
    return experiments


class _Maker:
    """Makes the experiments of one protocol."""

    def __init__(self, protocol: Protocol, recipe: CrossDatasetRecipe, data: StudyData) -> None:
        self.protocol, self.recipe, self.data = protocol, recipe, data

    def folded(self, train: Sequence[str], tracks: Sequence[Track] | None = None) -> Experiment:
        """Grouped folds of datasets together, or of some of their tracks."""
        if tracks is None:
            tracks = self._tracks(self.data.rows(*train))
        runs = []
        for seed in range(self.protocol.seeds):
            folds = k_folds(tracks, self.recipe.folds, seed=seed, joined=self._joined(train))
            runs.append(tuple(self._split(fold) for fold in folds))
        return self._checked(train, runs)

    def transfer(self, train: Sequence[str], tests: Sequence[str]) -> Experiment:
        """All of some datasets for all of others."""
        split = Split(self.data.rows(*train), self.data.rows(*tests))
        return self._checked(train, [(split,)] * self.protocol.seeds)

    def genres(self, name: str) -> list[Experiment]:
        """Genres left out, or else collections; none if the tracks have neither."""
        tracks = self._tracks(self.data.rows(name))
        for by in ("genre", "collection"):
            known = [track for track in tracks if getattr(track, by)]
            if len({getattr(track, by) for track in known}) > 1:
                folds = leave_one_out(known, by, joined=self._joined([name]))
                run = tuple(self._split(fold) for fold in folds)
                return [self._checked((name,), [run] * self.protocol.seeds)]
        return []

    def stored_split(self, name: str) -> Experiment:
        """A stored split, or folds of the tracks that it does not test."""
        stored = stored_splits.load(name, self.protocol.split)
        own = [track for track in self.data.tracks if track.dataset == name]
        parts = stored.apply(own, partial=self.recipe.datasets[name].partial)
        if TEST not in parts:
            raise DataError(
                f"the split has no part '{TEST}' but {', '.join(parts)}",
                subject=f"{name} {self.protocol.split}",
                remedy="Choose another split",
                code="no_such_part",
            )
        rest = [track for part, tracks in parts.items() if part != TEST for track in tracks]
        if self.protocol.name == "inside-split":
            return self.folded((name,), rest)
        split = self._split(Fold(TEST, tuple(rest), parts[TEST]))
        return self._checked((name,), [(split,)] * self.protocol.seeds)

    # --- inside ---

    def _tracks(self, rows: Rows) -> list[Track]:
        return [self.data.tracks[row] for row in rows]

    def _split(self, fold: Fold) -> Split:
        tracks = self.data.tracks
        return Split(row_numbers(tracks, fold.train), row_numbers(tracks, fold.test))

    def _joined(self, names: Iterable[str]) -> tuple[str, ...]:
        return joined_links({kind for name in names for kind in self.recipe.datasets[name].shared})

    def _leaks(self, train: Sequence[Track], test: Sequence[Track]) -> Leaks:
        """Leaks of all kinds; `find` would match fingerprints anew for every pair of sets."""
        found, alike = find(train, test), self.data.alike
        learned, tested = ({full_name(track) for track in side} for side in (train, test))
        others = {name: alike.get(name, frozenset()) & learned for name in sorted(tested)}
        sound = tuple((name, min(same)) for name, same in others.items() if same)
        pairs = {**found.pairs, "sound": sound} if sound else found.pairs
        return Leaks(pairs, found.tested, len((learned | tested) - alike.keys()))

    def _checked(self, train: Sequence[str], runs: Sequence[tuple[Split, ...]]) -> Experiment:
        """An experiment whose splits have been compared for leaks, test set by test set."""
        labels, refused = {}, set()
        dataset = self.data.samples.dataset
        once = list({id(split): split for run in runs for split in run}.values())
        for test in dict.fromkeys(dataset[np.concatenate([one.test for one in once])].tolist()):
            sides = [(one.train, one.test[dataset[one.test] == test]) for one in once]
            tested = len(np.unique(np.concatenate([rows for _, rows in sides])))
            found = _merge(
                [self._leaks(self._tracks(one), self._tracks(two)) for one, two in sides], tested
            )
            try:
                labels[test] = refuse(found, set(LINKS) - set(self._joined([*train, test])))
            except DataError:
                labels[test] = found.label
                if self.recipe.leaks == "refuse":
                    labels[test] = f"refused; {found.label}"
                    refused.add(test)
        return Experiment(self.protocol.name, tuple(train), tuple(runs), labels, frozenset(refused))


def _merge(found: Sequence[Leaks], tested: int) -> Leaks:
    """Leaks of several splits as one: tracks that leak in any of them."""
    pairs: dict[str, dict[str, str]] = {}
    for one in found:
        for kind, own in one.pairs.items():
            pairs.setdefault(kind, {}).update(own)
    merged = {kind: tuple(own.items()) for kind, own in pairs.items()}
    return Leaks(merged, tested, max(one.not_compared or 0 for one in found))
