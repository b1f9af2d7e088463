"""Facts about a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hevner.emotion import Scale


@dataclass(frozen=True)
class Defect:
    """A known fault of a dataset as it is distributed.

    Attributes
    ----------
    name
        Short, with hyphens; the repair in a report has the same name.
    what
        The fault, with figures.
    repair
        Repair that a loader makes with ``labels="repaired"``.
    """

    name: str
    what: str
    repair: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """Facts about a dataset.

    Attributes
    ----------
    name
        Name for `hevner.datasets.load`.
    title
        Name in the literature.
    what
        The music, in a sentence.
    tracks
        Labelled tracks in the publication.
    media
        Recordings, or MIDI to be rendered.
    labels
        Kinds of label: any of ``valence-arousal``, ``curve``, ``quadrant``, ``gems``, ``tags``.
    valence, arousal
        Nominal scales of the ratings; None if neither is rated. The curve's own, if it differs,
        stands in ``curve``.
    emotion
        Whether listeners judged the emotion expressed or the one they felt.
    raters
        Kind and number of raters.
    group
        Content of the field ``group`` of a track.
    licence
        Terms of labels and audio, as far as they are stated.
    source
        Where to get it.
    layout
        The files a loader looks for, one line each.
    citation
        BibTeX.
    curve
        Time base and scale of ratings over time; empty if there are none.
    defects
        Known faults.
    unlabelled
        Media files that are known to come without a label.
    """

    name: str
    title: str
    what: str
    tracks: int
    media: Literal["audio", "MIDI"] = "audio"
    labels: tuple[str, ...]
    valence: Scale | None = None
    arousal: Scale | None = None
    emotion: Literal["perceived", "induced"] = "perceived"
    raters: str
    group: str
    licence: str
    source: str
    layout: tuple[str, ...]
    citation: str
    curve: str = ""
    defects: tuple[Defect, ...] = ()
    unlabelled: int = 0
