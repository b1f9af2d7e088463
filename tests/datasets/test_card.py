"""The files of the dataset cards: each is read in full, and a faulty one is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hevner.datasets import NAMES, card
from hevner.datasets.card import FOLDER, read_card
from hevner.datasets.layout import FIELDS
from hevner.errors import DataError
from tests.errors import raises

FACTS = (FOLDER / "musemo.toml").read_text(encoding="utf-8")


def test_every_card_belongs_to_a_dataset() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(NAMES)


def test_the_card_of_ones_own_music_lists_all_columns() -> None:
    assert ", ".join(FIELDS[1:]) in card("own").layout[0]


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("tracks = 324", "", "tracks"),
        ("tracks = 324", 'tracks = "324"', "tracks = '324'"),
        ("tracks = 324", "tracks = 324\npieces = 324", "pieces"),
        ('labels = ["', 'labels = [1, "', "labels = (1,"),
        ("valence = [-10, 10]", 'valence = "-10..10"', "Scale"),
        ("valence = [-10, 10]", "valence = [10, -10]", "10..-10"),
        ('labels = ["', 'emotion = "expressed"\nlabels = ["', "emotion = 'expressed'"),
        ("repair", "repaired", "repaired"),
        ("tracks = 324", "tracks 324", "line 5"),
    ],
)
def test_a_faulty_card_is_named(
    old: str, new: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert old in FACTS
    (tmp_path / "faulty.toml").write_text(FACTS.replace(old, new), encoding="utf-8")
    monkeypatch.setitem(vars(sys.modules["hevner.datasets.card"]), "FOLDER", tmp_path)
    with raises(DataError, "bad_card", subject="faulty.toml") as found:
        read_card.__wrapped__("faulty")
    assert part in found.value.cause
