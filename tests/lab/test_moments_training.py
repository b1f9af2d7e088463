"""The part within pieces is learned from differences within pieces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hevner.lab.default import moments, table
from hevner.lab.default.basis import Basis
from hevner.lab.default.fit import fit
from hevner.model import moments as course
from hevner.model import predict
from tests.worlds import WIDTH, read_toy, stack, world

PIECES, WINDOWS = 40, 12
RISING, MIX = 0, 1
"""Dimensions: what valence follows within pieces, and between songs alone."""


def played(rng: np.random.Generator, lag: int = 0) -> table.Table:
    """Pieces with windows whose valence follows one dimension, some windows later."""
    wholes = world(rng, "pieces", PIECES)
    parts = []
    for row in range(PIECES):
        whole = wholes.where(np.arange(PIECES) == row)
        vectors = whole.vectors + rng.normal(size=(WINDOWS, WIDTH))
        vectors[:, MIX] = whole.vectors[0, MIX]
        heard = vectors[np.maximum(np.arange(WINDOWS) - lag, 0), RISING]
        rating = 0.3 + 0.05 * heard[:, None] * [1, -1] + 0.01 * rng.normal(size=(WINDOWS, 2))
        start = np.arange(WINDOWS, dtype=np.float64) * 7.5
        windows = replace(
            table.Table(**{k: np.repeat(v, WINDOWS, axis=0) for k, v in vars(whole).items()}),
            vectors=vectors.astype(np.float32), emotion=rating, clean=np.zeros(WINDOWS, bool),
            window=np.ones(WINDOWS, bool), start=start, end=start + 15,
        )  # fmt: skip
        parts += [whole, windows]
    return stack(*parts)


def weights(rows: table.Table) -> np.ndarray:
    found = moments.fit(rows, rows.vectors, 0)
    assert found is not None
    return found.weights


def test_what_ratings_follow_within_pieces_is_found(rng: np.random.Generator) -> None:
    # Ratings lag: the window that follows its music by 7.5 s is the next one.
    late, at_once = weights(played(rng, lag=1)), weights(played(rng, lag=0))
    assert late[RISING, 0] > 0.03
    assert late[RISING, 1] < -0.03
    assert np.abs(np.delete(late, RISING, axis=0)).max() < 0.01
    assert np.abs(at_once[RISING]).max() < np.abs(late[RISING]).min() / 2


def test_what_only_songs_differ_in_is_learned_from_songs(rng: np.random.Generator) -> None:
    songs = world(rng, "songs", 200)
    songs = replace(songs, emotion=songs.vectors[:, [MIX]] * [0.1, 0.1])
    pieces = played(rng)
    assert np.abs(weights(pieces)[MIX]).max() < 1e-3
    assert weights(stack(songs, pieces))[MIX].min() > 0.01


def test_the_half_width_holds_new_differences(rng: np.random.Generator) -> None:
    rows, fresh = played(rng, lag=1), played(rng, lag=1)
    found = moments.fit(rows, rows.vectors, 0)
    assert found is not None
    inside = []
    for clip in np.unique(fresh.clip):
        mine = (fresh.clip == clip) & fresh.window
        truth = moments._at_the_end(fresh, np.flatnonzero(mine))
        guess = fresh.vectors[mine] @ found.weights
        error = truth - truth.mean(axis=0) - (guess - guess.mean(axis=0))
        inside.append(np.abs(error) <= found.half_width)
    assert np.concatenate(inside).mean() == pytest.approx(0.9, abs=0.04)


def test_ratings_of_whole_pieces_teach_no_course(rng: np.random.Generator) -> None:
    rows = played(rng)
    flat = replace(rows, emotion=np.where(rows.window[:, None], 0.3, rows.emotion))
    assert moments.fit(flat, flat.vectors, 0) is None
    wholes = rows.where(~rows.window)
    assert moments.fit(wholes, wholes.vectors, 0) is None


def test_a_stored_model_follows_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    toy = read_toy(tmp_path, monkeypatch)
    known = stack(world(rng, "songs", 120), world(rng, "moods", 120))
    rows = stack(known, played(rng, lag=1))
    fit(rows, toy).save(tmp_path / "model.onnx")
    model = predict.load(tmp_path / "model.onnx")
    vectors, sounding = rows.vectors[rows.window][:WINDOWS], np.ones(WINDOWS, bool)
    whole = model.predict(rows.vectors[~rows.window][-1:])
    found = course.predict(model, whole, vectors, 90.0, sounding, 15.0)
    np.testing.assert_allclose(found.values.mean(axis=0), whole.values[0], atol=1e-5)
    assert found.values.std(axis=0).min() > 0.01
    assert (found.halves > whole.halves).all()
    x = Basis.fit(rows, toy).x(rows.vectors)
    within = moments.fit(rows, x, toy.seed)
    assert within is not None
    np.testing.assert_allclose(model.card["course_half_width"], within.half_width, atol=1e-5)
    np.testing.assert_allclose(
        model.course(vectors), x[rows.window][:WINDOWS] @ within.weights,
        atol=1e-5,
    )  # fmt: skip

    without = fit(known, toy)
    assert without.course(vectors) is None
    assert "course_half_width" not in without.card
    alone = course.predict(without, whole, vectors, 90.0, sounding, 15.0)
    windows = without.predict(vectors, 90.0, windows=True)
    for name, array in windows.arrays().items():
        np.testing.assert_array_equal(alone.arrays()[name], array, err_msg=name)


def test_windows_of_pieces_become_moments(rng: np.random.Generator) -> None:
    rows = stack(world(rng, "songs", 3), played(rng))
    whole = rng.uniform(-0.5, 0.5, (len(rows), 2)).astype(np.float32)
    scores = rng.normal(0, 0.1, (len(rows), 2)).astype(np.float32)
    found = moments.in_pieces(rows, whole, scores)
    np.testing.assert_array_equal(found[~rows.window], whole[~rows.window])
    for clip in np.unique(rows.clip[rows.window]):
        mine = (rows.clip == clip) & rows.window
        piece = whole[(rows.clip == clip) & ~rows.window]
        differences = scores[mine] - scores[mine].mean(axis=0)
        np.testing.assert_allclose(found[mine], piece + differences, atol=1e-6)
    assert np.abs(moments.in_pieces(rows, whole, 100 * scores)).max() == 1
