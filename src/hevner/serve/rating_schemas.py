"""Requests and answers about ratings.

Conventions
-----------
As in `hevner.serve.schemas`. Values are on the scale of the study; times are seconds from the
beginning of a piece.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from hevner.serve.schemas import Body, Number

MOST_MOMENTS = 20_000
"""Values of a continuous rating: almost three hours of two a second."""

Reason = Literal["known", "unplayable", "unwanted", "other"]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class StudyFacts(BaseModel):
    """What is rated and how."""

    name: str = Field(examples=["everyone"])
    title: str
    instructions: str
    pieces: int = Field(description="Number of pieces.")
    practice: bool = Field(description="Whether there is a piece for practice.")
    input: Literal["plane", "sliders", "moods"]
    when: Literal["end", "continuous"]
    labels: list[str] = Field(examples=[["valence", "arousal"]])
    low: float
    high: float
    hop: float = Field(description="Seconds between the values of a continuous rating.")
    break_after: int = Field(description="Pieces after which a break is offered; 0 for none.")
    least_s: float = Field(description="Seconds of a piece to be played before it is rated.")
    show_prediction: bool = Field(description="Whether a rater sees it after each rating.")


class Trial(BaseModel):
    """A piece to be rated; its name would give away what it is."""

    piece: str
    duration: float
    audio: str


class Progress(BaseModel):
    """How far a rater has come."""

    rater: str
    done: int
    total: int
    practice: Trial | None = Field(description="To be played first, not kept; null later.")
    next: Trial | None = Field(description="Null at the end.")


class RatingBody(Body):
    """The rating of a piece: values of all labels, moments, or why it is skipped."""

    piece: str = Field(max_length=80)
    values: dict[Annotated[str, Field(max_length=40)], Number] = Field({}, max_length=20)
    moments: list[tuple[Seconds, Number, Number]] = Field(
        [], max_length=MOST_MOMENTS, description="Rising times with valence and arousal."
    )
    skipped: Reason | None = None
    heard_s: Seconds = Field(0, description="Seconds that were played.")
    pauses: int = Field(0, ge=0, le=10_000)
    seeked: bool = Field(False, description="Whether the position was changed from outside.")


class RaterCount(BaseModel):
    """What a rater has done."""

    rater: str
    rated: int
    skipped: int


class Agreement(BaseModel):
    """How far raters agree, with a 95 % interval where there is one."""

    label: str
    measure: str = Field(examples=["ICC(1,k)"])
    value: float
    low: float | None
    high: float | None
    n: int = Field(description="Number of pieces.")
    groups: int
    raters: int


class Results(BaseModel):
    """All ratings in figures."""

    study: str
    raters: list[RaterCount]
    pieces: int = Field(description="Number of pieces with a rating.")
    agreement: list[Agreement]
    export: str = Field(description="Address of the dataset.")
    commands: list[str] = Field(description="Commands for the unpacked dataset.")


Row = dict[str, Any]
