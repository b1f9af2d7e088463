"""The tracks of a dataset, with named, possibly missing labels.

Conventions
-----------
Valence, arousal and their standard deviations are on the unit scale [-1, 1]; the card of a dataset
(`hevner.datasets.card.Card`) states the scale it was rated on. A label that a set does not have is
``None``, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hevner.arrays import Doubles
from hevner.emotion import Quadrant
from hevner.errors import DataError

Given = float | str | tuple[str, ...]
"""What one rater gave: a rating, a class, or tags."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Ratings over time.

    Attributes
    ----------
    times
        Seconds from the beginning of the media file, rising, shape ``(n,)``: the moment of a
        continuous rating, or the middle of a rated span.
    valence, arousal
        Mean over raters, shape ``(n,)``.
    valence_std, arousal_std
        Standard deviation over raters, shape ``(n,)``.
    valence_by_rater, arousal_by_rater
        One row per rater, shape ``(raters, n)``; NaN where a rater gave nothing.
    """

    times: Doubles
    valence: Doubles
    arousal: Doubles
    valence_std: Doubles | None = None
    arousal_std: Doubles | None = None
    valence_by_rater: Doubles | None = None
    arousal_by_rater: Doubles | None = None


@dataclass(frozen=True, eq=False)
class Track:
    """One labelled piece of music.

    Attributes
    ----------
    dataset, id
        Name of the dataset, and of the track within it.
    media
        Its audio or MIDI file; None where only the labels are there.
    group
        Song, artist, piece or game that must stay on one side of a split.
    recording
        Names the recording across datasets: two tracks with the same one sound alike.
    title, artist, album
        Empty if unknown.
    genre
        Genre or style; empty if unknown.
    collection
        A larger unit than the group, such as a game series; empty if there is none.
    valence, arousal
        Mean over raters.
    valence_std, arousal_std
        Standard deviation over raters.
    raters
        Number of people who rated it.
    valence_by_rater, arousal_by_rater
        Static values of single raters, in the same order.
    curve
        Ratings over time.
    quadrant
        Where only that was rated, or in addition.
    gems
        Shares of listeners who felt each of `hevner.emotion.GEMS`, or how much they felt it on
        average, in [0, 1]; NaN for one that was not rated.
    gems_by_rater
        One row of 0 or 1 per listener.
    tension
        Mean over raters, from relaxed to tense, on the unit scale.
    emotions
        Mean rating of each of `hevner.emotion.BASIC`, on the unit scale: from not at all to very;
        NaN for one that was not rated.
    cluster
        One of the five mood clusters of MIREX, 1 to 5.
    tags
        Tags of the dataset's vocabulary; an empty tuple means that none applies.
    category
        One of the dataset's own classes, each track being in one of them.
    by_rater
        What each rater gave, by name of the rater and field (``valence``, ``joy``, ``category``,
        ``tags``, ...), for tables with a row for each rater; ratings are on the unit scale.
    official_split
        The part the authors put it in, such as ``train``; empty if they gave none.
    """

    dataset: str
    id: str
    media: Path | None
    group: str
    recording: str
    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""
    collection: str = ""
    valence: float | None = None
    arousal: float | None = None
    valence_std: float | None = None
    arousal_std: float | None = None
    raters: int | None = None
    valence_by_rater: tuple[float, ...] | None = None
    arousal_by_rater: tuple[float, ...] | None = None
    curve: Curve | None = None
    quadrant: Quadrant | None = None
    gems: tuple[float, ...] | None = None
    gems_by_rater: tuple[tuple[float, ...], ...] | None = None
    tension: float | None = None
    emotions: tuple[float, ...] | None = None
    cluster: int | None = None
    tags: tuple[str, ...] | None = None
    category: str | None = None
    by_rater: Mapping[str, Mapping[str, Given]] | None = None
    official_split: str = ""

    @property
    def path(self) -> Path:
        """The media file.

        Raises
        ------
        DataError
            If only the labels are there.
        """
        if self.media is None:
            raise DataError(
                "only its labels are there, no audio",
                subject=f"{self.dataset}, track {self.id}",
                remedy=f"Put the files in place; 'hevner datasets info {self.dataset}' lists them",
                code="media_missing",
            )
        return self.media
