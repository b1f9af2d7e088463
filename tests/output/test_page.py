"""The page of a folder, and what notebooks show."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hevner import output
from hevner.catalog.search import Hits
from hevner.cli import app
from hevner.emotion import Scale
from hevner.hits import Hit
from hevner.output.html_page import Point, curves, plane
from hevner.result import Analysis, Estimate, Failure, Moment
from tests.sounds import music, write

LOUD = Estimate(0.4, 0.1, 0.7)


def analysis(path: str = "a.wav", *, timeline: tuple[Moment, ...] | None = None) -> Analysis:
    moments = tuple(Moment(t, t + 3.0, LOUD, Estimate(-0.5, -0.8, -0.2)) for t in (0.0, 3.0, 6.0))
    return Analysis(
        path, "ok", 9.0, "m-1", valence=LOUD, arousal=Estimate(-0.5, -0.8, -0.2),
        headline="calm, content", quadrant_words="calm, content",
        key="C major", tempo=96.4, familiarity=0.5,
        timeline=moments if timeline is None else timeline,
    )  # fmt: skip


class Reader(HTMLParser):
    """Collects tags, addresses and text, and checks that elements close in order."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class Text:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def page(*records: Analysis | Failure) -> str:
    text = Text()
    writer = output.create("html", text)
    for record in records:
        writer.write(record)
    writer.finish()
    return text.text


def test_a_page_tells_every_piece_and_loads_nothing() -> None:
    silent = Analysis(
        "quiet.wav", "silent", 4.0, "m-1", "nothing sounds", warnings=("the file ends early",)
    )
    failed = Failure("bad.mp3", "decode", "not audio", "Convert it")
    text = page(analysis(), silent, failed)
    read = Reader(text)
    for told in ("a.wav", "0:09 · calm, content · C major · 96 beats per minute", "quiet.wav",
                 "+0.40 [+0.10, +0.70]", "-0.50 [-0.80, -0.20]", "0:04 · nothing sounds",
                 "the file ends early", "bad.mp3", "not audio. Convert it"):  # fmt: skip
        assert told in read.text
    assert not {"script", "link", "img", "iframe"} & set(read.tags)
    places = [value for name, value in read.attributes if name in ("href", "src", "xlink:href")]
    assert set(places) == {"#plane", "#piece-1"}
    assert "default-src 'none'" in text
    assert read.tags.count("circle") == 1
    assert read.tags.count("article") == 3


def test_names_are_text_and_never_markup() -> None:
    hostile = '<script>alert(1)<b>&".wav'
    read = Reader(page(analysis(hostile), Failure(hostile, "decode", "<b>", "<i>")))
    assert not {"script", "b", "i"} & set(read.tags)
    assert "alert(1)" in read.text


def test_a_page_of_nothing_is_a_page() -> None:
    assert "There is none" in Reader(page()).text


def test_pieces_lie_on_the_plane_whatever_the_scale() -> None:
    unit, other = (page(one) for one in (analysis(), analysis().on(Scale.parse("1..9"))))
    circle = unit[unit.index("<circle") : unit.index("</circle")]
    assert circle in other
    assert 'cx="252.0" cy="270.0"' in circle
    assert "+6.60 [+5.40, +7.80]" in other


def test_curves_break_where_nothing_sounds() -> None:
    gap = Moment(3.0, 6.0, None, None)
    whole = analysis().timeline
    drawn = curves(analysis(timeline=(whole[0], gap, whole[2])))
    assert drawn.count("<polyline") == 4
    assert curves(analysis()).count("<polyline") == 2
    assert curves(analysis(timeline=(gap,))) == ""
    assert curves(analysis(timeline=())) == ""


def test_curves_stay_inside_and_rise_with_the_value() -> None:
    low, high = (
        dataclasses.replace(moment, valence=Estimate(value, -9.0, 9.0))
        for moment, value in zip(analysis().timeline, (-1.0, 1.0), strict=False)
    )
    drawn = curves(analysis(timeline=(low, high)))
    places = drawn.split('<polyline points="')[1].split('"')[0].split()
    (x0, y0), (x1, y1) = (map(float, place.split(",")) for place in places)
    assert x0 < x1
    assert y0 > y1
    assert 'y="' in drawn
    assert "-" not in drawn.split("<polygon")[1].split('"')[1]


def test_the_plane_links_only_where_there_is_something_to_go_to() -> None:
    drawn = plane([Point(1.0, 1.0, "a"), Point(-1.0, -1.0, "b<", "piece-2")])
    assert drawn.count("<a ") == 1
    assert "b&lt;" in drawn


def test_a_notebook_shows_an_analysis_and_hits() -> None:
    shown = analysis()._repr_html_()
    assert "a.wav" in Reader(shown).text
    assert shown.count("<svg") == 1
    hit = Hit("/m/a.wav", "a<.wav", 60.0, 0.5, -0.2, "A minor", 0.1, 0.934, 3.0, 18.0)
    read = Reader(
        Hits([hit, dataclasses.replace(hit, fit=None, start=None, end=None)])._repr_html_()
    )
    for told in ("a<.wav", "0:03-0:18", "+0.50", "A minor", "93%"):
        assert told in read.text
    assert read.tags.count("circle") == 2
    assert "Nothing was found" in Reader(Hits()._repr_html_()).text


def test_the_report_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "music" / "one.wav", music(4.0))
    (tmp_path / "music" / "two.wav").write_bytes(b"no audio")
    told = CliRunner().invoke(
        app, ["report", str(tmp_path / "music"), "-o", str(tmp_path / "r.html"), "-q"]
    )
    assert told.exit_code == 1
    read = Reader((tmp_path / "r.html").read_text("utf-8"))
    assert "one.wav" in read.text
    assert "two.wav" in read.text
    assert "Could not be analysed" in read.text
    with pytest.raises(AssertionError):
        Reader("<p><b></p>")
