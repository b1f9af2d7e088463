"""What a catalogue keeps and finds."""

from __future__ import annotations

import dataclasses
import shlex
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from hevner.catalog import header, tables
from hevner.catalog.analyze_file import places
from hevner.catalog.catalog import Catalog
from hevner.catalog.writer import create, writing
from hevner.errors import CatalogError
from hevner.model.description import Description
from hevner.model.space import Points
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


def column(
    catalog: Catalog, query: object, count: int, where: str | None = None, name: str = "path"
) -> list[str]:
    """A column of the candidates for a vector."""
    found = catalog.candidates(np.asarray(query, np.float32), count, where)
    return [row[name] for row in catalog.fetch(found.rows.tolist(), [name])]


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
    found = catalog.candidates(query, 5)
    order = [int(path) for path in column(catalog, query, 5)]
    for name in ("correlated", "mean", "variance"):
        stored = getattr(found.points, name)
        np.testing.assert_array_equal(stored, getattr(points, name)[order])


def test_candidates_are_those_of_the_largest_inner_products(tmp_path: Path) -> None:
    points = musics(300)
    catalog = many(tmp_path, points)
    query = SPACE.query_vectors(SPACE.emotion(Description.of(point=[[0.6, -0.4]])))[0]
    products = SPACE.music_vectors(points) @ query
    numbers = [int(path) for path in column(catalog, query, 20)]
    np.testing.assert_allclose(products[numbers], np.sort(products)[::-1][:20], rtol=1e-5)


def test_fetch_keeps_the_order_asked_for(tmp_path: Path) -> None:
    catalog = filled(tmp_path, [piece(n) for n in range(6)])
    query = np.asarray(piece(1)["vector"])
    rows, paths = catalog.candidates(query, 6).rows.tolist(), column(catalog, query, 6)
    for order in ([0, 1, 2], [5, 0, 3], []):
        fetched = catalog.fetch([rows[n] for n in order], ["path"])
        assert [row["path"] for row in fetched] == [paths[n] for n in order]


def test_what_has_no_place_is_never_found(tmp_path: Path) -> None:
    nothing = {"vector": None, "place": None}
    silent = piece(2, status="silent", **nothing)
    failed = piece(3, status="failed", cause="noise", **nothing)
    catalog = filled(tmp_path, [piece(1), silent, failed])
    assert column(catalog, piece(1)["vector"], 9, name="name") == ["1.mp3"]


def test_filters_come_first(tmp_path: Path) -> None:
    pieces = [piece(n, key_mode="minor" if n % 9 == 0 else "major") for n in range(1, 40)]
    catalog = filled(tmp_path, pieces)
    query = np.asarray(piece(1)["vector"])
    where = "key_mode = 'minor' AND duration < 130"
    assert len(catalog.candidates(query, 2, where).rows) == 2
    assert sorted(column(catalog, query, 99, where, "name")) == ["18.mp3", "27.mp3", "9.mp3"]
    tagged = filled(tmp_path / "tags", [piece(1, tags=["calm"]), piece(2, tags=["sad"])])
    assert column(tagged, query, 9, "array_has(tags, 'sad')", "name") == ["2.mp3"]
    assert not len(tagged.candidates(query, 9, "duration < 0").rows)


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
    found = catalog.candidates(query, 1, table="moments")
    shown = catalog.fetch(found.rows.tolist(), ["piece", "start"], "moments")
    assert shown == [{"piece": "a", "start": 9.0}]


def test_many_small_changes_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "KEPT", timedelta(milliseconds=1))
    catalog = create(tmp_path, SPACE)
    with writing(catalog) as writer:
        for number in range(6):
            writer.put([piece(number)], [])
        # Old files go by the clock of the system, which may be set back meanwhile.
        for _ in range(100):
            time.sleep(0.05)
            writer.tidy()
            if len(list((tmp_path / "pieces.lance" / "data").iterdir())) == 1:
                break
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
