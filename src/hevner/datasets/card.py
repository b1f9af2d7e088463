"""Facts about datasets, each in a file ``cards/NAME.toml``.

The keys of a file are the attributes of `Card` but ``name``; a scale is written ``[low, high]``.
Where a dataset is a table, ``[table]`` has its layout (`hevner.datasets.layout.default_layout`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from hevner.emotion import UNIT, Scale
from hevner.errors import DataError, HevnerError
from hevner.text_file import read_toml

FOLDER = Path(__file__).with_name("cards")
"""Folder of the cards."""

Facts = TypeVar("Facts")


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
        Kinds of label: any of ``valence-arousal``, ``curve``, ``quadrant``, ``gems``, ``tension``,
        ``emotions``, ``cluster``, ``category``, ``tags``.
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

    def scale(self, axis: str) -> Scale:
        """Nominal scale of ``valence`` or ``arousal``; the unit scale if the card has none."""
        scale: Scale | None = getattr(self, axis)
        return scale or UNIT


@cache
def read_card(name: str) -> Card:
    """Read the card of a dataset.

    Raises
    ------
    DataError
        If its file cannot be read, or a key is missing, unknown or of another type.
    """
    path = FOLDER / f"{name}.toml"
    try:
        facts = read_toml(path)
        facts.pop("table", None)
        defects = [_checked(Defect, defect) for defect in facts.pop("defects", ())]
        for axis in ("valence", "arousal"):
            if axis in facts:
                facts[axis] = Scale(*facts[axis])
        return _checked(Card, {"name": name, "defects": defects, **facts})
    except (OSError, ValueError, TypeError, HevnerError) as error:
        raise DataError(
            f"not the card of a dataset ({error})",
            subject=str(path),
            remedy="Correct the file, or install hevner again",
            code="bad_card",
        ) from error


def _checked(kind: type[Facts], facts: dict[str, Any]) -> Facts:
    """A card or defect whose values have the types of their attributes."""
    made = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()})
    for key, hint in get_type_hints(kind).items():
        value, origin, choice = getattr(made, key), get_origin(hint), get_args(hint)
        if origin is Literal:
            fits = value in choice
        elif origin is tuple:
            fits = isinstance(value, tuple) and all(isinstance(one, choice[0]) for one in value)
        else:
            fits = isinstance(value, hint)
        if not fits:
            raise TypeError(f"{key} = {value!r}")
    return made
