"""What is wanted of a catalogue: an emotion, a piece, a course in time, or what a text says.

Conventions
-----------
Inside a query valence and arousal are on the unit scale. All is checked when the query is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from hevner.catalog import course
from hevner.catalog.course import Course
from hevner.emotion import Scale
from hevner.errors import HevnerError
from hevner.words import Feeling, Lexicon

COUNT = 10
"""Hits told unless another number is asked for."""


@dataclass(frozen=True)
class Place:
    """A point on the plane.

    Attributes
    ----------
    valence, arousal
        In [-1, 1].
    radius
        Music further away is left out; None for no limit.
    """

    valence: float
    arousal: float
    radius: float | None = None

    def __post_init__(self) -> None:
        for axis in ("valence", "arousal"):
            if not -1 <= getattr(self, axis) <= 1:  # NaN is not either
                raise _refused(f"{axis} lies outside its scale", "Name another scale, as 1..9")
        if self.radius is not None and not 0 < self.radius < math.inf:
            raise _refused("the radius is not a positive number", "Give one, such as 0.2")


@dataclass(frozen=True)
class Query:
    """What is wanted.

    Music is wanted by its emotion (`place`, `feelings` or both at once), by a piece that it shall
    be like, or by its course: one of the three. It is also wanted by a `text`, alone or together
    with an emotion or a piece: then both shall fit, and the worse of the two fits counts.

    Attributes
    ----------
    place
        A point on the plane.
    feelings
        In words; all are wanted at once.
    like
        An audio file, in the catalogue or not.
    course
        How the emotion shall move through a piece.
    text
        What it sounds like, in free words; empty for none.
    unwanted
        Music typical of any of these is left out.
    where
        A condition on the columns of the catalogue, in SQL; empty for none.
    diverse
        Whether the hits shall differ from each other.
    moments
        Whether moments inside pieces are wanted, at most one of each piece.
    count
        Most hits.
    """

    place: Place | None = None
    feelings: tuple[Feeling, ...] = ()
    like: Path | None = None
    course: Course | None = None
    text: str = ""
    unwanted: tuple[Feeling, ...] = ()
    where: str = ""
    diverse: bool = False
    moments: bool = False
    count: int = COUNT

    def __post_init__(self) -> None:
        emotion = self.place is not None or bool(self.feelings)
        kinds = emotion + (self.like is not None) + (self.course is not None)
        if kinds == 0 and not self.text and self.unwanted:
            raise _refused("only what is not wanted is told", "Say what is, too")
        if kinds == 0 and not self.text:
            raise _refused("nothing is wanted", "Give a point, words, a file, a course or a text")
        if kinds > 1:
            raise _refused(
                "an emotion, a file to be like and a course cannot be wanted at once",
                "Give one of them",
            )
        if self.course is not None and self.moments:
            raise _refused("moments have no course", "Leave out one of the two")
        if self.text and (self.course is not None or self.moments):
            other = "moments" if self.moments else "a course"
            raise _refused(
                f"a text is compared with whole pieces, and cannot be wanted with {other}",
                "Leave out one of the two",
            )
        for feeling in self.unwanted:
            if feeling in self.feelings:
                raise _refused(f"'{feeling}' is wanted and not wanted", "Decide for one of them")
        if self.count < 1:
            raise _refused(f"{self.count} hits are none", "Ask for at least 1")

    @classmethod
    def of(
        cls,
        *,
        valence: float | None = None,
        arousal: float | None = None,
        radius: float | None = None,
        mood: str = "",
        unwanted: str = "",
        like: str | Path | None = None,
        path: str | Path | None = None,
        text: str = "",
        scale: str = "-1..1",
        where: str = "",
        diverse: bool = False,
        moments: bool = False,
        count: int = COUNT,
        lexicon: Lexicon | None = None,
    ) -> Query:
        """A query from plain values.

        Parameters
        ----------
        valence, arousal, radius
            A point on ``scale``, and how far away music may lie, in units of that scale.
        mood, unwanted
            Words with degrees, as ``calm, slightly nostalgic``.
        like
            An audio file.
        path
            Words with arrows between them, as ``tense->calm``, or a CSV file with the columns
            time, valence and arousal.
        text
            A description in free words, best in English, as ``rainy piano at night``; for a
            catalogue made with an encoder that knows texts.
        scale
            Of the point and of the file.
        where, diverse, moments, count
            See `Query`.
        lexicon
            The shipped one if None.

        Raises
        ------
        HevnerError
            If it makes no sense.
        """
        words, plane = lexicon or Lexicon(), Scale.parse(scale)
        wanted = None
        if path is not None:
            is_words = isinstance(path, str) and course.is_words(path)
            wanted = course.parse(str(path), words) if is_words else course.read(Path(path), plane)
        return cls(
            place=_place(valence, arousal, radius, plane),
            feelings=words.parse(mood) if mood else (),
            like=None if like is None else Path(like),
            course=wanted,
            text=text.strip(),
            unwanted=words.parse(unwanted) if unwanted else (),
            where=where,
            diverse=diverse,
            moments=moments,
            count=count,
        )


def _place(
    valence: float | None, arousal: float | None, radius: float | None, scale: Scale
) -> Place | None:
    if valence is None and arousal is None:
        if radius is not None:
            raise _refused("a radius needs a point", "Give valence and arousal")
        return None
    if valence is None or arousal is None:
        raise _refused("a point needs valence and arousal", "Give both")
    place = Place(scale.to_unit(valence), scale.to_unit(arousal))
    return replace(place, radius=None if radius is None else radius * 2 / (scale.high - scale.low))


def _refused(cause: str, remedy: str) -> HevnerError:
    return HevnerError(cause, remedy=remedy, stage="query")
