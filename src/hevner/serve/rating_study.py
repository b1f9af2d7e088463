"""What is rated and how: the study that a service offers on its page, from a TOML file.

Conventions
-----------
Pieces are named as in the catalogue (the column ``name`` of ``hevner browse``), or by their id.
Every draw comes from digests of the seed, so that it is the same on all machines and stays when a
piece is added: the pieces of a study are those of the lowest digests of seed and id, and the order
of a rater is that of the digests of seed, nickname and id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hevner.datasets.layout import FELT, LABELS, RATED
from hevner.emotion import AXES, Scale
from hevner.errors import DataError, HevnerError
from hevner.files import display_name
from hevner.text_file import read_toml

HOP_S = 0.5
"""Seconds between the values of a continuous rating: two a second."""

MOST_PIECES = 2000

FEWEST = 3
"""Pieces that are left at least when one is set aside for practice."""

Name = Annotated[str, Field(min_length=1, max_length=1000)]
Input = Literal["plane", "sliders", "moods"]

SCALES = {"plane": Scale(-1, 1), "sliders": Scale(1, 9), "moods": Scale(1, 5)}
"""Scale of each kind of input unless the study names one."""

RANGE = (1, 100)
"""Least and largest number of steps of a slider."""


class Study(BaseModel):
    """A listening study; see ``docs/rate.md`` for its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field("everyone", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    title: str = Field("", max_length=100)
    instructions: str = Field("", max_length=2000)
    pieces: list[Name] = Field([], max_length=MOST_PIECES)
    count: int = Field(60, ge=1, le=MOST_PIECES)
    input: Input = "plane"
    when: Literal["end", "continuous"] = "end"
    labels: list[str] = Field([], max_length=len(LABELS))
    scale: str = ""
    order: Literal["random", "listed"] = "random"
    seed: int = Field(0, ge=0, le=2**53)
    break_after: int = Field(10, ge=0, le=1000)
    practice: bool | Name = True
    least_s: float = Field(20.0, ge=0, le=86_400)
    show_prediction: bool = False

    @model_validator(mode="after")
    def _fit(self) -> Study:
        """Refuse keys that do not go together."""
        if self.labels and self.input != "sliders":
            raise ValueError('labels: only input = "sliders" has a choice of labels')
        unknown = [name for name in self.labels if name not in RATED]
        if unknown or len(set(self.labels)) < len(self.labels):
            known = ", ".join(name for name in RATED if name not in FELT)
            raise ValueError(f"labels: each may stand once, and is one of {known}")
        if self.when == "continuous" and set(self.asked) != {*AXES}:
            raise ValueError("when: only valence and arousal can be rated continuously")
        if self.scale and self.input == "plane":
            raise ValueError("scale: the plane is on -1..1; sliders may have another")
        if self.order == "listed" and not self.pieces:
            raise ValueError("order: 'listed' needs a list of pieces")
        try:
            low, high = self.numbers.low, self.numbers.high
        except HevnerError as error:
            raise ValueError(f"scale: {error.cause}") from error
        steps = high - low
        if self.input != "plane" and not (
            low == round(low) and high == round(high) and RANGE[0] <= steps <= RANGE[1]
        ):
            raise ValueError("scale: sliders go from one whole number to another, 1 to 100 above")
        return self

    @property
    def asked(self) -> tuple[str, ...]:
        """Labels that a rater gives, named as the columns of a dataset of one's own."""
        if self.input == "moods":
            return FELT
        return tuple(self.labels) or AXES

    @property
    def numbers(self) -> Scale:
        """The scale of all labels."""
        return Scale.parse(self.scale) if self.scale else SCALES[self.input]

    @property
    def measure(self) -> dict[str, Any]:
        """What must not change while there are ratings, as they could not be compared."""
        return {"when": self.when, "labels": list(self.asked), "scale": self.numbers.name}


EVERYONE = Study.model_validate({"show_prediction": True})
"""The study of a service that is given none: some pieces of the catalogue on the plane."""


@dataclass(frozen=True)
class Selection:
    """Ids of the pieces of a study, and of the one for practice, None for none."""

    pieces: tuple[str, ...]
    practice: str | None


def read(path: Path) -> Study:
    """The study in a file.

    Raises
    ------
    DataError
        If the file cannot be read, or a key is unknown or has an unfit value.
    """
    try:
        return Study.model_validate(read_toml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        cause = f"{place}: {said[:1].lower()}{said[1:]}" if place else said
        raise _unfit(path, cause, "Correct the file; docs/rate.md has all keys") from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or f"not TOML ({error})"
        raise _unfit(path, cause, "Name a file in TOML, as docs/rate.md shows") from error


def _unfit(path: Path, cause: str, remedy: str) -> DataError:
    return DataError(cause, subject=display_name(path), remedy=remedy, code="bad_study")


def select(study: Study, known: Mapping[str, str]) -> Selection:
    """The pieces of a study among the ids of a catalogue by name; what it lacks is left out."""
    everything = _shuffled(set(known.values()), str(study.seed))
    there = set(everything)
    named = [known.get(name, name) for name in study.pieces]
    chosen = [one for one in dict.fromkeys(named) if one in there] or everything[: study.count]
    if isinstance(study.practice, str):
        practice: str | None = known.get(study.practice, study.practice)
        if practice not in there:
            practice = None
    elif study.practice:
        inside = set(chosen)
        practice = next((one for one in everything if one not in inside), None)
        if practice is None and not study.pieces and len(chosen) > FEWEST:
            practice = chosen[-1]
    else:
        practice = None
    return Selection(tuple(one for one in chosen if one != practice), practice)


def missing(study: Study, known: Mapping[str, str]) -> list[str]:
    """Names in a study that a catalogue does not have."""
    named = [*study.pieces, *([study.practice] if isinstance(study.practice, str) else [])]
    ids = set(known.values())
    return [name for name in named if name not in known and name not in ids]


def order(study: Study, selection: Selection, rater: str) -> list[str]:
    """The pieces in the order in which a rater gets them."""
    if study.order == "listed":
        return list(selection.pieces)
    return _shuffled(selection.pieces, f"{study.seed}\n{rater.casefold()}")


def _shuffled(ids: Iterable[str], salt: str) -> list[str]:
    return sorted(ids, key=lambda id: hashlib.sha256(f"{salt}\n{id}".encode()).digest())
