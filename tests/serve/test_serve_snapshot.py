"""What a server finds is what is found on disk."""

from __future__ import annotations

import pytest

from hevner.catalog.catalog import Catalog
from hevner.catalog.playlist import make_playlist
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.words import Lexicon
from hevner.words.describing import describe
from tests.catalog.library import Library


@pytest.fixture(scope="module")
def both(music: Library) -> tuple[CatalogSnapshot, Catalog]:
    wanted = music.space
    return CatalogSnapshot(music.catalog.folder, wanted), Catalog(music.catalog.folder, wanted)


def test_playlists_are_the_same(both: tuple[CatalogSnapshot, Catalog], music: Library) -> None:
    ends = [music.space.emotion(describe(Lexicon().parse(word))) for word in ("tense", "very calm")]
    ours, theirs = (make_playlist(one, *ends, 1800.0) for one in both)  # type: ignore[call-arg]
    assert [hit.path for hit in ours] == [hit.path for hit in theirs]
