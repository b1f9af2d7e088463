"""Playlists that travel."""

from __future__ import annotations

import re
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.catalog import playlist
from hevner.catalog.playlist import (
    SMOOTH,
    TIME,
    between,
    make_playlist,
    plan,
    relative,
    shortest,
)
from hevner.catalog.writer import writing
from hevner.errors import CatalogError, HevnerError
from hevner.hits import Hit
from hevner.model.space import Points
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests.catalog.library import Library, build
from tests.errors import raises


def emotion(library: Library, words: str) -> Points:
    return library.space.merge(library.space.emotion(describe(Lexicon().parse(words))))


def journey(library: Library, minutes: float, where: str = "") -> list[Hit]:
    ends = emotion(library, "tragic"), emotion(library, "very fun")
    return make_playlist(library.catalog, *ends, 60 * minutes, where)


def world(pieces: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Misfit, unlikeness and durations of made-up pieces on a plane with a way across it."""
    rng = np.random.default_rng(seed)
    places = rng.random((pieces, 2))
    way = np.linspace([0, 0], [1, 1], 9)
    misfit = np.linalg.norm(way[:, None] - places, axis=2)
    unlike = np.linalg.norm(places[:, None] - places, axis=2)
    return misfit, unlike, rng.uniform(50, 400, pieces)


# The plan


@given(st.integers(2, 25), st.integers(0, 10_000), st.floats(60, 4000))
def test_time_is_met_within_half_a_piece_without_repeats(
    pieces: int, seed: int, total: float
) -> None:
    misfit, unlike, durations = world(pieces, seed)
    order = plan(misfit, unlike, durations, total)
    assert len(set(order)) == len(order)
    if not order:
        # Nothing but too little music is a reason.
        assert durations.sum() < total or (durations / 2 > total).all()
        return
    missed = abs(durations[order].sum() - total)
    left = np.delete(durations, order)
    assert missed <= max([durations[order[-1]], *left]) / 2


def cost(
    order: tuple[int, ...],
    misfit: np.ndarray,
    unlike: np.ndarray,
    durations: np.ndarray,
    total: float,
) -> float:
    seconds = sums = 0.0
    for position, piece in enumerate(order):
        middle = (seconds + durations[piece] / 2) / total
        each = misfit[round(middle * (len(misfit) - 1)), piece]
        each += SMOOTH * unlike[order[position - 1], piece] if position else 0
        sums += each * durations[piece]
        seconds += durations[piece]
    return sums / seconds + TIME * abs(total - seconds) / total


@pytest.mark.parametrize("seed", range(6))
def test_small_plans_are_the_best_of_all(seed: int) -> None:
    misfit, unlike, _ = world(6, seed)
    durations = np.full(6, 100.0)
    best = min(
        permutations(range(6), 3), key=lambda order: cost(order, misfit, unlike, durations, 300)
    )
    assert plan(misfit, unlike, durations, 300) == list(best)


def test_more_beginnings_make_no_plan_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    for beam in (1, 48):
        monkeypatch.setattr(playlist, "BEAM", beam)
        found = []
        for seed in range(5):
            misfit, unlike, durations = world(30, seed)
            order = tuple(plan(misfit, unlike, durations, 1500))
            found.append(cost(order, misfit, unlike, durations, 1500))
        costs.append(np.mean(found))
    assert costs[1] < costs[0]


def test_distances_are_relative_to_what_is_near_each_point() -> None:
    found = relative(np.array([[1.0, 2, 4], [10, 10, 10]]))
    np.testing.assert_allclose(found[0], [0, 1, 3])
    np.testing.assert_array_equal(found[1], 0)


def test_way_is_straight_and_even(library: Library) -> None:
    start, end = emotion(library, "sad"), emotion(library, "happy")
    way = between(start, end, 5)
    for name in ("correlated", "mean", "variance"):
        steps = np.diff(getattr(way, name), axis=0)
        np.testing.assert_allclose(steps, np.tile(steps[0], (4, 1)), atol=1e-5)
        np.testing.assert_allclose(getattr(way, name)[0], getattr(start, name)[0], rtol=1e-6)
        np.testing.assert_allclose(getattr(way, name)[-1], getattr(end, name)[0], rtol=1e-6)


# The journey


@pytest.mark.parametrize("minutes", [8, 40, 200])
def test_journey_lasts_as_long_as_asked_for(library: Library, minutes: float) -> None:
    hits = journey(library, minutes)
    total = sum(hit.duration for hit in hits)
    assert abs(total - 60 * minutes) <= max(piece["duration"] for piece in library.pieces) / 2
    assert len({hit.path for hit in hits}) == len(hits)


def test_journey_leads_from_one_emotion_to_the_other(library: Library) -> None:
    hits = journey(library, 60)
    third = len(hits) // 3
    begins, ends = (
        np.mean([hit.valence for hit in some]) for some in (hits[:third], hits[-third:])
    )
    assert ends - begins > 0.4
    ranks = np.argsort(np.argsort([hit.valence for hit in hits]))
    assert np.corrcoef(ranks, np.arange(len(hits)))[0, 1] > 0.6


def test_neighbours_are_more_alike_than_pieces_in_any_order(library: Library) -> None:
    paths = [piece["path"] for piece in library.pieces]
    chosen = np.array([paths.index(hit.path) for hit in journey(library, 60)])
    unlike = library.space.alike(library.points.where(chosen), library.points.where(chosen))
    steps = np.diagonal(unlike, 1).mean()
    assert steps < unlike[~np.eye(len(chosen), dtype=bool)].mean()


def test_fit_is_to_the_point_of_the_way_that_a_piece_falls_on(library: Library) -> None:
    hits = journey(library, 30)
    way = between(emotion(library, "tragic"), emotion(library, "very fun"))
    paths = [piece["path"] for piece in library.pieces]
    seconds = 0.0
    for hit in hits:
        point = round((seconds + hit.duration / 2) / 1800 * (len(way) - 1))
        here = way.where(slice(point, point + 1))
        music = library.points.where(np.array([paths.index(hit.path)]))
        assert hit.divergence == pytest.approx(
            float(library.space.find(here, music)[0, 0]), rel=1e-4
        )
        large = library.space.find(here, library.space.at_large)[0]
        assert hit.fit == pytest.approx((large > hit.divergence).mean(), abs=1e-6)
        seconds += hit.duration


def test_conditions_apply(library: Library) -> None:
    hits = journey(library, 30, "key_mode = 'minor' and duration < 240 or 1 = 0")
    assert {hit.key for hit in hits} == {"A minor"}
    assert max(hit.duration for hit in hits) < 240
    with raises(CatalogError, "bad_filter"):
        journey(library, 30, "it's")


def test_too_little_music_is_told_with_what_there_is(library: Library) -> None:
    for where, minutes in (("name = '3/it''s 3.mp3'", 6), ("duration < 0", 0)):
        with raises(CatalogError, "too_little_music") as caught:
            journey(library, 60, where)
        assert f"the pieces near the way last {minutes} minutes in all" in caught.value.cause


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_times_that_make_no_sense_are_refused(library: Library, minutes: float) -> None:
    with raises(HevnerError, "out_of_range"):
        journey(library, minutes)


# The way


def length(order: list[int], steps: np.ndarray) -> float:
    return float(steps[order[:-1], order[1:]].sum())


@given(st.integers(2, 8), st.integers(0, 10_000))
def test_the_shortest_way_is_found_or_nearly(count: int, seed: int) -> None:
    places = np.random.default_rng(seed).random((12, 2))
    steps = np.linalg.norm(places[:, None] - places, axis=2)
    order = list(np.random.default_rng(seed).permutation(12)[:count])
    found = shortest(order, steps)
    assert sorted(found) == sorted(order)
    assert (found[0], found[-1]) == (order[0], order[-1])
    best = min(length([order[0], *m, order[-1]], steps) for m in permutations(order[1:-1]))
    assert length(found, steps) <= 1.25 * best
    assert length(found, steps) <= length(order, steps) + 1e-9


def test_a_long_way_does_not_go_back_and_forth() -> None:
    places = np.linspace([0, 0], [1, 1], 40)
    steps = np.linalg.norm(places[:, None] - places, axis=2)
    order = [0, *np.random.default_rng(0).permutation(np.arange(1, 39)), 39]
    assert shortest(order, steps) == list(range(40))


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A catalogue with artists, a copy of each of the first pieces, and short pieces."""
    found = build(tmp_path_factory.mktemp("tagged") / "catalog", count=200, tags=True)
    copies = [
        piece | {"id": f"copy{n}", "path": f"/copy/{n}", "name": f"copy {n}", "title": f"Copy {n}"}
        for n, piece in enumerate(found.pieces[:100])
    ]
    renamed = [
        piece | {"id": f"other{n}", "path": f"/other/{n}", "name": f"other {n}"}
        | {"place": piece["place"] * np.float32(1.0001)}
        for n, piece in enumerate(found.pieces[:100])
    ]  # fmt: skip
    with writing(found.catalog) as writer:
        writer.put(copies + renamed, [])
    found.catalog.refresh()
    return found


def number(hit: Hit) -> int:
    """The number of a piece, which its copies have too."""
    return int(re.findall(r"(\d+)(?:\.mp3)?$", hit.name)[0])


@pytest.mark.parametrize("seed", range(4))
def test_no_artist_comes_twice_in_a_row_nor_any_content_twice(seed: int, tagged: Library) -> None:
    words = Lexicon().words
    rng = np.random.default_rng(seed)
    ends = [w.name for w in rng.choice([w for w in words if w.valence is not None], 2)]
    hits = make_playlist(tagged.catalog, *(emotion(tagged, w) for w in ends), 3000)  # type: ignore[call-arg]
    artists = [hit.artist for hit in hits]
    assert all(one != other for one, other in pairwise(artists))
    numbers = [number(hit) for hit in hits]
    assert len(set(numbers)) == len(numbers)


def test_what_was_played_does_not_come_again(tagged: Library) -> None:
    first = journey(tagged, 30)
    before = [(hit.path, hit.label) for hit in first]
    ends = emotion(tagged, "tragic"), emotion(tagged, "very fun")
    more = make_playlist(tagged.catalog, *ends, 1800, before=before)
    seen = {number(hit) for hit in first}
    assert not seen & {number(hit) for hit in more}
    assert more[0].artist != first[-1].artist
    # By artist and title alone, too.
    moved = [(f"/moved{path}", label) for path, label in before]
    again = make_playlist(tagged.catalog, *ends, 1800, before=moved)
    assert not {hit.label for hit in first} & {hit.label for hit in again}


def test_short_pieces_are_left_out(tagged: Library) -> None:
    ends = emotion(tagged, "tragic"), emotion(tagged, "very fun")
    hits = make_playlist(tagged.catalog, *ends, 2400, least=200.0)
    assert min(hit.duration for hit in hits) >= 200
    with raises(CatalogError, "too_little_music"):
        make_playlist(tagged.catalog, *ends, 2400, least=1000.0)


def test_one_artist_alone_may_follow_himself(tagged: Library) -> None:
    hits = journey(tagged, 20, "artist = 'Artist 2'")
    assert {hit.artist for hit in hits} == {"Artist 2"}
