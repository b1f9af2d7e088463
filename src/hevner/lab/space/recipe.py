"""What a space is fitted with, read from TOML."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from hevner.errors import DataError
from hevner.lab.default.recipe import Recipe as UnifiedRecipe
from hevner.lab.default.recipe import read as read_unified


@dataclass(frozen=True)
class Shape:
    """How the space is laid out; the comments of ``recipes/joint.toml`` say what each is."""

    course_axes: int
    tag_axes: int
    quadrant_reach: float
    quadrant_precision: float
    music_variance: float
    most_correlation: float


@dataclass(frozen=True)
class Scoring:
    """How it is scored."""

    least_correlation: float
    share: float
    reference: int


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; ``digest`` names its text and that of the unified model's."""

    name: str
    version: str
    seed: int
    folds: int
    unified: UnifiedRecipe
    space: Shape
    scoring: Scoring
    digest: str


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    DataError
        If it cannot be read, or lacks or adds an entry.
    """
    try:
        text = path.read_bytes()
        table = tomllib.loads(text.decode())
        unified = read_unified(path.parent / table.pop("unified"))
        space, scoring = Shape(**table.pop("space")), Scoring(**table.pop("scoring"))
        digest = hashlib.sha256(text + unified.digest.encode()).hexdigest()[:16]
        return Recipe(unified=unified, space=space, scoring=scoring, digest=digest, **table)
    except (OSError, ValueError, TypeError, KeyError) as error:
        entries = ", ".join(field.name for field in fields(Recipe) if field.name != "digest")
        raise DataError(
            f"the recipe cannot be read ({error})", subject=str(path), remedy=f"It needs {entries}"
        ) from error
