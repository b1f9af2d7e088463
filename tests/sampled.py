"""Labelled samples made up for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hevner.lab.data.samples import Samples


def samples(
    emotion: Mapping[str, Any] | None = None,
    quadrant: Mapping[str, Any] | None = None,
    gems: Mapping[str, Any] | None = None,
    blocks: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Samples:
    """Rows from labels by dataset, and blocks by dataset, then name; a row is its own group."""
    by_dataset = [dict(one or {}) for one in (emotion, quadrant, gems)]
    names = list(dict.fromkeys(name for one in by_dataset for name in one))
    sizes = {name: max(len(one.get(name, ())) for one in by_dataset) for name in names}

    def column(given: dict[str, Any], missing: Any) -> np.ndarray:
        return np.concatenate(
            [np.asarray(given.get(name, np.array([missing] * sizes[name]))) for name in names]
        )

    dataset = np.repeat(names, [sizes[name] for name in names])
    number = np.concatenate([np.arange(sizes[name]) for name in names])
    track = np.array([f"{name}/{k}" for name, k in zip(dataset, number, strict=True)])
    found = blocks or {name: {"x": np.zeros((sizes[name], 1))} for name in names}
    return Samples(
        blocks={
            one: np.concatenate([found[name][one] for name in names]).astype(np.float32)
            for one in found[names[0]]
        },
        emotion=column(by_dataset[0], [np.nan] * 2).astype(float),
        quadrant=column(by_dataset[1], -1).astype(np.int64),
        gems=column(by_dataset[2], [np.nan] * 9).astype(float),
        dataset=dataset,
        track=track,
        group=track,
        recording=track,
        genre=dataset,
    )
