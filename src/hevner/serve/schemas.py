"""Requests and answers of the interface, with their documentation.

Conventions
-----------
Valence, arousal and tension are on the scale that a request names, ``-1..1`` if it names none;
basic emotions on ``0..1``. Times are seconds; those of jobs are seconds since 1970. Unknown values
are null. Bodies with unknown fields are refused, so that typing errors are noticed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from hevner.heads import ESTIMATE_COLUMNS
from hevner.metadata import IDS

MOST_HITS = 200
MOST_WORDS = 12
MOST_STEPS = 500
LONGEST_TEXT = 300

Number = FiniteFloat
Words = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=MOST_WORDS)
]
SCALE = r"^[-+.0-9]{1,12}\.\.[-+.0-9]{1,12}$"
ScaleName = Annotated[str, Field(pattern=SCALE)]


class Body(BaseModel):
    """Body of a request, without unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Error(BaseModel):
    """Cause of an error and its remedy."""

    kind: str = Field(examples=["not_found"])
    message: str = Field(examples=["there is no such analysis"])
    remedy: str = Field(examples=["List what there is"])
    word: str | None = Field(None, description="The word that is not known.")
    suggestions: list[str] = Field([], description="Known words that look like it.")


class Failure(BaseModel):
    """The answer to a request that failed."""

    error: Error


class Job(BaseModel):
    """A requested analysis and its state."""

    id: str = Field(examples=["5f0c9b3d6f6a4a54b7c1d2e3"])
    name: str = Field(examples=["song.mp3"])
    bytes: int = Field(description="Size of the upload.", examples=[4_200_000])
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1, examples=[0.4])
    position: int | None = Field(description="Number of analyses before it.", examples=[2])
    created: float = Field(examples=[1_760_000_000.0])
    finished: float | None
    error: Error | None


class JobList(BaseModel):
    """All analyses that are kept, the newest first."""

    analyses: list[Job]


class ToldWord(BaseModel):
    """A word that describes the emotion of a piece."""

    word: str = Field(examples=["nostalgic"])
    degree: str = Field(description="Empty for the plain word.", examples=["slightly"])
    fit: float = Field(description="Share of music at large that the word fits less.")
    divergence: float = Field(description="Lower is better.")
    probability: float = Field(description="Probability that the piece is so.")


class ToldWords(BaseModel):
    """Words for what a piece expresses, the most specific first."""

    words: list[ToldWord]


class MomentReadings(BaseModel):
    """Basic emotions and moods of each moment of a timeline; null where the music is silent.

    The model reads the window around each moment as if it were a piece: listeners have rated these
    for whole pieces only. Empty where the model does not predict them.
    """

    emotions: dict[str, list[float | None]] = Field(default={}, examples=[{"joy": [0.31, 0.28]}])
    moods: dict[str, list[float | None]] = Field(default={}, examples=[{"calmness": [0.4, 0.5]}])


class Word(BaseModel):
    """A word that searches understand."""

    word: str = Field(examples=["happy"])
    valence: float | None
    arousal: float | None
    group: str = Field(description="Source of the word.", examples=["tag"])
    synonyms: list[str]


class Lexicon(BaseModel):
    """All words, and the degrees that may precede them."""

    words: list[Word]
    degrees: list[str] = Field(examples=[["slightly", "moderately", "very", "extremely"]])


class Span(Body):
    """Bounds of a number; a missing one is no bound."""

    min: Number | None = None
    max: Number | None = None


class Years(Body):
    """The first and the last year; a missing one is no bound."""

    min: int | None = None
    max: int | None = None


class Filters(Body):
    """Conditions that pieces must meet, all of them."""

    name: str = Field("", max_length=100, description="Part of the name, in any case.")
    artist: str = Field("", max_length=100, description="Part of it, in any case.")
    album: str = Field("", max_length=100, description="Part of it, in any case.")
    genre: str = Field("", max_length=100, description="Part of it, in any case.")
    year: Years | None = None
    duration: Span | None = Field(None, examples=[{"max": 300}])
    tempo: Span | None = None
    familiarity: Span | None = None
    tension: Span | None = Field(None, description="On -1..1.", examples=[{"min": 0.3}])
    key: str = Field("", max_length=20, examples=["A minor"])
    key_mode: Literal["", "major", "minor"] = ""
    mode: str = Field("", max_length=20, examples=["dorian"])
    sounds_like: str = Field("", max_length=20, examples=["film score"])
    quadrants: list[Literal["Q1", "Q2", "Q3", "Q4"]] = Field([], max_length=4)
    tags: list[Annotated[str, Field(max_length=40)]] = Field(
        [], max_length=10, description="Tags that a piece has, all of them."
    )


class Point(Body):
    """A point on the plane of valence and arousal."""

    valence: Number
    arousal: Number


class Circle(Point):
    """A point, and the largest distance of music from it."""

    radius: Number | None = Field(None, gt=0)


class Search(Body):
    """A search by words, a point or both, a similar piece, a course, a text, or a filter alone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"words": ["calm", "slightly nostalgic"], "limit": 5},
                {"point": {"valence": 0.4, "arousal": -0.3, "radius": 0.2}},
                {"course": [[0, -0.5, 0.6], [1, 0.5, -0.4]], "filters": {"duration": {"max": 300}}},
            ]
        },
    )

    words: Words = Field([], description="Words with degrees; music must fit all of them.")
    unwanted: Words = Field([], description="Music typical of any of these is left out.")
    point: Circle | None = None
    course: (
        Annotated[list[tuple[Number, Number, Number]], Field(min_length=2, max_length=MOST_STEPS)]
        | Annotated[str, Field(max_length=LONGEST_TEXT)]
        | None
    ) = Field(
        None,
        description="Rising times with valence and arousal, or words such as 'tense->calm'.",
    )
    like: str | None = Field(None, max_length=80, description="Id of a piece.")
    text: str = Field("", max_length=LONGEST_TEXT, description="Description of the sound.")
    filters: Filters | None = None
    where: str = Field("", max_length=1000, description="A condition in SQL, as in the CLI.")
    limit: int = Field(10, ge=1, le=MOST_HITS)
    moments: bool = Field(False, description="Find moments in pieces.")
    diversity: bool = Field(False, description="Find pieces that differ from each other.")
    scale: ScaleName = "-1..1"


class Metadata(BaseModel):
    """What the tags of a file, or its path, say."""

    title: str | None = Field(None, examples=["Evening"])
    artist: str | None = Field(None, examples=["Ada Fenn"])
    album: str | None = None
    album_artist: str | None = None
    track: int | None = None
    year: int | None = None
    genre: str | None = None
    cover: str | None = Field(
        None, description="Address of the embedded picture, as for audio; null for none."
    )


class Hit(Metadata):
    """A piece that was found, or a moment in one."""

    id: str
    name: str = Field(examples=["album/track.flac"])
    start: float | None
    end: float | None
    duration: float
    valence: float
    arousal: float
    key: str | None = Field(examples=["A minor"])
    mode: str | None = Field(examples=["dorian"])
    fit: float | None = Field(description="In [0, 1]; see `fit` of the answer for its meaning.")
    divergence: float | None = Field(description="Null where only a filter was given.")
    course: list[list[float]] | None = Field(
        description="Valence and arousal over eighths of the piece.",
        examples=[[[0.1, 0.2, 0.2, 0.1, 0.0, -0.1, 0.0, 0.1], [0.3] * 8]],
    )
    audio: str = Field(description="Address of the audio; may hold for some hours only.")


class Hits(BaseModel):
    """Hits, the best first."""

    hits: list[Hit]
    scale: str = Field(examples=["-1..1"])
    fit: str = Field(description="Meaning of the fit.")
    nothing: str | None = Field(description="Why there are none.")


class Playlist(Body):
    """A path from one emotion to another."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"from": "tense", "to": "very calm", "minutes": 40}]},
    )

    start: Annotated[str, Field(max_length=LONGEST_TEXT)] | Point = Field(alias="from")
    end: Annotated[str, Field(max_length=LONGEST_TEXT)] | Point = Field(alias="to")
    via: list[Point] = Field(
        [], max_length=10, description="Points between the two, in their order."
    )
    minutes: Number = Field(40, gt=0, le=600)
    count: int | None = Field(
        None, ge=1, le=MOST_HITS, description="Number of pieces in the place of minutes."
    )
    shortest: Number = Field(30, ge=0, description="Length of the shortest pieces in seconds.")
    filters: Filters | None = None
    where: str = Field("", max_length=1000)
    scale: ScaleName = "-1..1"


class PlaylistHits(BaseModel):
    """Pieces in the order of playing."""

    hits: list[Hit]
    scale: str
    minutes: float


class Facts(BaseModel):
    """Facts about a catalogue."""

    pieces: int
    moments: int
    version: str = Field(description="Changes with the catalogue.")
    space: str
    model: str
    encoder: str = Field(description="Encoder of texts; empty for none.")
    hevner: str
    quadrants: dict[str, int]


class Piece(Metadata):
    """A piece of the catalogue."""

    id: str
    name: str
    duration: float | None
    valence: float | None
    arousal: float | None
    quadrant: str | None
    key: str | None
    mode: str | None
    tempo: float | None
    tags: list[str]
    audio: str


_DETAILS: dict[str, Any] = {
    **{name: (float | None, ...) for name in ESTIMATE_COLUMNS if name not in Piece.model_fields},
    **dict.fromkeys(("key_mode", "sounds_like", *IDS), (str | None, ...)),
    "key_candidates": (list[str], ...),
    "familiarity": (float | None, ...),
}

PieceDetails = create_model(
    "PieceDetails", __base__=Piece, __doc__="All that the catalogue holds of a piece.", **_DETAILS
)


class Points(BaseModel):
    """Pieces as points, a column for each of their values."""

    ids: list[str]
    names: list[str]
    valence: list[float | None]
    arousal: list[float | None]


class Pieces(BaseModel):
    """A part of the list of pieces, or points in its place."""

    total: int
    pieces: list[Piece] | None = None
    points: Points | None = None


class CurveMoment(BaseModel):
    """Emotion of a span of a piece."""

    start: float
    end: float
    valence: float | None
    arousal: float | None
    tension: float | None


class Curve(BaseModel):
    """Emotion over the time of a piece."""

    moments: list[CurveMoment]


class ModelList(BaseModel):
    """The models that are installed."""

    models: list[dict[str, Any]]
    gap: str | None = Field(description="Address of the gap report, if the server has one.")


class ModelCard(BaseModel):
    """Facts, card and description of a model."""

    facts: dict[str, Any]
    card: dict[str, Any]
    text: str = Field(description="Markdown.")


class Limits(BaseModel):
    """Limits of the server."""

    upload_bytes: int
    duration_s: float
    queue: int


class Health(BaseModel):
    """State and load of the server."""

    status: Literal["ok", "stopping"]
    version: str
    catalog: bool
    token: bool = Field(description="Whether requests need one.")
    queued: int
    running: int
    limits: Limits
