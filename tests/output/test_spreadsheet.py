"""No cell of a table is a formula, and numbers are left alone."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.emotion import Scale
from hevner.hits import Hit
from hevner.lab.gap.report import _csv
from hevner.lab.metrics.report import write
from hevner.lab.study.kept import write_table
from hevner.output import create
from hevner.output.search_results import hits_as
from hevner.output.spreadsheet import FORMULA, cell
from hevner.result import Failure
from tests.fakes import sample

NAMES = ["=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=1", "＝1"]  # noqa: RUF001


@pytest.mark.parametrize("name", NAMES)
def test_text_that_would_be_computed_gets_an_apostrophe(name: str) -> None:
    assert cell(name) == "'" + name.replace("\r", "\\r")


@pytest.mark.parametrize(
    "value", ["-1..1", "-10..-2.5", "-0.5", "+3", "-", "-1e-05", "-inf", "a=b", "", -0.5, 7, None]
)
def test_numbers_scales_and_other_text_stay(value: object) -> None:
    assert cell(value) == value


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9))
def test_every_scale_stays(low: float, width: float) -> None:
    name = Scale(low, low + max(width, abs(low) / 1e6)).name
    assert cell(name) == name


@pytest.mark.parametrize("name", NAMES)
def test_no_table_of_results_holds_a_formula(name: str, tmp_path) -> None:
    text = io.StringIO()
    writer = create("csv", text)
    writer.write(sample(name))
    writer.write(Failure(name, "decode", name, "=1+1"))
    hit = Hit(name, name, 10.0, -0.5, 0.5, None, 1.0, None)
    row = {"name": name, "value": -0.5}
    write([row], tmp_path / "scores.csv")
    write_table(tmp_path / "table.csv", list(row), [row])
    tables = [text.getvalue(), hits_as("csv", [hit], Scale(-9, 9)), _csv([row])]
    tables += [(tmp_path / one).read_bytes().decode() for one in ("scores.csv", "table.csv")]
    for table in tables:
        lines = list(csv.reader(io.StringIO(table, newline="")))
        assert any(cell(name) in line for line in lines)
        for line in lines:
            assert len(line) == len(lines[0])
            for one in line:
                assert not one.startswith(FORMULA) or cell(one) == one
