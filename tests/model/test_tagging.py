from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.model.tagging import MOVES, agreeing, contradictions, describe
from hevner.moods import MOOD_TAGS, TAGS
from hevner.result import Estimate, Moment, TagEstimate

BASE = [0.04] * 56
NEUTRAL = (0.0, 0.0)
shares = st.floats(0, 1)


def course(*values: float | None, axis: str = "arousal") -> tuple[Moment, ...]:
    """Moments of 10 s; None is silence. The other axis stands still."""
    still = Estimate(0.0, -0.4, 0.4)
    moments = []
    for number, value in enumerate(values):
        span = (10.0 * number, 10.0 * number + 10)
        moved = None if value is None else Estimate(value, value - 0.4, value + 0.4)
        pair = {"valence": still, "arousal": still} | {axis: moved}
        moments.append(Moment(*span, **pair))
    return tuple(moments)


def present(*names: str) -> list[TagEstimate]:
    groups = {tag.name: tag.group for tag in TAGS}
    return [TagEstimate(name, groups[name], 0.2, 5.0, True) for name in names]


def probabilities(**raised: float) -> list[float]:
    return [raised.get(name, 0.01) for name in MOOD_TAGS]


def test_tags_are_ranked_by_what_the_piece_adds_and_not_by_frequency() -> None:
    rates = [{"energetic": 0.09, "sad": 0.02}.get(name, 0.04) for name in MOOD_TAGS]
    tags, _ = describe(probabilities(energetic=0.09, sad=0.08), rates, [0.085] * 56, (), NEUTRAL)
    by_name = {tag.name: tag for tag in tags}
    assert tags[0].name == "sad"
    assert tags[0].odds_ratio == pytest.approx((0.08 / 0.92) / (0.02 / 0.98), abs=1e-3)
    assert by_name["energetic"].odds_ratio == 1
    assert (by_name["energetic"].present, by_name["sad"].present) == (True, False)


def test_each_tag_has_its_own_threshold_and_reaching_it_is_enough() -> None:
    thresholds = [{"sad": 0.05, "slow": 0.06}.get(name, 0.5) for name in MOOD_TAGS]
    tags, _ = describe(probabilities(sad=0.05, slow=0.05), BASE, thresholds, (), NEUTRAL)
    assert [tag.name for tag in tags if tag.present] == ["sad"]


@given(st.lists(shares, min_size=56, max_size=56), st.lists(shares, min_size=56, max_size=56))
def test_every_tag_is_told_once_with_finite_numbers(given: list[float], rates: list[float]) -> None:
    tags, _ = describe(given, rates, [0.5] * 56, (), NEUTRAL)
    assert sorted(tag.name for tag in tags) == list(MOOD_TAGS)
    ratios = [tag.odds_ratio for tag in tags]
    assert ratios == sorted(ratios, reverse=True)
    assert all(0 <= tag.probability <= 1 and 0 <= tag.odds_ratio <= 1e8 for tag in tags)
    groups = {tag.name: tag.group for tag in TAGS}
    assert all(tag.group == groups[tag.name] for tag in tags)


@pytest.mark.parametrize("which", range(3))
def test_number_of_values_must_be_that_of_the_tags(which: int) -> None:
    columns = [BASE, BASE, BASE]
    columns[which] = BASE[:-1]
    with pytest.raises(ValueError, match="zip"):
        describe(*columns, (), NEUTRAL)  # type: ignore[call-arg]


def test_describe_explains_contradictions_in_the_order_of_the_tags() -> None:
    given = probabilities(calm=0.3, relaxing=0.4, energetic=0.3, happy=0.3)
    _, sentences = describe(given, BASE, [0.1] * 56, course(-0.4, 0.0, 0.5), NEUTRAL)
    assert len(sentences) == 1
    assert sentences[0].startswith("energetic but also relaxing, calm: they disagree about energy")
    assert "lowest around 0:05 and highest around 0:25" in sentences[0]


def test_only_present_tags_contradict() -> None:
    absent = TagEstimate("sad", "emotion", 0.01, 0.5, False)
    assert contradictions([*present("happy"), absent], ()) == ()
    assert contradictions(present("happy", "energetic", "hopeful"), ()) == ()


@pytest.mark.parametrize(
    "timeline",
    [
        (),
        course(None, None),
        course(0.1),
        course(-0.1, 0.1),
        course(0.1, 0.9),  # moves, but stays excited
        course(-0.9, -0.1),
        course(-0.8, 0.8, axis="valence"),  # the other axis
    ],
)
def test_without_a_change_to_explain_it_the_evidence_is_divided(
    timeline: tuple[Moment, ...],
) -> None:
    (sentence,) = contradictions(present("slow", "fast"), timeline)
    assert sentence.startswith("fast but also slow: they disagree about tempo")
    assert "the evidence is divided, as arousal does not change enough" in sentence


@pytest.mark.parametrize(("slack", "explained"), [(1e-6, True), (-1e-6, False)])
def test_piece_changes_from_a_stated_width_on(slack: float, explained: bool) -> None:
    timeline = course(None, MOVES / 2 + slack, None, -MOVES / 2, axis="valence")
    (sentence,) = contradictions(present("happy", "sad"), timeline)
    assert ("the piece changes (valence is lowest around 0:35" in sentence) == explained
    assert ("divided" in sentence) != explained


def test_every_opposition_gets_its_sentence() -> None:
    tags = present("happy", "sad", "energetic", "calm", "fast", "slow", "heavy", "soft")
    aspects = [s.split("disagree about ")[1].split(",")[0] for s in contradictions(tags, ())]
    assert aspects == ["mood", "energy", "tempo", "loudness"]


@pytest.mark.parametrize(
    ("valence", "arousal", "left"),
    [
        (0.1, 0.5, {"happy", "energetic", "slow", "epic"}),
        (-0.1, 0.5, {"sad", "energetic", "slow", "epic"}),
        (-0.1, -0.5, {"sad", "calm", "slow", "epic"}),
        (0.1, -0.5, {"happy", "calm", "slow", "epic"}),
        (0.0, 0.0, {"happy", "sad", "energetic", "calm", "slow", "epic"}),
    ],
)
def test_no_feeling_is_present_on_the_other_side_of_neutral(
    valence: float, arousal: float, left: set[str]
) -> None:
    tags = present("happy", "sad", "energetic", "calm", "slow", "epic")
    kept = agreeing(tags, valence, arousal)
    assert {tag.name for tag in kept if tag.present} == left
    assert [tag.name for tag in kept] == [tag.name for tag in tags]


def test_describe_drops_what_valence_speaks_against() -> None:
    given = probabilities(happy=0.3, sad=0.3)
    tags, sentences = describe(given, BASE, [0.1] * 56, (), (-0.3, 0.2))
    assert [tag.name for tag in tags if tag.present] == ["sad"]
    assert sentences == ()
