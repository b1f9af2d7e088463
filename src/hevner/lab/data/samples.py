"""Labelled feature vectors of any representation, from any number of datasets: one row per track.

Conventions
-----------
A *block* is one representation, such as an encoder's embedding or chroma statistics. Valence and
arousal are on the unit scale. A missing label is NaN, a missing quadrant -1; a missing feature is
an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from hevner.arrays import Doubles, Floats, Integers, Mask, Names, Rows
from hevner.datasets.track import Track
from hevner.emotion import GEMS, Quadrant
from hevner.errors import DataError


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of features and labels.

    Attributes
    ----------
    blocks
        Vectors by the name of the block, shape ``(n, width)`` each.
    emotion
        Valence and arousal, shape ``(n, 2)``.
    quadrant
        Index into `hevner.emotion.Quadrant`, shape ``(n,)``.
    gems
        Shares of listeners, shape ``(n, 9)``.
    dataset, track, group, recording, genre
        Names, shape ``(n,)``. ``track`` and ``group`` begin with the dataset's name; ``genre`` is
        the collection where there is no genre.
    """

    blocks: dict[str, Floats]
    emotion: Doubles
    quadrant: Integers
    gems: Doubles
    dataset: Names
    track: Names
    group: Names
    recording: Names
    genre: Names

    def __len__(self) -> int:
        return len(self.dataset)

    def where(self, rows: Mask | Rows) -> Samples:
        """Some of the rows."""
        labels = {name: getattr(self, name)[rows] for name in LABELS}
        return Samples({name: block[rows] for name, block in self.blocks.items()}, **labels)

    def of(self, *names: str) -> Mask:
        """Mask of the rows of some datasets."""
        return np.isin(self.dataset, names)

    def only(self, *blocks: str) -> Samples:
        """The same rows with some of the blocks."""
        return replace(self, blocks={name: self.blocks[name] for name in blocks})


LABELS = tuple(f.name for f in fields(Samples) if f.name != "blocks")
"""Fields of the labels and names."""


def label(tracks: Sequence[Track], blocks: dict[str, Floats]) -> Samples:
    """Join feature vectors ``(n, width)`` and the labels of their tracks, row by row.

    Raises `DataError` if a block holds numbers that are not finite.
    """
    for name, block in blocks.items():
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if bad.size:
            track = tracks[bad[0]]
            raise DataError(
                f"block {name} holds numbers that are not finite",
                subject=f"{track.dataset}, track {track.id}",
                remedy="Extract the features of this track again",
                code="not_finite",
            )
    nan = float("nan")
    quadrants = list(Quadrant)
    return Samples(
        blocks=blocks,
        emotion=np.array(
            [[nan if v is None else v for v in (t.valence, t.arousal)] for t in tracks], float
        ).reshape(-1, 2),
        quadrant=np.array(
            [-1 if t.quadrant is None else quadrants.index(t.quadrant) for t in tracks], np.int64
        ),
        gems=np.array(
            [(nan,) * len(GEMS) if t.gems is None else t.gems for t in tracks], float
        ).reshape(-1, len(GEMS)),
        dataset=np.array([t.dataset for t in tracks], np.str_),
        track=np.array([f"{t.dataset}/{t.id}" for t in tracks], np.str_),
        group=np.array([f"{t.dataset}/{t.group}" for t in tracks], np.str_),
        recording=np.array([t.recording for t in tracks], np.str_),
        genre=np.array([t.genre or t.collection for t in tracks], np.str_),
    )


def names(values: Names) -> list[str]:
    """Distinct names in the order of their first rows."""
    return list(dict.fromkeys(values.tolist()))


def stack(parts: Sequence[Samples]) -> Samples:
    """Rows of several samples with the same blocks, one after the other."""
    labels = {key: np.concatenate([getattr(part, key) for part in parts]) for key in LABELS}
    blocks = {
        name: np.concatenate([part.blocks[name] for part in parts]) for name in parts[0].blocks
    }
    return Samples(blocks, **labels)
