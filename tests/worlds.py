"""Made-up tables of labelled vectors, small enough to fit in no time."""

from __future__ import annotations

import dataclasses

import numpy as np

from hevner.emotion import MOOD_TAGS
from hevner.lab.default import table

WIDTH = 30
RECIPE = """
name = "toy"
version = "7"
seed = 1
[sets.songs]
domain = "recorded"
weight = 100
variants = ["recorded-0"]
[sets.moods]
domain = "recorded"
weight = 100
variants = ["recorded-0"]
[sets.pieces]
domain = "piano"
weight = 100
variants = ["Font-0"]
[penalties]
valence = { shared = { sound = 1.0 }, own = { sound = 10.0 } }
arousal = { shared = { sound = 1.0 }, own = { sound = 10.0 } }
quadrants = { shared = { sound = 1.0 }, own = { sound = 10.0 } }
gems = { shared = { sound = 1.0 }, own = { sound = 10.0 } }
[transfer]
weights = { songs = 100, moods = 100, pieces = 100 }
valence = { sound = 1.0 }
arousal = { sound = 1.0 }
[ratings]
valence = { mean = 0.1, std = 0.3 }
arousal = { mean = 0.1, std = 0.3 }
[choices]
factors = [1.0, 10.0]
"""


STUDENTS = """
[students]
width = 16
hidden = 16
dropout = 0.1
windows = 2
[students.settings]
learning_rate = 0.01
batch = 32
epochs = 15
patience = 5
noise = 0.1
[tags]
teacher = "a network"
weight = 0.5
slope = 0.85
flagged = 2.0
[tags.listeners]
happy = [1.0, 0.0]
calm = [0.0, -1.0]
[tags.base_rates]
""" + "\n".join(f"{tag} = 0.05" for tag in MOOD_TAGS)
"""What turns `RECIPE` into one with a network."""


def relation(vectors: np.ndarray) -> np.ndarray:
    """Valence and arousal as a linear function of a vector."""
    slope = np.random.default_rng(42).normal(size=(WIDTH, 2)) * 0.06
    return 0.1 + vectors @ slope


def world(rng: np.random.Generator, dataset: str, count: int, noise: float = 0.03) -> table.Table:
    """Rows of a dataset: songs and pieces are rated, moods have GEMS shares only."""
    shift = np.zeros(WIDTH)
    shift[:4] = 3.0 if dataset == "pieces" else 0.0
    vectors = (rng.normal(size=(count, WIDTH)) + shift).astype(np.float32)
    emotion = relation(vectors - shift) + noise * rng.normal(size=(count, 2))
    rated = dataset != "moods"
    high = emotion >= 0
    quadrant = np.select(
        [high.all(1), ~high[:, 0] & high[:, 1], ~high.any(1)], [0, 1, 2], default=3
    )
    shares = 0.4 + 0.1 * vectors[:, :9] + 0.02 * rng.normal(size=(count, 9))
    shares = np.clip(shares, 0, 1)
    names = np.array([f"{dataset}/{row}" for row in range(count)])
    return table.Table(
        vectors=vectors,
        emotion=emotion if rated else np.full((count, 2), np.nan),
        quadrant=quadrant if rated else np.full(count, -1),
        gems=np.full((count, 9), np.nan) if rated else shares,
        tags=np.full((count, len(MOOD_TAGS)), np.nan),
        dataset=np.full(count, dataset),
        clip=names,
        group=np.array([f"{dataset}/{row // 2}" for row in range(count)]),
        kind=np.full(count, "x"),
        clean=np.ones(count, bool),
        window=np.zeros(count, bool),
        start=np.zeros(count),
        end=np.full(count, 30.0),
    )


def stack(*parts: table.Table) -> table.Table:
    return table.Table(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in dataclasses.fields(table.Table)
        }
    )
