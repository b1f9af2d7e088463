"""Searching, against readable searches through everything."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import hevner.model.space
from hevner.catalog import open_catalog, scoring, search
from hevner.catalog.course import LARGEST, MOVEMENT
from hevner.catalog.describe import emotions_of
from hevner.catalog.query import Query
from hevner.catalog.scoring import RELEVANCE, TYPICAL, diverse
from hevner.catalog.search import why_nothing
from hevner.catalog.writer import writing
from hevner.errors import AudioError, CatalogError
from hevner.hits import Hit
from hevner.model.description import CURVE_POINTS, Description, join
from hevner.position import Position
from hevner.result import SURE
from hevner.words import DEGREES, Lexicon
from hevner.words.describing import describe
from tests.catalog.library import MOMENTS, Library, build
from tests.errors import raises


def find(library: Library, **asked: object) -> list[Hit]:
    return search.search(library.catalog, Query.of(**asked))  # type: ignore[arg-type]


def divergences(library: Library, mood: str) -> np.ndarray:
    """Of all pieces from words that are all wanted."""
    emotions = library.space.emotion(describe(Lexicon().parse(mood)))
    return library.space.find(library.space.merge(emotions), library.points)[0]


def numbers(library: Library, hits: list[Hit]) -> list[int]:
    """Which pieces were found."""
    paths = [piece["path"] for piece in library.pieces]
    return [paths.index(hit.path) for hit in hits]


# By emotion


@pytest.mark.parametrize("mood", ["sad", "calm, slightly nostalgic", "extremely tense and dark"])
def test_words_find_what_comparing_with_everything_finds(library: Library, mood: str) -> None:
    # A filter that passes all: the first stage must hand on what the second puts first.
    hits = find(library, mood=mood, count=20)
    exact = divergences(library, mood)
    assert numbers(library, hits) == np.argsort(exact, kind="stable")[:20].tolist()
    np.testing.assert_allclose([hit.divergence for hit in hits], np.sort(exact)[:20], rtol=1e-5)
    emotions = library.space.emotion(describe(Lexicon().parse(mood)))
    wanted = library.space.merge(emotions)
    large = library.space.find(wanted, library.space.at_large)[0]
    worse = [(large > hit.divergence).mean() for hit in hits]
    assert [hit.fit for hit in hits] == pytest.approx(worse)


def test_point_and_words_are_wanted_at_once(library: Library) -> None:
    hits = find(library, valence=0.5, arousal=0.5, mood="sad", count=5)
    given = join([Description.of(point=[[0.5, 0.5]]), describe(Lexicon().parse("sad"))])
    merged = library.space.merge(library.space.emotion(given))
    exact = library.space.find(merged, library.points)[0]
    assert numbers(library, hits) == np.argsort(exact)[:5].tolist()


def test_hits_tell_of_the_piece(library: Library) -> None:
    (hit,) = find(library, mood="happy", count=1)
    piece = library.pieces[numbers(library, [hit])[0]]
    assert (hit.name, hit.key) == (piece["name"], piece["key"])
    assert [hit.valence, hit.arousal, hit.duration] == pytest.approx(
        [piece["valence"], piece["arousal"], piece["duration"]]
    )
    assert (hit.start, hit.end) == (None, None)


def test_more_of_an_emotion_finds_more_extreme_music(library: Library) -> None:
    valence = [
        np.mean([hit.valence for hit in find(library, mood=f"{degree} gloomy", count=15)])
        for degree in ("slightly", "", "extremely")
    ]
    assert valence[0] > valence[1] > valence[2]


def test_huge_counts_give_everything_once(library: Library) -> None:
    hits = find(library, mood="calm", count=10**9)
    assert len(hits) == len({hit.path for hit in hits}) == len(library.pieces)


def test_catalogue_searches_in_the_shipped_space(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: library.space)
    catalog = open_catalog(library.catalog.folder)
    hits = catalog.search(mood="calm, slightly nostalgic", unwanted="sad", count=4)
    assert hits == find(library, mood="calm, slightly nostalgic", unwanted="sad", count=4)
    assert len(hits) == 4


# What is left out


def test_radius_keeps_what_is_near(library: Library) -> None:
    hits = find(library, valence=0.3, arousal=-0.2, radius=0.25, count=500)
    near = {
        piece["path"]
        for piece in library.pieces
        if np.hypot(piece["valence"] - 0.3, piece["arousal"] + 0.2) <= 0.25
    }
    assert {hit.path for hit in hits} == near
    assert 0 < len(near) < len(library.pieces)


def test_condition_is_met_by_all_hits(library: Library) -> None:
    where = "duration < 200 and key_mode = 'minor' or name = '3/it''s 3.mp3'"
    hits = find(library, mood="sad", where=where, count=500)
    passing = {
        piece["path"]
        for piece in library.pieces
        if (piece["duration"] < 200 and piece["key_mode"] == "minor")
        or piece["name"] == "3/it's 3.mp3"
    }
    assert {hit.path for hit in hits} == passing


def test_conditions_may_name_every_reading(library: Library) -> None:
    where = "tension > .3 and emotion_fear > .4 and mode = 'dorian' and sounds_like = 'film score'"
    hits = find(library, mood="tense", where=where, count=500)
    passing = {
        one["path"]
        for one in library.pieces
        if one["tension"] > 0.4 and one["mode"] == "dorian" and one["sounds_like"] == "film score"
    }
    assert {hit.path for hit in hits} == passing != set()


@pytest.mark.parametrize(
    "where",
    [
        "duration <",
        "colour = 'red'",
        "name = 'it's'",
        "duration < 3; drop table",
        "1 = ",
        "1=1) OR (1=1",
    ],
)
def test_conditions_that_make_no_sense_are_refused(library: Library, where: str) -> None:
    for moments in (False, True):
        with raises(CatalogError, "bad_filter"):
            find(library, mood="sad", where=where, moments=moments)


@pytest.mark.parametrize(
    "where",
    [
        "1/0 = 1",
        "size / (size - size) > 1",
        "cast(name as int) > 1",
        "valence+" * 900 + "1 > 0",
        "not " * 900 + "true",
        " or ".join(f"valence > {number}" for number in range(900)),
        "(" * 900 + "1" + ")" * 900 + " > 0",
    ],
    ids=lambda where: where[:20],
)
def test_conditions_that_cannot_be_computed_are_told_as_such(library: Library, where: str) -> None:
    with raises(CatalogError, "bad_filter") as caught:
        find(library, mood="sad", where=where)
    assert "--rebuild" not in str(caught.value)


def test_long_lists_of_names_are_no_long_conditions(library: Library) -> None:
    names = ", ".join(f"'{n % 7}/it''s {n}-x+y*z.mp3'" for n in range(900))
    assert len(find(library, mood="sad", where=f"name not in ({names})")) > 0


@pytest.mark.parametrize("unwanted", ["gloomy", "very tense, dark"])
def test_nothing_typical_of_the_unwanted_is_found(library: Library, unwanted: str) -> None:
    hits = find(library, mood="tragic", unwanted=unwanted, count=500)
    emotions = library.space.emotion(describe(Lexicon().parse(unwanted)))
    fits = library.space.fit(library.space.find(emotions, library.points), emotions)
    typical = (fits >= TYPICAL).any(axis=0)
    assert set(numbers(library, hits)) == set(np.flatnonzero(~typical).tolist())
    assert typical.any()
    # It would have come first.
    assert typical[numbers(library, find(library, mood="tragic", count=3))].any()


def test_more_candidates_are_taken_if_too_few_are_left(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"mood": "tragic", "unwanted": "gloomy, dark", "count": 10}
    wanted = find(library, **asked)
    monkeypatch.setattr(scoring, "CANDIDATES", 3)
    monkeypatch.setattr(scoring, "DEPTH", 1)
    assert len(find(library, **asked)) == len(wanted) == 10


# Moments


def test_moments_are_the_best_of_each_piece(library: Library) -> None:
    hits = find(library, mood="very tense", moments=True, count=12)
    emotion = library.space.emotion(describe(Lexicon().parse("very tense")))
    exact = library.space.find(emotion, library.moment_points)[0].reshape(-1, MOMENTS)
    best = np.argsort(exact.min(axis=1), kind="stable")[:12]
    assert numbers(library, hits) == best.tolist()
    assert [hit.start for hit in hits] == (9.0 * exact[best].argmin(axis=1)).tolist()
    assert all(hit.end - hit.start == 9 for hit in hits)
    row = library.moments[MOMENTS * best[0] + int(exact[best[0]].argmin())]
    assert hits[0].valence == pytest.approx(row["valence"])


def test_conditions_on_moments_are_asked_of_their_pieces(library: Library) -> None:
    hits = find(library, mood="sad", moments=True, where="duration < 100", count=500)
    short = {piece["path"] for piece in library.pieces if piece["duration"] < 100}
    assert {hit.path for hit in hits} == short


def test_radius_on_moments_is_asked_of_them(library: Library) -> None:
    hits = find(library, valence=0, arousal=0, radius=0.1, moments=True, count=500)
    assert hits
    assert all(np.hypot(hit.valence, hit.arousal) <= 0.1 + 1e-6 for hit in hits)


# By a piece


def test_like_a_piece_of_the_catalogue_needs_no_analysis(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hevner.analysis", None)
    hits = find(library, like=library.pieces[7]["path"], count=9)
    unlike = library.space.alike(library.points.where(slice(7, 8)), library.points)[0]
    assert numbers(library, hits) == np.argsort(unlike, kind="stable")[1:10].tolist()
    assert [hit.divergence for hit in hits] == pytest.approx(np.sort(unlike)[1:10], rel=1e-4)
    assert all(0 <= hit.fit <= 1 for hit in hits)


def test_like_another_file_analyses_it(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.wav"
    analyzed: list[Path] = []

    def listener(_space: object, _model: object) -> object:
        def listen(asked: Path) -> object:
            analyzed.append(asked)
            status = {"silent.wav": "silent", "talk.wav": "no_music"}.get(asked.name, "ok")
            place = library.pieces[3]["place"]
            return types.SimpleNamespace(
                piece={"status": status, "place": place, "cause": "this is speech"}
            )

        return types.SimpleNamespace(analyze=listen)

    monkeypatch.setattr(scoring, "_file_analyzer", listener)
    (hit,) = find(library, like=path, count=1)
    assert hit.path == library.pieces[3]["path"]
    assert hit.divergence == pytest.approx(0, abs=1e-3)
    assert analyzed == [path]
    with raises(AudioError, "silent", subject="silent.wav"):
        find(library, like=tmp_path / "silent.wav")
    with raises(AudioError, "no_music", subject="talk.wav"):
        find(library, like=tmp_path / "talk.wav")


def test_file_that_changed_since_is_analysed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = tmp_path / "song.mp3"
    song.write_text("as it was")
    known = build(tmp_path / "catalog", count=3)
    status = song.stat()
    stamp = {"size": status.st_size, "mtime": status.st_mtime_ns, "changed": status.st_ctime_ns}
    with writing(known.catalog) as writer:
        writer.put([{**known.pieces[0], "id": "song", "path": str(song), **stamp}], [])
    known.catalog.refresh()
    analyzed: list[Path] = []

    def listen(path: Path) -> object:
        analyzed.append(path)
        return types.SimpleNamespace(piece={"status": "ok", "place": known.pieces[1]["place"]})

    monkeypatch.setattr(
        scoring, "_file_analyzer", lambda _space, _model: types.SimpleNamespace(analyze=listen)
    )
    assert find(known, like=song, count=1)[0].path == known.pieces[0]["path"]
    assert analyzed == []
    song.write_text("and as it is now")
    assert find(known, like=song, count=1)[0].path == known.pieces[1]["path"]
    song.write_text("as it is.")
    os.utime(song, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert song.stat().st_size == status.st_size
    assert find(known, like=song, count=1)[0].path == known.pieces[1]["path"]
    assert analyzed == [song, song]


# By a course


@pytest.mark.parametrize("path", ["tense->calm", "sad -> very happy -> sad"])
def test_course_finds_what_moves_like_it(library: Library, path: str) -> None:
    hits = find(library, path=path, count=15)
    wanted = Query.of(path=path).course
    assert wanted is not None
    moved = wanted.points - wanted.mean[:, None]
    moved *= LARGEST / np.sqrt((moved**2).mean())  # it is larger than that
    exact = []
    for piece in library.pieces:
        level = np.array([piece["valence"], piece["arousal"]], np.float32) - wanted.mean
        around = np.asarray(piece["curve"], np.float32).reshape(2, CURVE_POINTS) - moved
        apart = level[:, None] + MOVEMENT * around
        exact.append(np.sqrt((apart**2).sum(axis=0).mean()))
    assert numbers(library, hits) == np.argsort(exact, kind="stable")[:15].tolist()
    assert [hit.divergence for hit in hits] == pytest.approx(np.sort(exact)[:15], rel=1e-4)
    assert {hit.fit for hit in hits} == {None}


def test_a_flat_piece_wins_no_course(tmp_path: Path) -> None:
    few = build(tmp_path / "catalog", count=4)
    wanted = Query.of(path="tense->calm").course
    assert wanted is not None
    around = wanted.points - wanted.mean[:, None]
    moved = (0, -0.15, 0.15, 0.15)  # flat, the other way, a part of what is wanted, and elsewhere
    levels = wanted.mean + np.array([(0, 0), (0, 0), (0, 0), (0.2, 0.2)], np.float32)
    columns = [
        {
            **piece,
            "valence": float(level[0]),
            "arousal": float(level[1]),
            "curve": (share * around).reshape(-1).astype(np.float16),
        }
        for piece, level, share in zip(few.pieces, levels, moved, strict=True)
    ]
    with writing(few.catalog) as writer:
        writer.remove([(piece["path"], piece["id"]) for piece in few.pieces])
    with writing(few.catalog) as writer:
        writer.put(columns, [])
    few.catalog.refresh()
    assert numbers(few, find(few, path="tense->calm")) == [2, 3, 1]
    query = Query.of(path="tense->calm", where=f"id = '{few.pieces[0]['id']}'")
    assert search.search(few.catalog, query) == []
    assert "moves" in why_nothing(few.catalog, query)


# Hits that differ


@given(
    arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 5)),
    st.randoms(use_true_random=False),
)
def test_diverse_choice_follows_its_formula(cost: np.ndarray, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    places = rng.normal(size=(len(cost), 2))
    unlike = np.linalg.norm(places[:, None] - places, axis=2)

    def near(distances: np.ndarray) -> np.ndarray:
        typical = np.median(distances) or distances.max() or 1
        return np.exp(-distances / typical)

    relevance, likeness = near(cost - cost.min()), near(unlike)
    chosen: list[int] = [int(np.argmax(relevance))]
    while len(chosen) < len(cost):
        left = [one for one in range(len(cost)) if one not in chosen]
        values = [
            RELEVANCE * relevance[one] - (1 - RELEVANCE) * max(likeness[one, c] for c in chosen)
            for one in left
        ]
        chosen.append(left[int(np.argmax(values))])
    found = diverse(cost, unlike)
    assert len(set(found)) == len(found) == len(chosen)
    assert found == chosen


def test_diverse_hits_differ_more_and_begin_with_the_best(library: Library) -> None:
    plain = find(library, mood="calm", count=8)
    spread = find(library, mood="calm", count=8, diverse=True)
    assert spread[0] == plain[0]

    def apart(hits: list[Hit]) -> float:
        chosen = library.points.where(np.array(numbers(library, hits)))
        return float(library.space.alike(chosen, chosen).mean())

    assert apart(spread) > apart(plain)


# Nothing to find


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"mood": "sad", "where": "duration < 1"}, "passes the filter 'duration < 1'"),
        ({"valence": 1, "arousal": -1, "radius": 0.001}, "No piece lies within the radius"),
        (
            {"valence": 1, "arousal": -1, "radius": 0.001, "moments": True},
            "No moment lies within the radius",
        ),
        (
            {"valence": 0, "arousal": 0, "radius": 0.2, "where": "name = '6/it''s 153.mp3'"},
            "No piece within the radius passes the filter",
        ),
    ],
)
def test_reason_for_finding_nothing_is_told(library: Library, asked: dict, reason: str) -> None:
    assert find(library, **asked) == []
    assert reason in why_nothing(library.catalog, Query.of(**asked))


def test_all_that_is_left_may_be_unwanted(library: Library) -> None:
    (first,) = find(library, mood="very sad", count=1)
    name = first.name.replace("'", "''")
    asked = {"mood": "sad", "unwanted": "very sad", "where": f"name = '{name}'"}
    assert find(library, **asked) == []
    assert "typical of 'very sad'" in why_nothing(library.catalog, Query.of(**asked))


def test_empty_catalogue_is_searched_in_vain(tmp_path: Path) -> None:
    empty = build(tmp_path / "catalog", count=2)
    with writing(empty.catalog) as writer:
        writer.remove([(piece["path"], piece["id"]) for piece in empty.pieces])
    empty.catalog.refresh()
    for asked in ({"mood": "sad"}, {"mood": "sad", "moments": True, "diverse": True}):
        assert find(empty, **asked) == []
        assert "holds no music" in why_nothing(empty.catalog, Query.of(**asked))


def test_files_of_the_same_content_are_one_hit(tmp_path: Path) -> None:
    twice = build(tmp_path / "catalog", count=12)
    copy = {**twice.pieces[4], "path": "/music/copy.mp3", "name": "copy.mp3"}
    with writing(twice.catalog) as writer:
        writer.put([copy], [])
    twice.catalog.refresh()
    for moments in (False, True):
        hits = find(twice, mood="sad", count=50, moments=moments)
        assert len(hits) == 12


# The other direction


def at(valence: float, arousal: float, spread: float = 0.1) -> Position:
    return Position(valence, arousal, spread, spread)


def test_words_for_a_piece_are_ranked_by_what_they_say_of_it(library: Library) -> None:
    number = int(np.argmin([piece["valence"] + piece["arousal"] for piece in library.pieces]))
    music = library.points.where(slice(number, number + 1))
    words = emotions_of(library.space, music, at(-0.6, -0.6))
    assert [one.divergence for one in words] == sorted(one.divergence for one in words)
    assert len({one.word for one in words}) == len(words)
    assert {one.word for one in words[:12]} & {"sad", "gloomy", "brooding", "tragic", "poignant"}
    assert not {one.word for one in words} & {"happy", "excited", "tense", "calm"}
    assert not {one.word for one in words} & {"film", "heavy", "christmas"}


@pytest.mark.parametrize(
    ("distance", "spread", "least", "most"),
    [
        (0.9, 0.05, 1.4, 1.4),
        (0.9, 0.6, 1.0, 1.0),  # wide intervals allow no degree
        (0.3, 0.02, 0.4, 0.7),
        (0.15, 0.02, 0.4, 0.4),
    ],
)
def test_degrees_rest_on_the_interval(
    library: Library, distance: float, spread: float, least: float, most: float
) -> None:
    """A music that all readings call extreme is told in the degrees that its interval allows."""
    values = np.array([[piece["valence"], piece["arousal"]] for piece in library.pieces])
    music = library.points.where(np.array([int(values.sum(axis=1).argmin())]))
    factors = {one.name: one.factor for one in DEGREES}
    side = -distance / np.sqrt(2)
    words = emotions_of(library.space, music, at(side, side, spread))
    said = {factors[one.degree] for one in words if one.word in ("sad", "gloomy", "poignant")}
    assert least <= min(said) <= max(said) <= most


def test_nothing_is_said_of_what_may_lie_anywhere(library: Library) -> None:
    music = library.points.where(slice(5, 6))
    assert emotions_of(library.space, music, at(0.05, -0.05, 0.5)) == []


def test_words_that_are_not_sure_are_perhaps(library: Library) -> None:
    music = library.points.where(slice(5, 6))
    words = emotions_of(library.space, music, at(-0.3, -0.3, 0.3))
    assert words
    assert all(str(one).startswith("perhaps ") == (one.probability < SURE) for one in words)
    assert all(one.probability >= 0.5 for one in words)
