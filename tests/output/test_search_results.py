"""Hits and words as text."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.emotion import Scale
from hevner.hits import EmotionWord, Hit
from hevner.metadata import SHOWN
from hevner.output.playlists import FORMATS as PLAYLISTS
from hevner.output.playlists import playlist_as
from hevner.output.search_results import hits_as, words_as

PIECE = Hit(
    "/music/a/one.mp3", "a/one.mp3", 181.26, 0.5, -0.25, "A minor", 1.23456, 0.987654, mode="dorian"
)
TAGGED = dataclasses.replace(PIECE, title="Öne", artist="A & B", album="<Al>", track=3, year=1999)
MOMENT = Hit("/music/two.mp3", "two.mp3", 3700, 0.1, 0.2, None, 0.5, None, 62.0, 71.0)
SCALE = Scale(1, 9)


def test_records_hold_the_same_in_json_and_csv() -> None:
    (one, two) = json.loads(hits_as("json", [PIECE, MOMENT], SCALE))
    assert one == {
        "path": "/music/a/one.mp3",
        "name": "a/one.mp3",
        "start": None,
        "end": None,
        "duration": 181.3,
        "valence": 7.0,
        "arousal": 4.0,
        "scale": "1..9",
        "key": "A minor",
        "mode": "dorian",
        "divergence": 1.2346,
        "fit": 0.9877,
        **dict.fromkeys(SHOWN),
    }
    assert (two["start"], two["end"], two["key"], two["fit"]) == (62.0, 71.0, None, None)
    rows = list(csv.DictReader(io.StringIO(hits_as("csv", [PIECE, MOMENT], SCALE))))
    for row, record in zip(rows, (one, two), strict=True):
        assert row == {k: "" if v is None else str(v) for k, v in record.items()}


def test_table_shows_what_there_is() -> None:
    text = hits_as("table", [PIECE], SCALE)
    for part in ("a/one.mp3", "3:01", "7.00", "4.00", "A minor", "99%", "on 1..9", "fits worse"):
        assert part in text
    assert "At" not in text
    text = hits_as("table", [MOMENT])
    for part in ("1:02-1:11", "1:01:40", "0.10", "0.20"):
        assert part in text
    assert "fits worse" not in text


def test_what_tags_say_is_shown_where_artist_and_title_are_known() -> None:
    (record,) = json.loads(hits_as("json", [TAGGED]))
    assert (record["title"], record["year"]) == ("Öne", 1999)
    assert "A & B - Öne" in hits_as("table", [TAGGED])
    assert "a/one.mp3" in hits_as("table", [dataclasses.replace(TAGGED, artist=None)])
    assert "#EXTINF:181,A & B - Öne\n" in hits_as("m3u8", [TAGGED])


def test_a_list_by_name_says_so() -> None:
    assert "order of their names" in hits_as(
        "table", [dataclasses.replace(PIECE, fit=None, divergence=None)]
    )


def test_narrow_tables_keep_their_numbers() -> None:
    long = Hit("/x", "name/" * 30, 10, 0.5, -0.25, "A minor", 0, 0.5)
    text = hits_as("table", [long], width=60)
    assert max(map(len, text.splitlines())) <= 80
    assert "-0.25" in text


@pytest.mark.parametrize(("form", "text"), [("table", ""), ("json", "[]\n"), ("m3u8", "#EXTM3U\n")])
def test_nothing_is_written_as_nothing(form: str, text: str) -> None:
    assert hits_as(form, []) == text


def test_csv_of_nothing_has_its_header() -> None:
    assert hits_as("csv", []).startswith("path,name,start")
    assert words_as("csv", []) == "word,degree,fit,divergence,probability\n"


def test_playlist_names_files_from_where_it_lies(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    inside = Hit(str(folder / "sub/in.mp3"), "sub/in.mp3", 9.6, 0, 0, None, 0, 1)
    text = playlist_as("m3u8", [inside, PIECE, MOMENT], folder / "list.m3u8")
    assert text.splitlines() == [
        "#EXTM3U",
        "#EXTINF:10,sub/in",
        "sub/in.mp3",
        "#EXTINF:181,a/one",
        "/music/a/one.mp3",
        "#EXTINF:9,two (1:02)",
        "#EXTVLCOPT:start-time=62",
        "#EXTVLCOPT:stop-time=71",
        "/music/two.mp3",
    ]
    assert str(folder / "sub/in.mp3") in playlist_as("m3u8", [inside])


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)


@given(NAMES.filter(lambda name: name not in (".", "..")), st.booleans())
def test_no_name_can_break_a_playlist(name: str, relative: bool) -> None:
    path = f"/music/{name}.mp3"
    hit = Hit(path, f"{name}.mp3", 60, 0, 0, None, 0, 1)
    text = playlist_as("m3u8", [hit], Path("/music/list.m3u8") if relative else None)
    first, title, place = text.removesuffix("\n").split("\n")
    assert first == "#EXTM3U"
    assert title.startswith("#EXTINF:60,")
    assert not place.startswith("#")
    assert "\r" not in text
    if place.startswith("file://"):
        assert unquote(place.removeprefix("file://")) == path
    else:
        assert Path("/music", place) == Path(path)


@pytest.mark.parametrize("form", ["table", "json", "csv", *PLAYLISTS])
def test_names_cannot_steer_a_terminal_or_break_a_form(form: str) -> None:
    hit = Hit("/m/\x1b[31m[red]\udcff.mp3", "\x1b[31m[red]\udcff.mp3", 60, 0, 0, None, 0, 1)
    text = hits_as(form, [hit])
    text.encode("utf-8")
    if form in ("table", "m3u8"):
        assert "\x1b" not in text
    if form == "table":
        assert "[red]" in text


def test_words_are_told_in_every_form() -> None:
    words = [EmotionWord("sad", "very", 0.98765, -1.5, 0.9), EmotionWord("calm", "", 0.5, 0.0, 0.6)]
    text = words_as("table", words)
    assert "very sad" in text
    assert "perhaps calm" in text
    assert "99%" in text
    records = json.loads(words_as("json", words))
    assert records[0] == {
        "word": "sad",
        "degree": "very",
        "fit": 0.9877,
        "divergence": -1.5,
        "probability": 0.9,
    }
    rows = list(csv.DictReader(io.StringIO(words_as("csv", words))))
    assert [row["word"] for row in rows] == ["sad", "calm"]


def test_a_course_says_why_it_has_no_fit() -> None:
    assert "A course has no fit" in hits_as("table", [MOMENT])
    assert "A course has no fit" not in hits_as("table", [PIECE, MOMENT])


def test_names_that_are_not_unicode_are_addresses_of_their_bytes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name, shown in (("caf\\xe9.mp3", b"caf\xe9.mp3"), ("\\x00 is text.mp3", None)):
        hit = replace(PIECE, path=f"{tmp_path}/{name}")
        line = playlist_as("m3u8", [hit]).splitlines()[-1]
        if shown is None:
            assert line == hit.path
        else:
            assert line.startswith("file:///")
            assert unquote_to_bytes(line.removeprefix("file://")) == folder + b"/" + shown


def test_a_name_that_looks_like_escaped_bytes_counts_first(tmp_path: Path) -> None:
    (tmp_path / "caf\\xe9.mp3").write_bytes(b"")
    hit = replace(PIECE, path=f"{tmp_path}/caf\\xe9.mp3")
    assert playlist_as("m3u8", [hit]).splitlines()[-1] == hit.path


@pytest.mark.parametrize("name", ["http:/evil.wav", "#1.mp3", "a:b.mp3"])
def test_no_line_reads_as_an_address_or_a_comment(name: str, tmp_path: Path) -> None:
    hit = replace(PIECE, path=str(tmp_path / name))
    assert playlist_as("m3u8", [hit], tmp_path / "list.m3u8").splitlines()[-1] == f"./{name}"
