"""Help to write small replicas of datasets and to spoil them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from hevner import datasets
from hevner.errors import DataError

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


def assert_found(name: str, folder: Path, message: str, left: int) -> None:
    """`load` stops with a message; `check` notes it, once, and reads the other tracks."""
    with pytest.raises(DataError, match=message):
        datasets.load(name, folder)
    report = datasets.check(name, folder)
    texts = [f"{found.subject}: {found.cause}. {found.remedy}" for found in report.problems]
    assert sum(re.search(message, text) is not None for text in texts) == 1, texts
    assert len(report) == left
    assert all(found.remedy for found in report.problems)


def assert_bad_file(
    name: str, folder: Path, where: str, cause: str, remedy: str, left: int
) -> None:
    """What is wrong with a file is found, with its place and what can be done."""
    where, cause, remedy = map(re.escape, (where, cause, remedy))
    assert_found(name, folder, rf"{where}: {cause}.*\. .*{remedy}", left)


def assert_unlabelled(name: str, folder: Path, extra: Path) -> None:
    """A media file without label is no matter for `load`; `check` names it."""
    extra.touch()
    before = len(datasets.load(name, folder))
    report = datasets.check(name, folder)
    assert [(found.name, found.subject) for found in report.problems] == [
        ("unlabelled-file", str(extra))
    ]
    assert len(report) == before


def assert_labels_only(name: str, folder: Path) -> None:
    """Without media the labels are read all the same."""
    dataset = datasets.load(name, folder)
    assert len(dataset) > 0
    assert all(track.media is None for track in dataset)
    assert [found.name for found in dataset.findings if found.name == "labels-only"]
