"""Types that recipes are made of.

Conventions
-----------
A recipe is a TOML file that decides a study or a trained model. Each kind is a subclass of `Recipe`
and each of its tables a subclass of `Section`: frozen `msgspec.Struct` types whose attributes are
the keys of the file. Types, bounds and choices stand in the annotations; docstrings explain the
keys. What an annotation cannot say is checked in ``__post_init__``, which raises `RecipeError`.
`hevner.lab.recipes` reads the files.

This module and those of the recipes' types import without torch.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from hevner.datasets.leaks import LINKS

Key = str | int

Number = int | float
Count = Annotated[int, Meta(ge=1)]
Whole = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]
NonNegative = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Share = Annotated[int, Meta(ge=0, le=1)] | Annotated[float, Meta(ge=0, le=1)]
Text = Annotated[str, Meta(min_length=1)]
Names = Annotated[tuple[Text, ...], Meta(min_length=1)]


class RecipeError(ValueError):
    """A value that a recipe may not have.

    Parameters
    ----------
    code
        Name of the fault; see `hevner.lab.recipes`.
    where
        Keys on the way to the value, from the section that is checked.
    cause
        The fault in words, as the rest of a sentence that begins with the key path.
    allowed
        What may stand there instead, as a sentence.
    """

    def __init__(self, code: str, where: tuple[Key, ...], cause: str, allowed: str) -> None:
        super().__init__(cause)
        self.code, self.where, self.cause, self.allowed = code, where, cause, allowed


class Derived(str):
    """Key of an entry that follows from others and does not stand in the file."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a recipe."""

    derived: ClassVar[tuple[str, ...]] = ()
    """Attributes that are not keys of the file."""


class Recipe(Section, frozen=True, kw_only=True):
    """A whole recipe.

    Attributes
    ----------
    name
        Name of the study or model.
    digest
        Name of the text of the recipe, 16 hexadecimal digits; not a key of the file.
    """

    mark: ClassVar[str]
    """A key that every recipe of this kind has, and no recipe of another kind."""

    derived: ClassVar[tuple[str, ...]] = ("digest",)

    name: Text
    digest: str = ""

    @classmethod
    def completed(cls, table: dict[str, Any], text: str, folder: Path) -> dict[str, Any]:
        """The entries of a file, not checked yet, with those that follow from text and folder."""
        return table | {Derived("digest"): digest(text)}


class DatasetRecipe(Section, frozen=True, kw_only=True):
    """A dataset of a study: ``[datasets.NAME]``.

    Attributes
    ----------
    shared
        Kinds of link (`hevner.datasets.leaks.LINKS`) that may join training and test tracks, such
        as the pianists of WTC.
    """

    shared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_names(("shared",), self.shared, LINKS)


class StudyRecipe(Recipe, frozen=True, kw_only=True):
    """What all studies have in common.

    Attributes
    ----------
    seeds, folds
        Repetitions of everything random, and parts of a cross-validation.
    leaks
        ``refuse`` or ``label`` parts in which a test track is known from training.
    soundfont
        Name of the soundfont that MIDI files are rendered with; may be empty.
    encoder
        Encoder that the word *encoder* stands for (`hevner.lab.data.recipe_encoder`); may be empty.
    """

    seeds: Count
    folds: Annotated[int, Meta(ge=2)]
    leaks: Literal["refuse", "label"]
    soundfont: str
    encoder: str = ""


def plain(value: Any) -> Any:
    """A recipe or a part of it as dicts, lists and plain values, defaults included.

    As JSON with sorted keys it names finished cells of studies, so it must not change.
    """
    return msgspec.to_builtins(value)


def digest(text: str | bytes) -> str:
    """Name of a text, 16 hexadecimal digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:16]


def check_names(where: tuple[Key, ...], found: Collection[str], choices: Collection[str]) -> None:
    """Refuse values at a key path that are not among the choices, as a `RecipeError`."""
    for name in found:
        if name not in choices:
            cause = f"has the unknown name {name!r}"
            raise RecipeError("unknown_name", where, cause, _choose(name, choices))


def check_keys(
    where: tuple[Key, ...],
    found: Collection[str],
    choices: Collection[str],
    code: str = "unknown_key",
) -> None:
    """Refuse a table with a key that is not among the choices, as a `RecipeError`."""
    for key in found:
        if key not in choices:
            raise RecipeError(code, (*where, key), "is not known", _choose(key, choices))


def check_complete(where: tuple[Key, ...], found: Collection[str], wanted: Collection[str]) -> None:
    """Refuse a table whose keys are not exactly the wanted ones, as a `RecipeError`."""
    check_keys(where, found, wanted)
    for key in wanted:
        if key not in found:
            raise RecipeError("missing_key", (*where, key), "is missing", "Give it a value")


def check_unique(where: tuple[Key, ...], names: Sequence[str]) -> None:
    """Refuse names that occur twice, as a `RecipeError`."""
    for place, name in enumerate(names):
        if name in names[:place]:
            cause = f"has {name!r} twice"
            raise RecipeError("repeated_name", where, cause, "Give each its own name")


def merged(base: Any, entry: Any, nested: Collection[str] = ()) -> Any:
    """An entry with what it does not say taken from the base; nested tables entry by entry.

    What is no table is left to the check of types.
    """
    if not isinstance(entry, dict) or not isinstance(base, dict):
        return entry
    both = {**base, **entry}
    for key in nested:
        if isinstance(base.get(key), dict) and isinstance(entry.get(key), dict):
            both[key] = {**base[key], **entry[key]}
    return both


def _choose(name: str, choices: Collection[str]) -> str:
    close = difflib.get_close_matches(name, choices, 1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    return f"{hint}Choose from {', '.join(sorted(choices)) or 'nothing: there is none'}"
