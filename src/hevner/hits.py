"""Results of a search: pieces or moments that were found, and words for the emotion of a piece.

Conventions
-----------
The standard library only. Valence and arousal are on the unit scale; times are in seconds. None
stands for what is not known or does not apply.
"""

from __future__ import annotations

from dataclasses import dataclass

from hevner.emotion import Scale
from hevner.metadata import SHOWN
from hevner.result import SURE, clock

FIT = "the share of music at large that fits worse"
"""Meaning of the fit of hits, except those for a text."""


@dataclass(frozen=True)
class Hit:
    """A piece that was found, or a moment in one.

    Attributes
    ----------
    path
        The file.
    name
        The path below the folder that was indexed.
    duration
        Length of the piece.
    valence, arousal
        Emotion of the piece or the moment.
    key
        Such as ``A minor``.
    divergence
        How badly it fits; lower is better. Its unit depends on the kind of query, so it compares
        hits of one search only. None where nothing was asked for but a filter.
    fit
        In [0, 1]: the share of music at large that fits worse, or for a text the share of the
        catalogue that matches less; the smaller one for both; None for a course or a filter.
    start, end
        Begin and end of the moment; None for a whole piece.
    mode
        Mode of the piece, such as ``dorian``; None where it is unsure.
    title, artist, album, album_artist, track, year, genre, cover
        As in `hevner.metadata.Metadata`.
    """

    path: str
    name: str
    duration: float
    valence: float
    arousal: float
    key: str | None
    divergence: float | None
    fit: float | None
    start: float | None = None
    end: float | None = None
    mode: str | None = None
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track: int | None = None
    year: int | None = None
    genre: str | None = None
    cover: str | None = None

    @property
    def label(self) -> str:
        """Artist and title; empty where one of them is not known."""
        return f"{self.artist} - {self.title}" if self.artist and self.title else ""

    def __repr__(self) -> str:
        """The main facts in a line."""
        facts = [repr(self.name), self.when, "" if self.fit is None else f"fit={self.fit:.2f}"]
        facts += [f"valence={self.valence:.2f}", f"arousal={self.arousal:.2f}"]
        return f"Hit({', '.join(filter(None, facts))})"

    @property
    def when(self) -> str:
        """Begin and end of the moment, such as 1:05-1:20; empty for a whole piece."""
        if self.start is None or self.end is None:
            return ""
        return f"{clock(self.start)}-{clock(self.end)}"

    def to_dict(self, scale: Scale) -> dict[str, str | float | None]:
        """Plain values with valence and arousal on a scale, rounded to their precision."""
        return {
            "path": self.path,
            "name": self.name,
            "start": _rounded(self.start, 1),
            "end": _rounded(self.end, 1),
            "duration": _rounded(self.duration, 1),
            "valence": _rounded(scale.from_unit(self.valence), scale.digits),
            "arousal": _rounded(scale.from_unit(self.arousal), scale.digits),
            "scale": scale.name,
            "key": self.key,
            "mode": self.mode,
            "divergence": _rounded(self.divergence, 4),
            "fit": _rounded(self.fit, 4),
            **{name: getattr(self, name) for name in SHOWN},
        }


@dataclass(frozen=True)
class EmotionWord:
    """A word for the emotion of a piece.

    Attributes
    ----------
    word
        A word of the lexicon.
    degree
        The highest degree that valence, arousal and their intervals allow; empty for the plain
        word.
    fit
        In [0, 1]: the share of music at large that the word fits worse.
    divergence
        How badly it fits; lower is better.
    probability
        Probability that the piece is so, at least in that degree.
    """

    word: str
    degree: str
    fit: float
    divergence: float
    probability: float

    def __str__(self) -> str:
        sure = "" if self.probability >= SURE else "perhaps "
        return f"{sure}{self.degree} {self.word}".replace("  ", " ").strip()

    def to_dict(self) -> dict[str, str | float | None]:
        """Plain values."""
        return {
            "word": self.word,
            "degree": self.degree,
            "fit": _rounded(self.fit, 4),
            "divergence": _rounded(self.divergence, 4),
            "probability": _rounded(self.probability, 4),
        }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
