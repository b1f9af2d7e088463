"""The 56 mood and theme tags of MTG-Jamendo: their kinds, meanings and contradictions.

Conventions
-----------
The standard library only. Tags are in alphabetical order everywhere, as in the baselines of the
dataset (Bogdanov et al., 2019); `MOOD_TAGS` is the order of a tag head's outputs. The tags were
chosen by the musicians who uploaded the music, so some name a feeling, some the sound, some what
the music brings to mind, and some what it was made for. Valence and arousal are on the unit scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


def _tags(group: Group, *rows: tuple[str, float, float, str]) -> tuple[Tag, ...]:
    """Tags from rows of name, valence and arousal on 1..9, and meaning."""
    return tuple(
        Tag(name, group, meaning, round((valence - 5) / 4, 4), round((arousal - 5) / 4, 4))
        for name, valence, arousal, meaning in rows
    )


_EMOTION = _tags(
    "emotion",
    ("calm", 6.89, 1.67, "at peace, without hurry or strain"),
    ("cool", 6.82, 3.43, "relaxed and self-assured, never eager"),
    ("dark", 5.08, 4.09, "gloomy or threatening, without light"),
    ("dramatic", 5.17, 6.59, "tense, with strong contrasts and high stakes"),
    ("dream", 7.43, 4.37, "hazy and floating, as if half asleep"),
    ("emotional", 5.11, 5.32, "openly moving, whether glad or sad"),
    ("energetic", 7.57, 6.10, "full of drive, hard to sit still to"),
    ("epic", 7.19, 4.80, "grand and heroic, larger than life"),
    ("fun", 8.37, 6.32, "light-hearted and playful"),
    ("funny", 7.59, 5.38, "comic, meant to make one smile or laugh"),
    ("happy", 8.47, 6.05, "glad and bright"),
    ("hopeful", 7.44, 4.84, "looking forward to something better"),
    ("inspiring", 7.42, 5.90, "gives the wish to do or make something"),
    ("love", 8.00, 5.36, "affection for someone, tender or passionate"),
    ("meditative", 6.47, 2.85, "still and turned inward, good for contemplation"),
    ("melancholic", 3.74, 4.13, "quietly sad, wistful, longing"),
    ("motivational", 6.76, 6.37, "pushes one on towards a goal"),
    ("positive", 7.57, 5.50, "confident and friendly in mood"),
    ("powerful", 6.46, 5.41, "strong and forceful"),
    ("relaxing", 8.19, 4.29, "lets tension go"),
    ("romantic", 7.61, 5.12, "tender and intimate, as between lovers"),
    ("sad", 2.10, 3.49, "sorrowful, of grief or loss"),
    ("sexy", 7.42, 6.80, "sensual and seductive"),
    ("upbeat", 7.14, 4.92, "cheerful and lively"),
    ("uplifting", 6.95, 4.70, "raises the spirits"),
)

_CHARACTER = _tags(
    "character",
    ("ballad", 6.33, 3.60, "a slow, song-like piece that seems to tell a story"),
    ("deep", 5.44, 3.90, "low in pitch and immersive, often with much bass"),
    ("fast", 4.57, 6.45, "of quick tempo"),
    ("groovy", 6.42, 4.67, "with a steady rhythm that makes one move along"),
    ("heavy", 4.78, 3.65, "thick, loud and weighty in sound"),
    ("melodic", 6.65, 4.86, "led by a clear tune"),
    ("retro", 5.60, 4.00, "in the sound of an earlier decade"),
    ("slow", 4.00, 2.89, "of slow tempo"),
    ("soft", 7.13, 3.04, "quiet and gentle in sound"),
    ("soundscape", 6.35, 3.85, "made of textures and ambience rather than tune and beat"),
)

_THEME = _tags(
    "theme",
    ("adventure", 7.40, 6.36, "a journey into the unknown"),
    ("children", 6.36, 5.09, "childhood; simple and playful, for or about the young"),
    ("christmas", 8.37, 5.90, "Christmas and the weeks before it"),
    ("holiday", 7.18, 4.93, "feast days and time off work"),
    ("nature", 6.88, 4.00, "landscapes, plants, animals, weather"),
    ("party", 7.18, 6.08, "dancing and celebrating in company"),
    ("space", 6.89, 3.60, "outer space; wide, remote and weightless"),
    ("summer", 7.50, 5.48, "sun, warmth and the outdoors"),
    ("travel", 7.89, 5.55, "being on the way, far places"),
)

_USE = _tags(
    "use",
    ("action", 6.00, 6.19, "for scenes of fights, chases and danger"),
    ("advertising", 4.68, 3.25, "for advertisements of any kind"),
    ("background", 5.05, 3.67, "to be played behind speech or work without being noticed"),
    ("commercial", 4.11, 4.43, "for short spots on radio or television"),
    ("corporate", 4.90, 4.74, "for presentations and videos of companies"),
    ("documentary", 5.91, 3.76, "for films and reports on facts"),
    ("drama", 4.37, 5.14, "for serious scenes of conflict between people"),
    ("film", 6.33, 4.10, "to accompany moving pictures, in the manner of a score"),
    ("game", 6.79, 5.05, "for video games"),
    ("movie", 7.24, 4.39, "for feature films; much like 'film'"),
    ("sport", 6.95, 4.70, "for sports broadcasts or exercise"),
    ("trailer", 4.44, 2.85, "for film announcements that build up to a climax"),
)

TAGS = tuple(sorted(_EMOTION + _CHARACTER + _THEME + _USE, key=lambda tag: tag.name))
"""All tags, in the order of `MOOD_TAGS`."""

MOOD_TAGS = tuple(tag.name for tag in TAGS)
"""The 56 mood and theme tags in the splits of MTG-Jamendo (Bogdanov et al., 2019), in alphabetical
order as in its baselines."""


def in_group(group: Group) -> tuple[Tag, ...]:
    """The tags of a kind, in alphabetical order."""
    return tuple(tag for tag in TAGS if tag.group == group)


@dataclass(frozen=True)
class Opposition:
    """Two sets of tags of which hardly any two hold of the same music at the same time.

    Attributes
    ----------
    first, second
        Names of the tags on either side.
    aspect
        The quality of music on which the two sides disagree.
    axis
        The axis of emotion that moves when the music goes from one side to the other.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    aspect: str
    axis: Literal["valence", "arousal"]


OPPOSITIONS = (
    # Sad music can be fast or pleasant to hear, but bright and gloomy exclude each other. Words of
    # being moved (emotional, romantic, hopeful) go with either.
    Opposition(
        ("fun", "funny", "happy", "positive", "upbeat", "uplifting"),
        ("dark", "melancholic", "sad"),
        "mood",
        "valence",
    ),
    # Rest against drive. Grand music (epic, powerful) may be at rest, so it is not here.
    Opposition(("energetic",), ("calm", "meditative", "relaxing"), "energy", "arousal"),
    # Tempo and loudness are what listeners' arousal follows most.
    Opposition(("fast", "upbeat"), ("slow", "ballad"), "tempo", "arousal"),
    Opposition(("heavy", "powerful"), ("soft",), "loudness", "arousal"),
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
