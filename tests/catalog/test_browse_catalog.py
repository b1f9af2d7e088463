"""A catalogue as a table."""

from __future__ import annotations

import pytest

from hevner.catalog.browse import GROUPS, grouped, listed, sorted_by
from hevner.catalog.columns import SOUNDS
from hevner.catalog.faults import HIDDEN
from hevner.catalog.query import Query
from hevner.catalog.search import SearchableCatalog, search
from hevner.errors import CatalogError, HevnerError
from tests.catalog.library import Library, build
from tests.errors import raises


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("tagged") / "catalog", count=60, tags=True)


def test_all_rows_and_columns_are_listed(tagged: Library) -> None:
    table = listed(tagged.catalog)
    assert table.num_rows == len(tagged.pieces) + 2
    assert not {*HIDDEN} & {*table.column_names}
    by_path = {row["path"]: row for row in table.to_pylist()}
    for piece in tagged.pieces:
        for name in ("title", "artist", "year", "track", "key", "tags"):
            assert by_path[piece["path"]][name] == piece[name]


def test_filters_and_columns_are_as_asked_for(tagged: Library) -> None:
    table = listed(tagged.catalog, "year = 1991 AND artist = 'Artist 1'", ("title", "year"))
    assert table.column_names == ["title", "year"]
    expected = [
        p["title"] for p in tagged.pieces if p["year"] == 1991 and p["artist"] == "Artist 1"
    ]
    assert sorted(table["title"].to_pylist()) == sorted(expected)
    assert expected
    with raises(CatalogError, "unknown_column"):
        listed(tagged.catalog, "", ("colour",))
    with raises(CatalogError, "bad_filter"):
        listed(tagged.catalog, "colour = 1")


def test_nulls_come_last_in_both_orders(tagged: Library) -> None:
    table = listed(tagged.catalog, SOUNDS, ("genre", "track", "tags"))
    for reverse in (False, True):
        genres = sorted_by(table, ["genre", "track"], reverse)["genre"].to_pylist()
        known = [genre for genre in genres if genre]
        assert genres[len(known) :] == [None] * 20
        assert known == sorted(known, reverse=reverse)
    for column in ("tags", "colour"):
        with raises(CatalogError, "unknown_column"):
            sorted_by(table, [column])


@pytest.mark.parametrize("by", GROUPS)
def test_groups_hold_every_piece(by: str, tagged: Library) -> None:
    table = grouped(tagged.catalog, [by], SOUNDS)
    sizes = table["pieces"].to_pylist()
    assert sizes == sorted(sizes, reverse=True)
    tags = sum(len(piece["tags"]) for piece in tagged.pieces)
    assert sum(sizes) == (tags if by == "mood" else len(tagged.pieces))


def test_a_group_is_of_its_pieces(tagged: Library) -> None:
    for row in grouped(tagged.catalog, ["folder"], SOUNDS).to_pylist():
        own = [piece for piece in tagged.pieces if piece["name"].startswith(f"{row['folder']}/")]
        assert row["pieces"] == len(own)
        assert row["minutes"] == pytest.approx(sum(p["duration"] for p in own) / 60, rel=1e-5)
        assert row["valence"] == pytest.approx(sum(p["valence"] for p in own) / len(own), abs=1e-6)
    moods = grouped(tagged.catalog, ["mood"], SOUNDS).to_pylist()
    assert [(row["mood"], row["pieces"]) for row in moods] == [("calm", 40), ("happy", 20)]
    # An album is of its album artist, or else of its artist.
    albums = grouped(tagged.catalog, ["album"], SOUNDS).to_pylist()
    assert {(row["album"], row["album_artist"]) for row in albums} == {
        (f"Album {n}", f"Artist {n % 5}") for n in range(10)
    }
    both = grouped(tagged.catalog, ["artist", "year"], SOUNDS)
    assert both.num_rows == 15
    with raises(CatalogError, "unknown_group"):
        grouped(tagged.catalog, ["colour"])


def test_a_filter_alone_lists_by_name(tagged: Library) -> None:
    hits = search(tagged.catalog, Query.of(where="year = 1990", count=7))
    names = sorted(piece["name"] for piece in tagged.pieces if piece["year"] == 1990)
    assert [hit.name for hit in hits] == names[:7]
    assert {hit.divergence for hit in hits} == {None}
    assert {hit.year for hit in hits} == {1990}
    for more in ({"moments": True}, {"diverse": True}, {"unwanted": "sad"}):
        with raises(HevnerError, "nothing_wanted"):
            Query.of(where="year = 1990", **more)


def test_the_open_catalogue_has_it_all(tagged: Library) -> None:
    catalog = SearchableCatalog(tagged.catalog.folder, tagged.space)
    assert catalog.to_arrow("year = 1990", ("title",)).num_rows == 20
    assert (
        catalog.search(where="year = 1990", count=3)
        == catalog.search(where="year = 1990", count=9)[:3]
    )
    with pytest.raises(TypeError):
        catalog.search(colour="red")  # type: ignore[call-arg]


def test_a_data_frame_has_the_same_rows(tagged: Library) -> None:
    pytest.importorskip("pandas")
    catalog = SearchableCatalog(tagged.catalog.folder, tagged.space)
    frame = catalog.to_frame(SOUNDS, ("title", "valence"))
    assert list(frame.columns) == ["title", "valence"]
    assert len(frame) == 60
