"""Recipes of studies across datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, structs

from hevner.datasets import NAMES
from hevner.lab.recipe_types import (
    Count,
    DatasetRecipe,
    Key,
    Names,
    NonNegative,
    Positive,
    RecipeError,
    Section,
    StudyRecipe,
    Text,
    check_keys,
    check_names,
    merged,
)
from hevner.lab.regression.adaptation import Switches

ProtocolName = Literal[
    "in-domain",
    "matrix",
    "leave-one-dataset-out",
    "combinations",
    "leave-one-genre-out",
    "split",
    "inside-split",
]

Selector = Mapping[str, bool | str | tuple[str, ...]]

SELECTORS = ("protocol", "representation", "model", "train", "seen")
"""Keys of a selector."""


class Source(DatasetRecipe, frozen=True, kw_only=True):
    """A dataset of the study: ``[datasets.NAME]``.

    Attributes
    ----------
    ids
        First and last number of the tracks to use; all tracks if missing.
    partial
        Accepts a stored split with tracks that the dataset lacks.
    """

    ids: tuple[int, int] | None = None
    partial: bool = False


class Model(Section, frozen=True, kw_only=True):
    """A model of the study: ``[models.NAME]``.

    The first six keys are parameters of `hevner.lab.regression.fusion.FusionRegressor`, which
    explains them; those from ``align_labels`` to ``ensemble`` are
    `hevner.lab.regression.adaptation.Switches`.

    Attributes
    ----------
    mean_of
        Names of models whose predictions are averaged; then no other key is allowed.
    """

    kind: Literal["linear", "hidden", "kernel"] = "linear"
    weights: dict[str, NonNegative] | None = None
    balanced: bool = True
    components: Count | None = None
    search: tuple[Positive, ...] = ()
    folds: Annotated[int, Meta(ge=2)] = 5
    align_labels: bool = False
    balance: bool = False
    robust: bool = False
    across: bool = False
    gems: bool = False
    align: Literal["", "sources", "all"] = ""
    remove_identity: bool = False
    ensemble: bool = False
    mean_of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mean_of and structs.replace(self, mean_of=()) != Model():
            raise RecipeError(
                "conflict", ("mean_of",), "does not go with other keys",
                "Leave the other keys out, or mean_of",
            )  # fmt: skip

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the regression, without its seed."""
        names = ("kind", "weights", "balanced", "components", "search", "folds")
        return {name: getattr(self, name) for name in names}

    @property
    def switches(self) -> Switches:
        """Adaptations to other datasets."""
        return Switches(**{one.name: getattr(self, one.name) for one in fields(Switches)})


class Protocol(Section, frozen=True, kw_only=True):
    """A way to divide the tracks, and what is run in it: ``[[protocols]]``.

    Attributes
    ----------
    name
        Name of the protocol; see `hevner.lab.cross_dataset.experiments`.
    datasets, representations, models, seeds
        Those to use, and repetitions; those of the study if missing.
    split
        Name of the stored split, for ``split`` and ``inside-split``.
    unseen
        Datasets that are tested only, for ``matrix`` and ``combinations``.
    """

    name: ProtocolName
    datasets: tuple[str, ...]
    representations: tuple[str, ...]
    models: tuple[str, ...]
    seeds: Count
    split: str = ""
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name.endswith("split") and (len(self.datasets) != 1 or not self.split):
            raise RecipeError(
                "conflict", ("split",), f"is missing or of several datasets, in {self.name}",
                "Give the name of a stored split and the one dataset it divides",
            )  # fmt: skip


class Claim(Section, frozen=True, kw_only=True):
    """A comparison of systems: ``[[claims]]``.

    Attributes
    ----------
    claim, first, second
        The claim in words, and selectors of both systems (`hevner.lab.cross_dataset.claims`).
    """

    claim: Text
    first: Selector
    second: Selector


class CrossDatasetRecipe(StudyRecipe, frozen=True, kw_only=True):
    """A study of models, on fused representations, within and across datasets.

    Attributes
    ----------
    datasets, representations, models
        Datasets, lists of blocks (`hevner.lab.data.representations`) and models, by name.
    protocols, claims
        What is run, and what is tested.
    """

    mark: ClassVar[str] = "protocols"

    datasets: dict[str, Source]
    representations: dict[str, Names]
    models: dict[str, Model]
    protocols: tuple[Protocol, ...]
    claims: tuple[Claim, ...] = ()

    @classmethod
    def completed(cls, table: dict[str, Any], text: str, folder: Path) -> dict[str, Any]:
        """Protocols without an entry of their own take all datasets, models and so on."""
        table = super().completed(table, text, folder)
        if not isinstance(table.get("protocols"), list):
            return table
        every = {
            name: list(table[name])
            for name in ("datasets", "representations", "models")
            if isinstance(table.get(name), dict)
        }
        if "seeds" in table:
            every["seeds"] = table["seeds"]
        return table | {"protocols": [merged(every, one) for one in table["protocols"]]}

    def __post_init__(self) -> None:
        check_keys(("datasets",), self.datasets, NAMES, "unknown_name")
        for name in self.models:
            self._check_means(name)
        for place, one in enumerate(self.protocols):
            where = ("protocols", place)
            check_names((*where, "datasets"), one.datasets, self.datasets)
            check_names((*where, "representations"), one.representations, self.representations)
            check_names((*where, "models"), one.models, self.models)
            check_names((*where, "unseen"), one.unseen, self.datasets)
        for place, claim in enumerate(self.claims):
            self._check_selector(claim.first, ("claims", place, "first"))
            self._check_selector(claim.second, ("claims", place, "second"))

    def _check_means(self, name: str, inside: tuple[str, ...] = ()) -> None:
        """Members of a mean are models of the study, and not the mean itself."""
        where = ("models", name, "mean_of")
        if name in inside:
            raise RecipeError("conflict", where, "leads back to itself", "Name other models")
        members = self.models[name].mean_of
        check_names(where, members, self.models)
        for member in members:
            self._check_means(member, (*inside, name))

    def _check_selector(self, selector: Selector, where: tuple[Key, ...]) -> None:
        check_keys(where, selector, SELECTORS)
        choices: dict[str, Collection[str]] = {
            "protocol": [one.name for one in self.protocols],
            "representation": self.representations,
            "model": self.models,
        }
        for key, value in selector.items():
            if isinstance(value, bool) != (key == "seen"):
                allowed = "true or false" if key == "seen" else "a name or a list of names"
                raise RecipeError("wrong_type", (*where, key), f"is {value!r}", f"Give {allowed}")
            if isinstance(value, bool):
                continue
            names = (value,) if isinstance(value, str) else value
            if key == "train":
                sets = ("one", "several") if isinstance(value, str) else tuple(self.datasets)
                check_names((*where, key), names, sets)
            else:
                check_names((*where, key), names, choices[key])

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block that a representation has."""
        return tuple(dict.fromkeys(b for blocks in self.representations.values() for b in blocks))
