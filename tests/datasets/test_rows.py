"""Rows of annotation files: stray spaces, line numbers, numbers on their scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from hevner.datasets.findings import Findings
from hevner.datasets.rows import Row, read_rows, unique
from hevner.emotion import Scale
from hevner.errors import DataError
from tests.errors import raises

NINE = Scale(1, 9)


def table(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_line_numbers_count_lines_of_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, '\ufeffname\n"two\nlines"\n\nnext\n')
    assert [(row.where, row.text("name")) for row in read_rows(path, ("name",))] == [
        (f"{path}, line 3", "two\nlines"),
        (f"{path}, line 5", "next"),
    ]


def test_spaces_and_tabs_are_stripped_and_short_lines_filled(tmp_path: Path) -> None:
    (row,) = read_rows(table(tmp_path, " a,\tb\t, c \n 1\t, x\n"), ("a", "b", "c"))
    assert row.values == {"a": "1", "b": "x", "c": ""}


def test_a_file_without_a_header_gets_one(tmp_path: Path) -> None:
    rows = read_rows(table(tmp_path, "1;2\n3;4\n"), (), header=("a", "b"), delimiter=";")
    assert [row.values for row in rows] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a,b\n", "no_rows"),
        (b"", "column_missing"),
        (b"b\n1\n", "column_missing"),
        (b"a\n\xff\xfe\n", "not_a_table"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    with raises(DataError, code, subject="rows.csv"):
        read_rows(tmp_path / "rows.csv", ("a",))


def test_ratings_are_brought_to_the_unit_scale() -> None:
    values = {"low": "1", "middle": "5", "high": "9", "rounded": "9.0000001", "off": "9.1"}
    row = Row(values, "rows.csv, line 2")
    assert [row.rating(name, NINE) for name in ("low", "middle", "high", "rounded")] == [
        -1,
        0,
        1,
        1,
    ]
    with raises(DataError, "off_scale", subject="line 2"):
        row.rating("off", NINE)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "5,0", "x"])
def test_what_is_not_a_number(text: str) -> None:
    with raises(DataError, "not_a_number", subject="line 2"):
        Row({"a": text}, "rows.csv, line 2").number("a")


def test_repeated_values_are_problems_and_left_out() -> None:
    rows = [Row({"id": name}, f"line {line}") for line, name in enumerate("aba", start=2)]
    findings = Findings(tolerate=None)
    assert [row.where for row in unique(rows, "id", findings)] == ["line 2", "line 3"]
    (problem,) = findings.found
    assert (problem.name, problem.subject) == ("duplicate-id", "line 4")
    assert "line 2" in problem.cause
    with raises(DataError, "duplicate_id", subject="line 4"):
        list(unique(rows, "id", Findings()))


def test_the_sentence_names_file_row_value_and_remedy() -> None:
    with pytest.raises(DataError) as caught:
        Row({"a": "x"}, "rows.csv, line 2").number("a")
    assert str(caught.value) == (
        "rows.csv, line 2: 'x' in column a is not a number. Correct or remove the row"
    )


@pytest.mark.parametrize(
    "text",
    [
        "path;valence;arousal\na, b.ogg;8,5;-2\n",
        "path\tvalence\tarousal\na, b.ogg\t8.5\t-2\n",
        '"path","valence","arousal"\n"a, b.ogg",8.5,-2\n',
        "path;valence;arousal\r\na, b.ogg;8,5;-2\r\n",
    ],
    ids=["semicolons", "tabs", "commas", "semicolons of Windows"],
)
def test_tables_of_every_spreadsheet_are_read(tmp_path: Path, text: str) -> None:
    (row,) = read_rows(table(tmp_path, text), ("path", "valence", "arousal"))
    assert row.text("path") == "a, b.ogg"
    assert (row.number("valence"), row.number("arousal")) == (8.5, -2)


def test_a_comma_is_a_point_only_between_semicolons(tmp_path: Path) -> None:
    (row,) = read_rows(table(tmp_path, 'a,b\n"1,5",2\n'), ("a", "b"))
    with raises(DataError, "not_a_number"):
        row.number("a")


def test_columns_that_no_delimiter_yields_are_missing(tmp_path: Path) -> None:
    with raises(DataError, "column_missing"):
        read_rows(table(tmp_path, "a;b\n1;2\n"), ("a", "c"))


def test_a_table_in_another_encoding_is_told_how_to_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("a,b\n1,2\n".encode("utf-16-le"))
    with raises(DataError, "not_a_table", subject="rows.csv") as caught:
        read_rows(path, ("a",))
    assert "UTF-16; save as UTF-8" in str(caught.value)


def test_a_missing_table_is_told_what_to_give(tmp_path: Path) -> None:
    with raises(DataError, "unreadable_file") as caught:
        read_rows(tmp_path / "none.csv", ("a",), missing="Give a table")
    assert caught.value.remedy == "Give a table"
