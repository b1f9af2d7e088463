"""Recipe of the default model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from hevner.arrays import Doubles
from hevner.blocks import WIDTHS
from hevner.datasets import NAMES
from hevner.emotion import MOOD_TAGS
from hevner.errors import DataError
from hevner.lab.data.corpus import Variant
from hevner.lab.recipe_types import (
    Count,
    Names,
    NonNegative,
    Number,
    Positive,
    Recipe,
    RecipeError,
    Section,
    Text,
    check_complete,
    check_keys,
)

LEARNED = ("emotion", "tension", "emotions", "quadrants", "gems", "tags")
"""Heads with penalties of their own."""

Rate = Annotated[int, Meta(gt=0, lt=1)] | Annotated[float, Meta(gt=0, lt=1)]


class SetRecipe(Section, frozen=True, kw_only=True):
    """A dataset that the model is trained on: ``[sets.NAME]``.

    Attributes
    ----------
    kind
        Kind of music, with raters of its own.
    weight
        Weight of the whole set in the part that holds for all music, in clips.
    own_weight
        Weight of the whole set in the part of its kind, in clips.
    variant_names
        Ways its clips are made to sound (key ``variants``), such as ``recorded-0``; the first is
        the one that is evaluated.
    window_s
        Length in seconds of windows with their own ratings that are trained on too; none if
        missing.
    """

    kind: Text
    weight: NonNegative
    own_weight: NonNegative
    variant_names: Names = msgspec.field(name="variants")
    window_s: Positive | None = None

    def __post_init__(self) -> None:
        for place, name in enumerate(self.variant_names):
            try:
                Variant.parse(name)
            except DataError as error:
                where = ("variants", place)
                raise RecipeError("unknown_name", where, f"is {name!r}", error.remedy) from error

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Ways its clips are made to sound."""
        return tuple(map(Variant.parse, self.variant_names))


class PenaltyRecipe(Section, frozen=True, kw_only=True):
    """Ridge penalties of a head: ``[penalties.HEAD]``.

    Attributes
    ----------
    blocks
        Penalty of each block of features.
    kernel
        Penalty of the kernel.
    own
        Factor of the penalties in the part of a kind; without such parts if 0.
    """

    blocks: dict[str, Positive]
    kernel: Positive
    own: NonNegative

    def __post_init__(self) -> None:
        check_complete(("blocks",), self.blocks, WIDTHS)


class KernelRecipe(Section, frozen=True, kw_only=True):
    """Likeness to training pieces, beside the features themselves: ``[kernel]``.

    Attributes
    ----------
    pieces
        How many pieces.
    sharpness
        How fast likeness falls with the mean square difference of standardised vectors.
    """

    pieces: Count
    sharpness: Positive


class KindRecipe(Section, frozen=True, kw_only=True):
    """How kinds of music are found out: ``[kinds]``.

    Attributes
    ----------
    short
        The kind of pieces that last at most ``short_s`` seconds, whatever they sound like; none if
        empty.
    short_s
        Their length in seconds.
    at_large
        Kinds whose values lie on the scale of ratings at large, because their sets were made up of
        chosen extremes or their raters hardly used one side of neutral.
    strength
        Inverse penalty of the classifier of kinds.
    sharpness
        Factor of its log odds; below 1, it is trusted less than it claims.
    """

    short: str = ""
    short_s: Positive = 10.0
    at_large: tuple[str, ...] = ()
    strength: Positive
    sharpness: Positive


class Ratings(Section, frozen=True, kw_only=True):
    """Ratings of music at large, on the unit scale: ``[ratings]``.

    Attributes
    ----------
    mean, std
        Mean and standard deviation of valence and arousal.
    correlation
        Correlation of valence and arousal.
    """

    mean: tuple[Number, Number]
    std: tuple[Positive, Positive]
    correlation: Number

    @property
    def covariance(self) -> Doubles:
        """Covariance of valence and arousal, shape ``(2, 2)``."""
        spread = np.diag(self.std)
        return np.asarray(spread @ [[1, self.correlation], [self.correlation, 1]] @ spread)


class TagRecipe(Section, frozen=True, kw_only=True):
    """Mood and theme tags: ``[tags]``.

    Attributes
    ----------
    teacher
        Name in the store of the network whose probabilities are learned.
    weight
        Weight of the listeners' ratings against the teacher, both in standard units.
    listeners
        Direction of a tag in the plane of valence and arousal; tags without a meaning of this
        kind are missing.
    base_rates
        Share of music that carries a tag; every tag has one.
    slope
        Log odds of a tag for one standard unit.
    flagged
        A tag is given to music whose probability is this many times its base rate.
    """

    teacher: Text
    weight: NonNegative
    listeners: dict[str, tuple[Number, Number]]
    base_rates: dict[str, Rate]
    slope: Positive
    flagged: Positive

    def __post_init__(self) -> None:
        check_keys(("listeners",), self.listeners, MOOD_TAGS)
        check_complete(("base_rates",), self.base_rates, MOOD_TAGS)

    @property
    def rates(self) -> Doubles:
        """Base rates, shape ``(56,)``."""
        return np.array([self.base_rates[tag] for tag in MOOD_TAGS])

    @property
    def offset(self) -> Doubles:
        """Log odds of a tag at 0 standard units, shape ``(56,)``.

        Music at large has the base rate: for a normal score of variance 1, a logistic curve far
        below one half is on average its value in the middle times ``exp(slope ** 2 / 2)``.
        """
        return np.asarray(np.log(self.rates / (1 - self.rates)) - self.slope**2 / 2)

    def directions(self) -> Doubles:
        """Unit vectors in the plane of valence and arousal, or zero, shape ``(56, 2)``."""
        arrows = np.array([self.listeners.get(tag, (0.0, 0.0)) for tag in MOOD_TAGS], float)
        length = np.linalg.norm(arrows, axis=1, keepdims=True)
        return np.asarray(np.divide(arrows, length, where=length > 0, out=np.zeros_like(arrows)))


class DefaultRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides a default model.

    Attributes
    ----------
    version
        Version of the model.
    seed
        Decides the folds inside the training part.
    sets
        Datasets by name.
    kinds
        How kinds of music are found out.
    penalties
        Ridge penalties by head, one of `LEARNED`.
    kernel
        Likeness to training pieces.
    ratings
        Ratings of music at large.
    tags
        Mood and theme tags; a model without them if missing.
    """

    mark: ClassVar[str] = "sets"

    version: Text
    seed: int
    sets: dict[str, SetRecipe]
    kinds: KindRecipe
    penalties: dict[str, PenaltyRecipe]
    kernel: KernelRecipe
    ratings: Ratings
    tags: TagRecipe | None = None

    def __post_init__(self) -> None:
        check_keys(("sets",), self.sets, NAMES, "unknown_name")
        check_complete(("penalties",), self.penalties, LEARNED)
        known = {one.kind for one in self.sets.values()}
        for key, names in (("at_large", {*self.kinds.at_large}), ("short", {self.kinds.short})):
            check_keys(("kinds", key), names - {""}, known, "unknown_name")

    @property
    def sounds(self) -> tuple[str, ...]:
        """Kinds that the sound decides, in the order of the sets."""
        return tuple(
            dict.fromkeys(s.kind for s in self.sets.values() if s.kind != self.kinds.short)
        )

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """All kinds; that of short pieces, if there is one, comes last."""
        short = {s.kind for s in self.sets.values()} & {self.kinds.short}
        return (*self.sounds, *short)


def per_dimension(blocks: Mapping[str, float]) -> Doubles:
    """The value of each block for each of its dimensions, shape ``(dim,)``."""
    return np.concatenate([np.full(width, blocks[name]) for name, width in WIDTHS.items()])
