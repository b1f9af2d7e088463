"""Recipe of the common space of music and emotion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.recipe_types import (
    Count,
    Derived,
    Positive,
    Recipe,
    RecipeError,
    Section,
    Share,
    Text,
    Whole,
    digest,
)
from hevner.lab.recipes import read


class SpaceShape(Section, frozen=True, kw_only=True):
    """Layout of the space: ``[space]``.

    Attributes
    ----------
    course_axes, tag_axes
        Axes for the courses of pieces, and for what tags have in common.
    quadrant_reach
        Distance of a quadrant's place from the middle, in units of the readings. Music well inside
        a quadrant fits better than music at its middle.
    quadrant_precision
        Precision of a quadrant on the quadrants' axes.
    music_variance
        Variance of every music on every axis.
    most_correlation
        Largest correlation of a tag with an axis.
    """

    course_axes: Whole
    tag_axes: Whole
    quadrant_reach: Positive
    quadrant_precision: Positive
    music_variance: Positive
    most_correlation: Share


class Scoring(Section, frozen=True, kw_only=True):
    """Scores of the space: ``[scoring]``.

    Attributes
    ----------
    least_correlation
        Canonical variates of a lower correlation are noise.
    share
        Share of the variates in the composite that orders results.
    reference
        Music at large, in pieces of each set.
    """

    least_correlation: Share
    share: Share
    reference: Count


class SpaceRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides a space.

    Attributes
    ----------
    version
        Version of the space.
    seed
        Decides all chance.
    unified
        Recipe of the default model whose readings describe music; in the file, its path from the
        folder of the file.
    folds
        Folds of tracks; a fit of the default model for each predicts music it has not seen.
    space
        Layout of the space.
    scoring
        Scores of the space.
    digest
        Names the text of the recipe and that of the default model's; not a key of the file.
    """

    mark: ClassVar[str] = "scoring"

    version: Text
    seed: int
    unified: DefaultRecipe
    folds: Annotated[int, Meta(ge=2)]
    space: SpaceShape
    scoring: Scoring

    @classmethod
    def completed(cls, table: dict[str, Any], text: str, folder: Path) -> dict[str, Any]:
        """The recipe of the default model in place of its path."""
        path = table.get("unified")
        if path is None:
            return table
        if not isinstance(path, str):
            allowed = 'Give the path of a recipe of the default model, such as "unified.toml"'
            raise RecipeError("wrong_type", ("unified",), f"is {path!r}", allowed)
        unified = read(folder / path, DefaultRecipe)
        return table | {"unified": unified, Derived("digest"): digest(text + unified.digest)}
