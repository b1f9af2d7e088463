"""The main facts of an analysis in few words."""

from __future__ import annotations

from collections import Counter

from hevner.moods import GROUPS, Group
from hevner.result import Analysis, clock

UNFAMILIAR = 0.05
"""Familiarity below this means that the model has learned from nothing like this piece."""

MAIN_TAGS: dict[Group, int] = {"emotion": 3, "character": 1, "theme": 1}
"""Largest number of tags of a group; those of use are shown only with all tags."""

BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#A8568A"
COLOURS = {"valence": BLUE, "arousal": VERMILION, "tension": PURPLE}
"""Of Okabe and Ito's palette, which people with any kind of colour vision can distinguish; the
purple is darker than theirs, so that words in it can be read."""

EMOTIONS = 2
"""Basic emotions that are named, the strongest first."""

OWN_NAMES = 2
"""Classes and tags of a model of one's own that are named, the most likely first."""

_QUALITIES = {"maj": "", "min": "m", "min7": "m7", "sus4": "sus", "hdim7": "m7b5"}


def facts(analysis: Analysis) -> list[str]:
    """What is known: length, headline, own classes and tags, key, tempo, main chords and kind."""
    tempo = "" if analysis.tempo is None else f"{analysis.tempo:.0f} beats per minute"
    chords = " ".join(chord_name(label) for label, _ in main_chords(analysis, 4))
    kind = f"sounds like: {sounds_like(analysis)}" if analysis.sounds_like else ""
    heads = analysis.headline, own_names(analysis.classes), own_names(analysis.own_tags)
    found = (clock(analysis.duration), *heads, analysis.key_text, tempo, chords, kind)
    return [fact for fact in found if fact]


def sounds_like(analysis: Analysis) -> str:
    """The most likely kind of music with its probability; empty if it is not known."""
    kinds = list((analysis.sounds_like or {}).items())[:1]
    return "".join(f"{kind} {share:.0%}" for kind, share in kinds)


def own_names(shares: dict[str, float]) -> str:
    """The most likely classes or tags of a model of one's own; empty if it has none."""
    return ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:OWN_NAMES])


def strongest(analysis: Analysis) -> str:
    """The strongest basic emotions with their values; empty if they are not known."""
    emotions = list((analysis.emotions or {}).items())[:EMOTIONS]
    return ", ".join(f"{name} {one.value:.2f}" for name, one in emotions)


def main_chords(analysis: Analysis, count: int) -> list[tuple[str, float]]:
    """The ``count`` chords that last longest, without ``N``: label of mir_eval, share in [0, 1]."""
    seconds: Counter[str] = Counter()
    for chord in analysis.chords:
        seconds[chord.label] += chord.end - chord.start  # type: ignore[assignment]
    total = sum(seconds.values())
    chords = [(label, time / total) for label, time in seconds.most_common() if time > 0]
    return [(label, share) for label, share in chords if label not in ("N", "X")][:count]


def present_tags(analysis: Analysis, *, everything: bool) -> dict[Group, list[str]]:
    """The tags that are present, by group, emotions first: everything, or as `MAIN_TAGS` limits."""
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
