from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hevner import emotion
from hevner.cli import app
from hevner.moods import GROUPS, MOOD_TAGS, OPPOSITIONS, TAGS, in_group, opposed

BY_NAME = {tag.name: tag for tag in TAGS}


def test_order_is_that_of_the_outputs() -> None:
    assert len(MOOD_TAGS) == len(set(MOOD_TAGS)) == 56
    assert list(MOOD_TAGS) == sorted(MOOD_TAGS)
    places = {"action": 0, "calm": 5, "epic": 19, "melancholic": 33, "sad": 44, "uplifting": 55}
    assert {name: MOOD_TAGS.index(name) for name in places} == places
    assert emotion.MOOD_TAGS is MOOD_TAGS


def test_every_tag_is_in_one_group() -> None:
    groups = [in_group(group) for group in GROUPS]
    assert sorted(tag.name for group in groups for tag in group) == list(MOOD_TAGS)
    assert {tag.name for tag in in_group("use")} >= {"advertising", "corporate", "film", "trailer"}
    assert {"calm", "energetic", "happy", "sad"} <= {tag.name for tag in in_group("emotion")}


def test_every_tag_has_a_meaning_of_its_own_in_one_line() -> None:
    meanings = [tag.meaning for tag in TAGS]
    assert len(set(meanings)) == 56
    for tag in TAGS:
        assert 5 < len(tag.meaning) <= 70
        assert "\n" not in tag.meaning
        assert tag.meaning != tag.name


def test_words_have_the_published_valence_and_arousal_on_the_unit_scale() -> None:
    sad, calm = BY_NAME["sad"], BY_NAME["calm"]
    assert (sad.valence, sad.arousal) == pytest.approx((-0.725, -0.3775))
    assert (calm.valence, calm.arousal) == pytest.approx((0.4725, -0.8325))
    assert all(-1 <= value <= 1 for tag in TAGS for value in (tag.valence, tag.arousal))
    # Means over the published table, so that no number was mistyped.
    assert 5 + 4 * sum(tag.valence for tag in TAGS) / 56 == pytest.approx(6.4045, abs=1e-4)
    assert 5 + 4 * sum(tag.arousal for tag in TAGS) / 56 == pytest.approx(4.7137, abs=1e-4)


@pytest.mark.parametrize(
    ("tag", "contrary"),
    [("calm", "energetic"), ("happy", "sad"), ("slow", "fast"), ("dark", "positive"),
     ("soft", "heavy"), ("uplifting", "melancholic")],
)  # fmt: skip
def test_opposition_holds_both_ways(tag: str, contrary: str) -> None:
    assert contrary in opposed(tag)
    assert tag in opposed(contrary)


def test_oppositions_are_between_different_known_tags() -> None:
    for opposition in OPPOSITIONS:
        assert set(opposition.first + opposition.second) <= set(MOOD_TAGS)
        assert not set(opposition.first) & set(opposition.second)
    pairs = [frozenset(pair) for o in OPPOSITIONS for pair in itertools.product(o.first, o.second)]
    assert len(pairs) == len(set(pairs))
    assert opposed("corporate") == ()


def test_words_agree_with_the_oppositions() -> None:
    """On the axis that an opposition names, its sides lie apart in the ratings of the words."""
    for opposition in OPPOSITIONS:
        first, second = (
            [getattr(BY_NAME[name], opposition.axis) for name in side]
            for side in (opposition.first, opposition.second)
        )
        assert sum(first) / len(first) > sum(second) / len(second)


def test_tags_load_nothing_heavy() -> None:
    script = "import sys, hevner.moods, hevner.model.tagging; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_command_lists_every_tag_with_its_meaning() -> None:
    result = CliRunner().invoke(app, ["moods"])
    assert result.exit_code == 0
    for tag in TAGS:
        (line,) = (line for line in result.stdout.splitlines() if line.split()[0] == tag.name)
        assert tag.meaning in line
    assert "against: energetic" in result.stdout
    assert result.stdout.index("emotion:") < result.stdout.index("use:")
