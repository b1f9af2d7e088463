"""Labels of tracks as arrays, with what is missing as NaN or -1."""

from __future__ import annotations

import numpy as np

from hevner.datasets.labels import label_table
from hevner.datasets.track import Track
from hevner.emotion import GEMS, Quadrant


def track(name: str, **labels: object) -> Track:
    return Track("own", name, None, group=name, recording=name, **labels)  # type: ignore[arg-type]


def test_ratings_of_some_tracks_are_numbers_and_the_others_nan() -> None:
    nan = float("nan")
    found = label_table(
        [track("a", valence=0.5, emotions=(nan, nan, 0.25, nan, nan)), track("b", tension=-1.0)]
    )
    assert list(found.ratings) == ["valence", "tension", "joy"]
    np.testing.assert_array_equal(found.ratings["valence"], [0.5, nan])
    np.testing.assert_array_equal(found.ratings["joy"], [0.25, nan])
    np.testing.assert_array_equal(found.ratings["tension"], [nan, -1])
    assert (found.classes, found.shares, found.tags) == ({}, {}, None)


def test_classes_have_their_own_names_or_fixed_ones() -> None:
    found = label_table(
        [track("a", category="sad", quadrant=Quadrant.Q3), track("b", category="gay"), track("c")]
    ).classes
    assert found["category"].names == ("gay", "sad")
    assert found["category"].number.tolist() == [1, 0, -1]
    assert found["quadrant"].names == ("Q1", "Q2", "Q3", "Q4")
    assert found["quadrant"].number.tolist() == [2, -1, -1]


def test_a_track_without_tags_is_not_one_that_lacks_the_label() -> None:
    found = label_table([track("a", tags=("slow", "dark")), track("b", tags=()), track("c")])
    assert found.tags is not None
    assert found.tags.names == ("dark", "slow")
    np.testing.assert_array_equal(found.tags.has, [[1, 1], [0, 0], [np.nan, np.nan]])
    assert found.kinds == ("tags",)


def test_shares_of_listeners() -> None:
    shares = tuple(k / 10 for k in range(len(GEMS)))
    found = label_table([track("a", gems=shares), track("b")]).shares
    assert list(found) == list(GEMS)
    np.testing.assert_array_equal(found["nostalgia"], [0.3, np.nan])
