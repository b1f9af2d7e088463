"""Who is trained on and who is tested, by protocol, with the leak check in front.

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

import numpy as np
from numpy.typing import NDArray

from hevner.datasets import splits
from hevner.datasets.folds import Fold, k_folds, leave_one_out
from hevner.datasets.leaks import LINKS, Leaks, Pair, find, refuse
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.lab.study.material import Material
from hevner.lab.study.recipe import Protocol, Study

Rows = NDArray[np.intp]

TEST = "test"


@dataclass(frozen=True, eq=False)
class Part:
    """One fit: rows to train on and rows to predict."""

    train: Rows
    test: Rows


@dataclass(frozen=True, eq=False)
class Layout:
    """One experiment without its representation and model.

    Attributes
    ----------
    protocol
        Its name.
    train
        Datasets that are trained on.
    parts
        For every seed, the fits of which together every tested row is predicted once.
    leaks
        For every tested dataset, what its rows share with those trained on, as a label.
    refused
        Tested datasets that get no scores, because of a leak.
    """

    protocol: str
    train: tuple[str, ...]
    parts: tuple[tuple[Part, ...], ...]
    leaks: dict[str, str]
    refused: frozenset[str]

    @property
    def tests(self) -> tuple[str, ...]:
        """Tested datasets that get scores."""
        return tuple(name for name in self.leaks if name not in self.refused)


def lay_out(protocol: Protocol, study: Study, material: Material) -> list[Layout]:
    """Experiments of a protocol, for the datasets that are at hand."""
    names = tuple(name for name in protocol.datasets if name in material.kinds)
    unseen = [name for name in protocol.unseen if name in material.kinds]
    make = _Maker(protocol, study, material)
    singles = [(name,) for name in names]
    if protocol.name == "in-domain":
        return [make.joint(train) for train in singles]
    if protocol.name == "leave-one-genre-out":
        return [layout for name in names for layout in make.genres(name)]
    if protocol.name == "leave-one-dataset-out":
        rest = [(tuple(n for n in names if n != name), name) for name in names]
        return [make.transfer(train, [test]) for train, test in rest if train]
    if protocol.name in ("split", "inside-split"):
        return [make.split(name) for name in names]
    subsets: Iterable[tuple[str, ...]] = singles
    if protocol.name == "combinations":
        subsets = [one for k in range(len(names)) for one in combinations(names, k + 1)]
    layouts = []
    for train in subsets:
        layouts.append(make.joint(train))
        others = [name for name in (*names, *unseen) if name not in train]
        layouts += [make.transfer(train, others)] if others else []
    return layouts


class _Maker:
    """Makes the layouts of one protocol."""

    def __init__(self, protocol: Protocol, study: Study, material: Material) -> None:
        self.protocol, self.study, self.material = protocol, study, material
        self._row = {full_name(track): row for row, track in enumerate(material.tracks)}

    def joint(self, train: Sequence[str]) -> Layout:
        """Grouped folds of datasets together."""
        return self._folded(train, self._tracks(self.material.rows(*train)))

    def transfer(self, train: Sequence[str], tests: Sequence[str]) -> Layout:
        """All of some datasets for all of others."""
        part = Part(self.material.rows(*train), self.material.rows(*tests))
        return self._checked(train, [(part,)] * self.protocol.seeds)

    def genres(self, name: str) -> list[Layout]:
        """Genres, or else collections; none if the tracks tell neither."""
        rows = self.material.rows(name)
        tracks = self._tracks(rows)
        for by in ("genre", "collection"):
            told = [track for track in tracks if getattr(track, by)]
            if len({getattr(track, by) for track in told}) > 1:
                folds = leave_one_out(told, by, joined=self._joined([name]))
                parts = tuple(self._part(fold) for fold in folds)
                return [self._checked((name,), [parts] * self.protocol.seeds)]
        return []

    def split(self, name: str) -> Layout:
        """A stored split, or folds of what it does not test."""
        stored = splits.load(name, self.protocol.split)
        every = [track for track in self.material.tracks if track.dataset == name]
        parts = stored.apply(every)
        if TEST not in parts:
            raise DataError(
                f"the split has no part '{TEST}' but {', '.join(parts)}",
                subject=f"{name} {self.protocol.split}",
                remedy="Choose another split",
            )
        rest = [track for part, tracks in parts.items() if part != TEST for track in tracks]
        if self.protocol.name == "inside-split":
            return self._folded((name,), rest)
        part = self._part(Fold(TEST, tuple(rest), parts[TEST]))
        return self._checked((name,), [(part,)] * self.protocol.seeds)

    # --- inside ---

    def _folded(self, train: Sequence[str], tracks: Sequence[Track]) -> Layout:
        parts = []
        for seed in range(self.protocol.seeds):
            folds = k_folds(tracks, self.study.folds, seed=seed, joined=self._joined(train))
            parts.append(tuple(self._part(fold) for fold in folds))
        return self._checked(train, parts)

    def _tracks(self, rows: Rows) -> list[Track]:
        return [self.material.tracks[row] for row in rows]

    def _part(self, fold: Fold) -> Part:
        train, test = (
            np.array([self._row[full_name(track)] for track in side], np.intp)
            for side in (fold.train, fold.test)
        )
        return Part(train, test)

    def _joined(self, names: Iterable[str]) -> tuple[str, ...]:
        shared = {kind for name in names for kind in self.study.datasets[name].shared}
        return tuple(kind for kind in LINKS if kind not in shared)

    def _leaks(self, train: Sequence[Track], test: Sequence[Track]) -> Leaks:
        """Leaks of all kinds; `find` would match fingerprints anew for every pair of sets."""
        found = find(train, test)
        alike = self.material.alike
        learned, tested = ({full_name(track) for track in side} for side in (train, test))
        sound = _shared_sound(learned, tested, alike)
        pairs = {**found.pairs, "sound": sound} if sound else found.pairs
        return Leaks(pairs, found.tested, len((learned | tested) - alike.keys()))

    def _checked(self, train: Sequence[str], parts: Sequence[tuple[Part, ...]]) -> Layout:
        """A layout of parts, each compared with what it is trained on."""
        labels, refused = {}, set()
        dataset = self.material.samples.dataset
        once = list({id(part): part for run in parts for part in run}.values())
        for test in dict.fromkeys(dataset[np.concatenate([part.test for part in once])].tolist()):
            mine = [(part.train, part.test[dataset[part.test] == test]) for part in once]
            found = _merge([
                self._leaks(self._tracks(rows), self._tracks(tested)) for rows, tested in mine
            ], len(np.unique(np.concatenate([tested for _, tested in mine]))))  # fmt: skip
            allowed = set(LINKS) - set(self._joined([*train, test]))
            try:
                labels[test] = refuse(found, allowed)
            except DataError:
                labels[test] = found.label
                if self.study.leaks == "refuse":
                    labels[test] = f"refused; {found.label}"
                    refused.add(test)
        return Layout(self.protocol.name, tuple(train), tuple(parts), labels, frozenset(refused))


def _shared_sound(
    learned: set[str], tested: set[str], alike: Mapping[str, frozenset[str]]
) -> tuple[Pair, ...]:
    """Tested tracks with one that they sound like, by name."""
    pairs = ((name, alike.get(name, frozenset()) & learned) for name in sorted(tested))
    return tuple((name, min(others)) for name, others in pairs if others)


def _merge(found: Sequence[Leaks], tested: int) -> Leaks:
    """Leaks of several parts as one: tracks that leak in any of them."""
    pairs: dict[str, dict[str, str]] = {}
    for one in found:
        for kind, own in one.pairs.items():
            pairs.setdefault(kind, {}).update(own)
    told = {kind: tuple(own.items()) for kind, own in pairs.items()}
    return Leaks(told, tested, max(one.not_compared or 0 for one in found))
