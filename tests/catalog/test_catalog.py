"""What a catalogue keeps and finds."""

from __future__ import annotations

import dataclasses
import shlex
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from benchmarks import catalog as benchmark
from hevner.catalog import header, tables
from hevner.catalog.analyze_file import places
from hevner.catalog.catalog import Catalog
from hevner.catalog.tables import DISTANCE, ROW
from hevner.catalog.writer import create, writing
from hevner.errors import CatalogError
from hevner.model.description import Description
from hevner.model.space import Points, load
from tests import joint_world
from tests.catalog.made_up import SPACE, musics, piece, rows
from tests.errors import raises


def filled(folder: Path, pieces: list[dict[str, object]]) -> Catalog:
    """A catalogue of rows."""
    catalog = create(folder, SPACE)
    with writing(catalog) as writer:
        writer.put(pieces, [])
    return catalog


def many(folder: Path, points: Points) -> Catalog:
    """A catalogue of musics."""
    named = ({"id": f"{n:040x}", "path": str(n)} for n in range(len(points)))
    return filled(
        folder, [{**piece(0), **n, **r} for n, r in zip(named, rows(points), strict=True)]
    )


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    known = {"valence": 0.25, "key": "A minor", "key_mode": "minor", "tags": ["calm", "sad"]}
    filled(tmp_path, [piece(1, **known), piece(2, cause=None)])
    catalog = Catalog(tmp_path, SPACE)
    found = {row["path"]: row for row in catalog.listing(catalog.pieces.schema.names)}
    row = found["/music/1.mp3"]
    assert {name: row[name] for name in known} == known
    assert row["duration"] == 101.0
    assert row["arousal"] is None
    np.testing.assert_array_equal(row["place"], piece(1)["place"])
    assert found["/music/2.mp3"]["tags"] is None


def test_points_are_those_that_were_put(tmp_path: Path) -> None:
    points = musics(5)
    catalog = many(tmp_path, points)
    query = SPACE.like_vectors(points)[3]
    found = catalog.candidates(query, 5, columns=["path"])
    order = [int(path) for path in found["path"].to_pylist()]
    for name in ("correlated", "mean", "variance"):
        stored = getattr(catalog.points(found), name)
        np.testing.assert_array_equal(stored, getattr(points, name)[order])


def test_candidates_are_those_of_the_largest_inner_products(tmp_path: Path) -> None:
    points = musics(300)
    catalog = many(tmp_path, points)
    query = SPACE.query_vectors(SPACE.emotion(Description.of(point=[[0.6, -0.4]])))[0]
    products = SPACE.music_vectors(points) @ query
    found = catalog.candidates(query, 20, columns=["path"])
    assert found.column_names[:2] == ["place", "path"]
    assert {ROW, DISTANCE} <= set(found.column_names)
    numbers = [int(path) for path in found["path"].to_pylist()]
    # From far off, not from infinity: neighbours in the order may change places.
    np.testing.assert_allclose(products[numbers], np.sort(products)[::-1][:20], atol=0.02)
    assert numbers[0] == products.argmax()


def test_fetch_keeps_the_order_asked_for(tmp_path: Path) -> None:
    catalog = filled(tmp_path, [piece(n) for n in range(6)])
    found = catalog.candidates(np.asarray(piece(1)["vector"]), 6, columns=["path"])
    for order in ([0, 1, 2], [5, 0, 3], []):
        ids = [found[ROW].to_pylist()[n] for n in order]
        fetched = catalog.fetch(ids, ["path"])["path"].to_pylist()
        assert fetched == [found["path"].to_pylist()[n] for n in order]


def test_what_has_no_place_is_never_found(tmp_path: Path) -> None:
    nothing = {"vector": None, "place": None}
    silent = piece(2, status="silent", **nothing)
    failed = piece(3, status="failed", cause="noise", **nothing)
    catalog = filled(tmp_path, [piece(1), silent, failed])
    found = catalog.candidates(np.asarray(piece(1)["vector"]), 9, columns=["name"])
    assert found["name"].to_pylist() == ["1.mp3"]


def test_filters_come_first(tmp_path: Path) -> None:
    pieces = [piece(n, key_mode="minor" if n % 9 == 0 else "major") for n in range(1, 40)]
    catalog = filled(tmp_path, pieces)
    query = np.asarray(piece(1)["vector"])
    where = "key_mode = 'minor' AND duration < 130"
    found = catalog.candidates(query, 2, where, columns=["name", "duration"])
    assert len(found) == 2
    all_found = catalog.candidates(query, 99, where, columns=["name"])["name"].to_pylist()
    assert sorted(all_found) == ["18.mp3", "27.mp3", "9.mp3"]
    tagged = filled(tmp_path / "tags", [piece(1, tags=["calm"]), piece(2, tags=["sad"])])
    found = tagged.candidates(query, 9, "array_has(tags, 'sad')", columns=["name"])
    assert found["name"].to_pylist() == ["2.mp3"]
    assert tagged.candidates(query, 9, "duration < 0").num_rows == 0


@pytest.mark.parametrize(
    "where", ["loudness > 3", "duration <", "duration < 'long'", "drop table pieces", "key = 3"]
)
def test_a_filter_that_makes_no_sense_is_told_with_the_columns(where: str, tmp_path: Path) -> None:
    catalog = filled(tmp_path, [piece(1)])
    with raises(CatalogError, "bad_filter") as caught:
        catalog.candidates(np.asarray(piece(1)["vector"]), 9, where)
    assert where in caught.value.cause
    assert "duration, valence," in caught.value.remedy
    assert ".rs" not in str(caught.value)
    assert "--rebuild" not in str(caught.value)


def test_moments_are_found_with_their_piece(tmp_path: Path) -> None:
    catalog = create(tmp_path, SPACE)
    spots = [{"piece": "a", "start": 9.0 * n, "end": 9.0 * n + 9} for n in range(3)]
    moments = [{**m, **r} for m, r in zip(spots, rows(musics(3)), strict=True)]
    with writing(catalog) as writer:
        writer.put([piece(1, id="a")], moments)
    query = np.asarray(SPACE.like_vectors(musics(3))[1])
    found = catalog.candidates(query, 1, table="moments", columns=["piece", "start"])
    assert found.select(["piece", "start"]).to_pylist() == [{"piece": "a", "start": 9.0}]


def test_a_large_table_gets_an_index_that_finds_nearly_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an index and new rows beside it, the two stages find what an exact search finds."""
    monkeypatch.setattr(tables, "INDEX_ROWS", 2000)
    points = musics(4000)
    catalog = many(tmp_path, points.where(slice(0, 3000)))
    with writing(catalog) as writer:
        writer.tidy()
        index = catalog.pieces._table.list_indices()
        assert [one.name for one in index] == ["vector_3000"]
        new = [piece(0, path=str(n)) for n in range(3000, 4000)]
        later = rows(points.where(slice(3000, None)))
        writer.put([{**p, **r} for p, r in zip(new, later, strict=True)], [])
    rng = np.random.default_rng(2)
    wanted = SPACE.emotion(Description.of(point=rng.uniform(-0.7, 0.7, (40, 2))))
    exact = SPACE.find(wanted, points).argsort(axis=1)[:, :10]
    shared = 0
    for row, vector in enumerate(SPACE.query_vectors(wanted)):
        found = catalog.candidates(vector, columns=["path"])
        scores = SPACE.find(wanted.where(slice(row, row + 1)), catalog.points(found))[0]
        best = found["path"].take(scores.argsort()[:10]).to_pylist()
        shared += len({*map(int, best)} & {*exact[row].tolist()})
    assert shared / exact.size >= 0.95


def test_two_stages_find_what_an_exact_search_of_real_places_finds(tmp_path: Path) -> None:
    """The measurement of ``benchmarks/catalog.py``, with fewer pieces."""
    space = load()
    rng = np.random.default_rng(4)
    mean = benchmark.means(space, 20_000, rng)
    catalog = create(tmp_path, space)
    with writing(catalog) as writer:
        for table in benchmark.pieces(space, mean, catalog.pieces.schema, rng):
            catalog.pieces.add(table)
        writer.tidy()
    emotions = benchmark.emotions(space, 60, rng)
    vectors = space.query_vectors(emotions)
    exact = benchmark.best(space, emotions, mean).tolist()
    shared = 0
    for row, best in enumerate(exact):
        one = emotions.where(slice(row, row + 1))
        shared += len({*benchmark.search(catalog, space, one, vectors[row])} & {*best})
    assert shared / 600 >= 0.95


def test_an_index_is_made_anew_when_a_table_has_grown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "INDEX_ROWS", 100)
    catalog = create(tmp_path, SPACE)
    names = []
    with writing(catalog) as writer:
        for first, last in ((0, 99), (99, 300), (300, 1199), (1199, 1200)):
            spots = rows(musics(last - first))
            numbered = zip(range(first, last), spots, strict=True)
            writer.put([{**piece(0), "path": str(n), **r} for n, r in numbered], [])
            writer.tidy()
            names.append([index.name for index in catalog.pieces._table.list_indices()])
    assert names == [[], ["vector_300"], ["vector_300"], ["vector_1200"]]


def test_an_index_of_many_patches_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "INDEX_ROWS", 100)
    monkeypatch.setattr(tables, "PATCHES", 2)
    catalog = create(tmp_path, SPACE)
    names = []
    with writing(catalog) as writer:
        for step in range(5):
            new = [
                {**piece(0), "path": f"{step} {n}", **r} for n, r in enumerate(rows(musics(100)))
            ]
            writer.put(new[: 100 if step == 0 else 10], [])
            writer.tidy()
            names += [index.name for index in catalog.pieces._table.list_indices()]
    assert names == ["vector_100"] * 4 + ["vector_140"]


def test_many_small_changes_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "KEPT", timedelta(milliseconds=1))
    catalog = create(tmp_path, SPACE)
    with writing(catalog) as writer:
        for number in range(6):
            writer.put([piece(number)], [])
        time.sleep(0.01)
        writer.tidy()
    assert len(list((tmp_path / "pieces.lance" / "data").iterdir())) == 1
    assert Catalog(tmp_path, SPACE).pieces.count() == 6


def test_another_space_model_or_schema_is_refused_with_the_command(tmp_path: Path) -> None:
    catalog = filled(tmp_path / "it's here", [piece(1)])
    header.write(catalog.folder, dataclasses.replace(catalog.header, folders=("/my music",)))
    found = header.read(catalog.folder)
    for change, code in (
        ({"digest": "another"}, "other_space"),
        ({"model": "model=another window=15"}, "other_model"),
        ({"schema": 0}, "other_schema"),
        ({"space": "joint-2"}, "other_space"),
        ({"scale": "0..1"}, "other_scale"),
    ):
        with raises(CatalogError, code, subject=str(catalog.folder)) as caught:
            header.check(catalog.folder, found, dataclasses.replace(found, **change))  # type: ignore[arg-type]
        assert next(iter(change.values())).__str__() in caught.value.cause
        assert "hevner index '/my music' --into" in caught.value.remedy
    for change in ({"hevner": "9"}, {"folders": ("/elsewhere",)}):
        header.check(catalog.folder, found, dataclasses.replace(found, **change))  # type: ignore[arg-type]
    with raises(CatalogError, "other_space"):
        Catalog(catalog.folder, joint_world.space(2))


def test_the_command_that_rebuilds_can_be_pasted_into_a_shell() -> None:
    words = shlex.split(header.command(Path("/it's here"), ("/my music",), rebuild=True))
    assert words[-5:] == ["index", "/my music", "--into", "/it's here", "--rebuild"]


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with raises(CatalogError, "folder_not_empty", subject=str(tmp_path)):
        create(tmp_path, SPACE)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_where_there_is_no_catalogue_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    with raises(CatalogError, "file_missing") as caught:
        Catalog(tmp_path / "nowhere", SPACE)
    assert "hevner index FOLDER --into" in caught.value.remedy
    assert not (tmp_path / "nowhere").exists()


def test_the_column_place_holds_all_three_arrays() -> None:
    points = musics(2)
    found = places(points)
    assert found.dtype == np.float32
    assert found.shape == (2, 3 + 6 + 6)
    np.testing.assert_array_equal(found[:, 3:9], points.mean)
