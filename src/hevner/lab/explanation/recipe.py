"""Recipe of the explanation of a model's readings."""

from __future__ import annotations

from typing import ClassVar

from hevner.lab.recipe_types import (
    Count,
    NonNegative,
    Positive,
    Recipe,
    Section,
    Text,
)


class Term(Section, frozen=True, kw_only=True):
    """Descriptors that a term is made of: ``[terms.NAME]``.

    Attributes
    ----------
    more, less
        Names of descriptors of the blocks ``handcrafted`` and ``harmony`` that rise with the term,
        and that fall.
    """

    more: tuple[Text, ...]
    less: tuple[Text, ...] = ()


class ExplanationRecipe(Recipe, frozen=True, kw_only=True):
    """Everything that decides an explanation, beside the model.

    Attributes
    ----------
    pieces, tested
        Rendered pieces of each set to fit to, and those to test on.
    moments, window_s, windows
        Sets of which windows stand for moments, seconds of the windows, and the most of a clip.
    changes_weight, named_weight
        Weights, against that of music as it is, of the moves of readings where music is changed: by
        all terms, and by the term that the change is about.
    penalty
        Keeps the weights of descriptors near each other.
    music
        Variant of each dataset that stands for music as it is.
    kinds
        What the rated music of a set is called.
    terms
        The terms by name.
    """

    mark: ClassVar[str] = "changes_weight"

    name: str = "explanation"
    pieces: Count = 10
    tested: Count = 14
    moments: tuple[Text, ...] = ()
    window_s: Positive = 15.0
    windows: Count = 6
    changes_weight: NonNegative = 3.0
    named_weight: NonNegative = 1.0
    penalty: Positive = 0.02
    music: dict[Text, Text]
    kinds: dict[Text, Text]
    terms: dict[Text, Term]
