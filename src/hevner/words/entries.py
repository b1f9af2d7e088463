"""The emotion words of hevner: where each lies on the plane, and what else it names.

Conventions
-----------
The standard library only. Words are in lower case, in alphabetical order. Valence and arousal are
on the unit scale and those of the plain word, without a degree. They come from the first of these
that places a word:

1. for a word that names a GEMS emotion, `GEMS_POINTS`, which are ours;
2. for a mood tag, the ratings of the word in `hevner.moods`, unless it is rated closer than
   `NEAREST` to neutral, where it has no direction;
3. for one of the 40 words of the circle (`hevner.words.circumplex`), its angle, at `RADIUS`;
4. for a word that names a quadrant, the middle of the quadrant, at `RADIUS`.

Tags that name a sound, a theme or a use ("heavy", "space", "film") have no place: the ratings are
of the word and not of music that carries it.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass

from hevner.emotion import Quadrant
from hevner.moods import TAGS, Tag
from hevner.words import circumplex

NEAREST = 0.3
"""Words rated closer to neutral than this have no direction on the plane."""

RADIUS = 0.61
"""Distance from neutral of words that are known by their angle alone: the mean distance of the 25
tags that name an emotion."""


@dataclass(frozen=True)
class Word:
    """A word for what music feels like.

    Attributes
    ----------
    name
        In lower case.
    sources
        Sources of the word: ``tag``, ``circumplex``, ``gems``, ``quadrant`` or ``own``.
    valence, arousal
        Valence and arousal of the plain word, in [-1, 1]; None for a word without a place on the
        plane.
    tag
        The mood or theme tag of `hevner.moods` that it names.
    gems
        The emotion of `hevner.emotion.GEMS` that it names.
    quadrant
        The quadrant that it names.
    synonyms
        Other words for it.
    """

    name: str
    sources: tuple[str, ...]
    valence: float | None = None
    arousal: float | None = None
    tag: str | None = None
    gems: str | None = None
    quadrant: Quadrant | None = None
    synonyms: tuple[str, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether it has a place on the plane."""
        return self.valence is not None


GEMS_NAMES = {
    "amazing": "amazement",
    "calm": "calmness",
    "joyful": "joyful activation",
    "nostalgic": "nostalgia",
    "powerful": "power",
    "sad": "sadness",
    "solemn": "solemnity",
    "tender": "tenderness",
    "tense": "tension",
}
"""The words for the nine GEMS emotions."""

GEMS_POINTS = {
    # Wonder, chills and being allured: pleasant and awake, without the drive of joy.
    "amazing": (0.50, 0.30),
    # The scale's items are animated, dancing, joyful: the middle of "happy" and "energetic".
    "joyful": (0.75, 0.45),
    # Bittersweet and turned to the past: pleasant a little more than sad, at rest.
    "nostalgic": (0.15, -0.40),
    # Energy and triumph in the sound; the word alone is rated as hardly aroused.
    "powerful": (0.35, 0.55),
    # Inspired and lifted up, but grave and slow: pleasant a little, at rest.
    "solemn": (0.15, -0.35),
    # Affection and softness: opposite to tension.
    "tender": (0.50, -0.40),
    # Agitated and nervous: unpleasant and aroused alike; on the circle it is hardly aroused.
    "tense": (-0.50, 0.50),
}
"""Valence and arousal of GEMS emotions, chosen by us from the items of the scale (Zentner,
Grandjean and Scherer, 2008). Calmness and sadness lie where the tags "calm" and "sad" are rated."""

QUADRANT_NAMES = {word: quadrant for quadrant in Quadrant for word in quadrant.value.split(", ")}
"""The words that name quadrants."""

SYNONYMS = {
    "adventure": "adventurous",
    "aggressive": "violent aggression brutal",
    "alarming": "alarmed frightening scary fearful anxious afraid panicked",
    "amazing": "amazed amazement wonder astonished awe dazzling wondrous",
    "angry": "anger furious rage mad irate",
    "autumnal": "autumn",
    "ballad": "ballads",
    "belligerent": "warlike",
    "bittersweet": "rueful",
    "boisterous": "noisy",
    "brooding": "broody moody sullen",
    "calm": "calmness peaceful peace serene serenity tranquil placid restful",
    "cheerful": "cheery merry sunny bright jolly cheerfulness",
    "children": "childlike childish",
    "content": "contented satisfied contentment",
    "cool": "laid-back chilled",
    "creepy": "eerie spooky uncanny sinister",
    "dark": "darkness bleak sombre somber",
    "deep": "immersive",
    "dramatic": "theatrical suspenseful",
    "dream": "dreamy dreaming dreamlike ethereal hazy floating",
    "emotional": "emotive moving touching",
    "energetic": "energy lively dynamic vigorous driving",
    "epic": "heroic grand majestic",
    "exalted": "triumphant glorious elated",
    "excited": "excitement exciting",
    "exhilarated": "exhilarating ecstatic euphoric",
    "fast": "quick rapid",
    "fiery": "passionate ardent",
    "fun": "amusing",
    "funny": "comic comical humorous witty",
    "gloomy": "gloom depressed depressing dismal dreary",
    "groovy": "groove funky",
    "happy": "happiness glad delighted",
    "heavy": "weighty",
    "holiday": "festive holidays",
    "hopeful": "hope optimistic",
    "hostile": "hostility hateful",
    "inspiring": "inspired inspiration inspirational",
    "joyful": "joyful-activation joy joyous",
    "love": "loving",
    "meditative": "meditation contemplative reflective",
    "melancholic": "melancholy",
    "melodic": "tuneful melodious",
    "motivational": "motivating motivated",
    "nature": "natural pastoral",
    "nostalgic": "nostalgia longing yearning",
    "paranoid": "paranoia nervous uneasy",
    "party": "partying",
    "pensive": "thoughtful introspective",
    "poignant": "heartbreaking heartfelt",
    "positive": "confident",
    "powerful": "power strong mighty forceful",
    "relaxing": "relaxed relaxation relax chill mellow soothing",
    "retro": "vintage old-fashioned",
    "romantic": "romance",
    "rousing": "stirring",
    "rowdy": "wild",
    "sad": "sadness sorrow sorrowful unhappy mournful grief",
    "sexy": "sensual seductive",
    "slow": "unhurried",
    "soft": "gentle quiet",
    "solemn": "solemnity grave serious dignified",
    "soundscape": "ambient",
    "space": "spacey cosmic",
    "spirited": "animated",
    "tender": "tenderness affectionate",
    "tense": "tension agitated stressed stressful restless",
    "threatening": "menacing ominous threat",
    "thrilling": "thrilled",
    "tragic": "tragedy desperate despair",
    "travel": "travelling",
    "uplifting": "uplifted",
    "vehement": "intense",
}
"""Other words for a word; a hyphen stands for a space. Nouns in -ness and adverbs in -ly are found
without."""


def _place(
    name: str, tag: Tag | None, angle: circumplex.Word | None
) -> tuple[float, float] | tuple[None, None]:
    """Valence and arousal of a word, by the order of the module."""
    if name in GEMS_POINTS:
        return GEMS_POINTS[name]
    is_feeling = tag is not None and tag.group == "emotion"
    if tag and is_feeling and math.hypot(tag.valence, tag.arousal) >= NEAREST:
        return tag.valence, tag.arousal
    if angle:
        return angle.point(RADIUS)
    if name in QUADRANT_NAMES:
        middle = RADIUS / math.sqrt(2)
        right = QUADRANT_NAMES[name] in (Quadrant.Q1, Quadrant.Q4)
        up = QUADRANT_NAMES[name] in (Quadrant.Q1, Quadrant.Q2)
        return (middle if right else -middle), (middle if up else -middle)
    return None, None


def _words() -> tuple[Word, ...]:
    tags = {tag.name: tag for tag in TAGS}
    angles = {word.name: word for word in circumplex.WORDS}
    sources: dict[str, Container[str]] = {
        "tag": tags,
        "circumplex": angles,
        "gems": GEMS_NAMES,
        "quadrant": QUADRANT_NAMES,
    }
    words = []
    for name in sorted({*tags, *angles, *GEMS_NAMES, *QUADRANT_NAMES}):
        valence, arousal = _place(name, tags.get(name), angles.get(name))
        synonyms = SYNONYMS.get(name, "").replace("-", "_").split()
        words.append(
            Word(
                name,
                tuple(source for source, known in sources.items() if name in known),
                None if valence is None else round(valence, 4),
                None if arousal is None else round(arousal, 4),
                name if name in tags else None,
                GEMS_NAMES.get(name),
                QUADRANT_NAMES.get(name),
                tuple(one.replace("_", " ") for one in synonyms),
            )
        )
    return tuple(words)


WORDS = _words()
"""All words that hevner knows by itself."""
