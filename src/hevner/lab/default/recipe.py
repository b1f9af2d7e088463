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
from hevner.emotion import AXES, MOOD_TAGS
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
    Share,
    Text,
    check_complete,
    check_keys,
)
from hevner.lab.unified.recipe import TrainingSettings

HEADS = (*AXES, "quadrants", "gems")
"""Heads with penalties of their own."""

Penalties = dict[str, Positive]
"""A ridge penalty for each block of features."""


Rate = Annotated[int, Meta(gt=0, lt=1)] | Annotated[float, Meta(gt=0, lt=1)]


class SetRecipe(Section, frozen=True, kw_only=True):
    """A dataset that the model is trained on: ``[sets.NAME]``.

    Attributes
    ----------
    domain
        Kind of sound, with raters of its own.
    weight
        Weight of the whole set in every head but the transfer head, in clips.
    variant_names
        Ways its clips are made to sound (key ``variants``), such as ``recorded-0``; the first is
        the one that is evaluated.
    window_s
        Length in seconds of windows with their own ratings that are trained on too; none if
        missing.
    """

    domain: Text
    weight: NonNegative
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
    shared
        Penalties of the part that all domains share, by block.
    own
        Penalties of each domain's own part, by block.
    """

    shared: Penalties
    own: Penalties

    def __post_init__(self) -> None:
        check_complete(("shared",), self.shared, WIDTHS)
        check_complete(("own",), self.own, WIDTHS)


class TransferRecipe(Section, frozen=True, kw_only=True):
    """The part of the model for music from other sources: ``[transfer]``.

    Attributes
    ----------
    weights
        Weight of every set in fitting that part, in clips.
    valence, arousal
        Ridge penalties by block.
    """

    weights: dict[str, NonNegative]
    valence: Penalties
    arousal: Penalties

    def __post_init__(self) -> None:
        check_complete(("valence",), self.valence, WIDTHS)
        check_complete(("arousal",), self.arousal, WIDTHS)


class Spread(Section, frozen=True, kw_only=True):
    """Ratings of music at large: ``[ratings] AXIS``.

    Attributes
    ----------
    mean, std
        Mean and standard deviation, on the unit scale.
    """

    mean: Annotated[int, Meta(ge=-1, le=1)] | Annotated[float, Meta(ge=-1, le=1)]
    std: Positive


class Choices(Section, frozen=True, kw_only=True):
    """Values that training chooses among: ``[choices]``.

    Attributes
    ----------
    factors
        Factors of the penalties of a domain's own part.
    """

    factors: Annotated[tuple[Positive, ...], Meta(min_length=1)]


class StudentRecipe(Section, frozen=True, kw_only=True):
    """The network of the model, see `hevner.lab.default.students`: ``[students]``.

    Attributes
    ----------
    width, hidden
        Size of the trunk, and of the hidden layer of each head.
    dropout
        Share of the trunk's values that are left out in training.
    windows
        Step between the windows that are trained on; neighbours are much alike.
    settings
        Settings of the training run.
    """

    width: Count
    hidden: Count
    dropout: Share
    windows: Count
    settings: TrainingSettings


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
        Decides all chance.
    sets
        Datasets by name.
    penalties
        Ridge penalties by head, one of `HEADS`.
    transfer
        The part of the model for music from other sources.
    ratings
        Spread of ratings at large, by axis.
    choices
        Values that training chooses among.
    students
        The network; a model without one if missing.
    tags
        Mood and theme tags; a network without them if missing.
    """

    mark: ClassVar[str] = "sets"

    version: Text
    seed: int
    sets: dict[str, SetRecipe]
    penalties: dict[str, PenaltyRecipe]
    transfer: TransferRecipe
    ratings: dict[str, Spread]
    choices: Choices
    students: StudentRecipe | None = None
    tags: TagRecipe | None = None

    def __post_init__(self) -> None:
        check_keys(("sets",), self.sets, NAMES, "unknown_name")
        check_complete(("penalties",), self.penalties, HEADS)
        check_complete(("transfer", "weights"), self.transfer.weights, self.sets)
        check_complete(("ratings",), self.ratings, AXES)

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, sorted."""
        return tuple(sorted({one.domain for one in self.sets.values()}))

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the blocks of a feature vector, in order."""
        return tuple(WIDTHS.values())


def per_dimension(blocks: Mapping[str, float]) -> Doubles:
    """The value of each block for each of its dimensions, shape ``(dim,)``."""
    return np.concatenate([np.full(width, blocks[name]) for name, width in WIDTHS.items()])
