"""The verdict on exchanged axes."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.datasets.axis_swap import FEWEST_SONGS, Ratings, compare


def ratings(rng: np.random.Generator, songs: int = 40) -> Ratings:
    return {song: (float(v), float(a)) for song, (v, a) in enumerate(rng.normal(size=(songs, 2)))}


def exchanged(songs: Ratings) -> Ratings:
    return {song: (arousal, valence) for song, (valence, arousal) in songs.items()}


def test_exchanged_and_right_axes_are_told_apart_on_any_scale(rng: np.random.Generator) -> None:
    songs = ratings(rng)
    others = {song: (3 * v + 5, a / 7) for song, (v, a) in songs.items()}
    assert compare(songs, others).verdict == "right"
    assert compare(exchanged(songs), others).verdict == "exchanged"
    assert compare(exchanged(songs), others).valence_arousal == pytest.approx(1)


def test_one_axis_is_not_enough(rng: np.random.Generator) -> None:
    songs = ratings(rng)
    halfway = {song: (a, a) for song, (_, a) in songs.items()}
    assert compare(songs, halfway).verdict == "undecided"


def test_few_songs_or_constant_ratings_give_no_verdict(rng: np.random.Generator) -> None:
    few = ratings(rng, FEWEST_SONGS - 1)
    assert compare(few, few).verdict == "undecided"
    assert compare(few, {}).songs == 0
    songs = ratings(rng)
    assert compare(songs, dict.fromkeys(songs, (1.0, 1.0))).verdict == "undecided"


def test_only_songs_with_both_ratings_count(rng: np.random.Generator) -> None:
    songs = ratings(rng)
    others = {song: songs[song] for song in range(20, 40)} | {99: (5.0, -5.0)}
    found = compare(songs, others)
    assert found.songs == 20
    assert found.valence_valence == pytest.approx(1)
    assert "over 20 songs" in str(found)
