"""Splits of tracks into rows to train on and rows to test, and their leak check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hevner.arrays import Rows
from hevner.datasets.folds import Fold, linked_groups
from hevner.datasets.leaks import LINKS, find, refuse
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to train on, rows to test, and those that training stops by if these are others.

    ``name`` distinguishes splits of one protocol: a number, or what is left out. ``seed`` is the
    number of the run, ``leaks`` the label of the leak check.
    """

    train: Rows
    test: Rows
    validation: Rows | None = None
    protocol: str = ""
    name: str = ""
    seed: int = 0
    leaks: str = ""


def row_numbers(tracks: Sequence[Track], some: Iterable[Track]) -> Rows:
    """Places of some tracks among all of them, in the order in which they are given."""
    places = {full_name(track): row for row, track in enumerate(tracks)}
    return np.array([places[full_name(track)] for track in some], np.intp)


def group_numbers(tracks: Sequence[Track], joined: Collection[str] = LINKS) -> Rows:
    """Number of the group of each track, shape ``(n,)``: tracks joined by any chain of links."""
    groups = np.zeros(len(tracks), np.intp)
    for number, rows in enumerate(linked_groups(tracks, joined)):
        groups[rows] = number
    return groups


def joined_links(shared: Collection[str]) -> tuple[str, ...]:
    """Kinds of link that hold tracks together: all but those that the two sides may share."""
    return tuple(kind for kind in LINKS if kind not in shared)


def checked_split(
    tracks: Sequence[Track],
    fold: Fold,
    protocol: str,
    seed: int,
    shared: Collection[str],
    *,
    refused: bool,
    validation: Sequence[Track] = (),
) -> Split:
    """A fold of some of the tracks as a split, after a comparison of its two sides.

    Row numbers are those in ``tracks``. The sides may share links of the kinds ``shared``; a leak
    of another kind raises `DataError` if ``refused``, otherwise the label only names it.
    ``validation`` are tracks that training stops by; they count as trained on.
    """
    found = find([*fold.train, *validation], fold.test)
    label = refuse(found, shared) if refused else found.label
    train, test = row_numbers(tracks, fold.train), row_numbers(tracks, fold.test)
    stop = row_numbers(tracks, validation) if validation else None
    return Split(train, test, stop, protocol, fold.name, seed, label)
