"""The record that says everything about a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hevner.emotion import Scale


@dataclass(frozen=True)
class Defect:
    """Something known to be wrong with a dataset as it is distributed.

    Attributes
    ----------
    name
        Short, with hyphens; the repair in a report has the same name.
    what
        What is wrong, with figures.
    repair
        What a loader does about it with ``labels="repaired"``.
    """

    name: str
    what: str
    repair: str


@dataclass(frozen=True)
class Card:
    """Facts about a dataset.

    Attributes
    ----------
    name
        What `hevner.datasets.load` calls it.
    title
        What people call it.
    what
        The music, in a sentence.
    tracks
        Labelled tracks in the publication.
    media
        What is played: recordings, or MIDI to be rendered.
    labels
        What is rated: any of ``valence-arousal``, ``curve``, ``quadrant``, ``gems``, ``tags``.
    valence, arousal
        Nominal scales of the ratings; None if neither is rated. The curve's own, if it differs,
        stands in ``curve``.
    emotion
        Whether listeners judged the emotion expressed or the one they felt.
    raters
        Who and how many.
    group
        What the field ``group`` of a track holds.
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
        What is wrong with it.
    unlabelled
        Media files that are known to come without a label.
    """

    name: str
    title: str
    what: str
    tracks: int
    media: Literal["audio", "MIDI"]
    labels: tuple[str, ...]
    valence: Scale | None
    arousal: Scale | None
    emotion: Literal["perceived", "induced"]
    raters: str
    group: str
    licence: str
    source: str
    layout: tuple[str, ...]
    citation: str
    curve: str = ""
    defects: tuple[Defect, ...] = ()
    unlabelled: int = 0
