"""``hevner browse`` from end to end, and playlists that are extended."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import hevner.model.space
from hevner.cli import app
from tests.catalog.library import Library, build

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("tagged") / "catalog", count=60, tags=True)


@pytest.fixture
def hevner_(library: Library, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a verb on the catalogue."""
    monkeypatch.setattr(hevner.model.space, "load", lambda: library.space)

    def run(verb: str, *arguments: object) -> Result:
        return CliRunner().invoke(app, [verb, str(library.catalog.folder), *map(str, arguments)])

    return run


def test_pieces_are_a_table_json_csv_and_parquet(hevner_: Run, tmp_path: Path) -> None:
    table = hevner_("browse", "--where", "year = 1990", "--sort", "track", "--reverse", "-n", "3")
    assert table.exit_code == 0, table.output
    titles = [
        line.split("  ")[0].strip() for line in table.stdout.splitlines() if " - Piece" in line
    ]
    assert titles == ["Artist 2 - Piece 57", "Artist 4 - Piece 54", "Artist 1 - Piece 51"]
    assert "3 of 20 are shown" in table.stderr
    rows = json.loads(hevner_("browse", "--sort", "track", "--format", "json").stdout)
    assert [row["track"] for row in rows] == list(range(60))
    assert rows[2]["tags"] == ["calm", "happy"]
    text = hevner_("browse", "--sort", "track", "--format", "csv").stdout
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["title"] for row in read] == [row["title"] for row in rows]
    assert read[2]["tags"] == "calm; happy"
    output = tmp_path / "pieces.parquet"
    assert hevner_("browse", "--columns", "title,valence", "-o", output).exit_code == 0
    parquet = pytest.importorskip("pyarrow.parquet").read_table(output)
    assert (parquet.column_names, parquet.num_rows) == (["title", "valence"], 60)


def test_groups_have_bars(hevner_: Run) -> None:
    result = hevner_("browse", "--by", "mood")
    calm, happy = (line for line in result.stdout.splitlines() if "█" in line)
    assert (calm.split()[:2], happy.split()[:2]) == (["calm", "40"], ["happy", "20"])
    assert calm.count("█") == 2 * happy.count("█")
    groups = json.loads(hevner_("browse", "--by", "artist,year", "-f", "json").stdout)
    assert len(groups) == 15
    assert {group["pieces"] for group in groups} == {4}


def test_files_without_emotion_are_listed_if_asked_for(hevner_: Run) -> None:
    rows = json.loads(hevner_("browse", "--all", "--columns", "status", "-f", "json").stdout)
    assert sorted(row["status"] for row in rows if row["status"] != "ok") == ["failed", "silent"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--by", "colour"], 1, "not grouped by 'colour'"),
        (["--columns", "colour"], 1, "no column 'colour'"),
        (["--sort", "colour"], 1, "no column 'colour'"),
        (["--where", "colour = 1"], 1, "the filter 'colour = 1' is not understood"),
        (["--by", "year", "--where", "1/0=1"], 1, "the filter '1/0=1' is not understood: Divide"),
        (["--format", "parquet"], 2, "--output"),
        (["-o", "x.xml"], 2, ".xml is the ending of no form"),
    ],
)
def test_calls_that_make_no_sense_are_refused(
    hevner_: Run, arguments: list[str], status: int, said: str
) -> None:
    result = hevner_("browse", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in " ".join(result.stderr.split())


def test_a_filter_alone_searches(hevner_: Run) -> None:
    result = hevner_("search", "--where", "artist = 'Artist 3'", "-n", "20", "-f", "json")
    assert {hit["artist"] for hit in json.loads(result.stdout)} == {"Artist 3"}
    assert len(json.loads(result.stdout)) == 12


def test_a_playlist_is_extended(hevner_: Run, library: Library, tmp_path: Path) -> None:
    path = tmp_path / "way.m3u8"
    arguments = ("--to", "very calm", "--minutes", "20")
    assert hevner_("playlist", "--from", "tense", *arguments, "-o", path).exit_code == 0
    old = path.read_text("utf-8")
    assert hevner_("playlist", "--extend", path, *arguments, "-o", path).exit_code == 0
    new = path.read_text("utf-8")
    assert new.startswith(old)
    assert len(new) > len(old)
    places = [line for line in new.splitlines() if line.startswith("/")]
    assert len(set(places)) == len(places)
    artists = [line.split(",")[1].split(" - ")[0] for line in new.splitlines() if "EXTINF" in line]
    assert all(one != other for one, other in pairwise(artists))
    for form in ("xspf", "jspf"):
        other = tmp_path / f"way.{form}"
        assert hevner_("playlist", "--extend", path, *arguments, "-o", other).exit_code == 0
        assert other.read_text("utf-8").count("file:///music") > len(places)
    refused = hevner_("playlist", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "there is no beginning" in refused.stderr
