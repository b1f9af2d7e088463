"""What every loader promises, on a small replica of each archive; ``data``: on the real files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.datasets import splits
from hevner.datasets.report import describe, describe_card
from hevner.emotion import GEMS, MOOD_TAGS
from hevner.errors import DataError
from tests.datasets import (
    test_deam,
    test_emomusic,
    test_emopia,
    test_emotify,
    test_memomusic,
    test_mtg_jamendo,
    test_musemo,
    test_own,
    test_pmemo,
    test_tables_of_songs,
    test_vgmidi,
    test_wcmed,
    test_wtc,
)

REPLICAS: dict[str, Callable[[Path], Path]] = {
    "emomusic": test_emomusic.archive,
    "deam": test_deam.archive,
    "pmemo": test_pmemo.archive,
    "wtc": test_wtc.archive,
    "wcmed": test_wcmed.archive,
    "ccmed": test_wcmed.archive,
    "mtg_jamendo": test_mtg_jamendo.archive,
    "musemo": test_musemo.archive,
    "vgmidi": test_vgmidi.official,
    "emopia": test_emopia.official,
    "emotify": test_emotify.official,
    "memomusic": test_memomusic.archive,
    "film": test_tables_of_songs.film,
    "film_listeners": test_tables_of_songs.film,
    "musifeast": test_tables_of_songs.musifeast,
    "quadrants4q": test_tables_of_songs.quadrants,
    "mirex": test_tables_of_songs.mirex,
    "own": test_own.archive,
}
AT_HAND = ("emomusic", "deam", "pmemo", "mtg_jamendo", "musemo", "vgmidi", "emopia", "emotify")
AT_HAND += ("film", "musifeast", "quadrants4q", "mirex")
LABELS = {
    "valence-arousal",
    "curve",
    "quadrant",
    "gems",
    "tension",
    "emotions",
    "category",
    "cluster",
    "tags",
}
every = pytest.mark.parametrize("name", datasets.NAMES)
modes = pytest.mark.parametrize("labels", ["repaired", "as_published"])


@every
def test_the_card_says_everything(name: str) -> None:
    card = datasets.card(name)
    assert card.name == name
    for field in dataclasses.fields(card):
        value = getattr(card, field.name)
        if field.name in ("title", "what", "raters", "group", "licence", "source", "layout"):
            assert value, field.name
    rated = "valence-arousal" in card.labels or "curve" in card.labels
    assert card.labels
    assert set(card.labels) <= LABELS
    assert bool(card.curve) == ("curve" in card.labels)
    if name != "own":  # brings its own music and scales
        assert rated == (card.valence is not None) == (card.arousal is not None)
        assert card.tracks > 0
        assert re.fullmatch(r"@\w+\{[a-z0-9]+,\n.*\}", card.citation, re.DOTALL)
    assert len({defect.name for defect in card.defects}) == len(card.defects)
    assert describe_card(card)["valence"] is None or ".." in describe_card(card)["valence"]


@modes
@every
def test_tracks_are_sound(name: str, labels: datasets.Labels, tmp_path: Path) -> None:
    dataset = datasets.load(name, REPLICAS[name](tmp_path), labels=labels)
    assert len(dataset) > 0
    assert_sound(dataset)
    assert describe(dataset)["tracks"] == len(dataset)
    assert dataset[dataset.tracks[0].id] is dataset.tracks[0]


@pytest.mark.data
@modes
@pytest.mark.parametrize("name", AT_HAND)
def test_real_tracks_are_sound(name: str, labels: datasets.Labels, data: Path) -> None:
    dataset = datasets.check(name, data / name, labels=labels)
    assert dataset.problems == ()
    assert_sound(dataset)


def assert_sound(dataset: datasets.Dataset) -> None:
    card = dataset.card
    ids = [track.id for track in dataset]
    assert len(ids) == len(set(ids))
    for track in dataset:
        assert track.dataset == card.name
        assert track.group
        assert track.recording
        assert track.media is None or track.media.is_file()
        given = {
            "valence-arousal": track.valence,
            "curve": track.curve,
            "quadrant": track.quadrant,
            "gems": track.gems,
            "tension": track.tension,
            "emotions": track.emotions,
            "cluster": track.cluster,
            "tags": track.tags,
        }
        named = {kind for kind, value in given.items() if value is not None}
        # A curve has a mean, and a rated point a quadrant.
        assert named <= {*card.labels, "valence-arousal", "quadrant"}
        assert named
        assert_on_unit_scale(track)
    for finding in dataset.findings:
        assert finding.cause
        assert finding.tracks > 0


def assert_on_unit_scale(track: datasets.Track) -> None:
    for axis in ("valence", "arousal"):
        value, std = getattr(track, axis), getattr(track, f"{axis}_std")
        assert value is None or -1 <= value <= 1
        assert std is None or 0 <= std <= 1
        raters = getattr(track, f"{axis}_by_rater")
        assert raters is None or (len(raters) == track.raters and max(map(abs, raters)) <= 1)
    if track.curve is not None:
        count = len(track.curve.times)
        assert (np.diff(track.curve.times) > 0).all()
        for name, values in vars(track.curve).items():
            if values is not None and not name.endswith("by_rater"):
                assert values.shape == (count,)
                assert np.isfinite(values).all()
            elif values is not None:
                assert values.shape[1:] == (count,)
    if track.gems is not None:
        assert len(track.gems) == len(GEMS)
        assert all(0 <= share <= 1 for share in track.gems)
    assert track.tension is None or -1 <= track.tension <= 1
    assert track.emotions is None or max(map(abs, track.emotions)) <= 1
    if track.tags is not None and track.dataset == "mtg_jamendo":
        assert set(track.tags) <= set(MOOD_TAGS)


@every
def test_a_missing_folder_says_where_to_get_it(name: str, tmp_path: Path) -> None:
    wanted = "--data own=DIR" if name == "own" else datasets.card(name).source
    with pytest.raises(DataError, match=re.escape(wanted)):
        datasets.load(name, tmp_path / "nowhere")


@every
def test_an_empty_folder_is_one_problem(name: str, tmp_path: Path) -> None:
    dataset = datasets.check(name, tmp_path)
    assert len(dataset) == 0
    assert len(dataset.problems) == 1
    assert str(tmp_path) in dataset.problems[0].subject
    assert dataset.problems[0].remedy


@every
def test_reading_leaves_the_folder_alone(name: str, tmp_path: Path) -> None:
    folder = REPLICAS[name](tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    datasets.check(name, folder)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@every
def test_labels_have_two_modes(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Choose repaired or as_published"):
        datasets.load(name, REPLICAS[name](tmp_path), labels="mended")  # type: ignore[arg-type]


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in AT_HAND if splits.names(name)])
def test_committed_splits_cover_the_real_tracks(name: str, data: Path) -> None:
    ids = {track.id for track in datasets.load(name, data / name)}
    for split in splits.names(name):
        parts = splits.load(name, split).parts.values()
        assert ids <= {track for part in parts for track in part}
