"""Kinds of recipes, told apart by a key that only one of them has."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from enum import Enum
from pathlib import Path


class RecipeKind(Enum):
    """What a recipe is for; the value is the key that shows it."""

    UNIFIED = "rows"
    """Networks of the unified model."""

    JOINT = "spaces"
    """Spaces of music and emotion."""

    DEFAULT = "sets"
    """The default model."""

    SPACE = "unified"
    """The space of the default model."""

    HARMONY = "plain_examples"
    """The network for chords and keys."""

    STUDY = ""
    """Regression across datasets; also a recipe that cannot be read."""


def kind_of(recipe: Path) -> RecipeKind:
    """The kind of a recipe, a TOML file, or a folder of 'hevner train'."""
    if recipe.is_dir():
        return RecipeKind.UNIFIED
    keys: Collection[str]
    try:
        keys = tomllib.loads(recipe.read_text("utf-8"))
    except (OSError, ValueError):
        keys = ()
    return next((kind for kind in RecipeKind if kind.value in keys), RecipeKind.STUDY)
