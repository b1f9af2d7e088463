"""Leaks of every kind, found one by one, and the published counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets import leaks, splits
from hevner.datasets.track import Track
from hevner.errors import DataError
from tests.errors import raises


def track(
    name: str, dataset: str = "one", *, group: str = "", recording: str = "", **fields: object
) -> Track:
    """A track that shares nothing with others of other names."""
    return Track(
        dataset,
        name,
        fields.pop("media", None),
        group=group or f"group {name}",
        recording=recording or f"{dataset}/{name}",
        **fields,
    )


@pytest.mark.parametrize(
    ("train", "test", "kinds"),
    [
        (track("a"), track("b"), set()),
        (track("a"), track("a", "two"), set()),
        (track("a"), track("a"), {"id", "recording", "group"}),
        (track("a", recording="r"), track("b", "two", recording="r"), {"recording"}),
        (track("a", group="g"), track("b", group="g"), {"group"}),
        (track("a", group="g"), track("b", "two", group="g"), set()),
        (track("a", artist="Blink-182"), track("b", "two", artist="Blink 182"), {"artist"}),
        (track("a", artist="Björk"), track("b", artist="BJÖRK "), {"credit", "artist"}),
        (track("a", artist="Beyonce\u0301"), track("b", artist="Beyoncé"), {"artist"}),
        (track("a", artist="Nelly"), track("b", artist="Thomas feat. Nelly"), {"artist"}),
        (track("a", artist="Nelly"), track("b", title="Song (Feat. Sia & Nelly)"), {"artist"}),
        (track("a", artist="Ayo & Teo"), track("b", artist="Teo"), set()),
        (track("a", artist=""), track("b", artist=""), set()),
        (track("a", artist="Unknown"), track("b", artist="unknown "), set()),
        (track("a", artist="Various Artists"), track("b", artist="Various Artists"), {"credit"}),
        (track("a", title="Song"), track("b", title="Song"), set()),
        (
            track("a", title="Rockabye (feat. Sean Paul)", artist="Clean Bandit"),
            track("b", title="ROCKABYE", artist="Clean Bandit"),
            {"song", "credit", "artist"},
        ),
    ],
)
def test_links(train: Track, test: Track, kinds: set[str]) -> None:
    found = leaks.find([train], [test])
    assert set(found.pairs) == kinds
    for kind in kinds:
        assert found.pairs[kind] == ((leaks.name(test), leaks.name(train)),)


def test_a_test_track_counts_once() -> None:
    train = [track(str(n), artist="x") for n in range(3)]
    found = leaks.find(train, [track("a", artist="x"), track("b", artist="y")])
    assert found.counts["artist"] == 1
    assert found.tested == 2


def test_files_of_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, content in zip(files, (b"same", b"same", b"diff"), strict=True):
        file.write_bytes(content)
    train = [track("a", media=files[0])]
    tests = [track("b", media=files[1]), track("c", media=files[2]), track("d")]
    assert leaks.find(train, tests).pairs == {"file": (("one/b", "one/a"),)}


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with raises(DataError, "unreadable_file", subject="gone.wav"):
        leaks.find([track("a", media=tmp_path / "gone.wav")], [])


def test_the_same_sound(rng: np.random.Generator) -> None:
    words = rng.integers(1, 2**32, 400, dtype=np.uint32)
    other = rng.integers(1, 2**32, 400, dtype=np.uint32)
    prints = {"one/a": words, "two/b": words[100:], "two/c": other}
    tests = [track("b", "two"), track("c", "two"), track("d", "two")]
    found = leaks.find([track("a")], tests, prints)
    assert found.pairs == {"sound": (("two/b", "one/a"),)}
    assert found.not_compared == 1
    assert found.label == "leaks: sound 1 of 3; sound of 1 tracks not compared"


def test_the_same_sound_on_one_side_is_no_leak(rng: np.random.Generator) -> None:
    words = rng.integers(1, 2**32, 400, dtype=np.uint32)
    prints = {"one/a": words, "one/b": words, "one/c": rng.integers(1, 2**32, 400, np.uint32)}
    found = leaks.find([track("a"), track("b")], [track("c")], prints)
    assert found.pairs == {}
    assert found.label == "leaks: none"


def test_refusal_says_numbers_and_remedy() -> None:
    train = [track("a", artist="x"), track("b", recording="r")]
    found = leaks.find(train, [track("c", artist="X"), track("d", recording="r"), track("e")])
    with raises(DataError, "leak") as caught:
        leaks.refuse(found)
    assert "same artist for 1 of 3 (one/c as one/a)" in caught.value.cause
    assert "same recording for 1 of 3 (one/d as one/b)" in caught.value.cause
    assert "hevner.datasets.folds" in caught.value.remedy
    with raises(DataError, "leak") as caught:
        leaks.refuse(found, {"artist", "credit"})
    assert "same recording" in caught.value.cause
    assert "same artist" not in caught.value.cause


def test_what_is_allowed_is_labelled() -> None:
    found = leaks.find([track("a", artist="x")], [track("b", artist="x."), track("c")])
    assert leaks.refuse(found, {"artist"}) == "leaks: artist 1 of 2; sound not compared"
    assert str(found).splitlines() == [found.label, "  artist: one/b = one/a"]
    clean = leaks.find([track("a")], [track("b")])
    assert leaks.refuse(clean) == "leaks: none; sound not compared"


def test_a_kind_that_is_none_is_refused() -> None:
    with raises(DataError, "unknown_choice"):
        leaks.refuse(leaks.find([], []), {"artists"})


Parts = Callable[[str, str], dict[str, tuple[Track, ...]]]


@pytest.fixture(scope="module")
def loaded() -> dict[str, datasets.Dataset]:
    return {}


@pytest.fixture
def parts(data: Path, loaded: dict[str, datasets.Dataset]) -> Parts:
    """The tracks of a published split."""

    def of(dataset: str, split: str) -> dict[str, tuple[Track, ...]]:
        if dataset not in loaded:
            loaded[dataset] = datasets.load(dataset, data / dataset)
        return splits.load(dataset, split).apply(loaded[dataset])

    return of


@pytest.mark.data
@pytest.mark.parametrize(
    ("train", "test", "kind", "count", "tested"),
    [
        ("emomusic random train", "emomusic random test", "credit", 59, 125),
        ("emomusic random train", "emomusic random test", "artist", 59, 125),
        ("pmemo random train", "pmemo random test", "credit", 62, 115),
        ("pmemo random train", "pmemo random test", "artist", 63, 115),
        ("pmemo random train", "pmemo random test", "recording", 2, 115),
        ("deam random train", "emomusic random test", "recording", 82, 125),
        ("deam random validation", "emomusic random test", "recording", 16, 125),
        ("emomusic random train", "deam random test", "recording", 66, 270),
        ("emomusic random validation", "deam random test", "recording", 20, 270),
        ("emomusic artist_stratified train", "emomusic artist_stratified test", "artist", 52, 125),
        ("emomusic official development", "emomusic official evaluation", "artist", 65, 125),
        ("deam artist_stratified train", "emomusic artist_stratified test", "recording", 0, 125),
        ("emomusic artist_stratified train", "deam artist_stratified test", "recording", 0, 302),
    ],
)
def test_published_counts(
    parts: Parts, train: str, test: str, kind: str, count: int, tested: int
) -> None:
    sides = [parts(*side.split()[:2])[side.split()[2]] for side in (train, test)]
    found = leaks.find(*sides)
    assert (found.counts[kind], found.tested) == (count, tested)


@pytest.mark.data
def test_the_common_splits_have_no_leak_at_all(parts: Parts) -> None:
    common = [parts(name, "common") for name in ("emomusic", "deam", "pmemo")]
    train, validation, test = (
        [track for one in common for track in one[part]] for part in ("train", "validation", "test")
    )
    assert len(train) + len(validation) + len(test) == 744 + 1802 + 767
    for sides in ((train, validation), (train, test), (validation, test)):
        assert leaks.find(*sides).pairs == {}
