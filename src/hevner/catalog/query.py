"""A query of a catalogue: an emotion, an example piece, a course in time, or a text.

Conventions
-----------
Inside a query valence and arousal are on the unit scale. All is checked when the query is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from hevner.catalog import course
from hevner.catalog.course import Course, refused
from hevner.catalog.faults import enclosed
from hevner.emotion import Scale
from hevner.hits import FIT
from hevner.object_path import Location, location
from hevner.words import Feeling, Lexicon

FIT_OF_TEXT = "the share of the catalogue that matches the text less"
FIT_OF_BOTH = (
    "the smaller of two shares, of the catalogue that matches the text less and of music at large "
    "that fits worse"
)
"""Meaning of the fit of hits for a text, and for a text with an emotion or a piece."""

COUNT = 10
"""Number of hits unless another one is given."""


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
                remedy = "Name another scale, as 1..9"
                raise refused("out_of_range", f"{axis} lies outside its scale", remedy)
        if self.radius is not None and not 0 < self.radius < math.inf:
            remedy = "Give one, such as 0.2"
            raise refused("out_of_range", "the radius is not a positive number", remedy)

    @property
    def condition(self) -> str:
        """A filter in SQL for what lies within the radius; empty if there is none."""
        if self.radius is None:
            return ""
        squares = " + ".join(
            f"({axis} - ({value!r})) * ({axis} - ({value!r}))"
            for axis, value in (("valence", self.valence), ("arousal", self.arousal))
        )
        return f"{squares} <= {self.radius**2!r}"


@dataclass(frozen=True)
class Query:
    """What to look for.

    A query names an emotion (`place`, `feelings` or both at once), a piece that music shall be
    like, or a course: one of the three. A `text` can stand alone or together with an emotion or a
    piece: then both shall fit, and the worse of the two fits counts. A filter `where` alone lists
    what passes it. `Query.of` describes the values.
    """

    place: Place | None = None
    feelings: tuple[Feeling, ...] = ()
    like: Location | None = None
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
            raise refused("nothing_wanted", "only what is not wanted is named", "Say what is, too")
        if kinds == 0 and not self.text and not self.is_listing:
            remedy = "Give a point, words, a file, a course, a text or a filter"
            raise refused("nothing_wanted", "nothing is wanted", remedy)
        if kinds > 1:
            cause = "an emotion, a file to be like and a course cannot be wanted at once"
            raise refused("conflict", cause, "Give one of them")
        if self.course is not None and self.moments:
            raise refused("conflict", "moments have no course", "Leave out one of the two")
        if self.text and (self.course is not None or self.moments):
            other = "moments" if self.moments else "a course"
            cause = f"a text is compared with whole pieces, and cannot be wanted with {other}"
            raise refused("conflict", cause, "Leave out one of the two")
        for feeling in self.unwanted:
            if feeling in self.feelings:
                cause = f"'{feeling}' is wanted and not wanted"
                raise refused("conflict", cause, "Decide for one of them")
        if self.count < 1:
            raise refused("out_of_range", f"{self.count} hits are none", "Ask for at least 1")

    @property
    def is_listing(self) -> bool:
        """Whether there is nothing but a filter, so that no hit is better than another."""
        wanted = (self.place, self.feelings, self.like, self.course, self.text, self.unwanted)
        return bool(self.where) and not any((*wanted, self.diverse, self.moments))

    @property
    def meaning_of_fit(self) -> str:
        """What the fit of its hits is the share of."""
        if not self.text:
            return FIT
        emotion = self.place or self.feelings or self.like
        return FIT_OF_BOTH if emotion else FIT_OF_TEXT

    @property
    def condition(self) -> str | None:
        """A filter in SQL that holds for all hits; None for none.

        The condition `where` is about pieces, so it does not apply to rows of moments.
        """
        where = enclosed(self.where) if self.where and not self.moments else ""
        near = self.place.condition if self.place is not None else ""
        return " AND ".join(filter(None, (where, near))) or None

    @classmethod
    def of(
        cls,
        *,
        valence: float | None = None,
        arousal: float | None = None,
        radius: float | None = None,
        mood: str = "",
        unwanted: str = "",
        like: str | Location | None = None,
        path: str | Path | Course | None = None,
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
            Words with degrees, as ``calm, slightly nostalgic``: music must fit all words of
            ``mood``; music typical of any that is unwanted is left out.
        like
            An audio file, in the catalogue or not.
        path
            A course: words with arrows between them, as ``tense->calm``, a CSV file with the
            columns time, valence and arousal, or a `Course`.
        text
            A description in free words, best in English, as ``rainy piano at night``; for a
            catalogue made with an encoder that knows texts.
        scale
            Scale of the point and of the file.
        where
            A condition on the columns of the catalogue, in SQL; empty for none.
        diverse
            Whether the hits shall differ from each other.
        moments
            Whether to find moments inside pieces, at most one of each piece.
        count
            Most hits.
        lexicon
            Known words; the shipped lexicon if None.

        Raises
        ------
        HevnerError
            If a value is out of range, a word is unknown, or values contradict each other.
        """
        words, plane = lexicon or Lexicon(), Scale.parse(scale)
        return cls(
            place=_place(valence, arousal, radius, plane),
            feelings=words.parse(mood) if mood else (),
            like=None if like is None else location(like),
            course=_course(path, words, plane),
            text=text.strip(),
            unwanted=words.parse(unwanted) if unwanted else (),
            where=where,
            diverse=diverse,
            moments=moments,
            count=count,
        )


def check_time(seconds: float) -> None:
    """Raise a `HevnerError` if a playlist cannot last so long."""
    if not 0 < seconds < math.inf:
        cause = "a playlist needs a time above zero"
        raise refused("out_of_range", cause, "Give minutes, such as 40")


def _course(given: str | Path | Course | None, lexicon: Lexicon, scale: Scale) -> Course | None:
    if isinstance(given, str) and course.is_words(given):
        return course.parse(given, lexicon)
    return course.read(Path(given), scale) if isinstance(given, str | Path) else given


def _place(
    valence: float | None, arousal: float | None, radius: float | None, scale: Scale
) -> Place | None:
    if valence is None and arousal is None:
        if radius is not None:
            raise refused("incomplete", "a radius needs a point", "Give valence and arousal")
        return None
    if valence is None or arousal is None:
        raise refused("incomplete", "a point needs valence and arousal", "Give both")
    place = Place(scale.to_unit(valence), scale.to_unit(arousal))
    return replace(place, radius=None if radius is None else radius * 2 / (scale.high - scale.low))
