"""Playlists for players, and going on from one that is there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from hevner.errors import DataError
from hevner.hits import Hit
from hevner.output.playlists import Existing, playlist_as
from tests.errors import raises

XSPF = "{http://xspf.org/ns/0/}"
SONG = Hit(
    "/music/a b/ö #1?.mp3", "a b/ö #1?.mp3", 181.26, 0.5, -0.25, None, 1.0, 0.9,
    title="Öne <1>", artist="A & B", album="Al", track=3,
)  # fmt: skip
MOMENT = Hit("/music/two.mp3", "two.mp3", 3700, 0.1, 0.2, None, 0.5, None, 62.0, 71.0)


def tracks(text: str) -> list[dict[str, str]]:
    root = ElementTree.fromstring(text)
    assert (root.tag, root.get("version")) == (f"{XSPF}playlist", "1")
    (found,) = root
    assert found.tag == f"{XSPF}trackList"
    return [{part.tag.removeprefix(XSPF): part.text or "" for part in one} for one in found]


def test_xspf_and_jspf_hold_the_same() -> None:
    xml = tracks(playlist_as("xspf", [SONG, MOMENT]))
    assert xml[0] == {
        "location": "file:///music/a%20b/%C3%B6%20%231%3F.mp3",
        "title": "Öne <1>",
        "creator": "A & B",
        "album": "Al",
        "trackNum": "3",
        "duration": "181260",
    }
    assert unquote(urlsplit(xml[0]["location"]).path) == SONG.path
    assert (xml[1]["title"], xml[1]["duration"]) == ("two (1:02)", "9000")
    shown = json.loads(playlist_as("jspf", [SONG, MOMENT]))["playlist"]["track"]
    for track, other in zip(shown, xml, strict=True):
        assert track["location"] == [other["location"]]
        assert {k: str(v) for k, v in track.items() if k != "location"} == {
            k: v for k, v in other.items() if k != "location"
        }


def test_addresses_below_the_list_are_relative(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    inside = dataclasses.replace(SONG, path=str(folder / "s b" / "x.mp3"))
    (track,) = tracks(playlist_as("xspf", [inside], folder / "list.xspf"))
    assert track["location"] == "s%20b/x.mp3"


@pytest.mark.parametrize("title", ["a\0b", "\x1b[31m", "\udcff", "]]>", "\ufffe"])
def test_no_title_breaks_xml(title: str) -> None:
    (track,) = tracks(playlist_as("xspf", [dataclasses.replace(SONG, title=title)]))
    assert track["title"]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "old.m3u8"
    path.write_text(
        "#EXTM3U\n#PLAYLIST:Evening\n#EXTINF:100,Ada - One\nsub/one.mp3\n\n"
        "file:///music/t%20wo.mp3\nhttps://radio.example/stream\n",
        "utf-8",
    )
    return path


def test_an_existing_list_is_read(old: Path) -> None:
    entries = Existing.read(old).entries
    places = [str(old.parent / "sub/one.mp3"), "/music/t wo.mp3", "https://radio.example/stream"]
    assert [entry.place for entry in entries] == places
    assert [(one.label, one.seconds) for one in entries[:2]] == [("Ada - One", 100.0), ("", None)]


def test_an_extended_list_keeps_every_line(old: Path) -> None:
    before, text = Existing.read(old), old.read_text("utf-8").replace("\n\n", "\n")
    assert playlist_as("m3u8", [SONG], old, before).startswith(text + "#EXTINF:181,A & B - ")
    # Elsewhere, what was relative is named in full.
    lines = playlist_as("m3u8", [SONG], old.parent / "x" / "new.m3u8", before).splitlines()
    assert lines[:4] == [*text.splitlines()[:3], str(old.parent / "sub/one.mp3")]
    (first, *_, last) = tracks(playlist_as("xspf", [SONG], old, before))
    assert first == {
        "location": "sub/one.mp3", "title": "One", "creator": "Ada", "duration": "100000",
    }  # fmt: skip
    assert last["title"] == "Öne <1>"


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.xspf").write_text("<playlist/>")
    with raises(DataError, "no_m3u", subject=str(tmp_path / "list.xspf")):
        Existing.read(tmp_path / "list.xspf")
    with raises(DataError, "unreadable", subject=str(tmp_path / "none.m3u8")):
        Existing.read(tmp_path / "none.m3u8")
