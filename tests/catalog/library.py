"""A catalogue of made-up pieces in the toy space, where valence and arousal mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hevner.catalog.analyze_file import places
from hevner.catalog.catalog import Catalog
from hevner.catalog.writer import create, writing
from hevner.emotion import GEMS, MOOD_TAGS
from hevner.model.description import CURVE_POINTS, Description
from hevner.model.space import Points, Space
from tests import joint_world

MOMENTS = 3
"""Of each piece, of nine seconds."""

MOVED = 0.2
"""Standard deviation of the courses of pieces; that of real music is some 0.05."""


@dataclass(frozen=True)
class Library:
    """Made-up pieces, what is in the catalogue of them, and the catalogue."""

    catalog: Catalog
    space: Space
    pieces: list[dict[str, Any]]
    moments: list[dict[str, Any]]
    points: Points
    moment_points: Points


def described(values: np.ndarray, rng: np.random.Generator) -> Description:
    """What a model might predict for musics of these valences and arousals, shape ``(n, 2)``."""
    count = len(values)
    curve = rng.normal(0, MOVED, (count, 2, CURVE_POINTS))
    return Description.of(
        point=values,
        curve=curve - curve.mean(axis=2, keepdims=True),
        quadrants=rng.dirichlet(np.ones(4), count),
        gems=rng.uniform(0, 1, (count, len(GEMS))),
        tags=rng.normal(0, 1, (count, len(MOOD_TAGS))),
    )


def build(
    folder: Path, count: int = 300, seed: int = 0, intervals: bool = True, tags: bool = False
) -> Library:
    """A catalogue of so many pieces; one more is silent and one more failed.

    With ``tags``, they have titles, artists and so on.
    """
    rng = np.random.default_rng(seed)
    space = joint_world.space()
    values = np.clip(rng.normal(0, 0.4, (count, 2)), -1, 1)
    descriptions = described(values, rng)
    points = space.music(descriptions)
    pieces = [
        {
            "id": f"{number:06d}",
            "path": f"/music/{number % 7}/it's {number}.mp3",
            "name": f"{number % 7}/it's {number}.mp3",
            "size": 1000 + number,
            "mtime": number,
            "duration": float(rng.uniform(60, 400)),
            "valence": float(values[number, 0]),
            "arousal": float(values[number, 1]),
            **(_intervals(values[number]) | _more(number, values[number]) if intervals else {}),
            **(_tags(number) if tags else {}),
            "key": ("A minor", "C major")[number % 2],
            "key_mode": ("minor", "major")[number % 2],
            "tempo": 120.0,
            "status": "ok",
            "vector": space.music_vectors(points)[number],
            "place": places(points)[number],
            "curve": descriptions.curve[number].reshape(-1).astype(np.float16),
        }
        for number in range(count)
    ]
    owners = np.repeat(np.arange(count), MOMENTS)
    moved = np.clip(values[owners] + rng.normal(0, 0.1, (len(owners), 2)), -1, 1)
    moment_points = space.music(described(moved, rng))
    moments = [
        {
            "piece": pieces[owner]["id"],
            "start": 9.0 * (row % MOMENTS),
            "end": 9.0 * (row % MOMENTS) + 9,
            "valence": float(moved[row, 0]),
            "arousal": float(moved[row, 1]),
            "vector": space.music_vectors(moment_points)[row],
            "place": places(moment_points)[row],
        }
        for row, owner in enumerate(owners)
    ]
    catalog = create(folder, space)
    others = [
        {"id": f"{status}-id", "path": f"/music/{status}.mp3", "name": status, "status": status}
        for status in ("silent", "failed")
    ]
    with writing(catalog) as writer:
        writer.put(pieces + others, moments)
    catalog.refresh()
    return Library(catalog, space, pieces, moments, points, moment_points)


def _tags(number: int) -> dict[str, Any]:
    """What tags might say."""
    return {
        "title": f"Piece {number}",
        "artist": f"Artist {number % 5}",
        "album": f"Album {number % 10}",
        "album_artist": None if number % 5 else "Artist 0",
        "track": number,
        "year": 1990 + number % 3,
        "genre": ("Rock", "Film; Jazz", None)[number % 3],
        "cover": "image/jpeg" if number % 2 else None,
        "musicbrainz_recording": f"{number:08x}-0000-4000-8000-000000000000",
        "tags": ["calm", "happy"][: number % 3],
    }


def _more(number: int, point: np.ndarray) -> dict[str, Any]:
    """Columns that early catalogues did not have."""
    return {
        "tension": -float(point[0]),
        "emotion_fear": float(np.clip(-point[0], 0, 1)),
        "mode": ("dorian", None, "aeolian")[number % 3],
        "key_candidates": [("A minor", "C major")[number % 2], "E minor"],
        "sounds_like": ("song", "film score")[number % 2],
    }


def _intervals(point: np.ndarray) -> dict[str, float]:
    """Ends of intervals of half a unit around a point, as columns."""
    ends = {"low": -0.25, "high": 0.25}
    return {
        f"{axis}_{end}": float(value) + step
        for axis, value in zip(("valence", "arousal"), point, strict=True)
        for end, step in ends.items()
    }
