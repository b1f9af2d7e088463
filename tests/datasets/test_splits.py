"""Split files that are what they say, and folds that nothing straddles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.datasets import mtg_jamendo, splits
from hevner.datasets.track import Track
from hevner.errors import DataError
from recipes.make_splits import make
from tests.errors import raises

ENTRIES = json.loads(splits.MANIFEST.read_text(encoding="utf-8"))
FILES = [(entry["dataset"], entry["name"]) for entry in ENTRIES if entry["file"]]
SIZES = {
    ("emomusic", "official"): (619, 125),
    ("emomusic", "artist_stratified"): (504, 115, 125),
    ("emomusic", "random"): (495, 124, 125),
    ("deam", "random"): (1261, 271, 270),
    ("pmemo", "random"): (536, 116, 115),
    ("emopia", "official"): (767, 198, 25),
}


def plain_tracks(count: int, **fields: object) -> list[Track]:
    return [Track("one", str(n), None, f"g{n}", f"r{n}", **fields) for n in range(count)]


@pytest.mark.parametrize(("dataset", "name"), FILES)
def test_files_are_what_the_manifest_says(dataset: str, name: str) -> None:
    split = splits.load(dataset, name)
    assert name in splits.names(dataset)
    ids = [track for part in split.parts.values() for track in part]
    assert len(ids) == len(set(ids))
    assert all(split.parts.values())
    if (dataset, name) in SIZES:
        assert tuple(map(len, split.parts.values())) == SIZES[dataset, name]
    entry = next(e for e in ENTRIES if (e["dataset"], e["name"]) == (dataset, name))
    assert split.digest == entry["sha256"]
    assert split.what
    assert split.origin
    assert split.leaks


def test_no_split_file_is_unlisted() -> None:
    listed = {entry["file"] for entry in ENTRIES if entry["file"]}
    assert {path.name for path in splits.FOLDER.glob("*.csv")} == listed


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (splits.FOLDER / "pmemo-random.csv").read_text()
    (tmp_path / "pmemo-random.csv").write_text(text.replace(",test", ",train", 1))
    monkeypatch.setattr(splits, "FOLDER", tmp_path)
    with raises(DataError, "changed_file", subject="pmemo-random.csv"):
        splits.load("pmemo", "random")
    with raises(DataError, "changed_file", subject="pmemo-common.csv"):
        splits.load("pmemo", "common")


def test_line_ends_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (splits.FOLDER / "pmemo-random.csv").read_bytes()
    (tmp_path / "pmemo-random.csv").write_bytes(content.replace(b"\n", b"\r\n"))
    before = splits.load("pmemo", "random")
    monkeypatch.setattr(splits, "FOLDER", tmp_path)
    assert splits.load("pmemo", "random") == before


@pytest.mark.parametrize(
    ("dataset", "name", "remedy"),
    [("pmemo", "official", "random, common"), ("musemo", "official", "hevner.datasets.folds")],
)
def test_a_split_that_is_none(dataset: str, name: str, remedy: str) -> None:
    with raises(DataError, "unknown_split") as caught:
        splits.load(dataset, name)
    assert remedy in caught.value.remedy


def test_apply() -> None:
    tracks = plain_tracks(4)
    split = splits.Split("one", "mine", {"train": ("3", "0"), "test": ("1", "2")})
    parts = split.apply(tracks)
    assert {part: [t.id for t in own] for part, own in parts.items()} == {
        "train": ["0", "3"],
        "test": ["1", "2"],
    }
    with raises(DataError, "unknown_id", subject="split mine of one") as caught:
        split.apply(tracks[:3])
    assert "1 of its ids" in caught.value.cause
    assert "partial=True" in caught.value.remedy
    assert [t.id for t in split.apply(tracks[:3], partial=True)["train"]] == ["0"]
    with raises(DataError, "unknown_id", subject="split mine of one"):
        split.apply(plain_tracks(6), partial=True)
    with raises(DataError, "other_dataset"):
        split.apply([Track("two", "0", None, "g", "r")])


@given(st.permutations(range(12)), st.integers(1, 11))
def test_the_digest_depends_on_content_and_nothing_else(order: list[int], cut: int) -> None:
    ids = [str(n) for n in order]
    parts = {"train": tuple(ids[:cut]), "test": tuple(ids[cut:])}
    shuffled = {"test": tuple(sorted(ids[cut:])), "train": tuple(sorted(ids[:cut]))}
    digest = splits.Split("one", "a", parts).digest
    assert splits.Split("two", "b", shuffled).digest == digest
    moved = {"train": parts["train"][1:], "test": (*parts["test"], parts["train"][0])}
    assert splits.Split("one", "a", moved).digest != digest


@pytest.mark.data
def test_mtg_jamendo_split_0_is_the_known_one(data: Path) -> None:
    part_of = mtg_jamendo.split(data / "mtg_jamendo", 0)
    entries = json.loads(splits.MANIFEST.read_text(encoding="utf-8"))
    (known,) = [entry for entry in entries if entry["dataset"] == "mtg_jamendo"]
    parts = {part: [t for t, own in part_of.items() if own == part] for part in known["counts"]}
    assert {part: len(ids) for part, ids in parts.items()} == known["counts"]
    assert splits.digest(splits.as_csv(parts)) == known["sha256"]


@pytest.mark.data
def test_files_are_made_again_the_same(data: Path) -> None:
    made = make(data)
    assert [(split.dataset, split.name) for split in made] == FILES
    for split in made:
        assert split.digest == splits.load(split.dataset, split.name).digest


@pytest.mark.data
def test_the_artist_stratified_split_is_the_published_one(data: Path) -> None:
    rows = (data / "emomusic" / "splits" / "artist_stratified.csv").read_text().split()[1:]
    published = {"valid": "validation"}
    expected = {
        (row.split(",")[0], published.get(row.split(",")[1], row.split(",")[1])) for row in rows
    }
    split = splits.load("emomusic", "artist_stratified")
    assert {(track, part) for part, ids in split.parts.items() for track in ids} == expected
