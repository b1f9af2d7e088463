"""Music as it is: vectors of whole clips and of windows, for the sets of a recipe.

Vectors are kept, a file for each set, since making them takes longer than all fitting.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from itertools import repeat
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.arrays import Doubles, Floats, Integers, Mask, Names
from hevner.blocks import vector_id
from hevner.datasets.track import Track
from hevner.emotion import Quadrant
from hevner.features import pool
from hevner.lab.data.corpus import Variant, features_of
from hevner.lab.default.table import windows
from hevner.lab.explanation.recipe import ExplanationRecipe
from hevner.lab.study import kept
from hevner.music import analyse

SHORT = 1.2
"""A clip shorter than so many windows has none."""


@dataclass(frozen=True)
class Music:
    """Rows of clips and of their windows, each clip followed by its windows.

    Attributes
    ----------
    vectors
        Shape ``(n, DIMENSION)``.
    clip
        Row of the clip that each row is of, shape ``(n,)``.
    quadrant
        Index into `Quadrant`, by what listeners said; -1 if they did not.
    dataset, group
        Names, shape ``(n,)``.
    """

    vectors: Floats
    clip: Integers
    quadrant: Integers
    dataset: Names
    group: Names

    @property
    def whole(self) -> Mask:
        """Which rows are whole clips."""
        return np.asarray(self.clip == np.arange(len(self.clip)))

    @property
    def weights(self) -> Doubles:
        """Weights of the clips and of the windows, each set alike; both add up to 1."""
        found = np.zeros(len(self.clip))
        for rows in (self.whole, ~self.whole):
            names, where, counts = np.unique(
                self.dataset[rows], return_inverse=True, return_counts=True
            )
            found[rows] = 1 / counts[where] / len(names)
        return found

    def where(self, rows: Mask) -> Music:
        """Some of the clips, with their windows."""
        number = np.cumsum(rows) - 1
        arrays = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        return Music(**arrays | {"clip": number[self.clip[rows]]})

    @classmethod
    def joined(cls, parts: list[Music]) -> Music:
        """The rows of several sets."""
        starts = np.cumsum([0, *(len(part.clip) for part in parts)])
        moved = [part.clip + start for part, start in zip(parts, starts, strict=False)]
        arrays = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(cls)
        }
        return cls(**arrays | {"clip": np.concatenate(moved)})


def place(store: Path) -> Path:
    """Folder of the vectors of today's features."""
    return store / "explanation" / hashlib.sha256(vector_id().encode()).hexdigest()[:12]


def load(recipe: ExplanationRecipe, folders: dict[str, Path], store: Path, jobs: int) -> Music:
    """The music of a recipe; what is not kept in the store is made.

    Raises `DataError` or `AudioError` if a set or a clip cannot be read.
    """
    parts = []
    for name, variant in recipe.music.items():
        form = f"{recipe.window_s:g}-{recipe.windows}" if name in recipe.moments else "whole"
        path = place(store) / f"{name}-{variant}-{form}.npz"
        if not path.exists():
            tracks = datasets.load(name, folders[name])
            with ProcessPoolExecutor(jobs) as workers:
                rows = workers.map(
                    _rows, tracks, repeat(Variant.parse(variant)), repeat(store), repeat(recipe)
                )
                found = Music.joined([one for one in rows if one is not None])
            path.parent.mkdir(parents=True, exist_ok=True)
            kept.write(path, vars(found))
        parts.append(Music(**kept.read(path)))
    return Music.joined(parts)


def _rows(track: Track, variant: Variant, store: Path, recipe: ExplanationRecipe) -> Music | None:
    features = features_of(track, variant, store)
    if not features.sounding.any():
        return None
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    spans = [(0.0, features.duration)]
    if track.dataset in recipe.moments and features.duration >= SHORT * recipe.window_s:
        inside = windows(features.duration, recipe.window_s)
        chosen = np.unique(np.linspace(0, len(inside) - 1, recipe.windows).round().astype(int))
        spans += [inside[row] for row in chosen]
    count = len(spans)
    return Music(
        np.stack([pool(features, harmony, *span) for span in spans]),
        np.zeros(count, np.int64),
        np.full(count, quadrant(track.quadrant, track.valence, track.arousal)),
        np.full(count, track.dataset),
        np.full(count, f"{track.dataset}/{track.group}"),
    )


def quadrant(named: Quadrant | None, valence: float | None, arousal: float | None) -> int:
    """Index of a quadrant that is named, or in which ratings lie; -1 without either."""
    if named is None and valence is not None and arousal is not None:
        named = Quadrant.of(valence, arousal)
    return -1 if named is None else list(Quadrant).index(named)
