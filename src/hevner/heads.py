"""What the model predicts, each head declared once in `HEADS`.

The model (`hevner.model.predict`), the fields of a result, its JSON Schema, the columns of tables,
CSV and catalogues, and the page follow from this list. To add a head of an existing kind: a line
here, the fields in `hevner.result.Analysis`, and its training in `hevner.lab.default`.

Conventions
-----------
The standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hevner.emotion import AXES, BASIC, GEMS, MOOD_TAGS, SOUNDS_LIKE, Quadrant

Kind = Literal["ratings", "interval", "probabilities", "shares", "tags"]


@dataclass(frozen=True)
class Head:
    """Numbers that the model predicts together.

    Attributes
    ----------
    name
        Name in the card of a model, and of the output of its graph.
    kind
        How the numbers are reported:

        ``ratings``
            Values with intervals, on the scale of each kind of music; each output is a field of an
            analysis.
        ``interval``
            Values with intervals; each output is a field of an analysis, or all are one.
        ``probabilities``
            Of classes, adding up to 1.
        ``shares``
            Shares of listeners, or probabilities that do not exclude each other, each in [0, 1].
        ``tags``
            Probabilities, each in [0, 1].
    outputs
        Names of the numbers, in order; empty where the card of each model has them, in a list of
        the name of the head.
    label
        The head in a list of what a model predicts.
    field
        Field of an analysis that holds all outputs; empty where each is a field of its own.
    prefix
        Beginning of the columns of the outputs in flat tables.
    low
        Lower end of the scale of values with intervals; the upper end is 1. Fields on [-1, 1] are
        reported on the scale that the user chooses, those on [0, 1] stay.
    """

    name: str
    kind: Kind
    outputs: tuple[str, ...]
    label: str
    field: str = ""
    prefix: str = ""
    low: float = -1.0

    @property
    def has_intervals(self) -> bool:
        """Whether the numbers are values with intervals."""
        return self.kind in ("ratings", "interval")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the outputs in flat tables, without spaces; for intervals, their ends too."""
        ends = ("", "_low", "_high") if self.has_intervals else ("",)
        return tuple(f"{self.column(name)}{end}" for name in self.outputs for end in ends)

    def names(self, card: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the outputs of a model with this card."""
        return self.outputs or tuple(card.get(self.name, ()))

    def column(self, output: str) -> str:
        """Name of one output in flat tables."""
        return f"{self.prefix}{output.replace(' ', '_')}"


HEADS = (
    Head("emotion", "ratings", AXES, "valence, arousal"),
    Head("tension", "interval", ("tension",), "tension"),
    Head(
        "quadrants",
        "probabilities",
        tuple(quadrant.name for quadrant in Quadrant),
        "quadrants",
        field="quadrant_probabilities",
        prefix="probability_",
    ),
    Head("emotions", "interval", BASIC, "basic emotions", "emotions", "emotion_", low=0.0),
    Head("gems", "shares", GEMS, "GEMS", field="moods", prefix="mood_"),
    Head("tags", "tags", MOOD_TAGS, "tags", field="tags", prefix="tag_"),
    Head("classes", "probabilities", (), "classes of its own", field="classes"),
    Head("own_tags", "shares", (), "tags of its own", field="own_tags"),
    Head(
        "sounds_like", "probabilities", SOUNDS_LIKE, "kind of music", "sounds_like", "sounds_like_"
    ),
)
"""All heads, in the order in which they are reported."""

BY_NAME = {head.name: head for head in HEADS}

AXIS_HEADS = tuple(head for head in HEADS if head.has_intervals and not head.field)
"""Heads of which each output is a field of an analysis, and one of each moment."""

ESTIMATES = tuple(name for head in AXIS_HEADS for name in head.outputs)
"""Fields of an analysis that hold a value with an interval, on the scale that the user chooses."""

ESTIMATE_COLUMNS = tuple(name for head in HEADS if head.has_intervals for name in head.columns)
"""All values with intervals as flat columns: value, low end and high end of each."""
