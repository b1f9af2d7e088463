"""From scores to values on the scale of their raters, and intervals."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hevner.errors import DataError
from hevner.lab.default import recipe
from hevner.lab.default.scales import Scales, conformal
from hevner.lab.default.table import Table
from hevner.lab.default.targets import Targets
from hevner.result import COVERAGE
from tests.errors import raises
from tests.worlds import RECIPE, read_toy, stack, world

SONG, PIANO, SHORT = range(3)
COUNT = 400
LINES = {
    SONG: ([[0.3, 0.1], [-0.1, 0.2]], [0.1, 0.0]),
    PIANO: ([[0.2, 0.0], [0.05, 0.3]], [-0.2, 0.3]),
    SHORT: ([[0.1, 0.1], [0.0, 0.1]], [0.0, -0.3]),
}
"""How the raters of each kind use their scale: matrix and offset."""
NOISE = {SONG: 0.02, PIANO: 0.05, SHORT: 0.1}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipe.DefaultRecipe:
    return read_toy(tmp_path, monkeypatch)


@pytest.fixture
def rated(rng: np.random.Generator) -> tuple[Table, Targets, np.ndarray, np.ndarray]:
    """Rated songs, pieces and cuts with scores of valence, arousal, tension and emotions.

    The scores are right but for the scale and the noise of the raters.
    """
    table = stack(*(world(rng, name, COUNT) for name in ("songs", "pieces", "cuts")))
    kind = np.repeat([SONG, PIANO, SHORT], COUNT)
    scores = rng.normal(size=(len(table), 8)) * 0.5
    values = np.empty((len(table), 2))
    for number, (matrix, offset) in LINES.items():
        mine = kind == number
        values[mine] = scores[mine, :2] @ np.array(matrix).T + offset
        values[mine] += NOISE[number] * rng.normal(size=(COUNT, 2))
    columns = {"emotion": slice(0, 2), "tension": slice(2, 3), "emotions": slice(3, 8)}
    return (
        dataclasses.replace(table, emotion=values),
        Targets(2 * scores, columns),
        scores,
        np.eye(3)[kind],
    )


def test_a_kind_gets_the_scale_of_its_raters(toy: recipe.DefaultRecipe, rated: tuple) -> None:
    scales = Scales.fit(rated[0], rated[1], toy, *rated[2:])
    for number, (matrix, offset) in LINES.items():
        np.testing.assert_allclose(scales.matrix[number], matrix, atol=0.03)
        np.testing.assert_allclose(scales.offset[number], offset, atol=0.02)
    # Neither tension nor basic emotions were rated.
    assert np.isnan(scales.line).all()


def test_half_widths_are_those_of_the_errors_of_a_kind(
    toy: recipe.DefaultRecipe, rated: tuple, rng: np.random.Generator
) -> None:
    table, targets, scores, shares = rated
    pieces = np.flatnonzero(table.dataset == "pieces")
    # As many windows of the pieces, rated with half more noise.
    windows = dataclasses.replace(
        table.where(pieces), window=np.ones(COUNT, bool), clean=np.zeros(COUNT, bool)
    )
    noise = windows.emotion - scores[pieces, :2] @ np.array(LINES[PIANO][0]).T - LINES[PIANO][1]
    windows = dataclasses.replace(windows, emotion=windows.emotion + 0.5 * noise)
    rows = np.r_[np.arange(len(table)), pieces]
    both = Targets(targets.values[rows], targets.columns)
    scales = Scales.fit(stack(table, windows), both, toy, scores[rows], shares[rows])
    for number, noise_std in NOISE.items():
        np.testing.assert_allclose(scales.half[number], 1.645 * noise_std, rtol=0.15)
    np.testing.assert_allclose(scales.moment[PIANO], 1.5 * scales.half[PIANO], rtol=0.1)
    # Kinds without rated windows get the widths of the others, and none is narrower than whole.
    np.testing.assert_allclose(
        scales.moment[[SONG, SHORT]], np.maximum(scales.moment[PIANO], scales.half[[SONG, SHORT]])
    )


def test_a_kind_without_ratings_lies_on_the_scale_of_ratings_at_large(
    toy: recipe.DefaultRecipe, rated: tuple
) -> None:
    table, targets, scores, shares = rated
    songs = table.dataset == "songs"
    table = dataclasses.replace(table, emotion=np.where(songs[:, None], np.nan, table.emotion))
    scales = Scales.fit(table, targets, toy, scores, shares)
    values = scores[songs, :2] @ scales.matrix[SONG].T + scales.offset[SONG]
    np.testing.assert_allclose(values.mean(axis=0), [0.1, 0.2], atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), [0.3, 0.4], rtol=0.06)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(0.5, abs=0.08)
    assert (scales.half[SONG] == scales.half[[PIANO, SHORT]].max(axis=0)).all()

    # Scores that have nothing to do with the labels say nothing.
    blind = scores.copy()
    blind[songs] = np.random.default_rng(5).permutation(scores[songs])
    scales = Scales.fit(table, targets, toy, blind, shares)
    assert np.abs(scales.matrix[SONG]).max() < 0.1


def test_a_kind_of_chosen_extremes_lies_on_that_scale_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rated: tuple
) -> None:
    text = RECIPE.replace("[kinds]", '[kinds]\nat_large = ["piano"]')
    scales = Scales.fit(rated[0], rated[1], read_toy(tmp_path, monkeypatch, text), *rated[2:])
    pieces = rated[2][COUNT : 2 * COUNT, :2] @ scales.matrix[PIANO].T + scales.offset[PIANO]
    np.testing.assert_allclose(pieces.mean(axis=0), [0.1, 0.2], atol=1e-6)
    np.testing.assert_allclose(scales.matrix[SONG], LINES[SONG][0], atol=0.03)
    # Its intervals hold its raters' ratings all the same.
    inside = np.abs(rated[0].emotion[COUNT : 2 * COUNT] - np.clip(pieces, -1, 1))
    held = (inside <= scales.half[PIANO]).mean(axis=0)
    np.testing.assert_allclose(held, COVERAGE, atol=0.01)


def test_tension_and_basic_emotions_are_lines_of_their_scores(
    toy: recipe.DefaultRecipe, rated: tuple, rng: np.random.Generator
) -> None:
    table, targets, scores, shares = rated
    tension = 0.4 * scores[:, 2] - 0.1 + 0.05 * rng.normal(size=len(table))
    emotions = np.tanh(scores[:, 3:] * [0.1, 0.2, 0.3, 0.4, 0.5])
    films = table.dataset == "cuts"
    table = dataclasses.replace(
        table,
        tension=np.where(films, tension, np.nan),
        emotions=np.where(films[:, None], emotions, np.nan),
    )
    scales = Scales.fit(table, targets, toy, scores, shares)
    np.testing.assert_allclose(scales.line[0, :2], [0.4, -0.1], atol=0.01)
    assert scales.line[0, 2] == pytest.approx(1.645 * 0.05, rel=0.15)
    # From -1 to 1 as rated, from 0 to 1 as predicted.
    np.testing.assert_allclose(scales.line[1:, 0], [0.05, 0.1, 0.15, 0.2, 0.25], rtol=0.12)
    np.testing.assert_allclose(scales.line[1:, 1], 0.5, atol=0.01)


def test_half_widths_hold_a_new_error_as_often_as_promised() -> None:
    rng = np.random.default_rng(3)
    held = [float(abs(rng.normal())) <= conformal(np.abs(rng.normal(size=40))) for _ in range(3000)]
    assert np.mean(held) == pytest.approx(COVERAGE + 0.5 / 41, abs=0.02)
    assert conformal(np.array([0.3, 0.1, 0.2])) == pytest.approx(0.3)


def test_too_few_ratings_are_refused(toy: recipe.DefaultRecipe, rated: tuple) -> None:
    table, targets, scores, shares = rated
    few = np.where((np.arange(len(table)) % COUNT < 9)[:, None], table.emotion, np.nan)
    with raises(DataError, "too_few_ratings"):
        Scales.fit(dataclasses.replace(table, emotion=few), targets, toy, scores, shares)
