"""Recipes of studies of the unified model: a ladder of networks that differ in little."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from msgspec import Meta

from hevner.datasets import NAMES, Labels
from hevner.errors import DataError
from hevner.lab.recipe_types import (
    Count,
    DatasetRecipe,
    Derived,
    Key,
    Names,
    NonNegative,
    Number,
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

FOLDS, SPLIT, LEFT_OUT = "folds", "split", "leave-one-dataset-out"

Protocol = Literal["folds", "split", "leave-one-dataset-out"]
"""Grouped folds of all datasets together; stored splits; each dataset after training on others."""

LABELLED = ("emotion", "quadrants", "gems", "tags", "axes")
"""Sources of labels that are no teachers."""

HeadKind = Literal["gaussian", "values", "tags", "shares", "classes"]
Scale = Literal["unit", "standard", "1..9"]
Variant = Literal["as_published", "repaired"]
Distillation = Literal["as_published", "repaired", "none"]
Sampling = Literal["as_published", "balanced"]

_KINDS: dict[str, tuple[HeadKind, ...]] = {
    "emotion": ("gaussian", "values"),
    "axes": ("gaussian", "values"),
    "quadrants": ("classes",),
    "gems": ("shares",),
    "tags": ("tags",),
}
_TEACHER_KINDS: tuple[HeadKind, ...] = ("tags", "shares")


class Source(DatasetRecipe, frozen=True, kw_only=True):
    """A dataset of the study: ``[datasets.NAME]``.

    Attributes
    ----------
    labels
        ``repaired`` labels, or those ``as_published``.
    split
        Name of a stored split, for the protocol ``split``. Among ``folds`` the dataset keeps it:
        its training part is trained on in every fold, its test part is tested in the first.
    ids
        First and last number of the tracks to use; all tracks if missing.
    partial
        Leaves out tracks of which a vector is not stored, where a feature file lacks some, and
        accepts a stored split with tracks that the dataset lacks.
    """

    labels: Labels = "repaired"
    split: str = ""
    ids: tuple[int, int] | None = None
    partial: bool = False


class HeadRecipe(Section, frozen=True, kw_only=True):
    """A head of the network and its labels: ``[heads.NAME]``.

    Attributes
    ----------
    name
        Name of the head; not a key of the file.
    kind
        Kind of the outputs, `hevner.lab.unified.networks.Head`.
    source
        Where labels come from: ``emotion``, ``quadrants``, ``gems``, ``tags`` (of MTG-Jamendo),
        ``axes`` (valence and arousal as far as any label gives them,
        `hevner.lab.data.labels.labels_of`), or a block of a teacher's probabilities in the store.
    datasets
        Datasets whose tracks have the label.
    scale
        Scale of valence and arousal: ``unit``, ``1..9``, or ``standard``, units of the training
        rows of each dataset.
    """

    derived = ("name",)

    name: str
    kind: HeadKind
    source: Text
    datasets: Names
    scale: Scale = "unit"

    def __post_init__(self) -> None:
        check_names(("kind",), (self.kind,), _KINDS.get(self.source, _TEACHER_KINDS))


class NetworkShape(Section, frozen=True, kw_only=True):
    """Size and parts of the repaired network, `hevner.lab.unified.networks.UnifiedRepaired`.

    Attributes
    ----------
    width, hidden
        Size of the trunk, and of the hidden layer of each head.
    dropout
        Share of the trunk's values that are left out in training.
    linear
        Whether each head has a linear score of all inputs too.
    """

    width: Count = 128
    hidden: Count = 64
    dropout: Share = 0.3
    linear: bool = True


class TrainingSettings(Section, frozen=True, kw_only=True):
    """Settings of a training run: ``[rows.training]``.

    The defaults are those of Kang and Herremans (2025), section 6 of the specification, but for the
    sampling.

    Attributes
    ----------
    learning_rate, weight_decay
        Constants of AdamW, which without decay is Adam.
    batch
        Rows of each dataset per step.
    epochs, patience, minimum_gain
        Largest number of epochs, epochs without gain after which training ends, and the fall of
        the validation loss that counts as a gain.
    gradient_norm
        Longer gradients are shortened to this; None leaves them as they are.
    noise
        Standard deviation of Gaussian noise that is added to the embedding in training.
    distillation, distillation_weight, temperature
        How teachers are used (`hevner.lab.unified.losses`), the share of distillation in the loss
        of a row with label and teacher, and its temperature.
    tag_weights
        "as_published" weighs tags by their frequency in the training rows; "none" does not.
    sampling
        How rows are drawn; see `hevner.lab.unified.rows`.
    seed
        Decides the order of the rows, the dropout and the noise; not a key of recipes.
    precision
        Bits of a number, always "32"; part of the names of kept cells.
    """

    derived = ("seed",)

    learning_rate: Positive = 1e-4
    weight_decay: NonNegative = 0.0
    batch: Count = 8
    epochs: Count = 500
    patience: Count = 10
    minimum_gain: Number = 1e-4
    gradient_norm: Positive | None = None
    noise: NonNegative = 0.0
    distillation: Distillation = "none"
    distillation_weight: Share = 0.8
    temperature: Positive = 1.0
    tag_weights: Literal["as_published", "none"] = "none"
    sampling: Sampling = "balanced"
    seed: int = 1
    precision: Literal["32"] = "32"


class Row(Section, frozen=True, kw_only=True):
    """A network of the ladder: ``[[rows]]``. Keys that a row does not have are those of ``[base]``.

    Attributes
    ----------
    name
        Unique name.
    variant
        Network and inputs as published (raw embedding) or repaired (standardised by the training
        rows, every block with the same total variance).
    blocks
        Embeddings, names of `hevner.lab.data.representations`.
    datasets, heads
        Datasets that are trained on, and heads that are trained.
    protocols
        How tracks are divided into training and test.
    chords, key, chord_limit
        Whether the network reads chords and key, and how many chords from the start of a piece; the
        published one gets no chord in place of those that it does not read.
    apart, teachers
        One network per dataset, with the heads of that dataset, instead of one for all; and another
        row, with ``apart``, whose networks teach this one.
    values
        Predict valence and arousal without their uncertainty, as the published network does.
    held_out
        Share of the training rows, in whole groups, that early stopping uses; 0 to stop at the
        number of steps. A dataset with a validation part uses that part.
    steps, patience_steps
        Largest number of steps, and steps without gain, in whole epochs; 0 takes both from
        ``training``.
    network, training
        Size and parts of a repaired network; settings of the training run.
    """

    name: Text
    variant: Variant
    blocks: tuple[str, ...]
    datasets: Names
    heads: Names
    protocols: tuple[Protocol, ...]
    chords: bool = True
    key: bool = True
    chord_limit: Count = 100
    apart: bool = False
    teachers: str = ""
    values: bool = False
    held_out: Annotated[int, Meta(ge=0, le=0)] | Annotated[float, Meta(ge=0, le=0.5)] = 0.125
    steps: Whole = 0
    patience_steps: Whole = 0
    network: NetworkShape = NetworkShape()
    training: TrainingSettings = TrainingSettings()

    def __post_init__(self) -> None:
        if bool(self.teachers) != (self.training.distillation != "none"):
            raise RecipeError(
                "conflict", ("teachers",), f"is {self.teachers!r}, but the distillation of its "
                f"training is {self.training.distillation!r}",
                "Give teachers and a distillation, or neither",
            )  # fmt: skip


class Claim(Section, frozen=True, kw_only=True):
    """A comparison of two rows: ``[[claims]]``.

    Attributes
    ----------
    claim, first, second
        The claim in words, and the names of both rows.
    protocols
        Protocols that count; all if missing.
    """

    claim: Text
    first: str
    second: str
    protocols: tuple[Protocol, ...] = get_args(Protocol)


class UnifiedRecipe(StudyRecipe, frozen=True, kw_only=True):
    """A study of the unified model.

    Attributes
    ----------
    datasets, heads
        Datasets and heads by name.
    base, rows
        Networks that are trained and tested, and the keys that they share. Entries of ``network``
        and ``training`` are merged one by one.
    claims
        Comparisons that are tested.
    text
        Text of the recipe; not a key of the file.
    """

    mark: ClassVar[str] = "rows"
    derived: ClassVar[tuple[str, ...]] = ("digest", "text")

    datasets: dict[str, Source]
    heads: dict[str, HeadRecipe]
    base: Mapping[str, Any] = {}
    rows: Annotated[tuple[Row, ...], Meta(min_length=1)]
    claims: tuple[Claim, ...] = ()
    text: str = ""

    @classmethod
    def completed(cls, table: dict[str, Any], text: str, folder: Path) -> dict[str, Any]:
        """Rows with what the base says, and heads with their names."""
        table = super().completed(table, text, folder) | {Derived("text"): text}
        base, rows, heads = table.get("base", {}), table.get("rows"), table.get("heads")
        if isinstance(rows, list):
            table["rows"] = [merged(base, one, ("network", "training")) for one in rows]
        if isinstance(heads, dict):
            table["heads"] = {
                name: one | {Derived("name"): name} if isinstance(one, dict) else one
                for name, one in heads.items()
            }
        return table

    def __post_init__(self) -> None:
        check_keys(("datasets",), self.datasets, NAMES, "unknown_name")
        for name, head in self.heads.items():
            check_names(("heads", name, "datasets"), head.datasets, self.datasets)
        check_unique(("rows",), [row.name for row in self.rows])
        for place, row in enumerate(self.rows):
            where = ("rows", place)
            check_names((*where, "datasets"), row.datasets, self.datasets)
            check_names((*where, "heads"), row.heads, self.heads)
            if row.teachers:
                self._check_teachers(row, (*where, "teachers"))
        for place, claim in enumerate(self.claims):
            names = [row.name for row in self.rows]
            check_names(("claims", place, "first"), (claim.first,), names)
            check_names(("claims", place, "second"), (claim.second,), names)

    def _check_teachers(self, row: Row, where: tuple[Key, ...]) -> None:
        check_names(where, (row.teachers,), [one.name for one in self.rows])
        teacher = self.row(row.teachers)
        if not teacher.apart or not set(row.datasets) <= set(teacher.datasets):
            raise RecipeError(
                "conflict", where, f"is {row.teachers!r}, which has no network for each dataset",
                "Name a row with 'apart = true' and the same datasets",
            )  # fmt: skip
        if teacher.variant != row.variant or not set(row.protocols) <= set(teacher.protocols):
            raise RecipeError(
                "conflict", where, f"is {row.teachers!r}, which has another variant or fewer "
                "protocols", "Give both rows the same",
            )  # fmt: skip

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block that a row uses."""
        return tuple(dict.fromkeys(block for row in self.rows for block in row.blocks))

    def row(self, name: str) -> Row:
        """The row of a name; `DataError` (``unknown_name``) if there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise DataError(
            f"no row '{name}'", code="unknown_name",
            remedy=f"Choose from {', '.join(row.name for row in self.rows)}",
        )  # fmt: skip
