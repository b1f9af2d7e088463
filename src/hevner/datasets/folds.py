"""Folds: honest splits made of any tracks.

Conventions
-----------
A fold has tracks, of any datasets, to train on and to test. Tracks that are linked
(`hevner.datasets.leaks.links`: the same recording, song, artist or group) are never on two sides.

Everything is a function of its arguments: order by SHA-256 takes the place of chance, so a seed
gives the same folds everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hevner.arrays import Doubles
from hevner.datasets.leaks import LINKS, links, name
from hevner.datasets.splits import as_csv, digest
from hevner.datasets.track import Track
from hevner.errors import DataError

Axis = Literal["valence", "arousal"]


@dataclass(frozen=True, eq=False)
class Fold:
    """Tracks to train on and to test.

    Attributes
    ----------
    name
        Number of the fold, or the genre, collection or dataset left out.
    train, test
        Tracks; no link leads from one to the other.
    """

    name: str
    train: tuple[Track, ...]
    test: tuple[Track, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of `as_csv` of the tracks' full names."""
        return digest(as_csv({"train": map(name, self.train), "test": map(name, self.test)}))


def k_folds(
    tracks: Sequence[Track],
    count: int,
    *,
    seed: int = 0,
    balance: Collection[Axis] = (),
    joined: Collection[str] = LINKS,
) -> list[Fold]:
    """Folds that test every track once, with linked tracks on the same side.

    Parameters
    ----------
    tracks
        Tracks of any datasets; each dataset is spread evenly over the folds.
    count
        Number of folds.
    seed
        Seed of the assignment.
    balance
        Axes whose mean should be about the same in all folds.
    joined
        Kinds of link that hold tracks together, of `hevner.datasets.leaks.LINKS`. Where an artist
        is found in all groups, as the pianists of WTC, leave out ``artist`` and ``credit``.

    Raises
    ------
    DataError
        If there are not enough groups of linked tracks.
    """
    groups = linked_groups(tracks, joined)
    if not 2 <= count <= len(groups):
        raise DataError(
            f"{count} folds of {len(tracks)} tracks that hang together in {len(groups)} groups",
            remedy="Take at least 2 folds and no more than there are groups; a smaller 'joined' "
            "makes more groups",
            code="too_few_groups",
        )
    weights = _weights(tracks, balance)
    loads = np.zeros((count, weights.shape[1]))
    fold_of = np.zeros(len(tracks), int)
    groups.sort(key=lambda group: (-len(group), _shuffled(seed, tracks, group)))
    for place, group in enumerate(groups):
        weight = weights[group].sum(axis=0)
        # Raises the sum of squared loads least, which is smallest for even loads.
        fold = int(np.argmin(loads @ weight))
        empty = np.flatnonzero(loads[:, 0] == 0)
        if len(groups) - place == len(empty):
            fold = int(empty[0])
        loads[fold] += weight
        fold_of[group] = fold
    return [
        Fold(
            str(k + 1),
            tuple(t for t, own in zip(tracks, fold_of, strict=True) if own != k),
            tuple(t for t, own in zip(tracks, fold_of, strict=True) if own == k),
        )
        for k in range(count)
    ]


def leave_one_out(
    tracks: Sequence[Track],
    by: Literal["genre", "collection", "dataset"],
    *,
    joined: Collection[str] = LINKS,
) -> list[Fold]:
    """A fold for each genre, collection or dataset, which is tested.

    Other tracks that are linked to a tested one are left out of training.

    Parameters
    ----------
    tracks
        Tracks of any datasets.
    by
        Field by which tracks are left out.
    joined
        Kinds of link that count, as in `k_folds`.

    Raises
    ------
    DataError
        If a track has no such field, all have the same one, or nothing remains to train on.
    """
    tested: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        tested[getattr(track, by)].append(track)
    if "" in tested:
        raise DataError(
            f"{len(tested[''])} tracks have no {by}, such as {name(tested[''][0])}",
            remedy="Leave them out first",
            code="value_missing",
        )
    if len(tested) < 2:
        raise DataError(
            f"all {len(tracks)} tracks are of one {by}",
            remedy="Leave out something else",
            code="too_few_groups",
        )
    folds = []
    for value in sorted(tested):
        known = set().union(*(_joined_links(track, joined) for track in tested[value]))
        train = tuple(
            track
            for track in tracks
            if getattr(track, by) != value and not known & _joined_links(track, joined)
        )
        if not train:
            raise DataError(
                f"all other tracks are linked to those of {by} {value}",
                remedy="Take the linked tracks out of one of the two, or choose a smaller 'joined'",
                code="too_few_groups",
            )
        folds.append(Fold(value, train, tuple(tested[value])))
    return folds


def linked_groups(tracks: Sequence[Track], joined: Collection[str] = LINKS) -> list[list[int]]:
    """Places of tracks that hang together by any chain of links."""
    first: dict[tuple[str, str], int] = {}
    pairs = [
        (first.setdefault(link, place), place)
        for place, track in enumerate(tracks)
        for link in _joined_links(track, joined)
    ]
    ones, others = np.array(pairs, np.int32).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (ones, others)), (len(tracks), len(tracks)))
    groups: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(connected_components(graph, directed=False)[1].tolist()):
        groups[group].append(place)
    return list(groups.values())


def _joined_links(track: Track, joined: Collection[str]) -> set[tuple[str, str]]:
    return {(kind, key) for kind, keys in links(track).items() if kind in joined for key in keys}


def _weights(tracks: Sequence[Track], balance: Collection[Axis]) -> Doubles:
    """Quantities to spread evenly: tracks, those of each dataset, its standardised labels."""
    dataset = np.array([track.dataset for track in tracks])
    columns = [np.ones(len(tracks))]
    columns += [(dataset == one).astype(float) for one in sorted(set(dataset))]
    for axis in balance:
        rated = [getattr(track, axis) for track in tracks]
        labels = np.array([np.nan if value is None else value for value in rated])
        for one in set(dataset):
            mine = (dataset == one) & np.isfinite(labels)
            if mine.any():
                labels[mine] = (labels[mine] - labels[mine].mean()) / (labels[mine].std() or 1.0)
        columns.append(np.nan_to_num(labels))
    return np.stack(columns, axis=1)


def _shuffled(seed: int, tracks: Sequence[Track], group: list[int]) -> str:
    return digest(f"{seed}/{min(name(tracks[place]) for place in group)}")
