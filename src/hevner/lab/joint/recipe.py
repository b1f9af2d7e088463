"""Recipes of studies of the joint space: spaces that differ in little, searched both ways."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from hevner.datasets import NAMES, Labels
from hevner.lab.recipe_types import (
    Count,
    DatasetRecipe,
    NonNegative,
    Positive,
    RecipeError,
    Section,
    Share,
    StudyRecipe,
    Text,
    Whole,
    check_keys,
    check_names,
    check_unique,
    merged,
)

Variant = Literal["as_published", "repaired"]
EmotionInput = Literal["summary", "sequence"]
Correlation = Literal["reference", "batch", "dcca", "layer"]
Reduction = Literal["sum", "mean"]
Correlated = Literal["published", "likelihood"]

Kind = Literal["curve", "profile", "point", "tense point"]
Method = Literal["random", "regressor", "cca", "network"]
Division = Literal["folds", "random"]
Scorer = Literal["corrected", "reference"]
CurvePoints = Literal["all", "first", "resampled"]
Scale = Literal["unit", "0..1"]

LENGTH = 60
"""Points of a curve: those of 30 s at 2 Hz."""

WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the correlated distance to choose from."""


class Source(DatasetRecipe, frozen=True, kw_only=True):
    """A dataset in which music and emotions are matched: ``[datasets.NAME]``.

    Attributes
    ----------
    emotion
        Form of the emotions: a ``curve`` of valence and arousal with the raters' spread, a GEMS
        ``profile``, a ``point``, or a ``tense point``, which has tension as a third axis.
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


class NetworkSettings(Section, frozen=True, kw_only=True):
    """Settings of a network and of its training: ``[spaces.network]``.

    The defaults are the repaired ones; each attribute says where the paper differs. Defects are
    numbered as in ``papers/composite_loss/README.md``.

    Attributes
    ----------
    variant
        "as_published" has the layers of the paper and reads emotions as they are; "repaired" has
        the branches of `hevner.lab.joint.networks`, which read standard units.
    standard_units
        Whether music is in standard units; not so in the paper, whose vectors are all VGGish.
    hears
        Input for emotions that are curves: "summary" gives the repaired branch a summary vector,
        "sequence" the points of the curve. The published branch reads points.
    size, width
        D, the dimensions of the space, 1024 in the paper; and the size of hidden layers, or of the
        state of a GRU, 512 in the paper, other layers in proportion.
    moments
        How many points of a curve are read; 0 for all, as in the paper.
    weight
        Share of the correlation loss (lambda of the paper, .5); 0 leaves the divergence alone. In
        distances, members choose among `WEIGHTS` unless it is 0 or 1.
    correlation
        Centring of the CCA loss: "reference" along dimensions (D2) or "batch"; "dcca" for the sum
        of canonical correlations, "layer" for ranking by cosine behind a CCA layer.
    reduction, margin, pull, nearest
        The ranking loss: the paper takes the "sum" (D16); its margin and the weight of its pull, 1
        and 1e-3 in the paper; the least distance of the emotions of two negatives, 0 for all
        others, as in the paper (D16).
    balanced
        Whether both losses are divided by their first size (D16), and both distances by their
        spread over the training rows.
    likeness
        Weight of EmoSim beside the other losses; 0 in the paper.
    linear
        Whether the heads of the repaired branches read vectors beside the hidden layer.
    dropout
        Share of hidden values that are left out in training; never active in the paper (D3).
    noise, emotion_noise
        Standard deviation of noise that is added to music and emotions in training, in standard
        units; none in the paper.
    flattened
        Share of the steps in which emotions are given as a point alone; 0 in the paper.
    learning_rate, weight_decay
        Settings of AdamW; Adam at 1e-5 in the paper.
    batch, steps
        Rows in a step, 512 in the paper, 0 for all; and the largest number of steps.
    members
        How many networks are trained, each without its share of the groups; see
        `hevner.lab.joint.fit`. 0 trains one on all rows to the last step (D15).
    correlated, least_correlation
        Distance of canonical variates, "published" or "likelihood" (`hevner.lab.joint.scoring`);
        and the least correlation of a pair that counts, .4 in the paper.
    """

    variant: Variant = "repaired"
    standard_units: bool = True
    hears: EmotionInput = "summary"
    size: Count = 16
    width: Count = 32
    moments: Whole = 0
    weight: Share = 0.5
    correlation: Correlation = "batch"
    reduction: Reduction = "mean"
    balanced: bool = True
    margin: NonNegative = 1.0
    pull: NonNegative = 1e-3
    nearest: NonNegative = 0.0
    likeness: NonNegative = 0.0
    linear: bool = False
    dropout: Share = 0.3
    noise: NonNegative = 1.0
    emotion_noise: NonNegative = 0.2
    flattened: Share = 0.0
    learning_rate: Positive = 1e-2
    weight_decay: NonNegative = 0.2
    batch: Whole = 128
    steps: Count = 160
    members: Whole = 3
    correlated: Correlated = "likelihood"
    least_correlation: Share = 0.3

    def __post_init__(self) -> None:
        if self.members == 1:
            raise RecipeError(
                "out_of_range", ("members",), "is 1",
                "Give 0 for one network on all rows, or at least 2",
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
    whole, calibrated
        The regressor predicts the whole emotion, not its place alone; and its distances are log
        likelihood ratios: an emotion that is predicted for much music counts less.
    divisions
        ``folds``, grouped; ``random``, one split of 80 to 20 per seed, as in the paper.
    scorers, orientation
        ``corrected``, and ``reference``, that of the authors' code (D1); and the direction of the
        corrected scorer's divergence (`hevner.lab.joint.scoring`).
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
    claim, first, second
        The claim in words, and the names of both spaces.
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
    base, spaces
        Spaces that are fitted and scored, and the keys that they share. Entries of ``network`` are
        merged one by one.
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
