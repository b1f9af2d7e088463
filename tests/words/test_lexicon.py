"""Words, degrees, reading them, and what they mean in the joint space."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner import datasets
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.errors import DataError, HevnerError
from hevner.moods import in_group
from hevner.words import DEGREES, PLAIN, WORDS, Feeling, Lexicon, load
from hevner.words.describing import GEMS_MEANS, GEMS_STEPS, describe
from hevner.words.entries import ANGLES, RADIUS
from tests.errors import raises

LEXICON = Lexicon()
BY_NAME = {word.name: word for word in WORDS}
PLACED = [word for word in WORDS if word.valence is not None]

FEELINGS = st.builds(Feeling, st.sampled_from(WORDS), st.sampled_from(DEGREES))


# Words


def test_every_vocabulary_is_covered() -> None:
    assert {word.tag for word in WORDS if word.tag} == set(MOOD_TAGS)
    assert {word.gems for word in WORDS if word.gems} == set(GEMS)
    assert set(ANGLES) <= set(BY_NAME)
    for quadrant in Quadrant:
        named = [word.name for word in WORDS if word.quadrant is quadrant]
        assert sorted(named) == sorted(quadrant.value.split(", "))


def test_the_circle_runs_clockwise_as_published() -> None:
    assert [angle % 360 for angle in ANGLES.values()] == [(90 - 9 * k) % 360 for k in range(40)]
    assert all(-180 < angle <= 180 for angle in ANGLES.values())
    published = {"vehement": 90, "rowdy": 27, "fun": 0, "tender": -45, "pensive": -90}
    published |= {"autumnal": -117, "dark": -171, "creepy": 180, "tense": 171, "fiery": 99}
    assert {name: ANGLES[name] for name in published} == published


def test_names_are_unambiguous() -> None:
    names = [word.name for word in WORDS] + [name for word in WORDS for name in word.synonyms]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_names_and_synonyms_find_their_word(word) -> None:
    for name in (word.name, *word.synonyms):
        assert LEXICON.feeling(name).word == word
        assert LEXICON.feeling(f"very {name}").word == word


def test_places_follow_their_order_of_sources() -> None:
    places = {word.name: (word.valence, word.arousal) for word in WORDS}
    assert places["happy"] == (0.8675, 0.2625)  # rated, though it names a quadrant too
    assert places["powerful"] == (0.35, 0.55)  # GEMS, though it is rated
    assert places["heavy"] == (None, None)  # a sound: rated calm, which heavy music is not
    assert places["emotional"] == (None, None)  # rated neutral, and not on the circle
    for name in ("dark", "gloomy"):  # rated neutral; not rated
        angle = math.radians(ANGLES[name])
        on_circle = RADIUS * math.cos(angle), RADIUS * math.sin(angle)
        assert places[name] == pytest.approx(on_circle, abs=1e-4)
    assert places["excited"] == pytest.approx([RADIUS / math.sqrt(2)] * 2, abs=1e-4)


@pytest.mark.parametrize("quadrant", list(Quadrant), ids=lambda quadrant: quadrant.name)
def test_words_of_a_quadrant_lie_in_it(quadrant: Quadrant) -> None:
    for word in WORDS:
        if word.quadrant is quadrant:
            assert Quadrant.of(word.valence, word.arousal) is quadrant


def test_radius_is_the_mean_distance_of_rated_feelings() -> None:
    distances = [math.hypot(tag.valence, tag.arousal) for tag in in_group("emotion")]
    assert pytest.approx(sum(distances) / len(distances), abs=0.005) == RADIUS


def test_words_need_no_array_library() -> None:
    code = "import sys, hevner.words; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Degrees


def test_degrees_rise() -> None:
    assert [degree.factor for degree in DEGREES] == sorted({d.factor for d in DEGREES})
    assert [degree.steps for degree in DEGREES] == sorted({d.steps for d in DEGREES})
    assert PLAIN.factor == 1


@pytest.mark.parametrize("word", PLACED, ids=lambda word: word.name)
def test_more_of_a_feeling_is_further_from_neutral_in_its_direction(word) -> None:
    points = describe([Feeling(word, degree) for degree in DEGREES]).point
    assert (np.diff(np.linalg.norm(points, axis=1)) > 0).all()
    assert np.abs(points).max() <= 1
    angles = np.arctan2(points[:, 1], points[:, 0])
    np.testing.assert_allclose(angles, math.atan2(word.arousal, word.valence), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "form", "index"),
    [
        ("tense", "gems", GEMS.index("tension")),
        ("joyful", "gems", GEMS.index("joyful activation")),
        ("film", "tags", MOOD_TAGS.index("film")),
        ("gloomy", "quadrants", 2),
        ("excited", "quadrants", 0),
    ],
)
def test_every_form_follows_the_degree(name: str, form: str, index: int) -> None:
    told = getattr(describe([Feeling(BY_NAME[name], degree) for degree in DEGREES]), form)
    assert (np.diff(told[:, index]) > 0).all()
    others = np.delete(told, index, axis=1)
    if form == "quadrants":
        np.testing.assert_allclose(told.sum(axis=1), 1, rtol=1e-6)
        assert (others < told[:, [index]]).all()
    elif form == "gems":
        assert told.max() <= 1
        np.testing.assert_allclose(others, np.tile(np.delete(GEMS_MEANS, index), (5, 1)), rtol=1e-6)
    else:
        assert np.isnan(others).all()


def test_forms_that_a_word_does_not_tell_stay_untold() -> None:
    told = describe([Feeling(BY_NAME["film"]), Feeling(BY_NAME["wistful"])])
    assert np.isnan(told.point[0]).all()
    assert np.isfinite(told.point[1]).all()
    for form in ("curve", "spread", "gems", "quadrants"):
        assert np.isnan(getattr(told, form)).all()
    assert np.isnan(told.tags[1]).all()


@pytest.mark.data
def test_shares_at_large_are_those_of_emotify(data: Path) -> None:
    shares = np.array([track.gems for track in datasets.load("emotify", data / "emotify").tracks])
    np.testing.assert_allclose(shares.mean(axis=0), GEMS_MEANS, atol=6e-4)
    np.testing.assert_allclose(shares.std(axis=0), GEMS_STEPS, atol=6e-4)


# Reading


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("calm, slightly nostalgic", ["calm", "slightly nostalgic"]),
        ("very tense and dark", ["very tense", "dark"]),
        ("A little bit of SADNESS;  much happiness", ["slightly sad", "very happy"]),
        ("joyful activation & tension + quietly", ["joyful", "tense", "soft"]),
        ("nostalgia, nostalgic", ["nostalgic"]),
        ("moodiness, and angrily", ["brooding", "angry"]),
        ("rather laid-back", ["moderately cool"]),
        ("intense", ["vehement"]),
        ("strong", ["powerful"]),
        ("extremely powerful", ["extremely powerful"]),
    ],
)
def test_words_with_degrees_are_read(text: str, meant: list[str]) -> None:
    assert [str(feeling) for feeling in LEXICON.parse(text)] == meant


@pytest.mark.parametrize("degree", DEGREES, ids=lambda degree: degree.name)
def test_every_phrase_says_its_degree(degree) -> None:
    for phrase in degree.phrases:
        assert LEXICON.parse(f"{phrase} sad") == (Feeling(BY_NAME["sad"], degree),)


@given(
    st.lists(FEELINGS, min_size=1, max_size=6, unique=True), st.sampled_from([", ", "; ", " and "])
)
def test_what_is_written_is_read_back(feelings: list[Feeling], between: str) -> None:
    assert LEXICON.parse(between.join(map(str, feelings))) == tuple(feelings)


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        assert LEXICON.parse(text)
    except HevnerError as error:
        assert error.remedy  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        ("hapy", "'hapy' is not known", "Did you mean 'happy'"),
        ("very nostalgick", "'nostalgick' is not known", "'nostalgic'"),
        ("serenety", "'serenety' is not known", "serenity (calm)"),
        ("calm, xqzzt", "'xqzzt' is not known", "Try 'happy', 'tense', 'sad' or 'calm'"),
        ("very", "'very' is not known", "moods --words"),
        ("much offbeat", "'offbeat' is not known", "moods --words"),
        ("not sad", "not wanted", '--not "sad"'),
        ("not at all very sad", "not wanted", '--not "very sad"'),
        ("", "no emotion", "Write words"),
        (" , ;", "no emotion", "Write words"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is_near(text: str, cause: str, remedy: str) -> None:
    with pytest.raises(HevnerError) as caught:
        LEXICON.parse(text)
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy


# A person's own words


def own(folder: Path, text: str) -> Path:
    path = folder / "words.toml"
    path.write_text(text, "utf-8")
    return path


def test_own_words_and_synonyms_are_known(tmp_path: Path) -> None:
    text = """
[synonyms]
bouncy = "very fun"
"my morning" = "slightly homely"
Sad = "melancholic"

[words.homely]
valence = 0.5
arousal = -0.25

[words.calm]
valence = 0
arousal = -1
"""
    lexicon = load(own(tmp_path, text))
    read = lexicon.parse("bouncy, slightly bouncy, my morning, sad, peaceful, homely")
    assert [str(feeling) for feeling in read[:4]] == [
        "very fun",
        "slightly fun",
        "slightly homely",
        "melancholic",
    ]
    assert read[5].word.valence == 0.5
    # Its own word takes the place of the shipped one, with all that led there.
    assert (lexicon.feeling("calm").word.arousal, lexicon.feeling("calm").word.tag) == (-1, None)
    # The shipped lexicon stays as it was.
    assert LEXICON.feeling("calm").word.tag == "calm"


def test_nearest_words_know_own_ones(tmp_path: Path) -> None:
    lexicon = load(own(tmp_path, '[synonyms]\nbouncy = "very fun"'))
    with pytest.raises(HevnerError, match=r"'bouncy \(very fun\)'"):
        lexicon.parse("bouncyy")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[synonyms", "cannot be read"),
        ("[synonym]\na = 'sad'", "'synonym' is neither"),
        ("synonyms = 3", "synonyms is not a table"),
        ("[synonyms]\na = 3", "the meaning of 'a' is not text"),
        ("[synonyms]\na = 'sadd'", "in the meaning of 'a', the word 'sadd' is not known"),
        ("[synonyms]\n'a, b' = 'sad'", "'a, b' cannot be a name"),
        ("[synonyms]\n'very nice' = 'sad'", "'very nice' cannot be a name"),
        ("[synonyms]\n'' = 'sad'", "'' cannot be a name"),
        ("[words]\na = 3", "[words.a] does not hold valence and arousal alone"),
        ("[words.a]\nvalence = 0", "[words.a] does not hold valence and arousal alone"),
        ("[words.a]\nvalence = 0\narousal = 1.5", "arousal of 'a' is not a number in [-1, 1]"),
        ("[words.a]\nvalence = nan\narousal = 0", "valence of 'a' is not a number in [-1, 1]"),
        ("[words.a]\nvalence = true\narousal = 0", "valence of 'a' is not a number in [-1, 1]"),
    ],
)
def test_files_that_do_not_say_what_they_should_are_refused(
    tmp_path: Path, text: str, cause: str
) -> None:
    with pytest.raises(DataError) as caught:
        load(own(tmp_path, text))
    assert cause in caught.value.cause
    assert "words.toml" in caught.value.subject


def test_missing_file_of_words_is_named(tmp_path: Path) -> None:
    with raises(DataError, "bad_words", subject="none.toml"):
        load(tmp_path / "none.toml")
