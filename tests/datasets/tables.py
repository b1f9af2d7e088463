"""Help to write small replicas of datasets and to spoil them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from hevner import datasets
from hevner.errors import DataError
from tests.errors import raises

Rows = list[list[object]]


def write_csv(
    path: Path, header: Sequence[object] | None, rows: Rows, delimiter: str = ","
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([list(header), *rows] if header else rows)


def touch(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def changed(rows: Rows, row: int, column: int, value: object) -> Rows:
    copy = [list(entry) for entry in rows]
    copy[row][column] = value
    return copy


def assert_found(name: str, folder: Path, code: str, place: str, left: int) -> None:
    """`load` stops at a fault; `check` notes it, once, and reads the other tracks."""
    with raises(DataError, code, subject=place):
        datasets.load(name, folder)
    report = datasets.check(name, folder)
    assert [place in found.subject for found in report.problems if found.code == code] == [True]
    assert len(report) == left
    assert all(found.remedy for found in report.problems)
