"""Recipes of studies of the joint space: spaces that differ in little, searched both ways."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from hevner.datasets import NAMES, Labels
from hevner.lab.joint.settings import NetworkSettings
from hevner.lab.recipe_types import (
    DatasetRecipe,
    NonNegative,
    RecipeError,
    Section,
    StudyRecipe,
    Text,
    check_keys,
    check_names,
    check_unique,
    merged,
)

Kind = Literal["curve", "profile", "point"]
Method = Literal["random", "regressor", "cca", "network"]
Division = Literal["folds", "random"]
Scorer = Literal["corrected", "reference"]
CurvePoints = Literal["all", "first", "resampled"]
Scale = Literal["unit", "0..1"]

LENGTH = 60
"""Points of a curve: those of 30 s at 2 Hz."""


class Source(DatasetRecipe, frozen=True, kw_only=True):
    """A dataset in which music and emotions are matched: ``[datasets.NAME]``.

    Attributes
    ----------
    emotion
        Form of the emotions: a ``curve`` of valence and arousal with the raters' spread, a GEMS
        ``profile``, or a ``point``.
    blocks
        Music vectors, names of `hevner.lab.data.representations`.
    windows
        A block in the store that is read window by window instead; empty for none.
    moments
        Points of a curve that are used: ``all`` as rated, the ``first`` 60, or 60 ``resampled`` at
        equal steps.
    scale
        Scale of valence and arousal that published networks read.
    least_end
        Least time of the last rating, in seconds; shorter curves are left out.
    repeat_fault
        Repeats defect D4: curves that have not 60 points get arousal in place of valence.
    labels
        ``repaired`` labels, or those ``as_published``.
    """

    emotion: Kind
    blocks: tuple[str, ...] = ()
    windows: str = ""
    moments: CurvePoints = "first"
    scale: Scale = "unit"
    least_end: NonNegative = 0.0
    repeat_fault: bool = False
    labels: Labels = "repaired"

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.blocks) == bool(self.windows):
            raise RecipeError(
                "conflict", ("blocks",), "and windows are both given, or both missing",
                "Give one of the two",
            )  # fmt: skip


class MatcherRecipe(Section, frozen=True, kw_only=True):
    """A way to match music and emotions: ``[[spaces]]``. Missing keys are in ``[base]``.

    Attributes
    ----------
    name
        Unique name.
    method
        ``random``; ``regressor``, ridge regression of emotions on music; ``cca``, linear and
        regularised; ``network``.
    whole
        The regressor predicts the whole emotion, not its place alone.
    calibrated
        The regressor's distances are log likelihood ratios: an emotion that is predicted for much
        music counts less.
    divisions
        ``folds``, grouped; ``random``, one split of 80 to 20 per seed, as in the paper.
    scorers
        ``corrected``, and ``reference``, that of the authors' code (D1).
    orientation
        Direction of the corrected scorer's divergence: ``fixed`` or ``query``, see
        `hevner.lab.joint.scoring`.
    network
        Settings of a network.
    """

    name: Text
    method: Method
    whole: bool = False
    calibrated: bool = False
    divisions: tuple[Division, ...] = ("folds",)
    scorers: tuple[Scorer, ...] = ("corrected",)
    orientation: Literal["fixed", "query"] = "fixed"
    network: NetworkSettings = NetworkSettings()


class Claim(Section, frozen=True, kw_only=True):
    """A comparison of two spaces: ``[[claims]]``.

    Attributes
    ----------
    claim
        The claim in words.
    first, second
        Names of the spaces that are compared in pairs.
    scorers
        Scorer of each; both corrected if missing.
    """

    claim: Text
    first: str
    second: str
    scorers: tuple[Scorer, Scorer] = ("corrected", "corrected")


class JointRecipe(StudyRecipe, frozen=True, kw_only=True):
    """A study of the joint space.

    Attributes
    ----------
    datasets
        Datasets by name.
    base
        Keys of `MatcherRecipe` that all spaces share. Entries of ``network`` are merged one by one.
    spaces
        Spaces that are fitted and scored.
    claims
        Comparisons that are tested.
    """

    mark: ClassVar[str] = "spaces"

    datasets: dict[str, Source]
    base: Mapping[str, Any] = {}
    spaces: Annotated[tuple[MatcherRecipe, ...], Meta(min_length=1)]
    claims: tuple[Claim, ...] = ()

    @classmethod
    def completed(cls, table: dict[str, Any], text: str, folder: Path) -> dict[str, Any]:
        """Spaces with what the base says."""
        table = super().completed(table, text, folder)
        base, spaces = table.get("base", {}), table.get("spaces")
        if isinstance(spaces, list):
            table["spaces"] = [merged(base, one, ("network",)) for one in spaces]
        return table

    def __post_init__(self) -> None:
        check_keys(("datasets",), self.datasets, NAMES, "unknown_name")
        spaces = {space.name: space for space in self.spaces}
        check_unique(("spaces",), [space.name for space in self.spaces])
        for place, claim in enumerate(self.claims):
            where = ("claims", place)
            for key, name, scorer in zip(
                ("first", "second"), (claim.first, claim.second), claim.scorers, strict=True
            ):
                check_names((*where, key), (name,), spaces)
                check_names((*where, "scorers"), (scorer,), spaces[name].scorers)
