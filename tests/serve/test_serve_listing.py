"""The listing of a catalogue: all pieces in columns, in one compact answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from hevner.catalog.writer import create, writing
from hevner.serve import listing
from tests import joint_world
from tests.catalog import made_up
from tests.catalog.library import Library, build
from tests.serve.servers import Running, running, settings, snapshot, wait_for
from tests.serve.test_serve_guard import BEARER, TOKEN

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\u202etxt.exe\u2066",
    "مرحبا بالعالم",
    "🎻" * 40,
    'quo"te\\back\u0000\u2028',
    "x" * 500,
]


def columns_of(server: Running, page: int = 0) -> dict[str, list[Any]]:
    answer = server.get(f"/catalog/listing?page={page}")
    assert answer.status == 200, answer.body
    columns: dict[str, list[Any]] = listing.Listing(**answer.json).columns.model_dump()
    return columns


def test_all_pieces_are_listed_in_columns(server: Running, music: Library) -> None:
    columns = columns_of(server)
    assert {len(values) for values in columns.values()} == {300}
    pieces = {piece["id"]: piece for piece in music.pieces}
    assert columns["name"] == sorted(piece["name"] for piece in music.pieces)
    for name in ("valence", "arousal", "tension", "duration", "tempo"):
        expected = [pieces[id][name] for id in columns["id"]]
        near = 0.051 if name in ("duration", "tempo") else 0.000_051
        assert columns[name] == pytest.approx(expected, abs=near), name
    assert columns["title"] == [None] * 300
    assert columns["cover"] == [False] * 300
    assert "path" not in columns


def test_metadata_is_listed(tmp_path: Path, state: Path) -> None:
    library = build(tmp_path / "catalog", 20, tags=True)
    with running(settings(state), snapshot(tmp_path / "catalog")) as server:
        columns = columns_of(server)
    pieces = {piece["id"]: piece for piece in library.pieces}
    for name in ("title", "artist", "album", "album_artist", "track", "year", "genre", "tags"):
        assert columns[name] == [pieces[id][name] for id in columns["id"]], name
    assert columns["cover"] == [pieces[id]["cover"] is not None for id in columns["id"]]


def test_early_catalogues_lack_some(tmp_path: Path, state: Path) -> None:
    build(tmp_path / "catalog", 5, intervals=False)
    with running(settings(state), snapshot(tmp_path / "catalog")) as server:
        assert columns_of(server)["tension"] == [None] * 5


def test_it_is_compressed_for_who_accepts_it(server: Running) -> None:
    plain = server.get("/catalog/listing")
    packed = server.get("/catalog/listing", headers={"Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2


def test_pages_hold_all(server: Running, music: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = columns_of(server)["id"]
    monkeypatch.setattr(listing, "ROWS", 128)
    fresh = snapshot(Path(str(music.catalog.folder)))
    pages = [json.loads(gzip.decompress(fresh.packed(n, listing._packed))) for n in range(4)]
    assert [id for page in pages for id in page["columns"]["id"]] == whole
    assert [len(page["columns"]["id"]) for page in pages] == [128, 128, 44, 0]
    assert {page["total"] for page in pages} == {300}


@pytest.mark.parametrize("page", ["-1", "10001", "x", "1e3", ""])
def test_pages_are_numbers(server: Running, page: str) -> None:
    assert server.get(f"/catalog/listing?page={page}").status == 422


def test_an_empty_catalogue_and_none(tmp_path: Path, state: Path) -> None:
    create(tmp_path / "empty", joint_world.space())
    with running(settings(state), snapshot(tmp_path / "empty")) as server:
        assert set(map(len, columns_of(server).values())) == {0}
    with running(settings(state)) as server:
        answer = server.get("/catalog/listing")
        assert (answer.status, answer.kind) == (404, "no_catalog")


def test_copies_are_listed_once_under_the_first_of_their_names(tmp_path: Path, state: Path) -> None:
    catalog = create(tmp_path / "catalog", joint_world.space())
    with writing(catalog) as writer:
        copies = [made_up.piece(1, name=name, path=f"/music/{name}") for name in "cab"]
        writer.put([*copies, made_up.piece(2, name="d")], [])
    with running(settings(state), snapshot(tmp_path / "catalog")) as server:
        assert columns_of(server)["name"] == ["a", "d"]


def test_hostile_names_stay_what_they_are(tmp_path: Path, state: Path) -> None:
    catalog = create(tmp_path / "catalog", joint_world.space())
    with writing(catalog) as writer:
        rows = [made_up.piece(n, title=text, artist=text) for n, text in enumerate(HOSTILE)]
        writer.put(rows, [])
    with running(settings(state), snapshot(tmp_path / "catalog")) as server:
        columns = columns_of(server)
    assert columns["title"] == columns["artist"] == HOSTILE


def test_the_version_changes_with_the_catalogue(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hevner.serve.app.LOOK_S", 0.05)
    library = build(tmp_path / "catalog", 5)
    with running(settings(state), snapshot(tmp_path / "catalog")) as server:

        def version() -> str:
            return str(server.get("/catalog").json["version"])

        before = version()
        assert server.get("/catalog/listing").json["version"] == before == version()
        with writing(library.catalog) as writer:
            writer.put([made_up.piece(99)], [])
        wait_for(lambda: version() != before)
        listed = server.get("/catalog/listing").json
    assert listed["version"] != before
    assert listed["total"] == len(listed["columns"]["id"]) == 6


def test_it_needs_the_token(state: Path, music: Library) -> None:
    with running(settings(state, token=TOKEN), snapshot(Path(str(music.catalog.folder)))) as server:
        assert server.get("/catalog/listing").status == 401
        assert server.get("/catalog/listing", headers=BEARER).status == 200
