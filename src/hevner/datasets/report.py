"""A dataset in figures: the report of `hevner datasets check` and `info` as plain data."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

from hevner.datasets import Dataset
from hevner.datasets.axis_swap import correlation
from hevner.datasets.card import Card
from hevner.emotion import Scale

LABELLED = {"valence-arousal": "valence"} | {
    name: name
    for name in ("curve", "quadrant", "gems", "tension", "emotions", "cluster", "category", "tags")
}
"""Field of a track by kind of label."""


def describe_card(card: Card) -> dict[str, Any]:
    """The facts of a card; scales by name, such as ``1..9``."""
    facts = dataclasses.asdict(card)
    for axis in ("valence", "arousal"):
        scale: Scale | None = getattr(card, axis)
        facts[axis] = None if scale is None else scale.name
    return facts


def describe(dataset: Dataset) -> dict[str, Any]:
    """Counts, label statistics and findings of a dataset.

    Returns
    -------
    dict
        ``valence`` and ``arousal`` hold mean and standard deviation over tracks on the nominal
        scale (the unit scale where the card has none); ``correlation`` is Pearson's between the
        two, None where it does not exist.
    """
    tracks = dataset.tracks
    return {
        "dataset": dataset.card.name,
        "folder": str(dataset.folder),
        "labels": dataset.labels,
        "tracks": len(tracks),
        "published_tracks": dataset.card.tracks,
        "with_media": sum(track.media is not None for track in tracks),
        "groups": len({track.group for track in tracks}),
        "artists": len({track.artist for track in tracks if track.artist}),
        "genres": dict(Counter(track.genre for track in tracks if track.genre).most_common()),
        "labelled": {
            kind: sum(getattr(track, field) is not None for track in tracks)
            for kind, field in LABELLED.items()
        },
        "categories": dict(Counter(t.category for t in tracks if t.category).most_common()),
        "valence": _spread(dataset, "valence"),
        "arousal": _spread(dataset, "arousal"),
        "correlation": _correlation(dataset),
        **{
            f"{kind}s": [dataclasses.asdict(f) for f in dataset.findings if f.kind == kind]
            for kind in ("problem", "repair", "note")
        },
    }


def _spread(dataset: Dataset, axis: str) -> dict[str, float | str | None] | None:
    values = [v for v in (getattr(track, axis) for track in dataset) if v is not None]
    scale = dataset.card.scale(axis)
    if not values:
        return None
    nominal = np.array([scale.from_unit(value) for value in values])
    std = float(nominal.std(ddof=1)) if len(nominal) > 1 else None
    return {"scale": scale.name, "mean": float(nominal.mean()), "std": std}


def _correlation(dataset: Dataset) -> float | None:
    rated = [(t.valence, t.arousal) for t in dataset if None not in (t.valence, t.arousal)]
    found = correlation(*np.array(rated, dtype=float).reshape(-1, 2).T)
    return None if np.isnan(found) else found
