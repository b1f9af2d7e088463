"""The 56 mood and theme tags of MTG-Jamendo: their kinds, meanings and contradictions.

Conventions
-----------
The standard library only; the tags and their contradictions are in ``moods.toml``. Tags are in
alphabetical order everywhere, as in the baselines of the dataset (Bogdanov et al., 2019);
`MOOD_TAGS` is the order of a tag head's outputs. The tags were chosen by the musicians who
uploaded the music, so some name a feeling, some the sound, some what the music brings to mind, and
some what it was made for. Valence and arousal are on the unit scale.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Group = Literal["emotion", "character", "theme", "use"]

GROUPS: dict[Group, str] = {
    "emotion": "what it feels like",
    "character": "how it sounds",
    "theme": "what it brings to mind",
    "use": "what it is made for",
}
"""The kinds of tags in words, those that listeners care for most first."""


@dataclass(frozen=True)
class Tag:
    """A tag.

    Attributes
    ----------
    name
        The word.
    group
        Its kind, a key of `GROUPS`.
    meaning
        Meaning of the tag for a piece, in one line.
    valence, arousal
        Valence and arousal of the word, in [-1, 1], from the ratings on 1..9 published with the
        code of Kang and Herremans (2025). They describe the word, not music with the tag: the
        valence of "dark" is neutral there.
    """

    name: str
    group: Group
    meaning: str
    valence: float
    arousal: float


_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


def _unit(rating: float) -> float:
    """A rating on 1..9 on the unit scale."""
    return round((rating - 5) / 4, 4)


TAGS = tuple(
    Tag(name, group, meaning, _unit(valence), _unit(arousal))
    for name, group, (valence, arousal, meaning) in sorted(
        (name, group, row) for group in GROUPS for name, row in _DATA["tags"][group].items()
    )
)
"""All tags, in the order of `MOOD_TAGS`."""

MOOD_TAGS = tuple(tag.name for tag in TAGS)
"""The names of all tags, in alphabetical order."""


def in_group(group: Group) -> tuple[Tag, ...]:
    """The tags of a kind, in alphabetical order."""
    return tuple(tag for tag in TAGS if tag.group == group)


@dataclass(frozen=True)
class Opposition:
    """Two sets of tags of which hardly any two hold of the same music at the same time.

    Attributes
    ----------
    first, second
        The tags; the first lie higher on the axis.
    aspect
        The quality of music on which the two sides disagree.
    axis
        The axis of emotion that moves when the music goes from one side to the other.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    aspect: str
    axis: Literal["valence", "arousal"]


OPPOSITIONS = tuple(
    Opposition(tuple(one["first"]), tuple(one["second"]), one["aspect"], one["axis"])
    for one in _DATA["oppositions"]
)
"""All contradictions between tags."""


def opposed(name: str) -> tuple[str, ...]:
    """The tags that contradict a tag, in alphabetical order; none for most."""
    found: set[str] = set()
    for one in OPPOSITIONS:
        for side, other in ((one.first, one.second), (one.second, one.first)):
            if name in side:
                found.update(other)
    return tuple(sorted(found))
