"""Recipes that come with hevner, with other values."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import structs

from hevner.lab import recipe_files, recipes
from hevner.lab.recipe_types import Recipe

R = TypeVar("R", bound=Recipe)


def shipped(name: str, kind: type[R], **changes: Any) -> R:
    """A recipe of hevner with some values changed."""
    return structs.replace(recipes.read(recipe_files.find(name), kind), **changes)
