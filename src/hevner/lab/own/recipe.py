"""Recipe of a model of one's own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hevner.lab.recipe_types import NonNegative, Positive, Recipe, Text

Penalties = Annotated[tuple[Positive, ...], Meta(min_length=1)]


class OwnRecipe(Recipe, frozen=True, kw_only=True):
    """How labels of one's own correct a model.

    Attributes
    ----------
    start
        Model that is corrected: the name of a shipped one or the path of a file. It keeps the heads
        that have no labels.
    version
        Version of the new model.
    seed
        Decides the folds inside the labels.
    folds
        Parts of the labels, by group, each left out in turn: to weigh the penalties and to measure
        the intervals.
    line
        Penalty of the slope of a reading that is corrected: how many labels' worth the model that
        is started from counts, per unit of variance of its reading.
    readings
        Penalties that are tried for all readings of that model, in standard units.
    features
        Penalties that are tried for the features of the sound, in standard units.
    """

    mark: ClassVar[str] = "start"

    start: Text
    version: Text
    seed: int
    folds: Annotated[int, Meta(ge=2)]
    line: NonNegative
    readings: Penalties
    features: Penalties
