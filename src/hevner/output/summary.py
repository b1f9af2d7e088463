"""The main facts of an analysis in few words."""

from __future__ import annotations

from collections import Counter

from hevner.moods import GROUPS, Group
from hevner.result import Analysis

UNFAMILIAR = 0.05
"""Familiarity below this means that the model has learned from nothing like this piece."""

MAIN_TAGS: dict[Group, int] = {"emotion": 3, "character": 1, "theme": 1}
"""Largest number of tags of a group; those of use are shown only with all tags."""

_QUALITIES = {"maj": "", "min": "m", "min7": "m7", "sus4": "sus", "hdim7": "m7b5"}


def main_chords(analysis: Analysis, count: int) -> list[tuple[str, float]]:
    """The chords that last longest, and the share of the piece each of them takes.

    Parameters
    ----------
    analysis
        Any analysis.
    count
        At most this many.

    Returns
    -------
    list of (str, float)
        Label in the syntax of mir_eval and share in [0, 1], the largest first; without ``N``.
    """
    seconds: Counter[str] = Counter()
    for chord in analysis.chords:
        seconds[chord.label] += chord.end - chord.start  # type: ignore[assignment]
    total = sum(seconds.values())
    chords = [(label, time / total) for label, time in seconds.most_common() if time > 0]
    return [(label, share) for label, share in chords if label not in ("N", "X")][:count]


def present_tags(analysis: Analysis, *, everything: bool) -> dict[Group, list[str]]:
    """The tags that are present, by group, emotions first.

    Parameters
    ----------
    analysis
        Any analysis.
    everything
        All of them, or only the first of `MAIN_TAGS`.
    """
    found: dict[Group, list[str]] = {}
    for group in GROUPS:
        names = [tag.name for tag in analysis.tags if tag.present and tag.group == group]
        if not everything:
            names = names[: MAIN_TAGS.get(group, 0)]
        if names:
            found[group] = names
    return found


def chord_name(label: str) -> str:
    """A chord as musicians write it: ``F#m7`` for ``F#:min7``."""
    root, _, quality = label.partition(":")
    return root + _QUALITIES.get(quality, quality)


def is_unfamiliar(analysis: Analysis) -> bool:
    """Whether the piece is unlike anything the model has learned from."""
    return analysis.familiarity is not None and analysis.familiarity < UNFAMILIAR
