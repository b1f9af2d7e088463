"""``hevner search``, ``hevner playlist`` and ``hevner moods --words`` from end to end."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import hevner.model.space
from hevner.cli import app
from tests.catalog.library import Library, build


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library") / "catalog", count=60)


@pytest.fixture
def hevner_(library: Library, monkeypatch: pytest.MonkeyPatch):
    """Runs a verb on the catalogue."""
    monkeypatch.setattr(hevner.model.space, "load", lambda: library.space)

    def run(verb: str, *arguments: str | Path) -> Result:
        place = str(library.catalog.folder)
        return CliRunner().invoke(app, [verb, place, *map(str, arguments)])

    return run


def found(result: Result) -> list[dict]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# Searching


def test_table_is_the_default(hevner_) -> None:
    result = hevner_("search", "--mood", "calm, slightly nostalgic", "--not", "sad", "-n", "3")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.count(".mp3") == 3
    assert "Valence and arousal on -1..1" in result.stdout


@pytest.mark.parametrize(
    "wanted",
    [
        ["--valence", "0.2", "--arousal", "-0.1", "--radius", "0.8"],
        ["--mood", "very tense and dark", "--diverse"],
        ["--mood", "calm", "--moments"],
        ["--path", "tense->calm"],
        ["--like", "/music/0/it's 7.mp3"],
        ["--valence=6", "--arousal=3", "--scale=1..9", "--where", "key_mode = 'minor'"],
    ],
)
def test_every_way_of_wanting_finds(hevner_, wanted: list[str]) -> None:
    records = found(hevner_("search", *wanted, "--format", "json", "--count", "4"))
    assert len(records) == 4
    assert len({record["path"] for record in records}) == 4
    assert all((record["start"] is not None) == ("--moments" in wanted) for record in records)
    assert all(
        record["scale"] == ("1..9" if "--scale=1..9" in wanted else "-1..1") for record in records
    )
    if "--like" in wanted:
        assert "/music/0/it's 7.mp3" not in {record["path"] for record in records}
    if "--where" in wanted:
        assert {record["key"] for record in records} == {"A minor"}


def test_drawn_course_is_read_on_the_scale(hevner_, tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.csv"
    drawn.write_text("time,valence,arousal\n0,3,7\n60,7,3\n")
    unit = tmp_path / "unit.csv"
    unit.write_text("time,valence,arousal\n0,-0.5,0.5\n1,0.5,-0.5\n")
    first = found(hevner_("search", "--path", drawn, "--scale", "1..9", "-f", "json"))
    second = found(hevner_("search", "--path", unit, "-f", "json"))
    assert [one["path"] for one in first] == [one["path"] for one in second]


@pytest.mark.parametrize("ending", ["json", "csv", "m3u8", "txt"])
def test_ending_of_the_output_file_chooses_the_form(hevner_, tmp_path: Path, ending: str) -> None:
    output = tmp_path / f"found.{ending}"
    result = hevner_("search", "--mood", "happy", "-n", "2", "-o", output)
    assert (result.exit_code, result.stdout) == (0, "")
    text = output.read_text("utf-8")
    count = {
        "json": lambda: len(json.loads(text)),
        "csv": lambda: len(list(csv.DictReader(io.StringIO(text)))),
        "m3u8": lambda: text.count("#EXTINF"),
        "txt": lambda: text.count(".mp3"),
    }[ending]()
    assert count == 2
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_emotions_of_a_piece_are_ranked_words(hevner_) -> None:
    arguments = ("--emotions-of", "/music/0/it's 7.mp3", "-n", "5")
    records = found(hevner_("search", *arguments, "-f", "json"))
    assert len(records) == 5
    divergences = [one["divergence"] for one in records]
    assert divergences == sorted(divergences)
    shown = hevner_("search", *arguments).stdout
    assert f"{records[0]['degree']} {records[0]['word']}".strip() in shown


def test_own_words_are_understood(hevner_, tmp_path: Path) -> None:
    words = tmp_path / "own.toml"
    words.write_text(
        '[synonyms]\nbouncy = "very fun"\n[words.homely]\nvalence = 0.5\narousal = -0.3\n'
    )
    own = found(hevner_("search", "--mood", "bouncy", "--words", words, "-f", "json"))
    assert own == found(hevner_("search", "--mood", "very fun", "-f", "json"))
    assert found(hevner_("search", "--mood", "homely", "--words", words, "-f", "json"))
    result = hevner_("search", "--mood", "bouncy")
    assert result.exit_code == 2
    assert "'bouncy' is not known" in result.stderr


def test_finding_nothing_is_told_with_the_reason(hevner_) -> None:
    result = hevner_("search", "--mood", "sad", "--where", "duration < 1", "-f", "json")
    assert (result.exit_code, result.stdout) == (0, "[]\n")
    assert "Nothing was found. No piece passes the filter 'duration < 1'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing is wanted"),
        (["--mood", "nostalgick"], "'nostalgick' is not known. Did you mean 'nostalgic'"),
        (["--mood", "calm, not sad"], '--not "sad"'),
        (["--valence", "0.3"], "valence and arousal"),
        (["--valence", "nan", "--arousal", "0"], "valence lies outside"),
        (["--valence", "3", "--arousal", "0"], "valence lies outside"),
        (["--mood", "sad", "--radius", "0.1"], "a radius needs a point"),
        (["--mood", "sad", "--like", "a.mp3"], "at once"),
        (["--mood", "sad", "--count", "0"], "0 hits"),
        (["--mood", "sad", "--scale", "1-9"], "is not a scale"),
        (["--path", "nowhere.csv"], "there is no such file"),
        (["--path", "film->calm"], "has no place"),
        (["--mood", "sad", "--words", "none.toml"], "none.toml: cannot be read"),
        (["--emotions-of", "a.mp3", "--mood", "sad"], "searches for no music"),
        (["--emotions-of", "a.mp3", "-f", "m3u8"], "no playlist"),
        (["--emotions-of", "a.mp3", "-n", "0"], "0 words"),
        (["--mood", "sad", "--format", "xml"], "xml"),
    ],
)
def test_calls_that_make_no_sense_are_refused(hevner_, arguments: list[str], said: str) -> None:
    result = hevner_("search", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mood", "sad", "--where", "colour = 'red'"], "is not understood"),
        (["--mood", "sad", "--where", "name = 'it's'"], "is not understood"),
        (["--like", "nowhere.mp3"], "nowhere.mp3"),
        (["--emotions-of", "nowhere.mp3"], "nowhere.mp3"),
        (["--mood", "sad", "-o", "/nowhere/found.json"], "/nowhere/found.json"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(hevner_, arguments: list[str], said: str) -> None:
    result = hevner_("search", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_folder_that_is_no_catalogue_is_named(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hevner.model.space, "load", lambda: library.space)
    for verb, arguments in (
        ("search", ["--mood", "sad"]),
        ("playlist", ["--from", "sad", "--to", "happy", "--minutes", "3"]),
    ):
        result = CliRunner().invoke(app, [verb, str(tmp_path), *arguments])
        assert result.exit_code == 1
        assert "there is no catalogue here" in result.stderr
        assert "hevner index" in result.stderr


# Playlists


def test_playlist_is_one_for_players(hevner_, tmp_path: Path) -> None:
    output = tmp_path / "way.m3u8"
    arguments = ("--from", "tense", "--to", "very calm", "--minutes", "30")
    result = hevner_("playlist", *arguments, "--where", "duration < 300", "-o", output)
    assert (result.exit_code, result.stdout) == (0, "")
    lines = output.read_text("utf-8").splitlines()
    seconds = [int(line[8:].partition(",")[0]) for line in lines if line.startswith("#EXTINF:")]
    assert abs(sum(seconds) - 1800) <= 150 + len(seconds)
    assert f"{len(seconds)} pieces, " in result.stderr
    assert len({line for line in lines if line.startswith("/")}) == len(seconds)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--from", "tense", "--to", "clam", "--minutes", "5"], 2, "'calm'"),
        (["--from", "tense", "--to", "calm", "--minutes", "0"], 2, "a time above zero"),
        (["--from", "tense", "--to", "calm", "--minutes", "nan"], 2, "a time above zero"),
        (["--from", "tense", "--minutes", "5"], 2, "--to"),
        (["--from", "tense", "--to", "calm", "--minutes", "9999"], 1, "too little music"),
    ],
)
def test_playlists_that_cannot_be_are_refused(
    hevner_, arguments: list[str], status: int, said: str
) -> None:
    result = hevner_("playlist", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


# Words


def test_words_are_listed() -> None:
    result = CliRunner().invoke(app, ["moods", "--words"])
    assert result.exit_code == 0
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("nostalgic "))
    for part in ("+0.15 -0.40", "circumplex/gems", "longing"):
        assert part in line
    assert "slightly" in result.stdout.splitlines()[-1]


def test_listing_words_and_helping_load_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom hevner.cli import app\n"
        "for call in (['moods', '--words'], ['search', '--help'], ['playlist', '--help']):\n"
        "    assert CliRunner().invoke(app, call).exit_code == 0\n"
        "print(sorted({'numpy', 'pyarrow', 'lancedb', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
