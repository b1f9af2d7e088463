"""A dataset that is begun by 'hevner datasets new' is read once its table is filled in."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.datasets.layout import CHOICES, FIELDS, LABELS, OPTIONS, Layout, read_layout
from hevner.datasets.template import MOMENTS, TEXT, write_template
from hevner.emotion import Scale
from hevner.errors import DataError
from tests.datasets.tables import touch
from tests.errors import raises

SEVEN = Scale(1, 7)


def fill(table: Path, values: str) -> None:
    header, *rows = table.read_text(encoding="utf-8-sig").splitlines()
    filled = [row.split(",")[0] + values for row in rows]
    table.write_text("\n".join([header, *filled]), encoding="utf-8-sig")


def test_from_a_folder_of_audio_to_a_dataset(tmp_path: Path) -> None:
    touch(tmp_path, ["b.mp3", "x/a.wav", "cover.png"])
    run = CliRunner().invoke(
        app, ["datasets", "new", str(tmp_path), "--labels", "valence,category", "--scale", "1..7"]
    )
    assert run.exit_code == 0, run.output
    assert "2 rows" in run.output
    # Not yet filled in: nothing is labelled, which is a note for each, and no guess.
    assert len(datasets.check("own", tmp_path)) == 0
    fill(tmp_path / "annotations.csv", ",4,calm")
    tracks = datasets.load("own", tmp_path)
    assert [(t.id, t.valence, t.category) for t in tracks] == [("b", 0, "calm"), ("x/a", 0, "calm")]
    assert [t.path.name for t in tracks] == ["b.mp3", "a.wav"]
    assert CliRunner().invoke(app, ["datasets", "check", "own", str(tmp_path)]).exit_code == 0


def test_only_what_lies_in_the_folder_of_audio_gets_a_row(tmp_path: Path) -> None:
    """Once for each name, whatever the case of its ending."""
    touch(tmp_path, ["audio/b.MP3", "audio/a.flac", "audio/a.wav", "audio/c.ogg", "jingle.mp3"])
    assert write_template(tmp_path, ["joy"], SEVEN) == 3
    table = (tmp_path / "annotations.csv").read_bytes()
    assert table == b"\xef\xbb\xbfid,joy\r\na,\r\nb,\r\nc,\r\n"  # marked, for spreadsheets
    assert read_layout(tmp_path, Layout()).audio == "audio"


@pytest.mark.parametrize("label", [*LABELS, MOMENTS])
def test_every_label_can_be_begun(tmp_path: Path, label: str) -> None:
    write_template(tmp_path / "new", [label], SEVEN)
    assert read_layout(tmp_path / "new", Layout()).audio == "audio"
    values = {"quadrant": "Q1", "cluster": "2", "category": "calm", "tags": "calm"}
    name = "moments.csv" if label == MOMENTS else "annotations.csv"
    row = ["a", "1", "2", "3"] if label == MOMENTS else ["a", values.get(label, "4")]
    with (tmp_path / "new" / name).open("a", encoding="utf-8") as table:
        table.write(",".join(row))
    touch(tmp_path / "new" / "audio", ["a.wav"])
    assert len(datasets.load("own", tmp_path / "new")) == 1


def test_rows_that_are_not_filled_in_say_nothing(tmp_path: Path) -> None:
    touch(tmp_path, ["a.wav", "b.wav"])
    write_template(tmp_path, ["tags"], SEVEN)
    table = tmp_path / "annotations.csv"
    table.write_text(table.read_text("utf-8-sig").replace("a,", "a,calm"))
    assert [(one.id, one.tags) for one in datasets.load("own", tmp_path)] == [("a", ("calm",))]


def test_what_was_begun_without_audio_is_begun_again(tmp_path: Path) -> None:
    arguments = ["datasets", "new", str(tmp_path), "--labels", "valence,moments"]
    first = CliRunner().invoke(app, arguments)
    assert "No audio is there yet" in first.stderr
    touch(tmp_path / "audio", ["a.mp3"])
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0, again.output
    assert "a table with 1 rows" in again.stderr
    assert "\na,\n" in (tmp_path / "annotations.csv").read_text(encoding="utf-8-sig")
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_single_track_has_no_spread(tmp_path: Path) -> None:
    touch(tmp_path, ["a.mp3"])
    write_template(tmp_path, ["valence", "arousal"], SEVEN)
    fill(tmp_path / "annotations.csv", ",4,7")
    run = CliRunner().invoke(app, ["datasets", "check", "own", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "  arousal on -1..1: mean 1.000\n" in run.stdout


def test_rows_for_raters(tmp_path: Path) -> None:
    write_template(tmp_path, ["category", MOMENTS], SEVEN, by_rater=True)
    assert (tmp_path / "annotations.csv").read_text("utf-8-sig").split() == ["id,rater,category"]
    header = "id,rater,time,valence,arousal"
    assert (tmp_path / "moments.csv").read_text("utf-8-sig").split() == [header]
    assert read_layout(tmp_path, Layout()).scales.keys() == {"valence", "arousal"}
    write_template(tmp_path / "other", ["category"], SEVEN)
    assert '# valence = "1..9"' in (tmp_path / "other" / "layout.toml").read_text()


def test_the_comments_name_every_key_and_column() -> None:
    keys = tomllib.loads(TEXT.format(annotations="a", audio="b", moments="c", empty="d", scales=""))
    assert {*OPTIONS, *CHOICES} - keys.keys() == {"delimiter"}  # it is found out
    for name in FIELDS:
        assert name in TEXT


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_template(tmp_path, ["tags"], SEVEN)
    (tmp_path / "layout.toml").write_text("# mine\n")
    with raises(DataError, "already_there", subject="layout.toml"):
        write_template(tmp_path, ["tags"], SEVEN)
    (tmp_path / "layout.toml").unlink()
    (tmp_path / "annotations.csv").write_text("id,tags\na,calm\n")
    with raises(DataError, "already_there", subject="annotations.csv"):
        write_template(tmp_path, ["tags"], SEVEN)
    for labels in (["mood"], []):
        with raises(DataError, "unknown_choice"):
            write_template(tmp_path / "other", labels, SEVEN)
    assert not (tmp_path / "other").exists()
