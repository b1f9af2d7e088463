"""What several raters gave together, by hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.datasets import raters
from hevner.datasets.track import Given, Track

NAN = float("nan")


def tracks(*votes: dict[str, dict[str, Given]]) -> list[Track]:
    return [Track("own", str(k), None, str(k), str(k), by_rater=one) for k, one in enumerate(votes)]


def rated(**values: list[float]) -> list[Track]:
    """Tracks whose raters gave these valences, one for each track; NaN for none."""
    votes: list[dict[str, dict[str, Given]]] = [
        {name: {"valence": of[k]} for name, of in values.items() if np.isfinite(of[k])}
        for k in range(len(next(iter(values.values()))))
    ]
    return tracks(*votes)


def test_raters_are_in_the_order_of_their_names() -> None:
    some = rated(**{name: [0.0, 0.1] for name in ("dan", "ann", "eve", "cleo", "ben", "fay")})
    assert raters.rater_names(some) == ["ann", "ben", "cleo", "dan", "eve", "fay"]


def test_agreement_of_few_tracks_or_of_a_constant_is_not_known() -> None:
    ratings = np.array([[0.0, 0.1, 0.5, NAN], [0.3, 0.2, 0.5, 0.1], [0.9, 0.6, 0.5, 0.4]])
    found = raters.agreement(ratings)
    assert found[0] == pytest.approx(np.corrcoef(ratings[:, 0], [0.3, 4 / 15, 0.5])[0, 1])
    assert np.isnan(found[2:]).all()
    assert np.isnan(raters.agreement(np.array([[0.1, NAN], [NAN, 0.2]] * 3))).all()


def test_a_weight_is_the_agreement_and_never_below_0() -> None:
    some = rated(
        ann=[-0.9, -0.1, 0.2, 0.9], ben=[-0.8, -0.2, 0.3, 0.8], cleo=[0.9, 0.2, -0.1, -0.9],
        dan=[0.1, NAN, NAN, NAN], eve=[NAN, 0.5, 0.5, 0.5],
    )  # fmt: skip
    found = raters.weights(some)
    known = raters.agreement(raters.matrix(some, "valence"))
    assert list(found) == ["ann", "ben", "cleo", "dan", "eve"]
    assert known[2] < -0.5
    assert found["cleo"] == 0
    assert found["ann"] == pytest.approx(known[0])
    assert 0.3 < found["ann"] < 1
    # Of too few ratings, and of one answer to all, nothing is known.
    usual = np.mean([found["ann"], found["ben"], found["cleo"]])
    assert (found["dan"], found["eve"]) == pytest.approx((usual, usual))


def test_a_weight_is_the_mean_over_the_ratings_that_a_rater_gave() -> None:
    line, other = [-0.9, -0.1, 0.2, 0.9], [0.3, -0.4, 0.1, 0.6]
    votes: list[dict[str, dict[str, Given]]] = [
        {
            "ann": {"valence": line[k], "arousal": line[k]},
            "ben": {"valence": line[k], "arousal": other[k]},
        }
        for k in range(4)
    ]
    r = np.corrcoef(line, other)[0, 1]
    assert raters.weights(tracks(*votes)) == pytest.approx({"ann": (1 + r) / 2, "ben": (1 + r) / 2})


@pytest.mark.parametrize("ben", [[0.9, 0.1, -0.9], [0.4, NAN, NAN], [0.2, 0.2, 0.2]])
def test_raters_of_whom_nothing_good_is_known_count_alike(ben: list[float]) -> None:
    assert raters.weights(rated(ann=[-0.9, 0.1, 0.9], ben=ben)) == {"ann": 1, "ben": 1}


WEIGHT = {"ann": 0.1, "ben": 0.2, "cleo": 0.3, "dan": 0.0}


def test_means_are_weighted_and_the_spread_is_not() -> None:
    votes: raters.Votes = {
        "ann": {"valence": -1.0}, "cleo": {"valence": 1.0}, "ben": {"tension": 0.0},
    }  # fmt: skip
    assert raters.mean_and_spread(votes, "valence", WEIGHT) == pytest.approx((0.5, 2**0.5))
    assert raters.mean_and_spread(votes, "tension", WEIGHT) == (0, None)
    assert raters.mean_and_spread(votes, "arousal", WEIGHT) == (None, None)
    assert raters.mean_and_spread({"dan": {"valence": 0.5}}, "valence", WEIGHT) == (0.5, None)


def test_a_class_needs_more_weight_than_any_other() -> None:
    def most(**votes: str) -> str | None:
        return raters.most_votes({k: {"category": v} for k, v in votes.items()}, "category", WEIGHT)

    assert most(ann="calm", dan="calm", cleo="dark") == "dark"
    assert most(ann="calm", ben="calm", cleo="dark") is None  # .1 + .2, but for rounding, is .3
    assert most(dan="calm") == "calm"
    assert most() is None


def test_tags_need_half_of_the_weight_of_those_who_gave_any() -> None:
    def common(**votes: tuple[str, ...]) -> tuple[str, ...] | None:
        given: dict[str, dict[str, Given]] = {k: {"tags": v} for k, v in votes.items()}
        return raters.common_tags({**given, "eve": {"valence": 0.1}}, WEIGHT | {"eve": 5.0})

    assert common(ann=("slow", "sad"), ben=("sad",), cleo=("calm",)) == ("calm", "sad")
    assert common(ann=("slow",), dan=("slow",), cleo=("calm",)) == ("calm",)
    assert common(ann=(), cleo=()) == ()
    assert common() is None
