"""Folds that nothing straddles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner import datasets
from hevner.datasets import folds as making
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.errors import DataError
from tests.errors import raises


@st.composite
def collections(draw: st.DrawFn) -> list[Track]:
    """Tracks of two datasets with groups, recordings and artists in common now and then."""
    size = draw(st.integers(8, 40))
    few = st.integers(0, size)
    return [
        Track(
            draw(st.sampled_from(["one", "two"])),
            str(n),
            None,
            group=str(draw(few)),
            recording=str(draw(st.integers(0, 3 * size))),
            artist=f"artist {draw(st.integers(0, 2 * size))}",
            genre=draw(st.sampled_from(["rock", "folk", "jazz"])),
            valence=draw(st.none() | st.floats(-1, 1)),
        )
        for n in range(size)
    ]


def plain_tracks(count: int, **fields: object) -> list[Track]:
    return [Track("one", str(n), None, f"g{n}", f"r{n}", **fields) for n in range(count)]


@given(collections(), st.integers(2, 5), st.integers(0, 3))
def test_folds_that_nothing_straddles(tracks: list[Track], count: int, seed: int) -> None:
    groups = len(making.linked_groups(tracks))
    if groups < count:
        with raises(DataError, "too_few_groups"):
            making.k_folds(tracks, count, seed=seed)
        return
    folds = making.k_folds(tracks, count, seed=seed, balance=("valence",))
    assert sorted(t.id for fold in folds for t in fold.test) == sorted(t.id for t in tracks)
    for fold in folds:
        assert {t.id for t in fold.train} == {t.id for t in tracks} - {t.id for t in fold.test}
        assert leaks.find(fold.train, fold.test).pairs == {}
    again = making.k_folds(tracks[::-1], count, seed=seed, balance=("valence",))
    assert {fold.digest for fold in again} == {fold.digest for fold in folds}


@given(collections(), st.sampled_from(["genre", "dataset"]))
def test_what_is_left_out_is_not_trained_on(tracks: list[Track], by: str) -> None:
    try:
        folds = making.leave_one_out(tracks, by)
    except DataError as error:
        assert "of one" in error.cause or "are linked to" in error.cause  # noqa: PT017
        return
    assert [fold.name for fold in folds] == sorted({getattr(t, by) for t in tracks})
    for fold in folds:
        assert {t.id for t in fold.test} == {t.id for t in tracks if getattr(t, by) == fold.name}
        assert leaks.find(fold.train, fold.test).pairs == {}
        links = [making._joined_links(t, leaks.LINKS) for t in fold.test]
        dropped = {t.id for t in tracks} - {t.id for t in (*fold.train, *fold.test)}
        for track in tracks:
            linked = any(one & making._joined_links(track, leaks.LINKS) for one in links)
            assert (track.id in dropped) == (linked and getattr(track, by) != fold.name)


def test_linked_tracks_of_two_datasets_stay_together() -> None:
    tracks = [
        Track("one", "a", None, "g", "r1"),
        Track("one", "b", None, "g", "r2"),
        Track("two", "a", None, "h", "r2", artist="x"),
        Track("three", "a", None, "h", "r3", artist="X"),
        Track("three", "b", None, "i", "r4"),
    ]
    assert sorted(making.linked_groups(tracks)) == [[0, 1, 2, 3], [4]]
    assert sorted(making.linked_groups(tracks, {"group"})) == [[0, 1], [2], [3], [4]]


def test_folds_are_even() -> None:
    rng = np.random.default_rng(0)
    tracks = [
        Track(dataset, str(n), None, f"g{n // 3}", f"{dataset}{n}", arousal=float(rng.normal()))
        for dataset in ("one", "two")
        for n in range(120)
    ]
    folds = making.k_folds(tracks, 5, balance=("arousal",))
    means = [np.mean([t.arousal for t in fold.test]) for fold in folds]
    assert np.ptp(means) < 0.1
    for fold in folds:
        counts = Counter(track.dataset for track in fold.test)
        assert all(21 <= counts[dataset] <= 27 for dataset in ("one", "two"))
    unbalanced = making.k_folds(tracks, 5)
    assert np.ptp([np.mean([t.arousal for t in fold.test]) for fold in unbalanced]) > 0.1


def test_a_seed_is_another_assignment_and_the_same_everywhere() -> None:
    tracks = plain_tracks(30)
    first, second = (making.k_folds(tracks, 3, seed=seed) for seed in (0, 1))
    assert {fold.digest for fold in first} != {fold.digest for fold in second}
    assert [t.id for t in first[0].test] == ["3", "4", "6", "9", "11", "14", "17", "19", "20", "23"]


@pytest.mark.parametrize(
    ("tracks", "by", "code"),
    [
        (plain_tracks(3), "genre", "value_missing"),
        (plain_tracks(3, genre="rock"), "genre", "too_few_groups"),
        (
            [*plain_tracks(1, genre="a", artist="x"), Track("b", "1", None, "", "", artist="x")],
            "dataset",
            "too_few_groups",
        ),
    ],
)
def test_nothing_to_leave_out(tracks: list[Track], by: str, code: str) -> None:
    with raises(DataError, code):
        making.leave_one_out(tracks, by)


@pytest.mark.data
def test_leaving_emomusic_out_leaves_its_songs_in_deam_out(data: Path) -> None:
    inside, around, others = (
        list(datasets.load(name, data / name)) for name in ("emomusic", "deam", "pmemo")
    )
    folds = {f.name: f for f in making.leave_one_out([*inside, *around, *others], "dataset")}
    trained = Counter(track.dataset for track in folds["emomusic"].train)
    assert trained["deam"] == 1058
    assert Counter(track.dataset for track in folds["deam"].train).keys() == {"pmemo"}
    with raises(DataError, "too_few_groups"):
        making.leave_one_out([*inside, *around], "dataset")
