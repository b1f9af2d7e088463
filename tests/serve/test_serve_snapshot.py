"""Pieces held in memory are found as those on disk are."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.catalog.catalog import Catalog
from hevner.catalog.playlist import make_playlist
from hevner.catalog.tables import ROW
from hevner.serve import catalog_snapshot
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests.catalog.library import Library

WANTED = ("id", "path", "name", "valence", "key")


@pytest.fixture(scope="module")
def both(music: Library) -> tuple[CatalogSnapshot, Catalog]:
    wanted = music.space
    return CatalogSnapshot(music.catalog.folder, wanted), Catalog(music.catalog.folder, wanted)


def vectors(music: Library) -> np.ndarray:
    feelings = Lexicon().parse("very happy, slightly tense, sad, calm")
    return music.space.query_vectors(music.space.emotion(describe(feelings)))


@pytest.mark.parametrize("where", [None, "duration < 200", "key_mode = 'minor'", "duration < 0"])
@pytest.mark.parametrize("count", [1, 20, 5000])
def test_candidates_are_those_of_the_largest_products(
    both: tuple[CatalogSnapshot, Catalog], music: Library, where: str | None, count: int
) -> None:
    ours, theirs = both
    passing = {row["id"] for row in theirs.listing(["id"], where)}
    pieces = [piece for piece in music.pieces if piece["id"] in passing]
    for vector in vectors(music):
        found = ours.candidates(vector, count, where, columns=("id", "valence", "curve"))
        best = sorted(pieces, key=lambda piece: -float(piece["vector"] @ vector))[:count]
        assert found["id"].to_pylist() == [piece["id"] for piece in best]
        assert found["valence"].to_pylist() == pytest.approx([piece["valence"] for piece in best])
        assert [list(curve) for curve in found["curve"].to_pylist()] == [
            list(piece["curve"]) for piece in best
        ]
        places = [piece["place"] for piece in best]
        points = ours.points(found)
        found_places = np.concatenate([points.correlated, points.mean, points.variance], axis=1)
        assert np.array_equal(found_places, np.array(places).reshape(found_places.shape))


def test_what_is_shown_is_the_same(both: tuple[CatalogSnapshot, Catalog], music: Library) -> None:
    ours, theirs = both
    rows = theirs.candidates(vectors(music)[0], 50)[ROW].to_pylist()
    assert ours.fetch(rows, WANTED).to_pylist() == theirs.fetch(rows, WANTED).to_pylist()
    more = (*WANTED, "key_mode")
    assert ours.fetch(rows, more).to_pylist() == theirs.fetch(rows, more).to_pylist()
    assert ours.fetch([], WANTED).num_rows == 0


def test_playlists_are_the_same(both: tuple[CatalogSnapshot, Catalog], music: Library) -> None:
    ends = [music.space.emotion(describe(Lexicon().parse(word))) for word in ("tense", "very calm")]
    ours, theirs = (make_playlist(one, *ends, 1800.0) for one in both)
    assert [hit.path for hit in ours] == [hit.path for hit in theirs]


def test_too_many_pieces_are_left_to_the_index(
    music: Library, both: tuple[CatalogSnapshot, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_snapshot, "MOST", 10)
    many = CatalogSnapshot(music.catalog.folder, music.space)
    assert "place" not in many.rows.column_names
    vector = vectors(music)[0]
    assert (
        many.candidates(vector, 20)[ROW].to_pylist()
        == both[1].candidates(vector, 20)[ROW].to_pylist()
    )
    assert many.fetch([], WANTED).num_rows == 0


def test_moments_are_left_to_the_index(
    both: tuple[CatalogSnapshot, Catalog], music: Library
) -> None:
    ours, theirs = both
    vector = vectors(music)[1]
    found = ours.candidates(vector, 9, table="moments")
    assert found[ROW].to_pylist() == theirs.candidates(vector, 9, table="moments")[ROW].to_pylist()
    shown = ours.fetch(found[ROW].to_pylist(), ("piece", "start"), "moments")
    assert shown.num_rows == 9
