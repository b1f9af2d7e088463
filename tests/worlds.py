"""Made-up tables of labelled vectors, small enough to fit in no time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hevner.emotion import BASIC, MOOD_TAGS
from hevner.lab.default import recipe, table
from hevner.lab.recipes import read
from hevner.model import predict

WIDTH = 30
SETS = ("songs", "moods", "pieces", "cuts")
HEADS = ("emotion", "tension", "emotions", "quadrants", "gems", "tags")
RECIPE = """
name = "toy"
version = "7"
seed = 1
[sets.songs]
kind = "song"
weight = 100
own_weight = 100
variants = ["recorded-0"]
[sets.moods]
kind = "song"
weight = 5
own_weight = 5
variants = ["recorded-0"]
[sets.pieces]
kind = "piano"
weight = 100
own_weight = 100
variants = ["Font-0"]
[sets.cuts]
kind = "short cut"
weight = 100
own_weight = 100
variants = ["recorded-0"]
[kinds]
short = "short cut"
short_s = 10
strength = 1.0
sharpness = 1.0
[kernel]
pieces = 20
sharpness = 0.5
[ratings]
mean = [0.1, 0.2]
std = [0.3, 0.4]
correlation = 0.5
""" + "\n".join(
    f"[penalties.{head}]\nblocks = {{ sound = 1.0 }}\nkernel = 1e9\nown = 10.0" for head in HEADS
)
TAGS = """
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
"""What turns `RECIPE` into one with tags."""


def read_toy(
    folder: Path, patch: pytest.MonkeyPatch, text: str = RECIPE, names: tuple[str, ...] = SETS
) -> recipe.DefaultRecipe:
    """Read a recipe for vectors of `WIDTH` numbers and sets of these names."""
    patch.setattr(recipe, "WIDTHS", {"sound": WIDTH})
    patch.setattr(recipe, "NAMES", names)
    patch.setattr(predict, "DIMENSION", WIDTH)
    (folder / "toy.toml").write_text(text)
    return read(folder / "toy.toml", recipe.DefaultRecipe)


def relation(vectors: np.ndarray) -> np.ndarray:
    """Valence and arousal as a linear function of a vector."""
    slope = np.random.default_rng(42).normal(size=(WIDTH, 2)) * 0.06
    return 0.1 + vectors @ slope


def world(rng: np.random.Generator, dataset: str, count: int, noise: float = 0.03) -> table.Table:
    """Rows of a dataset: all but moods are rated, moods have GEMS shares only."""
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
    seconds = 8.0 if dataset == "cuts" else 30.0
    return table.Table(
        vectors=vectors,
        emotion=emotion if rated else np.full((count, 2), np.nan),
        tension=np.full(count, np.nan),
        emotions=np.full((count, len(BASIC)), np.nan),
        quadrant=quadrant if rated else np.full(count, -1),
        cluster=np.full(count, -1),
        gems=np.full((count, 9), np.nan) if rated else shares,
        tags=np.full((count, len(MOOD_TAGS)), np.nan),
        dataset=np.full(count, dataset),
        clip=names,
        group=np.array([f"{dataset}/{row // 2}" for row in range(count)]),
        kind=np.full(count, "x"),
        clean=np.ones(count, bool),
        window=np.zeros(count, bool),
        start=np.zeros(count),
        end=np.full(count, seconds),
        seconds=np.full(count, seconds),
    )


def stack(*parts: table.Table) -> table.Table:
    return table.Table(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in dataclasses.fields(table.Table)
        }
    )
