"""The service in the place of a Subsonic server, by the published schema of its answers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest

from hevner.errors import DataError
from hevner.serve.songs import Songs, read
from tests.catalog.library import Library
from tests.errors import raises
from tests.serve.servers import Running, refused, running, settings, snapshot
from tests.serve.test_serve_guard import BEARER, TOKEN

ROOT = Path(__file__).resolve().parents[2]

TEXT, NUMBER, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
CHILD = {
    "type": "object",
    "required": ["id", "isDir", "title"],
    "properties": {
        **dict.fromkeys(("id", "title", "album", "artist", "path", "coverArt", "suffix"), TEXT),
        **dict.fromkeys(("track", "year", "size", "duration", "bitRate"), NUMBER),
        "isDir": TRUTH,
    },
}
MATCH = {
    "type": "object",
    "required": ["entry", "similarity"],
    "properties": {"entry": CHILD, "similarity": {"type": "number", "minimum": 0, "maximum": 1}},
}
SCHEMA = {
    "type": "object",
    "required": ["status", "version", "type", "serverVersion", "openSubsonic"],
    "properties": {
        "status": {"enum": ["ok", "failed"]},
        "version": {"const": "1.16.1"},
        **dict.fromkeys(("type", "serverVersion"), TEXT),
        "openSubsonic": {"const": True},
        "sonicMatch": {"type": "array", "items": MATCH},
        "error": {
            "type": "object",
            "required": ["code"],
            "properties": {
                "code": {"enum": [0, 10, 20, 30, 40, 41, 42, 43, 44, 50, 60, 70]},
                "message": TEXT,
            },
        },
    },
    "if": {"properties": {"status": {"const": "failed"}}},
    "then": {"required": ["error"]},
}
"""What the published pages of OpenSubsonic say of an answer, a Child, a sonicMatch and an error
(sonicSimilarity version 1; opensubsonic.netlify.app, read in November 2026)."""


def listed(music: Library) -> list[dict[str, Any]]:
    """What a server says of its songs: every second one of the catalogue, and one more."""
    songs = [
        {"id": f"s{number}", "title": f"Song {number}", "isDir": False, "duration": 100,
         "artist": "Somebody", "path": piece["name"]}
        for number, piece in enumerate(music.pieces) if number % 2 == 0
    ]  # fmt: skip
    return [*songs, {"id": "elsewhere", "title": "x", "isDir": False, "path": "other/x.mp3"}]


@pytest.fixture(scope="module")
def songs(music: Library, tmp_path_factory: pytest.TempPathFactory) -> Songs:
    file = tmp_path_factory.mktemp("songs") / "songs.json"
    answer = {"subsonic-response": {"status": "ok", "searchResult3": {"song": listed(music)}}}
    file.write_text(json.dumps(answer))
    return read(file, Path("/music"))


@pytest.fixture(scope="module")
def player(
    music: Library, songs: Songs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    how = settings(tmp_path_factory.mktemp("state"), token=TOKEN)
    with running(how, snapshot(music.catalog.folder), songs) as one:
        yield one


def asked(player: Running, name: str, **given: Any) -> dict[str, Any]:
    sent = urlencode({"apiKey": TOKEN, "f": "json"} | given)
    answer = player.ask("GET", f"/{name}?{sent}", api="/rest")
    assert answer.status == 200
    content: dict[str, Any] = answer.json["subsonic-response"]
    jsonschema.validate(content, SCHEMA)
    return content


def test_similar_tracks_are_the_songs_that_are_alike(player: Running, music: Library) -> None:
    matches = asked(player, "getSonicSimilarTracks", id="s4", count=5)["sonicMatch"]
    unlike = music.space.alike(music.points.where(np.array([4])), music.points)[0]
    order = [number for number in np.argsort(unlike) if number % 2 == 0 and number != 4]
    assert [match["entry"]["id"] for match in matches] == [f"s{number}" for number in order[:5]]
    assert matches[0]["entry"]["artist"] == "Somebody"
    shares = [match["similarity"] for match in matches]
    assert shares == sorted(shares, reverse=True)
    assert len(asked(player, "getSonicSimilarTracks.view", id="s4")["sonicMatch"]) == 10
    assert asked(player, "getSonicSimilarTracks", id="s4", count=0)["sonicMatch"] == []


def test_a_path_leads_from_one_song_to_the_other(player: Running, music: Library) -> None:
    valence = [piece["valence"] for piece in music.pieces[::2]]
    start, end = (f"s{2 * int(find(valence))}" for find in (np.argmin, np.argmax))
    ends = {"startSongId": start, "endSongId": end}
    matches = asked(player, "findSonicPath", **ends, count=8)["sonicMatch"]
    found = [match["entry"]["id"] for match in matches]
    assert (found[0], found[-1]) == (start, end)
    assert len(found) == len({*found})
    assert 4 <= len(found) <= 8
    assert matches[0]["similarity"] == 1.0
    place = {f"s{2 * number}": value for number, value in enumerate(valence)}
    course = [place[id] for id in found]
    # Mostly upwards: each piece is where the line is, as far as there are pieces.
    assert np.corrcoef(course, range(len(course)))[0, 1] > 0.8
    two = asked(player, "findSonicPath", **ends, count=1)["sonicMatch"]
    assert [match["entry"]["id"] for match in two] == [start, end]
    same = asked(player, "findSonicPath", startSongId=start, endSongId=start)["sonicMatch"]
    assert [match["entry"]["id"] for match in same] == [start, start]


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("getSonicSimilarTracks", {}, 10),
        ("findSonicPath", {"startSongId": "s4"}, 10),
        ("getSonicSimilarTracks", {"id": "nobody"}, 70),
        ("getSonicSimilarTracks", {"id": "elsewhere"}, 70),
        ("getSonicSimilarTracks", {"id": "s4", "count": "many"}, 0),
        ("getSonicSimilarTracks", {"id": "s4", "apiKey": "wrong"}, 44),
        ("getSonicSimilarTracks", {"id": "s4", "apiKey": ""}, 10),
        ("getSonicSimilarTracks", {"id": "s4", "apiKey": "", "u": "me", "t": "1", "s": "2"}, 43),
        ("ping", {"u": "me"}, 43),
        ("getAlbum", {"id": "1"}, 0),
    ],
)
def test_errors_have_the_codes_of_the_protocol(
    player: Running, name: str, given: dict[str, Any], code: int
) -> None:
    content = asked(player, name, **given)
    assert (content["status"], content["error"]["code"]) == ("failed", code)
    assert content["error"]["message"]


def test_the_token_comes_as_everywhere_else_too(player: Running) -> None:
    path = "/getSonicSimilarTracks?id=s4&f=json"
    for headers, status in ((BEARER, "ok"), ({}, "failed")):
        answer = player.ask("GET", path, api="/rest", headers=headers)
        assert answer.json["subsonic-response"]["status"] == status
    # Signed addresses are not for it, and an answer of the interface needs the token as before.
    assert player.ask("GET", "/catalog").status == 401


def test_extensions_are_open_to_all(player: Running) -> None:
    content = asked(player, "getOpenSubsonicExtensions", apiKey="")
    assert {"name": "sonicSimilarity", "versions": [1]} in content["openSubsonicExtensions"]


def test_xml_has_the_same(player: Running) -> None:
    sent = urlencode({"id": "s4", "count": 2, "apiKey": TOKEN})
    answer = player.ask("GET", f"/getSonicSimilarTracks?{sent}", api="/rest")
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "{http://subsonic.org/restapi}subsonic-response"
    assert (root.get("status"), root.get("openSubsonic")) == ("ok", "true")
    content = asked(player, "getSonicSimilarTracks", id="s4", count=2)
    assert [
        (one[0].get("id"), one[0].get("isDir"), float(one.get("similarity", "nan"))) for one in root
    ] == [(one["entry"]["id"], "false", one["similarity"]) for one in content["sonicMatch"]]


def test_a_server_without_songs_has_no_such_addresses(server: Running) -> None:
    assert server.ask("GET", "/ping?f=json", api="/rest").status == 404


def test_songs_are_read_from_csv_too(tmp_path: Path) -> None:
    with (tmp_path / "songs.csv").open("w", newline="") as file:
        rows = [["id", "path", "title"], ["1", "a/b.mp3", ""], ["2", "c.mp3", "C"]]
        csv.writer(file).writerows(rows)
    found = read(tmp_path / "songs.csv", tmp_path)
    assert found.paths == {"1": str(tmp_path / "a" / "b.mp3"), "2": str(tmp_path / "c.mp3")}
    assert [one["title"] for one in found.entries.values()] == ["b", "C"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", "{}"), ("a.json", "[{}]"), ("a.json", "["), ("a.csv", "name,path\nx,y\n")],
)
def test_other_files_are_no_songs(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with raises(DataError, "not_a_song_list", subject=str(tmp_path / name)):
        read(tmp_path / name, tmp_path)
    with raises(DataError, "not_a_song_list"):
        read(tmp_path / "missing.csv", tmp_path)


def test_songs_of_another_place_are_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "songs.csv").write_text("id,path\n1,a.mp3\n")
    done = refused("serve", "--subsonic", str(tmp_path / "songs.csv"))
    assert done.exit_code == 2
    assert "it needs a catalogue" in done.stderr


def test_the_page_shows_what_is_answered(player: Running) -> None:
    page = (ROOT / "docs" / "opensubsonic.md").read_text(encoding="utf-8")
    (path,) = re.findall(r'127\.0\.0\.1:8765(/rest/\S+apiKey=)SECRET"', page)
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    answer = player.ask("GET", path + quote(TOKEN), api="").json["subsonic-response"]
    expected = json.loads(shown)["subsonic-response"]
    (mine,), (match,) = answer["sonicMatch"], expected["sonicMatch"]
    assert mine["similarity"] == pytest.approx(match["similarity"], abs=0.01)
    assert mine["entry"] == match["entry"]
    same = ("status", "version", "type", "openSubsonic")
    assert [answer[name] for name in same] == [expected[name] for name in same]
    assert answer.keys() == expected.keys()
