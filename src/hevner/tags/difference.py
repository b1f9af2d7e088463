"""The bytes of a file from those of its successor: what to copy from it, and what to put between.

Tags are some kilobytes of a file, but what follows them moves, and in Ogg each page has a number
and a checksum. So each block of the old file is compared with the new one at a few distances: those
that held before, and where its last bytes are found.

Conventions
-----------
A difference is a list of pieces of the old file, in order: an offset in the new file and a length,
or an offset of -1 and the length of bytes that are only in the old one; those are kept one after
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

BLOCK, LEAF = 2**16, 2**10
"""Bytes that are compared at once, and the fewest into which a block is parted."""

SHORTEST = 24
"""Fewest equal bytes that are copied and not kept."""

ENOUGH = 0.9
"""Share of equal bytes with which no other distance is searched for."""

ANCHOR, NEAR = 64, 2**22
"""Bytes that are searched for where no known distance fits, and how far away."""

MOST = 8
"""Distances that are remembered."""

Pieces = list[tuple[int, int]]


def difference(old: Path, new: Path) -> tuple[Pieces, bytes]:
    """What makes the old file from the new one: pieces, and the bytes that are only in the old."""
    with old.open("rb") as before, new.open("rb") as after:
        found = _Difference(after, new.stat().st_size - old.stat().st_size)
        at = 0
        while block := before.read(BLOCK):
            found.add(block, at)
            at += len(block)
    return found.pieces, bytes(found.kept)


def patched(new: IO[bytes], pieces: Iterable[tuple[int, int]], kept: bytes) -> Iterator[bytes]:
    """The bytes of the old file, in parts."""
    used = 0
    for offset, length in pieces:
        if offset < 0:
            yield kept[used : used + length]
            used += length
            continue
        new.seek(offset)
        while length and (part := new.read(min(length, BLOCK))):
            yield part
            length -= len(part)


class _Difference:
    def __init__(self, after: IO[bytes], shift: int) -> None:
        self.pieces: Pieces = []
        self.kept = bytearray()
        self._after = after
        self._shifts = list(dict.fromkeys((0, shift)))

    def add(self, block: bytes, at: int) -> None:
        """Add the pieces of a block of the old file, which begins there."""
        shares = {}
        for shift in self._shifts:
            equal = self._equal(block, at + shift)
            if equal.all():
                self._prefer(shift)
                self._piece(at + shift, block)
                return
            shares[shift] = equal
        if len(block) > LEAF:
            for start in range(0, len(block), step := len(block) // 4):
                self.add(block[start : start + step], at + start)
            return
        shift = max(shares, key=lambda one: int(shares[one].sum()))
        if shares[shift].mean() < ENOUGH and (found := self._searched(block, at)) is not None:
            shares[found] = self._equal(block, at + found)
            shift = max(shares, key=lambda one: int(shares[one].sum()))
        self._prefer(shift)
        for start, stop, same in _runs(shares[shift]):
            self._piece(at + start + shift if same else -1, block[start:stop])

    def _equal(self, block: bytes, at: int) -> NDArray[np.bool_]:
        """Which bytes of a block are in the new file at a place."""
        equal = np.zeros(len(block), np.bool_)
        if at >= 0:
            self._after.seek(at)
            there = np.frombuffer(self._after.read(len(block)), np.uint8)
            equal[: len(there)] = there == np.frombuffer(block, np.uint8)[: len(there)]
        return equal

    def _searched(self, block: bytes, at: int) -> int | None:
        """The distance at which the end of a block is found."""
        start = max(0, at - NEAR)
        self._after.seek(start)
        place = self._after.read(2 * NEAR).find(block[-ANCHOR:])
        return None if place < 0 else start + place - (at + len(block[:-ANCHOR]))

    def _prefer(self, shift: int) -> None:
        self._shifts = [shift, *(one for one in self._shifts if one != shift)][:MOST]

    def _piece(self, offset: int, content: bytes) -> None:
        last, length = self.pieces[-1] if self.pieces else (-2, 0)
        if offset < 0:
            self.kept += content
        if (last == offset == -1) or (offset >= 0 and last >= 0 and last + length == offset):
            self.pieces[-1] = (last, length + len(content))
        else:
            self.pieces.append((offset, len(content)))


def _runs(equal: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of runs of bytes, and whether they are equal; short ones count as different."""
    edges = np.flatnonzero(np.diff(equal)) + 1
    bounds = [0, *edges.tolist(), len(equal)]
    for start, stop in pairwise(bounds):
        yield start, stop, bool(equal[start]) and stop - start >= SHORTEST
